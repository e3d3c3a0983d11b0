"""Where on the soft paths an object was made, so that it counts on no path on which it does not exist.

A list made on one side of a branch and changed there has nothing to be blended with on the other side: there is no such list
there (SEMANTICS, section 4: a name that one side alone defines keeps its value). So every side of a scope is a ``Place``, an
object that is made there has a ``Birth``, and when states are mixed an object's changes count in the states that know it.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from relaxpy.runtime.containers import BUILT_IN
from relaxpy.runtime.state import state

if TYPE_CHECKING:
    from relaxpy.runtime.containers import Container

_NEVER = sys.maxsize
_BUFFERS = (array, memoryview)
_HASHES = frozenset("_hashlib _md5 _sha1 _sha2 _sha256 _sha512 _sha3 _blake2".split())


class Place:
    """A side of a scope. When it ends, what was made there goes to the place outside, at the time ``closed``.

    If paths left it before, these are what goes on there, ``left_by``: what none of them knows does not.
    """

    __slots__ = ("closed", "left_by", "outside")

    def __init__(self) -> None:
        self.outside: Place | None = None
        self.closed = 0
        self.left_by: tuple[Knowledge, ...] = ()


EVERYWHERE = Place()


class Birth:
    """Place and time at which an object was made; times count the states that were recorded before."""

    __slots__ = ("place", "time")

    def __init__(self, place: Place, time: int) -> None:
        self.place = place
        self.time = time

    def known_to(self, places: tuple[Place, ...], time: int) -> bool:
        """Does the object exist in a state that was recorded in these places at that time?"""
        place = self.place
        while place.outside is not None and place.closed <= time:
            if place.left_by and not any(each.has(self) for each in place.left_by):
                break
            place = place.outside
        return self.time <= time and (place is EVERYWHERE or place in places)


class Knowledge:
    """Which objects a state knows: those made until its ``time`` in its ``places``, as far as its ``past`` knew them."""

    __slots__ = ("past", "places", "time")

    def __init__(self, places: tuple[Place, ...], time: int, past: Past | None) -> None:
        self.places = places
        self.time = time
        self.past = past

    def has(self, birth: Birth) -> bool:
        if self.past is not None and birth.time < self.past.since:
            return self.past.has(birth)
        return birth.known_to(self.places, self.time)


class Past:
    """What a path that waited knew: others ran before it went on, at the time ``since``, from these states, mixed."""

    __slots__ = ("depth", "since", "states", "_answers")

    def __init__(self, states: tuple[Knowledge, ...], since: int) -> None:
        self.states = states
        self.since = since
        self.depth: int = 1 + max((state_.past.depth for state_ in states if state_.past is not None), default=0)
        self._answers: dict[Birth, bool] = {}

    def has(self, birth: Birth) -> bool:
        known = self._answers.get(birth)
        if known is None:
            known = self._answers[birth] = any(earlier.has(birth) for earlier in self.states)
        return known


def here() -> Birth | None:
    """The birth of what is made now; None where no scope is open, so that it exists on all paths."""
    return Birth(_place_of(len(state.scopes) - 1), state.time) if state.scopes else None


def _place_of(depth: int) -> Place:
    if depth < 0:
        return EVERYWHERE
    scope = state.scopes[depth]
    if scope.place is None:
        scope.place = Place()
    return scope.place


def close(place: Place | None, goes_on: bool = True, left_by: tuple[Knowledge, ...] = ()) -> None:
    """A side has ended, and its scope is no longer open: what was made there belongs to the place outside.

    Where nothing of its path goes on, they are known only where its exits lead. Where the paths that left it go on, they are
    known if one of these knows them.
    """
    if place is not None:
        place.left_by = left_by
        place.outside = _place_of(len(state.scopes) - 1)
        place.closed = state.time if goes_on else _NEVER


def end_path(place: Place | None) -> None:
    """A path has ended in the scope that is open, and another begins there: what was made on it is known where it leads."""
    if place is not None:
        place.outside = _place_of(len(state.scopes) - 2)
        place.closed = _NEVER


def arrived(places: tuple[Place, ...]) -> None:
    """A state that was recorded in these places goes on here: so does what was made where nothing else went on."""
    for place in places:
        if place.closed == _NEVER:
            close(place)


def ended(places: Iterable[Place]) -> list[Place]:
    """Those of which nothing goes on yet, but where their exits lead."""
    return [place for place in places if place.closed == _NEVER]


def part(places: Iterable[Place]) -> None:
    """Take back that these places go on: what ran for all paths at once is over."""
    for place in places:
        place.closed = _NEVER


def made(value: Any) -> Any:
    """The value, which has just been made, and so has what it alone holds: displays, comprehensions, instances."""
    if state.scopes:
        if _may_change(value):
            remember(value, here())
        elif type(value) is GeneratorType and state.call is not None:
            state.call.iterators[id(value)] = value, state.scopes[-1]
    return value


def returned(value: Any) -> Any:
    """What a call has given: if nobody else holds it, it has just been made."""
    if state.scopes and _may_change(value):
        count = sys.getrefcount(value)
        if count <= _OWN_REFERENCES or count <= _call_of_returned():
            remember(value, here())
    return value


def remember(value: Any, birth: Birth | None) -> None:
    """This is where a value, and what it alone holds, was made."""
    if id(value) in state.births or birth is None:
        return
    state.births[id(value)] = value, birth
    if type(value).__dictoffset__:  # which `vars(value)` shows
        own = object.__getattribute__(value, "__dict__")
        state.births[id(own)] = own, birth
    for part in _parts(value):
        # the references: of the container, of the loop, and the argument
        if _may_change(part) and sys.getrefcount(part) <= 3:
            remember(part, birth)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, (list, deque)):
        yield from value
    if type(value).__dictoffset__:
        yield from object.__getattribute__(value, "__dict__").values()


def _may_change(value: Any) -> bool:
    kind = type(value)
    if kind in BUILT_IN or kind in _BUFFERS or hasattr(kind, "__array_interface__") or is_hash(value):
        return True
    return bool(kind.__dictoffset__) and not isinstance(value, type)


def is_hash(value: Any) -> bool:
    """Is it what hashlib makes?"""
    return type(value).__module__ in _HASHES and hasattr(value, "digest")


def of(holder: Container) -> Birth | None:
    """Where the object of a container was made, if on a soft path."""
    target = holder.target
    if hasattr(type(target), "_relaxpy_rows"):
        birth: Birth | None = target.birth
        return birth
    return of_value(target)


def of_value(value: Any) -> Birth | None:
    found = state.births.get(id(value))
    return None if found is None else found[1]


def _call_of_returned() -> int:
    """How many references `returned` sees to an object that only its caller's call holds: Python's versions differ.

    There is one more while somebody evaluates frames for Python, as torch.compile does.
    """
    counts: list[int] = []

    def count(value: Any) -> Any:
        counts.append(sys.getrefcount(value))
        return value

    def caller(function: Any) -> Any:
        return count(function())

    caller(list)
    return counts[0]


_OWN_REFERENCES = _call_of_returned()

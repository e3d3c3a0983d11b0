"""Keys and attributes that exist with some probability only, since one side of a soft block alone defined them.

    if x > 0:
        table["a"] = 1.0
    table["a"]           # 1.0: on the other path the program would have raised KeyError
    "a" in table         # a truth, P(x > 0)
    table.get("a", 0.0)  # 1.0 with P(x > 0), else 0.0

The probabilities stand in a table of the call, which is journalled as any dict. On the sides of a branch that asks for a key
(`if k not in d: d[k] = 0`) it exists or does not. What would need all keys (a loop, `items`, `list`, `pop`) is refused.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime import ops, stores
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import Container, DictContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.mixers import Mixer
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth

mixing: Any = LazyModule("relaxpy.runtime.mixing")

_HARMLESS = frozenset({print, repr, str, id, type, isinstance, issubclass, callable})
_ASKED_OF_DICTS = frozenset({"get", "__contains__", "__getitem__"})


class Existence:
    """What a truth is about: that a cell exists (``holds``) or that it does not; ``known`` is its entry in the table."""

    __slots__ = ("holder", "cell", "known", "holds")

    def __init__(self, holder: Container, cell: Any, known: SoftTruth, holds: bool = True) -> None:
        self.holder = holder
        self.cell = cell
        self.known = known
        self.holds = holds

    def negated(self) -> Existence:
        return Existence(self.holder, self.cell, self.known, not self.holds)

    def narrow(self, decided: bool) -> None:
        """On the side of a branch that has just begun the truth is decided, unless the cell was stored to meanwhile."""
        assert state.call is not None
        table, name = DictContainer(state.call.presences), (self.holder.key, self.cell)
        if table.get(name) is not self.known:
            return
        stores.changing(table, name)
        table.put(name, UNDEFINED)
        if decided is not self.holds:
            stores.changing(self.holder, self.cell)
            self.holder.put(self.cell, UNDEFINED)


def about(truth: SoftTruth) -> Existence | None:
    """The cell whose existence a condition asks for."""
    if state.call is None or not state.call.presences:
        return None
    return getattr(truth, "about", None)


def are_sure() -> bool:
    """Is nothing known of a key or attribute that exists with a probability only?"""
    return state.call is None or not state.call.presences


def filled(holder: Container, values: list[Any]) -> list[Any]:
    """The values of a cell in several states; where a counter has no key, reading it gives 0."""
    target = holder.target
    if isinstance(target, Counter):
        missing: Any = 0
    elif isinstance(target, defaultdict) and target.default_factory in (int, float):
        missing = target.default_factory()
    else:
        return values
    return [missing if value is UNDEFINED else value for value in values]


def truths(mixer: Mixer, holder: Container, cell: Any, values: Sequence[Any]) -> list[Any] | None:
    """Whether a cell exists in each of the states that leave these values in it; None where it surely does in all."""
    call = state.call
    if call is None or not isinstance(holder, (DictContainer, AttributeContainer)):
        return None
    if call.presences is None:
        if not any(value is UNDEFINED for value in values):
            return None
        call.presences = {}
    table, name = DictContainer(call.presences), (holder.key, cell)
    before = table.get(name)
    changes = [heap.get(table.key) for heap in mixer.heaps]
    known = [before if change is None else change.cells.get(name, before) for change in changes]
    found = [value is not UNDEFINED and (True if there is UNDEFINED else there) for value, there in zip(values, known)]
    return None if before is UNDEFINED and all(there is True for there in found) else found


def weighed(mixer: Mixer, held: Sequence[Any]) -> Mixer:
    """The mixer of the values of a cell that exists with these probabilities: each counts as far as it is there."""
    if not any(isinstance(truth, SoftTruth) for truth in held):
        return mixer
    shares = [truth.lanes if isinstance(truth, SoftTruth) else float(truth) for truth in held]
    masses = [ops.value_of(ops.times(mass, share)) for mass, share in zip(mixer.all_masses(), shares)]
    return mixer.among(range(len(masses)), masses)


def mixed(mixer: Mixer, holder: Container, cell: Any, held: Sequence[Any]) -> tuple[Container, Any, Any]:
    """What is to be written about the existence of a cell that has these truths in the states."""
    call = state.call
    assert call is not None
    assert call.presences is not None
    truth = mixer.mix(held)
    if not isinstance(truth, SoftTruth) or ops.at_most(1 - truth.lanes, state.options.epsilon):
        truth = UNDEFINED
    call.touched[holder.key] = holder  # so that its identity is not used again
    return DictContainer(call.presences), (holder.key, cell), truth


def mixed_of_whole(mixer: Mixer, holder: Container, contents: Sequence[Any]) -> list[tuple[Container, Any, Any]]:
    """The same of a container whose structure changed on a side."""
    presences = state.call.presences if state.call is not None else None
    if presences is None:
        return []
    table = DictContainer(presences)
    names = [*presences, *(name for heap in mixer.heaps if table.key in heap for name in heap[table.key].cells)]
    writes = []
    for cell in dict.fromkeys(cell for key, cell in names if key == holder.key):
        held = truths(mixer, holder, cell, [holder.cell_of(content, cell) for content in contents])
        if held is not None:
            writes.append(mixed(mixer, holder, cell, held))
    return writes


def defined(holder: Container, cell: Any) -> None:
    """A cell has been stored to: it exists."""
    presences = state.call.presences if state.call is not None else None
    name = holder.key, cell
    if presences is not None and name in presences:
        table = DictContainer(presences)
        stores.changing(table, name)
        table.put(name, UNDEFINED)


def of(holder: Container, cell: Any) -> SoftTruth | None:
    """The truth that a key or attribute exists; None where that is no question of a soft condition."""
    presences = state.call.presences if state.call is not None else None
    known = presences.get((holder.key, cell)) if presences else None
    if known is None or holder.get(cell) is UNDEFINED:
        return None
    truth = SoftTruth(known.lanes)
    truth.about = Existence(holder, cell, known)
    return truth


def check(holder: Container) -> None:
    """Refuse what needs all keys of a dict (or attributes of an object) of which some may not exist."""
    presences = state.call.presences if state.call is not None else None
    for (key, cell), truth in (presences or {}).items():
        if key == holder.key and holder.get(cell) is not UNDEFINED:
            what = f"attribute `{cell}`" if isinstance(holder, AttributeContainer) else f"key {cell!r}"
            raise SoftValueError.here(
                f"the {what} exists with a probability of {ops.largest(truth.lanes):.3g} only, since it was stored "
                "under a soft condition; so what there is in all is not certain",
                remedy="store something before the condition or on its other side, too; "
                "one may ask for the key itself: `d[k]`, `d.get(k, default)`, `k in d`",
            )


def asking(function: Any, callee: Any) -> Any:
    """What is called for a builtin or library function while there are such keys."""
    if function is hasattr or function is getattr:
        return functools.partial(_attribute, function)
    try:
        if function in _HARMLESS:
            return callee
    except TypeError:
        return callee
    owner = getattr(function, "__self__", None)
    if isinstance(owner, dict) and function.__name__ not in _ASKED_OF_DICTS:
        if function.__name__ == "setdefault":
            return functools.partial(_set_default, owner, callee)
        check(DictContainer(owner))
    return functools.partial(_checked, callee)


def _checked(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    for value in (*args, *kwargs.values()):
        if isinstance(value, dict):
            check(DictContainer(value))
    return function(*args, **kwargs)


def _set_default(owner: dict[Any, Any], callee: Any, key: Any, default: Any = None, /) -> Any:
    truth = of(DictContainer(owner), key)
    if truth is None:
        return callee(key, default)
    stores.store(mixing.blended(truth.lanes, owner[key], default, f"the value of the key {key!r}"), owner, key)
    return owner[key]


def _attribute(function: Any, target: Any, name: str, *default: Any) -> Any:
    truth = of(AttributeContainer(target), name)
    value = function(target, name, *default)
    if truth is None:
        return value
    if function is hasattr:
        return truth if value else False
    return mixing.blended(truth.lanes, value, default[0], f"the attribute `{name}`") if default else value

"""Scopes: the open soft blocks of a thread, their masses, and the logs of what was changed under them.

A scope's ``weight`` is the probability of being in it given that its outside is reached, ``live`` the share of it that has
not left by an exit. The mass of the current path is the product over the open scopes (SEMANTICS, section 1).
Scopes are ordered by ``serial``, the order of creation: a loop or a frame becomes a scope only when something soft happens
in it, and then takes the place that it would have had.
"""

from __future__ import annotations

import itertools
import sys
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from relaxpy.runtime import births
from relaxpy.runtime.journal import Log
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import enter, leave, paths, state

if TYPE_CHECKING:
    from torch import Tensor

    from relaxpy.runtime.ops import Mass, Operand
    from relaxpy.runtime.raising import Departure

ops: Any = LazyModule("relaxpy.runtime.ops")

serials = itertools.count()


class Scope:
    """One open soft block."""

    __slots__ = ("serial", "weight", "live", "log", "past", "place", "site", "died", "_dead", "_outside")
    merges = False  # are its paths merged, also where an estimator follows single paths?

    def __init__(self) -> None:
        self.serial = next(serials)
        self.site: tuple[CodeType, int] | None = None
        self.died: Departure | None = None  # the exception that ended a path in it, if one did

    def described(self) -> str:
        """What a path in this scope has done, for messages: "holds", "in iteration 2"."""
        return ""

    def open_with(self, weight: Mass) -> None:
        """(Re)start the scope's current side with this weight."""
        self.weight: Mass = weight
        self.live: Mass = 1.0
        self.log = Log()
        self.place: births.Place | None = None
        self.past: births.Past | None = None
        self._dead: Tensor | bool | None = False
        self._outside: Mass | None = None

    def set_live(self, live: Mass) -> None:
        self.live = live
        self._dead = False

    def lose(self) -> None:
        """Mass leaves it for a target outside."""

    def left_by(self) -> tuple[births.Knowledge, ...]:
        """What is known to the paths that left it, and go on where it ends."""
        return ()

    def holds_paths(self) -> bool:
        """Are there paths of it, other than the one that runs, which its end would have to mix?"""
        return False

    def set_weight(self, weight: Mass) -> None:
        self.weight = weight
        self._dead = False

    def mass(self) -> Mass:
        """Mass of the path when this scope is the innermost."""
        if self._outside is None:
            scopes = state.scopes
            place = scopes.index(self)
            self._outside = scopes[place - 1].mass() if place else 1.0
        mass: Mass = ops.times(self._outside, ops.times(self.weight, self.live))
        return mass

    def dead_lanes(self) -> Tensor | None:
        """Lanes in which the path is impossible up to epsilon; None where there can be none."""
        if self._dead is False:
            mass = self.mass()
            reach = ops.reach(mass)
            self._dead = None if isinstance(reach, (int, float)) else reach <= state.options.epsilon
        return self._dead  # type: ignore[return-value]

    def off_lanes(self) -> Tensor | None:
        """In straight-through mode: lanes in which hard mode is not on this path."""
        mass: Any = self.mass()
        return mass.value.detach() == 0 if isinstance(mass, ops.Through) else None


def push(scope: Scope, weight: Mass = 1.0) -> None:
    """Open a scope at the place that its serial says."""
    scope.open_with(weight)
    scope.site = _site()
    scopes, logs = state.scopes, state.logs
    if not scopes:
        state.births.clear()
        enter(paths)
    place = len(scopes)
    while place and scopes[place - 1].serial > scope.serial:
        place -= 1
    scopes.insert(place, scope)
    logs.insert(place, scope.log)


def _site() -> tuple[CodeType, int] | None:
    """The instruction of the user's code that runs; a line is made of it only for messages."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("relaxpy.runtime"):
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lasti)


def pop(scope: Scope, goes_on: bool = True) -> None:
    """Close a scope; ``goes_on``: does anything of its path?"""
    end_inside(scope)
    state.scopes.pop()
    state.logs.pop()
    births.close(scope.place, goes_on, scope.left_by())
    if not state.scopes:
        _certain_again()


def _certain_again() -> None:
    leave(paths)
    state.epoch += 1


def end_inside(scope: Scope) -> None:
    """Scopes inside are left-overs of an exception that library code swallowed: they end as if certain."""
    while state.scopes[-1] is not scope:
        commit()


def commit() -> None:
    """Close the innermost scope as if it were certain: what it changed stays, on account of the scope outside."""
    log = state.logs[-1]
    scope = state.scopes.pop()
    state.logs.pop()
    births.close(scope.place)
    if state.logs:
        state.logs[-1].absorb(log)
    else:
        _certain_again()


def unwind(serial: int) -> None:
    """Close the scopes that were created after this one."""
    while state.scopes and state.scopes[-1].serial > serial:
        commit()


def restart_log(scope: Scope) -> None:
    """The (innermost) scope has begun its next side with an empty log, which is the one in force from now on."""
    state.logs[-1] = scope.log


def path_mass() -> Mass:
    return state.scopes[-1].mass() if state.scopes else 1.0


def mass_since(scope: Scope) -> Mass:
    """Product of weights and lives from ``scope`` (included) inward."""
    mass: Mass = 1.0
    for inner in reversed(state.scopes):
        mass = ops.times(ops.times(inner.weight, inner.live), mass)
        if inner is scope:
            break
    return mass


def dead_lanes() -> Tensor | None:
    return state.scopes[-1].dead_lanes() if state.scopes else None


def guarded(*operands: Operand) -> tuple[Operand, ...]:
    """Operands of what may be singular, harmless where the path is dead (SEMANTICS, section 4).

    In straight-through mode a path that hard mode leaves out counts by its values only: no derivative passes through them.
    """
    if not state.scopes:
        return operands
    scope = state.scopes[-1]
    dead, off = scope.dead_lanes(), scope.off_lanes()
    return tuple([ops.guarded(operand, dead, off) for operand in operands])


def alive(mass: Any) -> Any:
    """A mass that counts only in lanes that are on the path."""
    dead = dead_lanes()
    return mass if dead is None or isinstance(mass, (int, float)) else ops.without(mass, dead)


def lanes_with(mass: Any) -> str:
    """Where in the batch a mass is not negligible, for messages: " in lane 3" or " in 7 lanes, 3 the first"."""
    if state.lanes is None or isinstance(mass, (int, float)) or not mass.dim():
        return ""
    lanes = (ops.concrete(mass) > state.options.epsilon).nonzero().flatten().tolist()
    if not lanes:
        return ""
    return f" in lane {lanes[0]}" if len(lanes) == 1 else f" in {len(lanes)} lanes, {lanes[0]} the first"


def negligible() -> bool:
    """Is the mass of the path at most epsilon in every lane? Looks."""
    return bool(state.scopes) and ops.at_most(path_mass(), state.options.epsilon)


def negligible_outside(scope: Scope) -> bool:
    """Is the path on which a scope was opened negligible as a whole? Looks."""
    scope.mass()
    outside: Any = scope._outside
    return bool(ops.at_most(outside, state.options.epsilon))


def negligible_like(scope: Scope) -> int:
    """How many open scopes of the same instruction stand on paths that are negligible as a whole? Looks."""
    count = 0
    for each in reversed(state.scopes):
        if each is not scope:
            if not negligible_outside(each):
                break
            count += each.site == scope.site
    return count


def live() -> bool:
    """Does anything of the path go on here? Rewritten code asks after statements that may leave."""
    if not state.scopes:
        return True
    share = state.scopes[-1].live
    if not isinstance(share, (int, float)):
        return not ops.at_most(path_mass(), state.options.epsilon)
    return share != 0

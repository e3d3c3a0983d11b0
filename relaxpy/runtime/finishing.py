"""Clean-ups of `finally`: soft exits wait for them, and go on after them (SEMANTICS, section 5)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TypeAlias

from relaxpy.runtime import births, journal, raising, scopes
from relaxpy.runtime.exits import Exit
from relaxpy.runtime.installed import is_in_rewritten
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.scopes import Scope
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.trying import Protection

counterparts: Any = LazyModule("relaxpy.runtime.counterparts")
mixing: Any = LazyModule("relaxpy.runtime.mixing")
ops: Any = LazyModule("relaxpy.runtime.ops")


# takes the names that a clean-up changed, and all of the path
GoOn: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], None]


class Held:
    """A path that waits for a clean-up: where it goes on to, its state, and the local names then."""

    __slots__ = ("exit", "go_on", "names")

    def __init__(self, go_on: GoOn, exit_: Exit, names: Mapping[str, Any]) -> None:
        self.go_on = go_on
        self.exit = exit_
        self.names = names


class Finally(Protection):
    """A `try` with a `finally`: soft exits that cross it are held, mixed with the path that goes on, and resumed after it."""

    __slots__ = ("carried", "_cells", "_cleaning", "_ended_places", "_gathered", "_handling", "_held", "_here", "_since")

    def __init__(self) -> None:
        super().__init__()
        self.carried = False  # whether an exception without mass crosses the clean-up
        self._handling = sys.exc_info()[1]
        self._held: list[Held] = []

    def holds_paths(self) -> bool:
        return bool(self._held)

    def hold(self, go_on: GoOn, names: Mapping[str, Any] | None = None) -> None:
        """The path that runs goes on later; it is dead from here. ``names``: its local names, if they are known."""
        if names is None or not any(value is self for value in names.values()):
            names = _names_where(self)
        self._held.append(Held(go_on, self.departed(names), names))
        state.scopes[-1].set_live(0.0)

    def gather(self, **locals_: Any) -> tuple[Any, ...]:
        """First thing in the clean-up: the states of all paths are mixed."""
        error = sys.exc_info()[1]
        leaving = None if error is self._handling else raising.departure()
        scopes.unwind(self.serial)
        if error is not self._handling and leaving is None:
            scopes.commit()  # any other exception is certain
            self.soft = False
            return tuple(locals_.values())
        self.carried = leaving is not None and raising.carries(leaving)
        if self.carried:
            self.set_live(0.0)
        self._here = Exit(ops.times(self.weight, self.live), locals_, self.changes())
        exits = [Exit(h.exit.mass, {n: h.names.get(n, UNDEFINED) for n in locals_}, h.exit.changes) for h in self._held]
        exits.append(self._here)
        exits = [exit_ for exit_ in exits if not ops.is_zero(exit_.mass)]
        self._ended_places = births.ended(place for exit_ in exits for place in exit_.changes.known.places)
        result = self.merged(exits) if exits else tuple(locals_.values())
        self.set_weight(self.total(exits))
        self.set_live(1.0)
        self._gathered = dict(zip(locals_, result))
        self._cells = counterparts.cells(exit_.changes for exit_ in exits)
        self._since = state.time
        self._cleaning = Scope()
        scopes.push(self._cleaning)
        return result

    def resume(self, **locals_: Any) -> tuple[Any, ...]:
        """Last thing in the clean-up: each path goes on from where it was, with what the clean-up changed."""
        scopes.unwind(self._cleaning.serial)
        done, live = journal.delta((self._cleaning.log,)), self._cleaning.live
        scopes.pop(self._cleaning)
        self._cleaning.log.undo()
        births.part(self._ended_places)
        changed = {name: value for name, value in locals_.items() if value is not self._gathered[name]}
        for held in self._held:
            changed_here = self._restore(held.exit, held.names, done, live, changed)
            held.go_on(changed_here, {**held.names, **changed_here})
        self._held = []
        here = self._here
        names = here.locals or {}
        result = {**names, **self._restore(here, names, done, live, changed)}
        left = ops.times(here.mass, live)
        scopes.commit()
        self.soft = False
        if state.scopes:
            state.scopes[-1].set_live(ops.times(left, state.scopes[-1].live))
        return tuple(result.values())

    def _restore(
        self, exit_: Exit, names: Mapping[str, Any], done: journal.Delta, live: Any, changed: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The state of a path, with what the clean-up did to it; gives the names that it changed, as they are there."""
        self.log.undo()
        self.past = births.Past((exit_.changes.known,), self._since)
        mixing.apply(exit_.changes)
        path = counterparts.Counterparts()
        for name, value in self._gathered.items():
            path.pair(value, names.get(name, UNDEFINED))
        path.pair_cells(self._cells)
        mixing.apply(path.changes(done))
        self.set_weight(ops.times(exit_.mass, live))
        self.set_live(1.0)
        return {name: path.own(value) for name, value in changed.items()}


def _names_where(keeper: Finally) -> dict[str, Any]:
    """The local names of the function that a statement stands in."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_in_rewritten(frame):
            names = dict(frame.f_locals)
            if any(value is keeper for value in names.values()):
                return names
        frame = frame.f_back
    raise RuntimeError("a clean-up holds a path of another function")


def finally_() -> Finally:
    return Finally()

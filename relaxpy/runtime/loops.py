"""Loops: plain as long as nothing soft happens in them, else sums over their exits (paper Eq. 7; SEMANTICS, section 5).

A loop becomes a scope at its first soft test, or when a path leaves it under a soft condition. Each exit carries its mass,
its locals and what had changed; when the loop ends they are mixed.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from relaxpy.errors import RelaxWarning, user_place
from relaxpy.runtime import births, journal, raising, scopes
from relaxpy.runtime.classes import asked
from relaxpy.runtime.containers import DictContainer
from relaxpy.runtime.exits import Exit, Exits, Locals
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import met
from relaxpy.runtime.soft import SKIP, Soft
from relaxpy.runtime.state import state

advancing: Any = LazyModule("relaxpy.runtime.advancing")
decisions: Any = LazyModule("relaxpy.runtime.decisions")
ops: Any = LazyModule("relaxpy.runtime.ops")
values: Any = LazyModule("relaxpy.runtime.values")
ranges: Any = LazyModule("relaxpy.runtime.ranges")
doubts: Any = LazyModule("relaxpy.runtime.doubts")

DEEPEST_PAST = 200  # waits, one after the other, for which it is known what paths knew before each
# where warnings keep count of what they have said
_warned: dict[Any, Any] = {}


class Loop(Exits):
    """A `while` or `for` of the user."""

    __slots__ = ("fell", "done", "_continues", "_tests")

    def __init__(self) -> None:
        super().__init__()
        self.fell = True  # whether `else` runs
        self.done = False
        self._continues: list[Exit] = []
        self._tests = 0

    def described(self) -> str:
        return f"in iteration {self._tests}" if self._tests else "in an iteration that a path has left"

    def holds_paths(self) -> bool:
        return bool(self.exits or self._continues)

    def raised(self) -> Any:
        """What an iteration catches: an exception on its path, if others have left the loop or go on."""
        return BaseException if self.soft and raising.leaves(self) else ()

    def test(self, condition: Any) -> bool:
        """The loop's condition: does any mass enter the body (once more)?"""
        if not self.soft and (condition is True or condition is False):
            return condition
        if condition is SKIP:  # it raised, so the path has ended
            self.set_weight(0.0)
            return False
        if self.soft and not ops.is_one(self.live):  # a part of the condition raised
            self.set_weight(ops.times(self.weight, self.live))
            self.set_live(1.0)
        condition = asked(condition)
        if isinstance(condition, Soft):
            condition = decisions.decide(values.truth_of(condition))
            if not isinstance(condition, bool):
                return self._soft_test(condition)
            if condition and state.run is not None and self._goes_on_too_long():
                return False
        if not self.soft:
            return bool(condition)
        if condition:
            if scopes.negligible():
                self.set_weight(0.0)
                return False
            return True
        self.out(self.weight, None, by_condition=True)
        self.set_weight(0.0)
        return False

    def _soft_test(self, p: Any) -> bool:
        self.become_soft()
        entered = self.weight
        self.out(ops.times(entered, ops.complement(p)), None, by_condition=True)
        self.set_weight(ops.times(entered, p))
        self._tests += 1
        if scopes.negligible():
            self.set_weight(0.0)
            return False
        if self._tests >= state.options.max_iter and state.options.mode != "hard":
            self._give_up()
            return False
        return True

    def _goes_on_too_long(self) -> bool:
        """On a single path (estimators.py): the loop ends where its mass is negligible, or after max_iter tests."""
        self._tests += 1
        if self._tests < state.options.max_iter:
            return bool(scopes.negligible())
        _warn_of_mass_left(user_place(), state.options.max_iter, ops.largest(scopes.path_mass()))
        return True

    def _give_up(self) -> None:
        """After max_iter soft tests the mass left goes to the last state, with a warning."""
        say = functools.partial(_warn_of_mass_left, user_place(), state.options.max_iter)
        if state.recorder is not None:
            state.recorder.gave_up(self.mass(), say)
        else:
            say(ops.largest(self.mass()))
        last = self.exits[-1]
        last.mass = ops.plus(last.mass, self.weight)
        self.set_weight(0.0)

    def keep(self, **at_test: Any) -> None:
        """The locals as at the test that has just been made: the state of its exit."""
        if self.exits and self.exits[-1].locals is None:
            self.exits[-1].locals = at_test

    def over(self, iterable: Any) -> Iterable[Any]:
        """What a `for` runs over: the iterable itself unless its length is soft."""
        iterable = met(iterable)
        if isinstance(iterable, Soft) and isinstance(iterable, ranges.SoftRange):
            return self._counted(iterable)
        if state.scopes:
            advancing.check_spent(iterable)
        if isinstance(iterable, dict) and state.presences:
            doubts.check(DictContainer(iterable))
        return iterable  # type: ignore[no-any-return]

    def _counted(self, steps: Any) -> Iterator[Any]:
        for value, condition in steps.steps():
            if not self.test(condition):
                return
            yield value

    def brk(self, /, *crossed: Exits, **locals_: Any) -> bool:
        """`break`, out of these clean-ups; True if it is to be done by Python."""
        if self.is_plain_here():
            self.fell = False
            return True
        self.leave_softly(locals_, self.exits, crossed)
        return False

    def cont(self, /, *crossed: Exits, **locals_: Any) -> bool:
        """`continue`, out of these clean-ups; True if it is to be done by Python."""
        if self.is_plain_here():
            return True
        self.leave_softly(locals_, self._continues, crossed)
        return False

    def next(self, **locals_: Any) -> tuple[Any, ...]:
        """The end of the body: paths that continued merge with the one that came here."""
        here = ops.times(self.weight, self.live)
        total = here
        result = tuple(locals_.values())
        if self._continues:
            arrivals = [*self._continues]
            if not ops.is_zero(here):
                arrivals.insert(0, Exit(here, locals_, journal.delta((self.log,))))
            for exit_ in self._continues:
                total = ops.plus(total, exit_.mass)
            result = self.merged(arrivals)
            if ops.is_zero(here):
                self._forget_what_was_made_since(self._continues)
            self._continues = []
        self.set_live(1.0)
        self.set_weight(total)
        if ops.is_zero(total) or not ops.is_one(total) and scopes.negligible():
            self.done = True
        return result

    def _forget_what_was_made_since(self, exits: list[Exit]) -> None:
        """What these paths do not know, for they left before it was made, does not exist where they alone go on."""
        past = births.Past(tuple(exit_.changes.known for exit_ in exits), state.time)
        if past.depth <= DEEPEST_PAST:
            self.past = past

    def orelse(self, **locals_: Any) -> tuple[Any, ...]:
        """Before the loop's `else`: the exits by condition merge, and the clause runs on their mass."""
        self._end_by_condition(locals_)
        by_condition = [exit_ for exit_ in self.exits if exit_.by_condition]
        self.exits = [exit_ for exit_ in self.exits if not exit_.by_condition]
        self.fell = bool(by_condition)
        self.done = False
        if not by_condition:
            return tuple(locals_.values())
        result = self.merged(by_condition)
        self._forget_what_was_made_since(by_condition)
        self.set_weight(self.total(by_condition))
        self.set_live(1.0)
        return result

    def _end_by_condition(self, locals_: Locals) -> None:
        """Give the last test's exit its locals; what is left (a `for` that is exhausted) ends by condition too."""
        for exit_ in self.exits:
            if exit_.locals is None:
                exit_.locals = locals_
        left = ops.times(self.weight, self.live)
        if not ops.is_zero(left) and not self.done:
            self.out(left, locals_, by_condition=True)
        self.set_weight(0.0)

    def exit(self, **locals_: Any) -> tuple[Any, ...]:
        """After the loop: all exits are mixed; returns the locals."""
        self._end_by_condition(locals_)
        scopes.pop(self)
        if not self.exits:
            self.log.undo()
            result = tuple(locals_.values())
        else:
            result = self.merged(self.exits)
        self.pass_on_loss(self.exits)
        raising.go_on(self.died)
        return result


def _warn_of_mass_left(place: tuple[str, int] | None, max_iter: int, left: float) -> None:
    file, line = place or ("<unknown>", 0)
    where = f"{file}:{line}: " if place else ""
    message = (
        f"{where}a soft loop was stopped after max_iter={max_iter} tests with a mass of {left:.3g} left, "
        "which goes to its last state; raise max_iter or beta"
    )
    warnings.warn_explicit(message, RelaxWarning, file, line, registry=_warned)


def while_() -> Loop:
    return Loop()


def for_() -> Loop:
    return Loop()

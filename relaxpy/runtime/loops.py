"""Loops: plain as long as nothing soft happens in them, else sums over their exits (paper Eq. 7; SEMANTICS, section 5).

A loop becomes a scope at its first soft test, or when a path leaves it under a soft condition. Each exit carries its mass,
its locals and what had changed; when the loop ends they are mixed.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from relaxpy.errors import RelaxWarning, user_place
from relaxpy.runtime import births, journal, raising, scopes
from relaxpy.runtime.classes import asked
from relaxpy.runtime.containers import DictContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import met
from relaxpy.runtime.scopes import Scope
from relaxpy.runtime.soft import SKIP, Soft
from relaxpy.runtime.state import paths, state

if TYPE_CHECKING:
    from relaxpy.runtime.ops import Mass

advancing: Any = LazyModule("relaxpy.runtime.advancing")
decisions: Any = LazyModule("relaxpy.runtime.decisions")
mixers: Any = LazyModule("relaxpy.runtime.mixers")
mixing: Any = LazyModule("relaxpy.runtime.mixing")
ops: Any = LazyModule("relaxpy.runtime.ops")
values: Any = LazyModule("relaxpy.runtime.values")
ranges: Any = LazyModule("relaxpy.runtime.ranges")
presence: Any = LazyModule("relaxpy.runtime.presence")
trying: Any = LazyModule("relaxpy.runtime.trying")

Locals = Mapping[str, Any]

# where warnings keep count of what they have said
_warned: dict[Any, Any] = {}


class Exit:
    """One way out: its mass given that the target was entered, its state, and whether the loop's condition ended it."""

    __slots__ = ("mass", "locals", "changes", "by_condition")

    def __init__(self, mass: Mass, state_: Locals | None, changes: journal.Delta, by_condition: bool = False) -> None:
        self.mass = mass
        self.locals = state_
        self.changes = changes
        self.by_condition = by_condition


class Exits(Scope):
    """A scope that paths leave before its end: a loop or a function."""

    __slots__ = ("soft", "exits", "lost")

    def __init__(self) -> None:
        super().__init__()
        self.soft = False
        self.lost = False  # whether mass left for a target outside
        self.exits: list[Exit] = []

    def lose(self) -> None:
        self.lost = True

    def holds_paths(self) -> bool:
        return bool(self.exits)

    def left_by(self) -> tuple[births.Knowledge, ...]:
        """The last of them knows what all before it do, waiting paths apart."""
        known = [exit_.changes.known for exit_ in self.exits]
        latest = max((each for each in known if each.past is None), key=lambda each: each.time, default=None)
        return tuple(each for each in known if each.past is not None or each is latest)

    def become_soft(self) -> None:
        """Take the scope's place among the open ones, from now on with a log."""
        if not self.soft:
            self.soft = True
            scopes.push(self)

    def is_plain_here(self) -> bool:
        """Is leaving now an ordinary jump: nothing soft open inside, no exit pending?"""
        return not paths or not self.soft and not (state.scopes and state.scopes[-1].serial > self.serial)

    def changes(self) -> journal.Delta:
        return journal.delta(state.logs[state.scopes.index(self) :])

    def out(self, mass: Mass, state_: Locals | None, by_condition: bool = False) -> None:
        self.exits.append(Exit(mass, state_, self.changes(), by_condition))

    def leave_softly(self, state_: Locals, exits: list[Exit], crossed: Sequence[Exits] = ()) -> None:
        """Record the path among these exits; it is dead from here. Clean-ups that it crosses hold it until they have run."""
        keepers = [each for each in crossed if isinstance(each, trying.Finally)]
        if keepers:
            keepers.pop().hold(lambda names: self.leave_softly({**state_, **_known(names, state_)}, exits, keepers))
            return
        exits.append(self.departed(state_))
        state.scopes[-1].set_live(0.0)

    def departed(self, state_: Locals) -> Exit:
        """The path that runs, as an exit."""
        self.become_soft()
        place = state.scopes.index(self)
        for inner in state.scopes[place + 1 :]:
            inner.lose()
        return Exit(scopes.mass_since(self), state_, self.changes())

    def merged(self, exits: list[Exit]) -> tuple[Any, ...]:
        """The mix of exits, written to the heap, which is rolled back first."""
        self.log.undo()
        mixer = mixers.Mixer([exit_.mass for exit_ in exits], [exit_.changes for exit_ in exits])
        return tuple(mixing.settle(mixer, [exit_.locals or {} for exit_ in exits]))

    def total(self, exits: list[Exit]) -> Mass:
        total: Mass = 0.0
        for exit_ in exits:
            total = ops.plus(total, exit_.mass)
        return total

    def pass_on_loss(self, total: Mass) -> None:
        """After the scope: what is outside goes on with the mass that came to its end."""
        if self.lost and state.scopes:
            outside = state.scopes[-1]
            outside.set_live(ops.times(total, outside.live))


def _known(names: Locals, wanted: Locals) -> Locals:
    return {name: value for name, value in names.items() if name in wanted}


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
        if isinstance(iterable, dict) and state.call is not None and state.call.presences:
            presence.check(DictContainer(iterable))
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
            self._continues = []
        self.set_live(1.0)
        self.set_weight(total)
        if ops.is_zero(total) or not ops.is_one(total) and scopes.negligible():
            self.done = True
        return result

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
        self.pass_on_loss(self.total(self.exits))
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

"""Soft branches: both sides run from the same state, and what they changed is blended (paper Eq. 6)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from relaxpy.runtime import births, control, decisions, journal, ops, presence, raising, scopes
from relaxpy.runtime.journal import Delta
from relaxpy.runtime.mixers import Mixer, Pair
from relaxpy.runtime.mixing import Locals, mixed_cells, mixed_locals, settle
from relaxpy.runtime.ops import Mass
from relaxpy.runtime.presence import Existence
from relaxpy.runtime.scopes import Scope
from relaxpy.runtime.state import state
from relaxpy.runtime.values import truth_of
from relaxpy.runtime.walruses import Rebinding


def branch(condition: Any) -> Any:
    """The branch of a soft condition; every soft decision of an `if` passes here."""
    truth = truth_of(condition)
    decided = decisions.decide(truth)
    if isinstance(decided, bool):
        return control.TAKEN if decided else control.SKIPPED
    return Branch(decided, presence.about(truth))


class Branch(Scope):
    """One soft `if`: ``open``, the then side, ``swap``, the else side, ``close``.

    ``then`` and ``orelse`` say whether the sides run. A side whose mass is negligible in every lane is left out where the
    rewriter asks to look (it holds a call, a loop or an exit); one side always runs.
    """

    __slots__ = (
        "p",
        "mass_then",
        "then",
        "orelse",
        "_before",
        "_then_live",
        "_then_locals",
        "_then_changes",
        "_then_place",
        "_swapped",
        "_about",
        "_names",
    )
    soft = True

    def __init__(self, decided: Mass, about: Existence | None = None) -> None:
        super().__init__()
        self.mass_then = decided
        self._about = about  # the key whose existence is its condition
        self._names: dict[str, Rebinding] | None = None  # that walruses bind on a side of an expression
        self.p: Tensor = ops.value_of(decided)  # type: ignore[assignment]
        self.then = self.orelse = True
        self._swapped = False

    def described(self) -> str:
        return "does not hold" if self._swapped else "holds"

    def open(self, look: bool = False, /, **before: Any) -> None:
        """Begin the then side; ``before``: the locals that either side binds and something later may read."""
        self._before = before
        scopes.push(self, self.mass_then)
        if self._about is not None:
            self._about.narrow(True)
        if look:
            self.then = not scopes.negligible() or self._needed(self.p)

    def swap(self, look: bool = False, /, **after_then: Any) -> tuple[Any, ...]:
        """End the then side and begin the else side, from the state before; returns its locals."""
        self._swapped = True
        self._end_then(after_then)
        self.open_with(ops.complement(self.mass_then))
        scopes.restart_log(self)
        if self._about is not None:
            self._about.narrow(False)
        if look:
            self.orelse = not self.then or not scopes.negligible() or self._shares(1 - self.p)
        return tuple(self._before.values())

    def _shares(self, share: Tensor) -> bool:
        """Has a side of negligible mass a share of a path that counts? Left out, it would never use the path up."""
        return not scopes.negligible_outside(self) and ops.largest(share) > math.sqrt(state.options.epsilon)

    def _needed(self, p: Tensor) -> bool:
        """Does the then side run although its mass is negligible?

        One side must, for its values. On a path that is negligible as a whole it is the likelier one; but where this very
        decision, taken so, led back to itself, it is the other one, if it is possible: so recursion ends.
        """
        epsilon = state.options.epsilon
        if not scopes.negligible_outside(self):
            return self._shares(p)
        likelier = ops.largest(p) >= 0.5
        if ops.largest(p) <= epsilon or ops.largest(1 - p) <= epsilon:
            return likelier
        return likelier ^ (scopes.negligible_like(self) % 2 == 1)

    def _end_then(self, after_then: Locals) -> None:
        scopes.end_inside(self)
        self._then_locals = after_then
        self._then_live = self.live if self.then else 0.0
        self._then_changes = journal.delta((self.log,))
        self._then_place, self.place = self.place, None
        self.log.undo()

    def close(self, **after: Any) -> tuple[Any, ...]:
        """End the block: the locals and changes of both sides are blended; returns the locals."""
        if self._about is not None and not self._swapped:
            self.swap(**after)
            after = dict(self._before)
        if not self._swapped and (mixed := self._mixed_in_place(after)) is not None:
            return mixed
        else_live: Mass = 1.0
        else_locals: Locals = self._before
        if self._swapped:
            scopes.end_inside(self)
            else_live = self.live if self.orelse else 0.0
            else_locals, else_changes = after, journal.delta((self.log,))
            self.log.undo()
        else:
            self._end_then(after)
            else_changes = journal.unchanged(self)
        scopes.pop(self, not ops.is_zero(else_live))
        births.close(self._then_place, not ops.is_zero(self._then_live))
        result = self._blended(
            (self._then_live, else_live), (self._then_locals, else_locals), (self._then_changes, else_changes)
        )
        if self.died is not None:
            raising.go_on(self.died)
        return result

    def _mixed_in_place(self, after: Locals) -> tuple[Any, ...] | None:
        """The commonest end by far: no else side, nothing left early, and scalars are all that changed."""
        scopes.end_inside(self)
        if self.place is not None or self.died is not None or not self.then or not ops.is_one(self.live):
            return None
        locals_ = mixed_locals(self.p, after, self._before)
        cells = None if locals_ is None else mixed_cells(self.p, self.log)
        if cells is not None:
            scopes.pop(self)
            journal.hand_over(self.log)
            for holder, cell, value in cells:
                holder.put(cell, value)
        return None if cells is None else locals_

    def rebinding(self, name: str, before: Any) -> None:
        """A walrus binds this name on the side that runs."""
        if self._names is None:
            self._names = {}
        self._names.setdefault(name, Rebinding(before, not self._swapped))

    def binds(self, name: str) -> bool:
        return self._names is not None and name in self._names

    def turn(self, name: str, now: Any) -> Any:
        """What a name is at the beginning of the else side."""
        assert self._names is not None
        return self._names[name].turn(now)

    def rebound(self, name: str, now: Any) -> Any:
        """What a name is after both sides."""
        assert self._names is not None
        return self._names[name].ended(self.p, now)

    def raised(self) -> Any:
        """What a side catches: an exception that is an exit on its path."""
        return BaseException if raising.leaves(self) else ()

    def holds_paths(self) -> bool:
        other = ops.times(self.p, self._then_live) if self._swapped else 1 - self.p
        return not ops.at_most(other, state.options.epsilon)

    def _blended(
        self, lives: tuple[Mass, Mass], locals_: tuple[Locals, Locals], heaps: tuple[Delta, Delta]
    ) -> tuple[Any, ...]:
        if ops.is_one(lives[0]) and ops.is_one(lives[1]):
            return settle(Pair(self.p, heaps), locals_)
        masses = [ops.times(self.mass_then, lives[0]), ops.times(ops.complement(self.mass_then), lives[1])]
        masses = [0.0 if ops.is_zero(live) else mass for live, mass in zip(lives, masses)]
        if state.scopes:
            # a side that was left out is negligible: the other one stands for the whole
            left = ops.plus(*masses) if self.then and self.orelse else lives[0 if self.then else 1]
            outside = state.scopes[-1]
            outside.set_live(ops.times(left, outside.live))
        return settle(Mixer(masses, heaps), locals_)


class SoftAssertion:
    """An `assert` that fails with a probability: then its path ends with an AssertionError."""

    __slots__ = ("_truth",)
    soft = True
    holds = True

    def __init__(self, condition: Any) -> None:
        self._truth = truth_of(condition)

    def fails(self, *message: Any) -> None:
        __tracebackhide__ = True  # debuggers stop at the user's assert
        decided = decisions.decide(self._truth)
        if isinstance(decided, bool):
            if not decided:
                raise raising.raised(AssertionError(*message))
            return
        failure = Branch(ops.complement(decided))
        failure.open(True)
        if failure.then:
            try:
                raise raising.raised(AssertionError(*message))
            except failure.raised():
                pass
        failure.close()

"""Soft branches: both sides run from the same state, and what they changed is blended (paper Eq. 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from relaxpy.runtime import (
    births,
    control,
    decisions,
    expressions,
    filters,
    journal,
    ops,
    perturbation,
    presence,
    raising,
    scopes,
)
from relaxpy.runtime.filters import Weighed
from relaxpy.runtime.journal import Delta
from relaxpy.runtime.mixers import Mixer, Pair
from relaxpy.runtime.mixing import Locals, mixed_cells, mixed_locals, settle
from relaxpy.runtime.ops import Mass
from relaxpy.runtime.presence import Existence
from relaxpy.runtime.scopes import Scope
from relaxpy.runtime.soft import SKIP, UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth, truth_of
from relaxpy.runtime.walruses import Rebinding


def branch(condition: Any) -> Any:
    """The branch of a soft condition; every soft decision of an `if` passes here."""
    truth = truth_of(condition)
    decided = decisions.decide(truth)
    if isinstance(decided, bool):
        return control.TAKEN if decided else control.SKIPPED
    return Branch(decided, presence.about(truth))


def pick(condition: Any) -> Any:
    """The same of a ternary."""
    truth = truth_of(condition)
    decided = decisions.decide(truth)
    if isinstance(decided, bool):
        return expressions.PICK_THEN if decided else expressions.PICK_ELSE
    return Pick(decided, presence.about(truth))


def and_(left: Any, look: bool) -> Any:
    """`left and ...` with a soft left operand."""
    truth = truth_of(left)
    if left is truth and _are_combined():
        return CombinedAnd(left, truth, truth.lanes, look)
    decided = decisions.decide(truth)
    if not isinstance(decided, bool):
        return And(left, truth, decided, look)
    if not decided:
        return expressions.KEEP_FALSE if left is truth else expressions.KeepLeft(left)
    return expressions.RUN_RIGHT


def or_(left: Any, look: bool) -> Any:
    """`left or ...` with a soft left operand."""
    truth = truth_of(left)
    if left is truth and _are_combined():
        return expressions.SoftOr(CombinedOr(left, truth, ops.complement(truth.lanes), look))
    decided = decisions.decide(truth)
    if not isinstance(decided, bool):
        return expressions.SoftOr(Or(left, truth, ops.complement(decided), look))
    if decided:
        return expressions.OR_TRUE if left is truth else expressions.OrLeft(left)
    return expressions.OR_RIGHT


def _are_combined() -> bool:
    """Where truths are drawn, those that a t-norm combines are not drawn one by one, but together, where they are tested."""
    return state.options.t_norm != "product" and decisions.are_drawn()


def filter_(condition: Any) -> Any:
    """The filter of a generator expression with a soft condition."""
    truth = truth_of(condition)
    decided = decisions.decide(truth)
    if isinstance(decided, bool):
        return filters.KEPT if decided else filters.DROPPED
    kept = Filter(truth, decided)
    if kept.then:
        return kept
    kept.close()
    return filters.DROPPED


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


class Pick(Branch):
    """A soft ternary, `A if c else B`."""

    __slots__ = ()

    def begin(self) -> bool:
        self.open(True)
        return self.then

    def mid(self) -> bool:
        # the value of the then side travels to `end` by itself: Python holds it on its stack
        self.swap(True)
        return self.orelse

    def end(self, then: Any, orelse: Any) -> Any:
        self._then_locals = {"the value of a conditional expression": _taken(then)}
        (value,) = self.close(**{"the value of a conditional expression": _taken(orelse)})
        return value


class And(Branch):
    """A soft `A and B`: B on the path on which A holds, else A (a truth counts as 0)."""

    __slots__ = ("_left",)
    name = "the value of `and`"

    def __init__(self, left: Any, truth: SoftTruth, decided: Mass, look: bool) -> None:
        super().__init__(decided, presence.about(truth))
        self._left = False if left is truth else left
        self.open(look, **{self.name: self._left})

    def described(self) -> str:
        return "holds on the left of `and`"

    def end(self, right: Any) -> Any:
        (value,) = self.close(**{self.name: _taken(right)})
        if self._left is False and type(right) is SoftTruth and state.options.t_norm != "product":
            return SoftTruth(perturbation.conjunction(self.p, right.lanes))
        return value


class Or(Branch):
    """A soft `A or B`: A (a truth counts as 1) on the path on which it holds, else B."""

    __slots__ = ("_left",)
    name = "the value of `or`"

    def __init__(self, left: Any, truth: SoftTruth, decided: Mass, look: bool) -> None:
        about = presence.about(truth)
        super().__init__(decided, None if about is None else about.negated())
        self._left = True if left is truth else left
        self.open(look, **{self.name: self._left})

    def described(self) -> str:
        return "does not hold on the left of `or`"

    def end(self, right: Any) -> Any:
        (value,) = self.close(**{self.name: _taken(right)})
        if right is SKIP and self._left is True and self.died is None:
            return SoftTruth(ops.complement(self.p))  # all but certain, and yet a soft test: a loop counts it
        if self._left is True and type(right) is SoftTruth and state.options.t_norm != "product":
            return SoftTruth(perturbation.disjunction(1 - self.p, right.lanes))
        return value


class CombinedAnd(And):
    """One whose truths are not drawn one by one."""

    __slots__ = ()
    merges = True


class CombinedOr(Or):
    """One whose truths are not drawn one by one."""

    __slots__ = ()
    merges = True


class Filter(Branch):
    """A soft filter of a generator expression: its term is evaluated on the path on which it holds."""

    __slots__ = ("_opened", "_truth")

    def __init__(self, truth: SoftTruth, decided: Mass) -> None:
        self._truth = truth
        super().__init__(decided)
        self._reopen()

    def _reopen(self) -> None:
        self.serial = next(scopes.serials)
        self.open(True)
        self._opened = True

    def end(self) -> None:
        if self._opened:
            self._opened = False
            self.close()

    def of(self, value: Any) -> Weighed:
        self.end()
        return Weighed(self._truth, value)

    def over(self, iterable: Any) -> Iterator[Any]:
        """What an inner `for` of the comprehension runs over: each of its terms is on the path of this filter."""
        for item in iterable:
            if not self._opened:
                self._reopen()
            yield item
        self.end()


def _taken(value: Any) -> Any:
    return UNDEFINED if value is SKIP else value

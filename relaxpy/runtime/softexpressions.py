"""Soft ternaries, `and`, `or` and filters: expressions whose operands are sides of a branch (SEMANTICS, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relaxpy.runtime import decisions, expressions, filters, ops, perturbation, presence, scopes
from relaxpy.runtime.branches import Branch
from relaxpy.runtime.filters import Weighed
from relaxpy.runtime.ops import Mass
from relaxpy.runtime.soft import SKIP, UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth, truth_of


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

"""What rewritten ternaries, `and`, `or`, `not` and comparison chains call.

`A and B` is rewritten to ``(_and1 := _rt.and_(A)).end(B if _and1.then else _rt.SKIP)``: the keyword `if` keeps B where it was.
"""

from __future__ import annotations

from typing import Any

from relaxpy.runtime import compare
from relaxpy.runtime.classes import asked
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import met
from relaxpy.runtime.soft import SKIP, Soft
from relaxpy.runtime.walruses import HardSides, bound
from relaxpy.runtime.wholes import whole

softexpressions: Any = LazyModule("relaxpy.runtime.softexpressions")
softcompare: Any = LazyModule("relaxpy.runtime.softcompare")
values: Any = LazyModule("relaxpy.runtime.values")


class RunRight(HardSides):
    """The left operand decides that the right one is evaluated and is the value."""

    __slots__ = ()
    then = True

    def end(self, right: Any) -> Any:
        return right


class KeepLeft(HardSides):
    """The left operand is the value. It is let go when it is handed out: the name of this object lives longer."""

    __slots__ = ("left",)
    then = False

    def __init__(self, left: Any) -> None:
        self.left = left

    def end(self, right: Any) -> Any:
        left, self.left = self.left, None
        return left


class KeepFalse(HardSides):
    __slots__ = ()
    then = False

    def end(self, right: Any) -> Any:
        return False


class SoftOr:
    """`or` runs its right operand where ``then`` is false (see the rewritten shape)."""

    __slots__ = ("branch", "then")
    soft = True

    def __init__(self, branch: Any) -> None:
        self.branch = branch
        self.then = not branch.then

    def raised(self) -> Any:
        return self.branch.raised()

    def rebinding(self, name: str, before: Any) -> None:
        self.branch.rebinding(name, before)

    def binds(self, name: str) -> bool:
        return bool(self.branch.binds(name))

    def rebound(self, name: str, now: Any) -> Any:
        return self.branch.rebound(name, now)

    def end(self, right: Any) -> Any:
        return self.branch.end(right)


class OrRight(HardSides):
    __slots__ = ()
    then = False

    def end(self, right: Any) -> Any:
        return right


class OrLeft(HardSides):
    __slots__ = ("left",)
    then = True

    def __init__(self, left: Any) -> None:
        self.left = left

    def end(self, right: Any) -> Any:
        left, self.left = self.left, None
        return left


class OrTrue(HardSides):
    __slots__ = ()
    then = True

    def end(self, right: Any) -> Any:
        return True


RUN_RIGHT = RunRight()
KEEP_FALSE = KeepFalse()
OR_RIGHT = OrRight()
OR_TRUE = OrTrue()


def and_(left: Any, look: bool = True) -> Any:
    """`left and ...`; ``look``: the right operand holds a call, so a negligible path is not worth running."""
    if left is True:
        return RUN_RIGHT
    if left is False:
        return KEEP_FALSE
    left = whole(met(left))
    if isinstance(left, Soft):
        return softexpressions.and_(left, look)
    return RUN_RIGHT if left else KeepLeft(left)


def or_(left: Any, look: bool = True) -> Any:
    """`left or ...`"""
    if left is True:
        return OR_TRUE
    if left is False:
        return OR_RIGHT
    left = whole(met(left))
    if isinstance(left, Soft):
        return softexpressions.or_(left, look)
    return OrLeft(left) if left else OR_RIGHT


def tested(value: Any) -> Any:
    """An operand of a condition as a truth, on the path on which it is evaluated."""
    if value is True or value is False or value is SKIP:
        return value
    value = asked(value)
    return values.truth_of(value) if isinstance(value, Soft) else bool(value)


def not_(value: Any) -> Any:
    """`not value`: 1 - p of a soft one."""
    if value is True or value is False:
        return not value
    value = asked(value)
    if isinstance(value, Soft):
        return softcompare.negation(values.truth_of(value))
    return not value


class HardPick(HardSides):
    """A ternary whose condition is plain."""

    __slots__ = ("holds",)

    def __init__(self, holds: bool) -> None:
        self.holds = holds

    def begin(self) -> bool:
        return self.holds

    def mid(self) -> bool:
        return not self.holds

    def end(self, then: Any, orelse: Any) -> Any:
        return then if self.holds else orelse


PICK_THEN = HardPick(True)
PICK_ELSE = HardPick(False)


def pick(condition: Any) -> Any:
    """The condition of a ternary."""
    if condition is True:
        return PICK_THEN
    if condition is False:
        return PICK_ELSE
    condition = asked(condition)
    if isinstance(condition, Soft):
        return softexpressions.pick(condition)
    return PICK_THEN if condition else PICK_ELSE


class Chain:
    """One link `a < b` of a chain `a < b < c`; ``right`` is b, evaluated once."""

    __slots__ = ("right", "link", "then")

    def __init__(self, link: Any, right: Any) -> None:
        self.right = right
        self.link = and_(link)
        self.then = self.link.then

    def end(self, rest: Any) -> Any:
        self.right = None
        return self.link.end(rest)

    def rebinding(self, name: str, before: Any) -> None:
        bound(None, name, before, self.link)

    def binds(self, name: str) -> bool:
        return bool(self.link.binds(name))

    def rebound(self, name: str, now: Any) -> Any:
        return self.link.rebound(name, now)


def chain_lt(a: Any, b: Any) -> Chain:
    return Chain(compare.lt(a, b), b)


def chain_le(a: Any, b: Any) -> Chain:
    return Chain(compare.le(a, b), b)


def chain_gt(a: Any, b: Any) -> Chain:
    return Chain(compare.gt(a, b), b)


def chain_ge(a: Any, b: Any) -> Chain:
    return Chain(compare.ge(a, b), b)


def chain_eq(a: Any, b: Any) -> Chain:
    return Chain(compare.eq(a, b), b)


def chain_ne(a: Any, b: Any) -> Chain:
    return Chain(compare.ne(a, b), b)


def chain_is(a: Any, b: Any) -> Chain:
    return Chain(a is b, b)


def chain_is_not(a: Any, b: Any) -> Chain:
    return Chain(a is not b, b)


def chain_in(a: Any, b: Any) -> Chain:
    return Chain(compare.in_(a, b), b)


def chain_not_in(a: Any, b: Any) -> Chain:
    return Chain(compare.not_in(a, b), b)

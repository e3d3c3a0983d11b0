"""What rewritten `if`, `while`, `for` and `return` call: the hard path here, which costs next to nothing and imports no torch.

A hard condition gives TAKEN or SKIPPED; a soft one a ``Branch`` (see branches.py) whose both sides run.
"""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.classes import asked
from relaxpy.runtime.compare import eq, ge, gt, le, lt, ne
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft

branches: Any = LazyModule("relaxpy.runtime.branches")


class Taken:
    """An `if` whose condition is plainly true."""

    __slots__ = ()
    soft = False
    then = True
    orelse = False

    def raised(self) -> tuple[()]:
        return ()


class Skipped:
    """An `if` whose condition is plainly false."""

    __slots__ = ()
    soft = False
    then = False
    orelse = True

    def raised(self) -> tuple[()]:
        return ()


TAKEN = Taken()
SKIPPED = Skipped()


class Assertion:
    """A plain `assert`."""

    __slots__ = ("holds",)
    soft = False

    def __init__(self, holds: bool) -> None:
        self.holds = holds


HOLDS = Assertion(True)
FAILS = Assertion(False)


def asserted(condition: Any) -> Any:
    """The condition of an `assert`."""
    if condition is True:
        return HOLDS
    condition = asked(condition)
    if isinstance(condition, Soft):
        return branches.SoftAssertion(condition)
    return HOLDS if condition else FAILS


def if_(condition: Any) -> Any:
    """The branch of a condition."""
    if condition is True:
        return TAKEN
    if condition is False:
        return SKIPPED
    if not isinstance(condition, Soft):
        condition = asked(condition)
    if isinstance(condition, Soft):
        return branches.branch(condition)
    return TAKEN if condition else SKIPPED


def if_lt(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a < b else SKIPPED
    return if_(a < b if isinstance(a, Soft) else lt(a, b))


def if_le(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a <= b else SKIPPED
    return if_(a <= b if isinstance(a, Soft) else le(a, b))


def if_gt(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a > b else SKIPPED
    return if_(a > b if isinstance(a, Soft) else gt(a, b))


def if_ge(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a >= b else SKIPPED
    return if_(a >= b if isinstance(a, Soft) else ge(a, b))


def if_eq(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a == b else SKIPPED
    return if_(a == b if isinstance(a, Soft) else eq(a, b))


def if_ne(a: Any, b: Any) -> Any:
    kind, other = type(a), type(b)
    if (kind is float or kind is int) and (other is float or other is int):
        return TAKEN if a != b else SKIPPED
    return if_(a != b if isinstance(a, Soft) else ne(a, b))

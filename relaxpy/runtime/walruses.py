"""Names that a walrus binds on one side of a soft expression: `x > 0 and (n := n + 1) < 5`.

On its side the name holds what the walrus bound; when the expression ends it is the expectation over both sides, as after a
branch. Python holds the name, so rewritten code says what it was before, and takes what it is to be.
"""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import UNDEFINED

mixing: Any = LazyModule("relaxpy.runtime.mixing")


def bound(value: Any, name: str, before: Any, *around: Any) -> Any:
    """``(name := value)`` inside these expressions, innermost last; what the name was ``before`` is remembered by soft ones."""
    for construct in around:
        rebinding = getattr(construct, "rebinding", None)
        if rebinding is not None:
            rebinding(name, before)
    return value


def first(value: Any, *_: Any) -> Any:
    """The value of an expression, after which names are bound anew."""
    return value


class HardSides:
    """An expression with a plain condition: names stay as they are."""

    __slots__ = ()

    def binds(self, name: str) -> bool:
        return False


class Rebinding:
    """One name: its value before, and at the end of the then side (UNDEFINED until that is over)."""

    __slots__ = ("before", "then", "by_then")

    def __init__(self, before: Any, by_then: bool) -> None:
        self.before = before
        self.then: Any = UNDEFINED
        self.by_then = by_then

    def turn(self, now: Any) -> Any:
        """The then side is over: the name is as it was before."""
        self.then = now
        return self.before

    def ended(self, p: Any, now: Any) -> Any:
        """The expectation, p the probability of the then side."""
        if not self.by_then:
            return mixing.of_sides(p, self.before, now)
        if self.then is UNDEFINED:
            return mixing.of_sides(p, now, self.before)
        return mixing.of_sides(p, self.then, now)

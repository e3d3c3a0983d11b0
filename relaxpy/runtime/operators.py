"""Operators that mean the same for soft scalars and soft arrays: comparisons, floor division and rounding."""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft

rounding: Any = LazyModule("relaxpy.runtime.rounding")
softcompare: Any = LazyModule("relaxpy.runtime.softcompare")


class Operators(Soft):
    """Mixed into SoftScalar and SoftArray."""

    __slots__ = ()
    __hash__ = Soft.__hash__

    def __lt__(self, other: Any) -> Any:
        return softcompare.less(self, other)

    def __le__(self, other: Any) -> Any:
        return softcompare.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return softcompare.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return softcompare.greater_equal(self, other)

    def __eq__(self, other: Any) -> Any:
        return softcompare.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return softcompare.unequal(self, other)

    def __floordiv__(self, other: Any) -> Any:
        return rounding.floordiv(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return rounding.floordiv(other, self)

    def __mod__(self, other: Any) -> Any:
        return rounding.mod(self, other)

    def __rmod__(self, other: Any) -> Any:
        return rounding.mod(other, self)

    def __round__(self, digits: int | None = None) -> Any:
        return rounding.round(self, digits)

"""What a soft array does as a list (`index`, `count`), and operators that round or combine truths, element by element."""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft

membership: Any = LazyModule("relaxpy.runtime.softbuiltins.membership")
rounding: Any = LazyModule("relaxpy.runtime.rounding")
torchtruths: Any = LazyModule("relaxpy.runtime.torchtruths")


class ArrayMethods(Soft):
    """Mixed into SoftArray."""

    __slots__ = ()

    def index(self, value: Any, *bounds: Any) -> Any:
        return membership.index(self, value, *bounds)

    def count(self, value: Any) -> Any:
        return membership.count(self, value)

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

    def __and__(self, other: Any) -> Any:
        return torchtruths.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return torchtruths.logical_or(self, other)

    def __xor__(self, other: Any) -> Any:
        return torchtruths.logical_xor(self, other)

    def __invert__(self) -> Any:
        return torchtruths.logical_not(self)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

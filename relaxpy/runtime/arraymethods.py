"""What a soft array does as a list (`index`, `count`), and operators that combine truths, element by element."""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.operators import Operators

membership: Any = LazyModule("relaxpy.runtime.softbuiltins.membership")
torchtruths: Any = LazyModule("relaxpy.runtime.torchtruths")


class ArrayMethods(Operators):
    """Mixed into SoftArray."""

    __slots__ = ()

    def index(self, value: Any, *bounds: Any) -> Any:
        return membership.index(self, value, *bounds)

    def count(self, value: Any) -> Any:
        return membership.count(self, value)

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

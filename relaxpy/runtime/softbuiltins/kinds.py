"""`isinstance` and `type` of soft values: what the value is in the original.

A soft number is a float (and a tensor of no dimension), a soft integer an int, a soft truth a bool, a soft array a list (and a
tensor). Where a number was an int on one side of a soft condition and a float on the other, what would tell them apart is
refused.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.marks import met
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import StandIn
from relaxpy.runtime.values import SoftNumber, SoftTruth

_IS: dict[type, tuple[type, ...]] = {
    SoftNumber: (float, Tensor),
    SoftInteger: (int,),
    SoftTruth: (bool,),
    SoftArray: (list, Tensor),
}


def is_instance(value: Any, kinds: Any, /) -> bool:
    value = met(value)
    if isinstance(value, StandIn):
        return issubclass(Tensor, kinds)
    found = _IS.get(type(value))
    if found is None or isinstance(value, kinds):
        return isinstance(value, kinds)
    result = any(issubclass(kind, kinds) for kind in found)
    if _is_mixed(value) and result is not issubclass(int, kinds):
        raise _refused("isinstance")
    return result


def type_(value: Any, /) -> Any:
    value = met(value)
    if _is_mixed(value):
        raise _refused("type")
    if isinstance(value, StandIn):
        return Tensor
    if isinstance(value, SoftArray):
        raise SoftValueError(
            "the `type` of a soft array, which is a list for some and a tensor for others",
            remedy="ask `isinstance(a, list)` or `isinstance(a, torch.Tensor)`: both are true",
        )
    return _IS[type(value)][0] if isinstance(value, Soft) and type(value) in _IS else type(value)


def _is_mixed(value: Any) -> bool:
    return isinstance(value, SoftNumber) and getattr(value, "mixed", False)


def _refused(function: str) -> SoftValueError:
    return SoftValueError(
        f"`{function}` of a number that is an int on one side of a soft condition and a float on the other",
        remedy="give it the same type on both sides (`1.0` instead of `1`), or ask for both: `isinstance(x, (int, float))`",
    )

"""Numbers that are soft in some lanes of a batch, and plain in the others, where drawn paths left them so.

A sampled run follows one path in each lane (estimators.py). Where a lane's path leaves a variable a plain number, a comparison
with another plain one is Python's there, as it would be if the sample were alone; what other lanes hold does not matter.
Arithmetic with plain numbers keeps them plain; what else is computed is soft in all lanes. Integers that are plain in every lane
are the hard integers of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import integers, ops
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.recipes import LaneValues
from relaxpy.runtime.values import SoftNumber

__all__ = ["PartlyPlain", "decided", "mixed", "mixed_integers"]


class PartlyPlain(SoftNumber):
    """``plain``: in which lanes it is a plain number."""

    __slots__ = ("plain",)

    def __init__(self, lanes: Tensor, finite: bool, plain: Tensor) -> None:
        super().__init__(lanes, finite)
        self.plain = plain


def _plain_lanes(value: Any) -> Tensor | bool:
    if type(value) is PartlyPlain:
        return value.plain
    return type(value) is float or _is_plain_integer(value)


def _is_plain_integer(value: Any) -> bool:
    """In every lane?"""
    return type(value) in (int, bool) or type(value) is SoftInteger and type(value.node) is LaneValues


def _of(number: SoftNumber, plain: Tensor | bool) -> SoftNumber:
    """The number, with these lanes plain, if any are."""
    if isinstance(plain, bool) or not bool(ops.concrete(plain).any()):
        return number
    return PartlyPlain(number.lanes, number.finite, plain)


def mixed(number: SoftNumber, weights: Sequence[Tensor], values: Sequence[Any]) -> SoftNumber:
    """The mean of values by weights: plain in lanes in which one of weight 1 is."""
    plain: Tensor | bool = False
    for weight, value in zip(weights, values):
        plain = plain | (_plain_lanes(value) & (weight.detach() == 1))
    return _of(number, plain)


def mixed_integers(mean: Tensor, weights: Sequence[Tensor], values: Sequence[Any]) -> SoftInteger | None:
    """The same of integers, if they are plain and each lane takes one of them; else None. mean: their mean by the weights."""
    if not all(map(_is_plain_integer, values)):
        return None
    drawn = torch.stack(torch.broadcast_tensors(*weights)).detach()  # type: ignore[no-untyped-call]
    if not bool(ops.concrete((drawn == 0) | (drawn == 1)).all()):
        return None
    return integers.from_lanes(mean.detach().round().long(), mean.dtype)


def decided(p: Tensor, a: Any, b: Any, holds: Any) -> Tensor:
    """The probability of a comparison; what Python says in lanes in which both sides are plain."""
    plain = _plain_lanes(a) & _plain_lanes(b)
    return p if isinstance(plain, bool) else torch.where(plain, torch.as_tensor(holds).to(p.dtype), p)


def _keeping(name: str) -> Callable[..., Any]:
    inherited = getattr(SoftNumber, name)

    def operation(self: PartlyPlain, *others: Any) -> Any:
        result = inherited(self, *others)
        if type(result) is not SoftNumber:
            return result
        plain: Tensor | bool = self.plain
        for other in others:
            plain = plain & _plain_lanes(other)
        return _of(result, plain)

    return operation


for _name in ("neg", "pos", "abs", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow"):
    setattr(PartlyPlain, f"__{_name}__", _keeping(f"__{_name}__"))

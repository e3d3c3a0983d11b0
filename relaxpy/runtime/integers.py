"""Soft integers: distributions over integers, built only when someone asks (SEMANTICS, section 2).

A soft integer holds its expectation per lane, and a node of a graph of constants, shifts, mixes and sums from which its
distribution can be worked out. A mere counter thus costs a scalar.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import ops
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.recipes import (
    Affine,
    Constant,
    Distribution,
    LaneValues,
    Mixture,
    Node,
    Sum,
    Table,
    distribution_of,
)
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth, arithmetic

integermaps: Any = LazyModule("relaxpy.runtime.integermaps")


class SoftInteger(SoftScalar):
    """A distribution over integers; ``lanes`` is its expectation."""

    __slots__ = ("node",)
    kind = "soft integer"

    def __init__(self, mean: Tensor, node: Node) -> None:
        self.lanes = mean
        self.finite = True
        self.node = node

    def distribution(self) -> Distribution:
        return distribution_of(self.node)

    def __add__(self, other: Any) -> Any:
        return add(self, other, 1, operator.add)

    def __radd__(self, other: Any) -> Any:
        return add(self, other, 1, operator.add)

    def __sub__(self, other: Any) -> Any:
        return add(self, other, -1, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        if is_integer(other):
            return add(affine(self, -1, 0), other, 1, operator.add)
        return arithmetic(operator.sub, self, other, reflected=True)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, SoftScalar) and is_integer(other):
            return affine(self, int(other), 0)
        return arithmetic(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.__mul__(other)

    def __neg__(self) -> Any:
        return affine(self, -1, 0)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return integermaps.mapped(abs, self)

    def __and__(self, other: Any) -> Any:
        return bitwise(operator.and_, self, other)

    def __or__(self, other: Any) -> Any:
        return bitwise(operator.or_, self, other)

    def __xor__(self, other: Any) -> Any:
        return bitwise(operator.xor, self, other)

    def __lshift__(self, other: Any) -> Any:
        return bitwise(operator.lshift, self, other)

    def __rshift__(self, other: Any) -> Any:
        return bitwise(operator.rshift, self, other)

    def __rlshift__(self, other: Any) -> Any:
        return bitwise(operator.lshift, other, self)

    def __rrshift__(self, other: Any) -> Any:
        return bitwise(operator.rshift, other, self)

    def __invert__(self) -> Any:
        return affine(self, -1, -1)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__


def is_integer(value: Any) -> bool:
    kind = type(value)
    if kind is int or kind is bool or kind is SoftInteger or kind is SoftTruth:
        return True
    return kind is not float and kind is not SoftNumber and is_foreign(value)


def is_foreign(value: Any) -> bool:
    """Is it an integer or bool of another kind: of an enumeration, of numpy, or in a tensor of no dimension?"""
    if isinstance(value, TENSORS):
        real = value.is_floating_point() or value.is_complex()
        return not real and value.dim() == 0 and not ops.is_transformed(value)
    if hasattr(type(value), "__array_interface__"):
        return value.dtype.kind in "iub" and value.shape == ()
    return isinstance(value, int)


def as_plain(value: Any) -> Any:
    """An integer or bool of another kind as Python's own; any other value is itself."""
    if type(value) is int or type(value) is bool or not is_foreign(value):
        return value
    return value.item() if hasattr(value, "item") else int(value)


def bitwise(operation: Any, a: Any, b: Any) -> Any:
    """A function of two integers, exactly, by their supports."""
    return integermaps.mapped(operation, a, b) if is_integer(a) and is_integer(b) else NotImplemented


def of_truth(truth: SoftTruth) -> SoftInteger:
    return SoftInteger(truth.lanes, Mixture(truth.lanes, Constant(1), Constant(0)))


def node_of(value: Any) -> Node:
    """The recipe of an int, bool, soft truth or soft integer."""
    if isinstance(value, SoftInteger):
        return value.node
    if isinstance(value, SoftTruth):
        return of_truth(value).node
    return Constant(int(value))


def mean_of(value: Any) -> Operand:
    return value.lanes if isinstance(value, SoftScalar) else int(value)


def affine(value: SoftInteger, scale: int, shift: int) -> SoftInteger:
    mean = value.lanes * scale if scale != 1 else value.lanes
    if shift:
        mean = mean + ops.constant(shift, mean)
    node = value.node
    if isinstance(node, LaneValues):
        return from_lanes(scale * node.lanes + shift, mean.dtype)
    if isinstance(node, Affine):
        return SoftInteger(mean, Affine(scale * node.scale, scale * node.shift + shift, node.parts[0]))
    return SoftInteger(mean, Affine(scale, shift, node))


def add(a: SoftInteger, b: Any, sign: int, operation: Any) -> Any:
    if type(b) is int or type(b) is bool:
        return affine(a, 1, sign * b)
    if not isinstance(b, SoftScalar) and is_integer(b):
        return affine(a, 1, sign * int(b))
    if is_integer(b):
        if isinstance(a.node, LaneValues) and isinstance(b, SoftInteger) and isinstance(b.node, LaneValues):
            return from_lanes(a.node.lanes + sign * b.node.lanes, a.lanes.dtype)
        return SoftInteger(a.lanes + sign * b.lanes, Sum(a.node, node_of(b), sign))
    return arithmetic(operation, a, b)


def mix(weight: Tensor, first: Any, second: Any) -> SoftInteger:
    """``first`` with probability ``weight``, else ``second``; ints, bools or soft ones."""
    one, other = node_of(first), node_of(second)
    shift = one.shift_from(other)
    # where a counter goes on or not, its expectation moves by the weight: one sum, and a derivative that costs nothing
    if shift is None or second.lanes.dtype != weight.dtype:
        mean = ops.lerp(mean_of(second), mean_of(first), weight)
    else:
        mean = second.lanes.add(weight, alpha=shift)
    return SoftInteger(mean, Mixture(weight, one, other))


def from_table(probabilities: Tensor, values: list[int] | None = None, categorical: bool = False) -> SoftInteger:
    """Probabilities of shape (support, *lanes), by default over 0, 1, 2, ..."""
    if values is None:
        values = list(range(probabilities.shape[0]))
    column = _column(tuple(values), probabilities.dim() - 1, probabilities.dtype, probabilities.device)
    mean = (probabilities * column).sum(0)
    return SoftInteger(mean, Table(values, probabilities, categorical))


@functools.lru_cache(maxsize=1024)
def _column(values: tuple[int, ...], axes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Values along the first of several axes, shape (n, 1, ...)."""
    with ops.outside_transforms():
        return torch.tensor(values, dtype=dtype, device=device).reshape((-1,) + (1,) * axes)


def certain_lanes(values: Sequence[Any]) -> Tensor | None:
    """Integers that are certain in each lane, shape (n, *lanes); None if any is a distribution, or none differs."""
    nodes = [value.node for value in values if isinstance(value, SoftInteger)]
    known = [node.lanes for node in nodes if isinstance(node, LaneValues)]
    plain = sum(type(value) is int or type(value) is bool for value in values)
    if not known or len(known) + plain < len(values):
        return None
    certain = iter(known)
    device = known[0].device
    lanes = [
        next(certain) if isinstance(value, SoftInteger) else torch.tensor(int(value), device=device) for value in values
    ]
    return torch.stack(torch.broadcast_tensors(*lanes))  # type: ignore[no-untyped-call]


def from_lanes(lanes: Tensor, dtype: torch.dtype) -> SoftInteger:
    """Hard integers that differ between lanes."""
    return SoftInteger(lanes.to(dtype), LaneValues(lanes, dtype))

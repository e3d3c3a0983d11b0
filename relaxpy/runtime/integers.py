"""Soft integers: distributions over integers, built only when someone asks (SEMANTICS, section 2).

A soft integer holds its expectation per lane, and a node of a graph of constants, shifts, mixes and sums from which its
distribution can be worked out. A mere counter thus costs a scalar.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import ops
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.values import SoftScalar, SoftTruth, arithmetic

integermaps: Any = LazyModule("relaxpy.runtime.integermaps")

# support in ascending order, and its probabilities, shape (support, *lanes); None stands for certainty of a single value
Distribution = tuple[list[int], "Tensor | None"]


class Node:
    """A recipe for a distribution; ``parts`` are the recipes that it needs first."""

    __slots__ = ("parts", "distribution")

    def __init__(self, *parts: Node) -> None:
        self.parts = parts
        self.distribution: Distribution | None = None

    def evaluate(self) -> Distribution:
        raise NotImplementedError


class Constant(Node):
    __slots__ = ()

    def __init__(self, value: int) -> None:
        super().__init__()
        self.distribution = ([value], None)


class Table(Node):
    """A distribution that is given. ``categorical`` marks unmodified results of relaxpy.categorical."""

    __slots__ = ("categorical", "_unit")

    def __init__(self, values: list[int], probabilities: Tensor | None, categorical: bool = False) -> None:
        super().__init__()
        self.distribution = (values, probabilities)
        self.categorical = categorical
        self._unit: Tensor | None = None

    def unit(self) -> Tensor:
        """The probabilities, as a vector of length 1."""
        if self._unit is None:
            _, probabilities = part_distribution(self)
            assert probabilities is not None
            self._unit = probabilities / torch.linalg.vector_norm(probabilities, dim=0)
        return self._unit


class LaneValues(Node):
    """An integer that is certain, but differs between lanes."""

    __slots__ = ("lanes", "dtype")

    def __init__(self, lanes: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.lanes = lanes
        self.dtype = dtype

    def evaluate(self) -> Distribution:
        values = torch.unique(ops.concrete(self.lanes))
        column = values.reshape((-1,) + (1,) * self.lanes.dim())
        return values.tolist(), (self.lanes == column).to(self.dtype)


class Affine(Node):
    """scale * part + shift"""

    __slots__ = ("scale", "shift")

    def __init__(self, scale: int, shift: int, part: Node) -> None:
        super().__init__(part)
        self.scale = scale
        self.shift = shift

    def evaluate(self) -> Distribution:
        values, probabilities = part_distribution(self.parts[0])
        if self.scale == 0:
            return [self.shift], None
        moved = [self.scale * value + self.shift for value in values]
        if self.scale > 0:
            return moved, probabilities
        return moved[::-1], None if probabilities is None else probabilities.flip(0)


class Mixture(Node):
    """The first part with probability ``weight``, else the second."""

    __slots__ = ("weight",)

    def __init__(self, weight: Tensor, first: Node, second: Node) -> None:
        super().__init__(first, second)
        self.weight = weight

    def evaluate(self) -> Distribution:
        sides = [part_distribution(part) for part in self.parts]
        support = sorted({value for values, _ in sides for value in values})
        place = {value: k for k, value in enumerate(support)}
        weights = (self.weight, 1 - self.weight)
        weighted = [w[None] if p is None else w * p for w, (_, p) in zip(weights, sides)]
        shape = ops.broadcast_shape(weighted[0][0], weighted[1][0])
        total = torch.zeros((len(support), *shape), dtype=torch.result_type(*weighted), device=self.weight.device)
        for (values, _), part in zip(sides, weighted):
            rows = torch.tensor([place[value] for value in values], device=total.device)
            total = total.index_add(0, rows, part.expand(len(values), *shape).to(total.dtype))
        return support, total


class Sum(Node):
    """first + sign * second of independent draws: the convolution."""

    __slots__ = ("sign",)

    def __init__(self, first: Node, second: Node, sign: int) -> None:
        super().__init__(first, second)
        self.sign = sign

    def evaluate(self) -> Distribution:
        (a, p), (b, q) = (part_distribution(part) for part in self.parts)
        support = sorted({x + self.sign * y for x in a for y in b})
        if p is None or q is None:
            return combined(support, [(x + self.sign * y) for x in a for y in b], q if p is None else p)
        joint = p.unsqueeze(1) * q.unsqueeze(0)
        return combined(support, [x + self.sign * y for x in a for y in b], joint.flatten(0, 1))


def combined(support: list[int], values: list[int], probabilities: Tensor | None) -> Distribution:
    """Add up the probabilities of equal values."""
    if probabilities is None:
        return support, None
    place = {value: k for k, value in enumerate(support)}
    rows = torch.tensor([place[value] for value in values], device=probabilities.device)
    total = probabilities.new_zeros((len(support), *probabilities.shape[1:]))
    return support, total.index_add(0, rows, probabilities)


def part_distribution(part: Node) -> Distribution:
    if part.distribution is None:
        raise RelaxError("internal: the distribution of a part was asked for before it was built")
    return part.distribution


def distribution_of(node: Node) -> Distribution:
    """The distribution of a node, kept there; iterative, since counters make long chains."""
    pending = [node]
    while pending:
        current = pending[-1]
        if current.distribution is None:
            missing = [part for part in current.parts if part.distribution is None]
            if missing:
                pending.extend(missing)
                continue
            current.distribution = current.evaluate()
        pending.pop()
    return part_distribution(node)


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
        if type(other) is int or type(other) is bool:
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
    return kind is int or kind is bool or kind is SoftInteger or kind is SoftTruth


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
        mean = mean + shift
    node = value.node
    if isinstance(node, Affine):
        return SoftInteger(mean, Affine(scale * node.scale, scale * node.shift + shift, node.parts[0]))
    return SoftInteger(mean, Affine(scale, shift, node))


def add(a: SoftInteger, b: Any, sign: int, operation: Any) -> Any:
    if type(b) is int or type(b) is bool:
        return affine(a, 1, sign * b)
    if is_integer(b):
        return SoftInteger(a.lanes + sign * b.lanes, Sum(a.node, node_of(b), sign))
    return arithmetic(operation, a, b)


def mix(weight: Tensor, first: Any, second: Any) -> SoftInteger:
    """``first`` with probability ``weight``, else ``second``; ints, bools or soft ones."""
    mean = ops.lerp(mean_of(second), mean_of(first), weight)
    return SoftInteger(mean, Mixture(weight, node_of(first), node_of(second)))


def from_table(probabilities: Tensor, values: list[int] | None = None, categorical: bool = False) -> SoftInteger:
    """Probabilities of shape (support, *lanes), by default over 0, 1, 2, ..."""
    if values is None:
        values = list(range(probabilities.shape[0]))
    column = torch.tensor(values, dtype=probabilities.dtype, device=probabilities.device)
    mean = (probabilities * column.reshape((-1,) + (1,) * (probabilities.dim() - 1))).sum(0)
    return SoftInteger(mean, Table(values, probabilities, categorical))


def stacked_lanes(rows: list[Any]) -> Tensor:
    """Integers that are certain in each lane, as one tensor; expectations if some are not."""
    lanes = [
        row.node.lanes if isinstance(row, SoftInteger) and isinstance(row.node, LaneValues) else row for row in rows
    ]
    if any(isinstance(each, SoftScalar) for each in lanes):
        lanes = [each.lanes if isinstance(each, SoftScalar) else each for each in rows]
    return torch.stack(torch.broadcast_tensors(*map(torch.as_tensor, lanes)))  # type: ignore[no-untyped-call]


def from_lanes(lanes: Tensor, dtype: torch.dtype) -> SoftInteger:
    """Hard integers that differ between lanes."""
    return SoftInteger(lanes.to(dtype), LaneValues(lanes, dtype))

"""How the distribution of a soft integer is worked out: a graph of constants, shifts, mixes and sums, evaluated on demand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import ops
from relaxpy.runtime.standins import StandIn

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

    def shift_from(self, other: Node) -> int | None:
        """k if this is the other plus a known k, None where that is not seen at once."""
        return None


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
        lanes = ops.concrete(self.lanes)
        values: list[int] = lanes.integers() if isinstance(lanes, StandIn) else torch.unique(lanes).tolist()
        column = torch.tensor(values, device=self.lanes.device).reshape((-1,) + (1,) * self.lanes.dim())
        return values, (self.lanes == column).to(self.dtype)


class Affine(Node):
    """scale * part + shift"""

    __slots__ = ("scale", "shift")

    def __init__(self, scale: int, shift: int, part: Node) -> None:
        super().__init__(part)
        self.scale = scale
        self.shift = shift

    def shift_from(self, other: Node) -> int | None:
        if isinstance(other, Affine) and other.parts[0] is self.parts[0] and other.scale == self.scale:
            return self.shift - other.shift
        return self.shift if other is self.parts[0] and self.scale == 1 else None

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

    def weights(self) -> Sequence[Tensor]:
        return self.weight, ops.complement(self.weight)

    def evaluate(self) -> Distribution:
        sides = [part_distribution(part) for part in self.parts]
        support = sorted({value for values, _ in sides for value in values})
        place = {value: k for k, value in enumerate(support)}
        weighted = [w.unsqueeze(0) if p is None else w * p for w, (_, p) in zip(self.weights(), sides)]
        shape = ops.broadcast_shape(*(each[0] for each in weighted))
        dtype = functools.reduce(torch.promote_types, (each.dtype for each in weighted))
        parts = [
            ops.fitted(part, dtype, torch.Size((len(values), *shape))) for (values, _), part in zip(sides, weighted)
        ]
        rows = torch.tensor([place[value] for values, _ in sides for value in values], device=parts[0].device)
        return support, parts[0].new_zeros((len(support), *shape)).index_add(0, rows, torch.cat(parts))


class Mean(Mixture):
    """Each of several parts with a weight of its own; the weights, which sum to 1, are worked out when they are needed."""

    __slots__ = ("_given",)

    def __init__(self, weights: Callable[[], Tensor], *parts: Node) -> None:
        Node.__init__(self, *parts)
        self._given = weights

    def weights(self) -> Sequence[Tensor]:
        return self._given().unbind(0)


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
    if probabilities is None or values == support:
        return support, probabilities
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

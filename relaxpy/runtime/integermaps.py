"""Functions of soft integers, exactly: the support is mapped, probabilities of equal results add up."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import integers, ops, recipes
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.recipes import LaneValues, Node
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth


def mapped(function: Callable[..., int], *values: Any) -> Any:
    """A function of integers, at least one of them soft (and independent): exactly, by their supports."""
    lanes = [_hard_lanes(value) for value in values]
    if all(each is not None for each in lanes) and function in _LANE_FUNCTIONS and _no_zero(lanes[-1]):
        return integers.from_lanes(_LANE_FUNCTIONS[function](*lanes), _dtype(values))
    node = Mapped(function, *(integers.node_of(value) for value in values))
    support, probabilities = recipes.distribution_of(node)
    like = next(value.lanes for value in values if isinstance(value, SoftScalar))
    return SoftInteger(_mean(support, probabilities, like), node)


def expectation(function: Callable[..., float], *values: Any) -> SoftNumber:
    """The expectation of a real function of integers, exactly, by their supports."""
    node = Mapped(function, *(integers.node_of(value) for value in values))
    support, probabilities = recipes.distribution_of(node)
    like = next(value.lanes for value in values if isinstance(value, SoftScalar))
    mean = _mean(support, probabilities, like)
    return SoftNumber(mean, ops.all_finite(mean))


def _mean(support: list[Any], probabilities: Tensor | None, like: Tensor) -> Tensor:
    if probabilities is None:
        return torch.full_like(like, support[0])
    column = torch.tensor(support, dtype=probabilities.dtype, device=probabilities.device)
    return (probabilities * column.reshape((-1,) + (1,) * (probabilities.dim() - 1))).sum(0)


def _dtype(values: tuple[Any, ...]) -> torch.dtype:
    return next(value.lanes.dtype for value in values if isinstance(value, SoftScalar))


def _hard_lanes(value: Any) -> Any:
    """Integers that are certain in each lane: a plain int, or a tensor; None for a distribution."""
    if isinstance(value, SoftInteger):
        return value.node.lanes if isinstance(value.node, LaneValues) else None
    return None if isinstance(value, SoftTruth) else int(value)


def _no_zero(divisor: Any) -> bool:
    return bool((ops.concrete(divisor) != 0).all()) if isinstance(divisor, TENSORS) else divisor != 0


def _floor_divided(x: Any, y: Any) -> Tensor:
    return torch.div(*map(_as_tensor, (x, y)), rounding_mode="floor")


def _remainder(x: Any, y: Any) -> Tensor:
    return torch.remainder(*map(_as_tensor, (x, y)))


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, TENSORS) else torch.tensor(value)


_LANE_FUNCTIONS: dict[Any, Callable[..., Tensor]] = {operator.floordiv: _floor_divided, operator.mod: _remainder}


class Mapped(Node):
    """A function of one or two independent integers; values for which it raises must have negligible mass."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any], *parts: Node) -> None:
        super().__init__(*parts)
        self.function = function

    def evaluate(self) -> recipes.Distribution:
        tables = [recipes.part_distribution(part) for part in self.parts]
        arguments: list[tuple[Any, ...]] = [()]
        joint: Tensor | None = None
        for values, probabilities in tables:
            arguments = [(*each, value) for each in arguments for value in values]
            if probabilities is not None:
                joint = (
                    probabilities if joint is None else (joint.unsqueeze(1) * probabilities.unsqueeze(0)).flatten(0, 1)
                )
        results = [self._result(each, joint, k) for k, each in enumerate(arguments)]
        return recipes.combined(sorted(set(results)), results, joint)

    def _result(self, arguments: tuple[Any, ...], joint: Tensor | None, k: int) -> Any:
        try:
            return self.function(*arguments)
        except (ArithmeticError, ValueError):
            if joint is None or ops.exceeds(joint[k], state.options.epsilon):
                raise
            return 0

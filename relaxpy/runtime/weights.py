"""Masses of many states as weights, worked out once for all values that the states leave behind.

A loop that is left after each of k iterations leaves k states; a value that differs between all of them is then their mean in
four operations, not in 2 k.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import integers, ops, partlyplain
from relaxpy.runtime.integers import SoftInteger, node_of
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.recipes import Mean
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth, operand

# states that leave the same value, and this value
Group = tuple[tuple[int, ...], Any]


class Weights:
    """Masses divided by their sum, ``rows`` of shape (k, *lanes); a lane that has no mass takes the first state."""

    def __init__(self, masses: Sequence[Operand], like: Tensor) -> None:
        rows = ops.rows(masses, like)
        total = rows.sum(0)
        nothing = total <= ops.limits(total).tiny
        one = ops.constant(1.0, total)
        first = _first(len(masses), total.dim(), total.device)
        self.rows = torch.where(nothing & first, one, rows / torch.where(nothing, one, total))
        self._sums: dict[tuple[int, ...], Tensor] = {}
        self._several: dict[tuple[tuple[int, ...], ...], Tensor] = {}

    def detached(self) -> Weights:
        """The same weights without their derivative."""
        known = copy.copy(self)
        known.rows = self.rows.detach()
        known._sums, known._several = {}, {}
        return known

    def of(self, states: tuple[int, ...]) -> Tensor:
        """The weight of some of the states together."""
        known = self._sums.get(states)
        if known is None:
            first, count = states[0], len(states)
            if count == 1:
                known = self.rows[first]
            elif states[-1] - first == count - 1:
                known = self.rows.narrow(0, first, count).sum(0)
            else:
                known = self.rows[list(states)].sum(0)
            self._sums[states] = known
        return known

    def several(self, groups: tuple[tuple[int, ...], ...]) -> Tensor:
        """The weights of groups of states, shape (groups, *lanes)."""
        known = self._several.get(groups)
        if known is None:
            first, count = groups[0][0], len(groups)
            if all(len(states) == 1 for states in groups) and groups[-1][0] - first == count - 1:
                known = self.rows.narrow(0, first, count)
            else:
                known = ops.stack([self.of(states) for states in groups])
            self._several[groups] = known
        return known


@functools.lru_cache(maxsize=1024)
def _first(count: int, axes: int, device: torch.device) -> Tensor:
    """Which of several states is the first, shape (count, 1, ...)."""
    with ops.outside_transforms():
        return torch.arange(count, device=device).reshape((-1,) + (1,) * axes) == 0


def mean(weights: Weights, groups: Sequence[Group]) -> Any:
    """The mean of finite scalars by the weights of their states; None for anything else."""
    states, values = zip(*groups)
    lanes: list[Operand] = []
    for value in values:
        lifted = operand(value)
        if lifted is None or not lifted[1]:
            return None
        lanes.append(lifted[0])
    # the last state goes on where others stopped, so its values are often those of several
    if len(states[-1]) > 1:
        found = ops.weighted(weights.several(states[:-1]), lanes[:-1])
        found = found + weights.of(states[-1]) * lanes[-1]
    else:
        found = ops.weighted(weights.several(states), lanes)
    sampled = state.options.estimator == "sampled"
    if not all(map(integers.is_integer, values)):
        number = SoftNumber(found, True)
        return partlyplain.mixed(number, weights.several(states).unbind(0), values) if sampled else number
    if all(isinstance(value, (bool, SoftTruth)) for value in values):
        return SoftTruth(found)
    plain = partlyplain.mixed_integers(found, weights.several(states).unbind(0), values) if sampled else None
    if plain is not None:
        return plain
    node = Mean(lambda: weights.several(states), *map(node_of, values))
    return SoftInteger(found, node)


def are_different_scalars(column: Sequence[Any]) -> bool:
    """Finite scalars, more than two of them?"""
    different = set()
    for value in column:
        kind = type(value)
        if kind is SoftNumber or kind is SoftTruth or kind is SoftInteger:
            if not value.finite:
                return False
            different.add(id(value))
        elif kind is int or kind is bool or kind is float:
            different.add(value)
        else:
            return False
    return len(different) > 2


def means_of_scalars(weights: Weights, columns: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The means of several values, each of which is a scalar in every state; None for those that are not of one precision."""
    lanes: list[Operand] = []
    for state_ in zip(*columns):
        for value in state_:
            if isinstance(value, SoftScalar):
                lanes.append(value.lanes)
                continue
            lifted = operand(value)
            if lifted is None or not lifted[1]:
                return [None] * len(columns)
            lanes.append(lifted[0])
    if len({each.dtype for each in lanes if isinstance(each, TENSORS)}) > 1:
        return [None] * len(columns)
    values = ops.rows(lanes, weights.rows).unflatten(0, (-1, len(columns)))  # type: ignore[no-untyped-call]
    found = ops.weighted_rows(weights.rows.unsqueeze(1), values).unbind(0)
    return [_as_mean(weights, mean, column) for mean, column in zip(found, columns)]


def _as_mean(weights: Weights, mean: Tensor, column: Sequence[Any]) -> Any:
    """A mean of scalars as what it is: a truth, an integer or a number."""
    kinds = {type(value) for value in column}
    if SoftNumber in kinds or float in kinds:
        return SoftNumber(mean, True)
    if kinds <= {bool, SoftTruth}:
        return SoftTruth(mean)
    return SoftInteger(mean, Mean(lambda: weights.rows, *map(node_of, column)))

"""Mixers: the expectation of one value over several states, by their masses (paper Eq. 6, 7)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import ops, scopes
from relaxpy.runtime.births import Birth
from relaxpy.runtime.blend import COMPARED, CannotBlendError, blend, blend_parts, has_parts, same
from relaxpy.runtime.integers import as_plain
from relaxpy.runtime.journal import Delta
from relaxpy.runtime.ops import Mass, Operand
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.through import Through
from relaxpy.runtime.weights import Weights, are_different_scalars, mean as mean_of_scalars, means_of_scalars


class Mixer:
    """Mixes values of states that have these masses and heaps.

    ``straight``: the masses are those of straight-through mode, 0 or 1 with a derivative.
    """

    def __init__(self, masses: Sequence[Mass], heaps: Sequence[Delta], straight: bool = False) -> None:
        self.masses = [ops.value_of(mass) for mass in masses]
        self.heaps = heaps
        self._weights: dict[tuple[int, ...], Weights] = {}
        self.straight = straight or any(isinstance(mass, Through) for mass in masses)
        self._counted = [place for place, mass in enumerate(self.masses) if not ops.is_zero(mass)]

    def counts(self, place: int) -> bool:
        """Is there any mass in a state, as far as is known without looking?"""
        return not ops.is_zero(self.masses[place])

    def is_empty(self) -> bool:
        """Has no state any mass?"""
        return not self._counted

    def knowing(self, birth: Birth) -> Mixer | None:
        """The mixer of those states that know an object, which was made on a soft path; None where nobody does."""
        known = [heap.knows(birth) for heap in self.heaps]
        if all(known):
            return self
        kept = [k for k, knows in enumerate(known) if knows and self.counts(k)]
        if not kept:
            return None
        return self.among(kept, self.all_masses() if len(kept) > 1 else [1.0] * len(known))

    def among(self, kept: Sequence[int], masses: Sequence[Operand]) -> Mixer:
        """The mixer of some of the states, by these masses of all of them."""
        return Mixer([masses[k] for k in kept], [self.heaps[k] for k in kept], self.straight)

    def mix(self, values: Sequence[Any]) -> Any:
        """The expectation of one value; what cannot be blended is dropped where its mass is negligible."""
        try:
            return self._mix(values)
        except CannotBlendError:
            return self._without_negligible(values)

    def _without_negligible(self, values: Sequence[Any]) -> Any:
        outside = ops.value_of(scopes.path_mass())
        masses = self.all_masses()
        kept = [k for k, m in enumerate(masses) if not ops.at_most(ops.times(outside, m), state.options.epsilon)]
        if not kept:
            kept = [max(range(len(masses)), key=lambda k: ops.largest(masses[k]))]
        if len(kept) == len(masses):
            raise
        return self.among(kept, masses)._mix([values[k] for k in kept])

    def _mix(self, values: Sequence[Any]) -> Any:
        groups: list[_Group] = []
        known: dict[int, _Group] = {}
        present: list[int] = []
        for place in self._counted:
            value = values[place]
            if value is UNDEFINED:
                continue
            group = known.get(id(value))
            if group is None and type(value) in COMPARED:
                group = next((each for each in groups if same(each.value, value)), None)
            if group is None:
                group = known[id(value)] = _Group(value, self.heaps[place])
                groups.append(group)
            group.states.append(len(present))
            present.append(place)
        if not groups:
            return UNDEFINED
        if len(groups) == 1:
            return groups[0].value
        if len(present) > 2 and any(has_parts(group.value) for group in groups):
            return self._mix_parts(values, present)
        return self._blend(groups, tuple(present))

    def _mix_parts(self, values: Sequence[Any], present: Sequence[int]) -> Any:
        """Part by part: an object that several states share may hold something else in each of them."""

        def mixed(parts: Sequence[Any]) -> Any:
            whole = [UNDEFINED] * len(values)
            for state_, part in zip(present, parts):
                whole[state_] = part
            return self._mix(whole)

        return blend_parts([values[k] for k in present], [self.heaps[k] for k in present], mixed)

    def means(self, columns: Sequence[Sequence[Any]]) -> list[Any]:
        """The expectations of scalars that differ between many states, worked out together; None for what `mix` mixes."""
        found: list[Any] = [None] * len(columns)
        together = state.recorder is None and not self.straight and state.options.estimator != "sampled"
        if len(self.heaps) > 2 and together and self.counts_all():
            places = [place for place, column in enumerate(columns) if are_different_scalars(column)]
            if len(places) > 1:
                present = tuple(range(len(self.heaps)))
                weights = self._weights_of(present, [each for k in places for each in columns[k]])
                for place, mean in zip(places, means_of_scalars(weights, [columns[place] for place in places])):
                    found[place] = mean
        return found

    def counts_all(self) -> bool:
        return len(self._counted) == len(self.heaps)

    def _weights_of(self, present: tuple[int, ...], values: Sequence[Any]) -> Weights:
        weights = self._weights.get(present)
        if weights is None:
            masses = [self.masses[place] for place in present]
            weights = self._weights[present] = Weights(masses, _a_tensor(*values))
        return weights

    def _blend(self, groups: list[_Group], present: tuple[int, ...]) -> Any:
        weights = self._weights_of(present, [group.value for group in groups])
        first, second = groups[:2]
        if len(groups) == 2:
            return blend(weights.of(tuple(second.states)), second.value, first.value, second.heap, first.heap)
        found = mean_of_scalars(weights, [(tuple(group.states), as_plain(group.value)) for group in groups])
        if found is not None:
            return found
        return _straight_blend(weights, groups) if self.straight else _running_blend(weights, groups)

    def all_masses(self) -> Sequence[Operand]:
        return self.masses


class Pair(Mixer):
    """Mixes the two sides of a branch, of masses p and 1 - p: the commonest mix by far."""

    def __init__(self, p: Tensor, heaps: Sequence[Delta]) -> None:
        self.p = p
        self.heaps = heaps
        self.straight = False

    def counts(self, place: int) -> bool:
        return True

    def is_empty(self) -> bool:
        return False

    def mix(self, values: Sequence[Any]) -> Any:
        try:
            return blend(self.p, values[0], values[1], *self.heaps)
        except CannotBlendError:
            return self._without_negligible(values)

    def all_masses(self) -> Sequence[Operand]:
        return self.p, ops.complement(self.p)


class _Group:
    """States that leave the same value."""

    __slots__ = ("value", "heap", "states")

    def __init__(self, value: Any, heap: Any) -> None:
        self.value = value
        self.heap = heap
        self.states: list[int] = []


def _running_blend(weights: Weights, groups: list[_Group]) -> Any:
    value, heap = groups[0].value, groups[0].heap
    total = weights.of(tuple(groups[0].states))
    for group in groups[1:]:
        mass = weights.of(tuple(group.states))
        total = total + mass
        value = blend(ops.share(mass, total), group.value, value, group.heap, heap)
        heap = None
    return value


def _straight_blend(weights: Weights, groups: list[_Group]) -> Any:
    """Hard mode's value, and the derivative of the mean: where masses are 0 a running mean would have none."""
    value = _running_blend(weights.detached(), groups)
    for group in groups:
        weight = weights.of(tuple(group.states))
        with contextlib.suppress(CannotBlendError):  # hard mode does not see it
            value = blend(weight - weight.detach(), group.value, value, group.heap, None)
    return value


def _a_tensor(*values: Any) -> Tensor:
    for value in values:
        lanes = getattr(value, "lanes", None)
        if isinstance(lanes, TENSORS):
            return lanes
    return torch.zeros(())

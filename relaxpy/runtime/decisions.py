"""What becomes of a decision, by the options in force (SEMANTICS, sections 3 and 9).

Every comparison, test, index and choice of a builtin asks here, where decisions are not simply relaxed:

* ``mode="hard"``: they are Python's own; plain where all lanes agree, else 0 or 1 per lane, without a derivative.
* ``mode="straight-through"``: the value is hard mode's, bit for bit, the derivative that of the relaxed decision.
* ``estimator="exact"`` and ``"sampled"``: tests, indices and choices are drawn by the run that is under way (estimators.py).

A truth that is soft already (made elsewhere) is hard where it is likelier than not, a soft integer its likeliest value,
a soft number as an index the nearest position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import integers, ops, perturbation
from relaxpy.runtime.ops import Mass, Operand
from relaxpy.runtime.recipes import Distribution, distribution_of
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.through import Through, straight
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth

__all__ = ["are_drawn", "choose", "claim", "claims", "decide", "leader_of", "settle_index", "settled"]


def are_drawn() -> bool:
    """Are decisions drawn here, by an estimator that follows single paths?"""
    options = state.options
    if not options.follows_single_paths:
        return False
    if state.run is None:
        raise RelaxError(
            f"estimator={options.estimator!r} met a soft value in a call that had none among its arguments",
            remedy="pass the tensor as an argument, or mark an argument with relaxpy.soft",
        )
    return state.run.draws_here()


def decide(truth: SoftTruth) -> bool | Mass:
    """A truth that is tested: plain, or the mass of the path on which it holds."""
    mode = state.options.mode
    lanes = truth.lanes
    if mode == "soft":
        return lanes if state.options.estimator == "merged" or not are_drawn() else state.run.test(lanes)  # type: ignore[union-attr]
    if mode == "hard":
        return agreed(lanes.detach() > 0.5, lanes.dtype)
    chance = truth.chance
    value = straight(lanes.detach() > 0.5, lanes)
    if chance is not None:
        return Through(value, torch.minimum(chance, 1 - chance), chance)
    # made elsewhere: a probability, or a decision whose probability is not known any more
    chance = lanes.detach()
    decided = (chance == 0) | (chance == 1)
    return Through(value, torch.where(decided, 1.0, torch.minimum(chance, 1 - chance)), chance)


def agreed(hard: Tensor, dtype: torch.dtype) -> bool | Tensor:
    """The answer, where it is the same in all lanes; else 0 or 1 per lane."""
    values = ops.concrete(hard)
    if values.numel():
        if bool(values.all()):
            return True
        if not bool(values.any()):
            return False
    return hard.to(dtype)


def claim(hard: Any, soft: Callable[[], Tensor], *sides: Operand) -> Any:
    """A comparison of scalars: what Python says, and the probability, which straight-through mode needs.

    sides: what was compared, whose precision the answer has.
    """
    if state.options.mode == "straight-through":
        chance = soft()
        return SoftTruth(straight(torch.as_tensor(hard, device=chance.device), chance), chance.detach())
    if not isinstance(hard, TENSORS):
        return bool(hard)
    if state.lanes is None and ops.concrete(hard).numel() == 1:
        return bool(ops.concrete(hard))
    return SoftTruth(hard.to(_precision(sides)))


def claims(hard: Tensor, soft: Callable[[], Tensor], *sides: Operand) -> Tensor:
    """A comparison of arrays, element by element."""
    if state.options.mode == "straight-through":
        return straight(hard, soft())
    return hard.to(_precision(sides))


def _precision(sides: tuple[Operand, ...]) -> torch.dtype:
    like = ops.first_tensor(*sides)
    return like.dtype if like is not None and like.is_floating_point() else torch.get_default_dtype()


def settled(p: Tensor) -> Tensor:
    """Probabilities of truths as the mode has them."""
    mode = state.options.mode
    if mode == "soft":
        return p
    hard = p.detach() > 0.5
    return straight(hard, p) if mode == "straight-through" else hard.to(p.dtype)


def choose(weights: Tensor, leader: Tensor | None = None) -> int | Tensor:
    """One of several: its place, or weights of all, shape (n, *lanes). ``leader``: the place that Python chooses."""
    mode = state.options.mode
    if mode == "soft":
        return state.run.choose(weights) if are_drawn() else weights  # type: ignore[union-attr]
    if leader is None:
        leader = leader_of(weights.detach())
    values = ops.concrete(leader)
    if mode == "hard" and state.lanes is None and values.numel() == 1:
        return int(values)
    one_hot = places(weights) == leader
    return straight(one_hot, weights) if mode == "straight-through" else one_hot.to(weights.dtype)


def places(weights: Tensor) -> Tensor:
    """0, ..., n - 1 along the first axis."""
    return torch.arange(weights.shape[0], device=weights.device).reshape((-1,) + (1,) * (weights.dim() - 1))


def leader_of(values: Tensor) -> Tensor:
    """The first of the largest along the first axis, as Python's `max` has it: a NaN in the first place stays."""
    known = values.detach()
    nothing = torch.isnan(known)
    first = torch.where(nothing, -torch.inf, known).argmax(0)
    return torch.where(nothing[0], torch.zeros_like(first), first)


def settle_index(index: SoftScalar, n: int) -> Any:
    """A soft index of an axis of length n where decisions are not simply relaxed: an int, or a soft integer per lane."""
    if isinstance(index, SoftNumber):
        if not n:
            return index
        weights = perturbation.filter_weights(index.lanes, n)
        away = (places(weights) - index.lanes.detach()).abs()
        chosen = choose(weights, away.argmin(0))
        return chosen if isinstance(chosen, int) else integers.from_table(chosen)
    values, probabilities = distribution_of(integers.node_of(index))
    if probabilities is None:
        return values[0]
    chosen = choose(probabilities)
    return values[chosen] if isinstance(chosen, int) else integers.from_table(chosen, values)


def hard_table(table: Distribution) -> Distribution:
    """The distribution of a soft integer in hard mode: certain in each lane."""
    values, probabilities = table
    if probabilities is None:
        return table
    leader = leader_of(probabilities)
    if state.lanes is None and ops.concrete(leader).numel() == 1:
        return [values[int(ops.concrete(leader))]], None
    return values, (places(probabilities) == leader).to(probabilities.dtype)

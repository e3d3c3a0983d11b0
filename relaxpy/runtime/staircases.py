"""The distribution of a rounded number: a staircase of probabilities around each lane's own floor.

With x perturbed by the noise of a comparison, P(X >= k) = P(noise > beta (edge(k) - x)), where edge(k) is the smallest number
that is rounded to k. Its probabilities are differences of the CDF, exact but for the tails of mass epsilon that are lumped into
the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from relaxpy.runtime import ops, perturbation, recipes
from relaxpy.runtime.recipes import LaneValues, Node, Sum, Table
from relaxpy.runtime.standins import TENSORS, StandIn
from relaxpy.runtime.state import state
from relaxpy.runtime.through import straight

Edge = Callable[[Tensor], Tensor]
# No staircase is summed over more steps than this on either side, whatever the tails of its distribution.
WIDEST = 4096


class Staircase:
    """The steps of a rounded number around each lane's own floor.

    x: shape (*lanes); ``step``: what 1 is worth in the units that are perturbed (for x // y it is |y|).
    """

    def __init__(self, x: Tensor, edge: Edge, step: Tensor | float = 1.0) -> None:
        finite = torch.isfinite(x.detach())
        x = torch.where(finite, x, torch.zeros_like(x))
        self.dtype = x.dtype
        self.x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        self.base = torch.floor(self.x.detach())
        low, high = self._ends(step)
        self.offsets = torch.arange(-low, high + 1, dtype=self.x.dtype, device=x.device)
        column = self.offsets[1:].reshape((-1,) + (1,) * self.x.dim())
        # beta (edge - x) for all edges but the lowest, which nothing is below
        self.z = perturbation.scaled(edge(self.base + column) - self.x, step)

    @staticmethod
    def _ends(step: Tensor | float) -> tuple[int, int]:
        """Offsets that are reached but for a mass of epsilon, the same in all lanes."""
        mass = max(state.options.epsilon, 1e-12) / 2
        beta = state.options.beta * step
        width = _least(ops.concrete(beta)) if isinstance(beta, TENSORS) and beta.numel() else float(beta)
        low, high = (
            math.ceil(reach / max(width, reach / WIDEST, 1e-300)) for reach in perturbation.distribution().reach(mass)
        )
        # edges are up to one below the floor, and two above
        return low + 1, high + 2

    def mean(self) -> Tensor:
        """The expectation: the lowest step, and one more for each edge that is passed."""
        chances = perturbation.evaluated(perturbation.distribution().survival, self.z)
        return (self.base + self.offsets[0] + chances.sum(0)).to(self.dtype)

    def probabilities(self) -> Tensor:
        """Of the steps, shape (steps, *lanes); differences of the CDF below, of the survival function above."""
        noise = perturbation.distribution()
        below = perturbation.evaluated(noise.cdf, self.z)
        above = perturbation.evaluated(noise.survival, self.z)
        middle = torch.where(self.z[1:] < 0, below[1:] - below[:-1], above[:-1] - above[1:])
        return torch.cat([below[:1], middle.clamp(min=0), above[-1:]]).to(self.dtype)

    def node(self) -> Node:
        return Steps(self)


def _least(lanes: Tensor) -> float:
    return lanes.least() if isinstance(lanes, StandIn) else float(lanes.min())


class Steps(Node):
    """The distribution of a staircase, worked out when someone asks."""

    __slots__ = ("stairs",)

    def __init__(self, stairs: Staircase) -> None:
        super().__init__()
        self.stairs = stairs

    def evaluate(self) -> recipes.Distribution:
        stairs = self.stairs
        offsets = [int(offset) for offset in stairs.offsets.tolist()]
        base = ops.concrete(stairs.base)
        if base.dim() == 0:
            return [int(base) + offset for offset in offsets], stairs.probabilities()
        node = Sum(LaneValues(stairs.base.long(), stairs.dtype), Table(offsets, stairs.probabilities()), 1)
        return recipes.distribution_of(node)


class Certain(Node):
    """A distribution of straight-through mode: certain in each lane, with the derivative of another."""

    __slots__ = ("hard",)

    def __init__(self, part: Node, hard: Tensor) -> None:
        super().__init__(part)
        self.hard = hard

    def evaluate(self) -> recipes.Distribution:
        values, probabilities = recipes.part_distribution(self.parts[0])
        if probabilities is None:
            return values, None
        column = torch.tensor(values, dtype=self.hard.dtype, device=self.hard.device)
        hard = column.reshape((-1,) + (1,) * self.hard.dim()) == self.hard
        return values, straight(hard.expand(probabilities.shape), probabilities)

"""How well scores order numbers, and how well chance would."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Metrics", "chance", "measure"]

# EM5 compares sets of different sizes: it looks at the first five numbers of each.
_FIRST = 5


@dataclass(frozen=True)
class Metrics:
    """Shares in [0, 1]: of sets in order, of elements whose rank is right, of sets whose first five are in order."""

    exact_match: float
    rank_accuracy: float
    exact_match_5: float


def measure(scores: Tensor, values: Tensor) -> Metrics:
    """Compare the order of scores (sets, n) with that of values (sets, n).

    >>> import torch
    >>> measure(torch.tensor([[0.1, 0.3, 0.2]]), torch.tensor([[5, 6, 7]]))
    Metrics(exact_match=0.0, rank_accuracy=0.3333333432674408, exact_match_5=0.0)

    Equal values may come in any order.
    """
    right = _right_ranks(scores, values)
    first = _right_ranks(scores[:, :_FIRST], values[:, :_FIRST])
    return Metrics(right.all(1).float().mean().item(), right.float().mean().item(), first.all(1).float().mean().item())


def _right_ranks(scores: Tensor, values: Tensor) -> Tensor:
    ranks = scores.argsort(dim=1).argsort(dim=1)
    return values.sort(dim=1).values.gather(1, ranks) == values


def chance(n: int) -> Metrics:
    """Return what a random order of n different numbers gets.

    >>> chance(3)
    Metrics(exact_match=0.16666666666666666, rank_accuracy=0.3333333333333333, exact_match_5=0.16666666666666666)
    """
    return Metrics(1 / math.factorial(n), 1 / n, 1 / math.factorial(min(n, _FIRST)))

"""Algorithms whose usual form cannot be relaxed: the error says so, and another form of the same algorithm can."""

from __future__ import annotations

import pytest
import torch

import relaxpy
from relaxpy.algorithms import ordering


def ramp(n: int) -> torch.Tensor:
    return torch.linspace(0.0, 1.0, n, dtype=torch.float64)


def test_quick_sort_makes_lists_of_lengths_that_depend_on_comparisons() -> None:
    with pytest.raises(relaxpy.RelaxError, match="soft truth"):
        relaxpy.relax(ordering.quick_sort)(ramp(3))
    assert len(relaxpy.relax(ordering.merge_sort)(ramp(3))) == 3


def narrow(ascending: list[float], target: float, steps: int) -> int:
    """Search with two bounds, of which each forgets what the other knows: their middle may lie past the end."""
    low, high = 0, len(ascending)
    for _ in range(steps):
        middle = low if low < high else high
        if ascending[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low


def test_bounds_that_merge_leave_the_list() -> None:
    target = torch.tensor(0.6, dtype=torch.float64)
    with pytest.raises(relaxpy.RelaxIndexError):
        relaxpy.relax(beta=3.0)(narrow)(ramp(2), target, 4)
    found = relaxpy.relax(beta=3.0)(ordering.binary_search)(ramp(2), target)
    assert 0 < float(found) < 2

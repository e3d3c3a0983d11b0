"""Sorting algorithms against ``sorted``."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median as statistics_median

import numpy as np
import pytest

from relaxpy.algorithms import ordering, sorting

PLAIN = [
    sorting.cocktail_sort,
    sorting.comb_sort,
    sorting.insertion_sort,
    sorting.odd_even_sort,
    sorting.shell_sort,
    ordering.heap_sort,
    ordering.insertion_sort_by_shifting,
    ordering.merge_sort,
    ordering.quick_sort,
    ordering.selection_order,
    ordering.selection_sort,
]
IN_PLACE = {
    sorting.cocktail_sort,
    sorting.comb_sort,
    sorting.insertion_sort,
    sorting.odd_even_sort,
    sorting.shell_sort,
    ordering.heap_sort,
    ordering.insertion_sort_by_shifting,
    ordering.selection_sort,
}


def lists() -> list[list[float]]:
    random = np.random.default_rng(0)
    drawn = [[float(x) for x in random.normal(size=n)] for n in range(12) for _ in range(5)]
    with_ties = [[float(x) for x in random.integers(0, 4, size=n)] for n in range(12)]
    return drawn + with_ties


def inversions(array: list[float]) -> int:
    return sum(array[i] > array[j] for j in range(len(array)) for i in range(j))


@pytest.mark.parametrize("sort", PLAIN, ids=lambda sort: sort.__name__)
def test_sorts(sort: Callable[[list[float]], list[float]]) -> None:
    for array in lists():
        expected = sorted(array)
        before = list(array)
        result = sort(array)
        assert result == expected
        if sort in IN_PLACE:
            assert result is array
        else:
            assert array == before


def test_bubble_sort_counts_swaps() -> None:
    for array in lists():
        expected = sorted(array), inversions(array) > 0, inversions(array)
        assert sorting.bubble_sort(array) == expected


def test_gnome_sort_counts_steps() -> None:
    for array in lists():
        expected = sorted(array), inversions(array)
        assert sorting.gnome_sort(array) == expected


def test_rank_sort_gives_ranks() -> None:
    for array in lists()[:60]:
        expected = sorted(array), [int(rank) for rank in np.argsort(np.argsort(array))]
        assert ordering.rank_sort(array) == expected


def test_medians() -> None:
    for array in lists():
        if array:
            assert ordering.median(array) == statistics_median(array)
        if len(array) >= 3:
            assert sorting.median_of_three(*array[:3]) == statistics_median(array[:3])

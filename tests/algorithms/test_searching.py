"""Scans and searches against numpy and brute force."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import pytest

from relaxpy.algorithms import ordering, searching, sequences


def signals(count: int = 40, shortest: int = 2) -> Iterator[list[float]]:
    random = np.random.default_rng(1)
    for i in range(count):
        yield [float(x) for x in random.normal(size=shortest + i % 8)]


def rises(signal: list[float], threshold: float) -> list[int]:
    return [i for i in range(1, len(signal)) if signal[i - 1] < threshold <= signal[i]]


def test_linear_search() -> None:
    for signal in signals():
        expected = next((i for i, x in enumerate(signal) if x >= 0.4), -1)
        assert searching.linear_search(signal, 0.4) == expected


def test_crossings() -> None:
    for signal in signals():
        found = rises(signal, 0.2)
        assert searching.first_crossing(signal, 0.2) == (found[0] if found else len(signal))
        assert searching.last_crossing(signal, 0.2) == (found[-1] if found else 0)
        assert searching.zero_crossings(signal) == int(np.sum(np.diff(np.sign(signal)) != 0))


def test_peaks() -> None:
    for signal in signals(shortest=3):
        peaks = [b for a, b, c in zip(signal, signal[1:], signal[2:], strict=False) if a < b > c and b > 0.1]
        count, height = searching.count_peaks(signal, 0.1)
        assert count == len(peaks)
        assert height == pytest.approx(sum(peaks))


def test_votes() -> None:
    for signal in signals():
        assert searching.majority_vote(signal, 0.0) == (np.mean(np.array(signal) > 0) > 0.5)


def test_closest_pair_sum() -> None:
    for signal in signals():
        signal.sort()
        sums = [a + b for i, a in enumerate(signal) for b in signal[:i]]
        assert searching.closest_pair_sum(signal, 0.5) == min(sums, key=lambda total: abs(total - 0.5))


def test_partition() -> None:
    for signal in signals():
        result, front = searching.partition_point(list(signal), 0.1)
        assert sorted(result) == sorted(signal)
        assert front == sum(x < 0.1 for x in signal)
        assert all(x < 0.1 for x in result[:front])
        assert all(x >= 0.1 for x in result[front:])


def test_interpolation() -> None:
    for signal in signals():
        xs = [float(x) for x in np.cumsum(np.abs(signal) + 0.1)]
        for x in (0.0, 1.3, 2.9, 50.0):
            assert searching.interpolate(xs, signal, x) == pytest.approx(np.interp(x, xs, signal))


@pytest.mark.parametrize("search", [ordering.binary_search, ordering.bisect_left], ids=lambda search: search.__name__)
def test_binary_searches(search) -> None:  # type: ignore[no-untyped-def]
    for signal in signals(shortest=1):
        signal.sort()
        for target in [-9.0, 0.0, 0.7, 9.0, *signal]:
            assert search(signal, target) == bisect_left(signal, target)


def test_halving_search() -> None:
    random = np.random.default_rng(2)
    for size in (1, 3, 7, 15):
        ascending = sorted(float(x) for x in random.normal(size=size))
        for target in [-9.0, 0.0, 9.0, *ascending]:
            assert ordering.halving_search(ascending, target) == bisect_left(ascending, target)


def test_runs() -> None:
    for signal in signals():
        sums = [sum(signal[i:j]) for j in range(1, len(signal) + 1) for i in range(j)]
        assert sequences.kadane(signal) == pytest.approx(max(sums))
        gains = [b - a for j, b in enumerate(signal) for a in signal[:j]]
        assert sequences.best_trade(signal) == pytest.approx(max(0.0, *gains))
        rising = [j - i for j in range(1, len(signal) + 1) for i in range(j) if signal[i:j] == sorted(signal[i:j])]
        assert sequences.longest_rise(signal) == max(rising)
        assert sequences.second_largest(signal) == sorted(signal)[-2]
        assert sequences.rank_of_first(signal) == sum(x < signal[0] for x in signal)


def test_water() -> None:
    for signal in signals():
        heights = [abs(x) for x in signal]
        water = [min(max(heights[: i + 1]), max(heights[i:])) - h for i, h in enumerate(heights)]
        assert sequences.trapped_water(heights) == pytest.approx(sum(water))
        areas = [(j - i) * min(heights[i], heights[j]) for j in range(len(heights)) for i in range(j)]
        assert sequences.largest_container(heights) == pytest.approx(max(areas))


def test_streaks() -> None:
    for signal in signals():
        ends = [i + 1 for i in range(1, len(signal)) if signal[i - 1] > 0 and signal[i] > 0]
        assert sequences.exceed_streak(signal, 0.0) == (ends[0] if ends else len(signal))

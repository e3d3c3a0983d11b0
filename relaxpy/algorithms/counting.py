"""Counting, grouping and measuring with Python's builtins."""

import math


def euclid_gcd(a: float, b: float, tolerance: float = 0.1) -> float:
    """Find the greatest common measure of two lengths by remainders.

    >>> euclid_gcd(1.5, 1.0)
    0.5
    """
    while b > tolerance:
        a, b = b, a % b
    return a


def histogram(values: list[float], edges: list[float]) -> list[int]:
    """Count the values below the first edge, between neighbouring edges, and from the last edge on.

    >>> histogram([0.5, 1.5, 1.7, 9.0], [1.0, 2.0])
    [1, 2, 1]
    """
    counts = [0] * (len(edges) + 1)
    for value in values:
        for i, edge in enumerate(edges):
            if value < edge:
                counts[i] += 1
                break
        else:
            counts[-1] += 1
    return counts


def run_lengths(values: list[float], tolerance: float = 0.5) -> tuple[list[float], list[int], int]:
    """Code a sequence as runs of equal values; return the values, the lengths and the number of the last run.

    >>> run_lengths([1.0, 1.0, 4.0])
    ([1.0, 4.0, 0.0], [2, 1, 0], 1)
    """
    heads, lengths = [0.0] * len(values), [0] * len(values)
    run = 0
    heads[0], lengths[0] = values[0], 1
    for i in range(1, len(values)):
        if abs(values[i] - values[i - 1]) > tolerance:
            run += 1
            heads[run] = values[i]
        lengths[run] += 1
    return heads, lengths, run


def nearest_neighbours(places: list[float], labels: list[float], query: float, k: int = 2) -> float:
    """Return the mean label of the ``k`` places nearest to ``query``.

    >>> nearest_neighbours([0.0, 1.0, 5.0], [1.0, 3.0, 9.0], 0.4)
    2.0
    """
    order = sorted(range(len(places)), key=lambda i: abs(places[i] - query))
    return sum(labels[i] for i in order[:k]) / k


def nearest_label(places: list[float], labels: list[float], query: float) -> float:
    """Return the label of the place nearest to ``query``.

    >>> nearest_label([0.0, 1.0, 5.0], [1.0, 3.0, 9.0], 0.4)
    1.0
    """
    gaps = [abs(place - query) for place in places]
    return labels[gaps.index(min(gaps))]


def quantise(signal: list[float], step: float) -> list[float]:
    """Round each sample down to a multiple of ``step``.

    >>> quantise([0.7, 1.2], 0.5)
    [0.5, 1.0]
    """
    return [math.floor(sample / step) * step for sample in signal]


def split_duration(seconds: float) -> tuple[float, float]:
    """Split seconds into whole minutes and the rest.

    >>> split_duration(130.0)
    (2.0, 10.0)
    """
    minutes, rest = divmod(seconds, 60)
    return minutes, rest


def mean_above(values: list[float], threshold: float) -> float:
    """Return the mean of the values above ``threshold``, counted with one more zero.

    >>> mean_above([1.0, 4.0, 6.0], 3.0)
    3.3333333333333335
    """
    total = sum(value for value in values if value > threshold)
    count = sum(1 for value in values if value > threshold)
    return total / (count + 1)


def is_ascending(values: list[float]) -> bool:
    """Tell whether each value is at least the one before.

    >>> is_ascending([1.0, 2.0, 2.0])
    True
    """
    return all(values[i] <= values[i + 1] for i in range(len(values) - 1))


def out_of_bounds(values: list[float], low: float, high: float) -> bool:
    """Tell whether any value lies outside the bounds.

    >>> out_of_bounds([1.0, 5.0], 0.0, 4.0)
    True
    """
    return any(value < low or value > high for value in values)


def box_overlap(a: list[float], b: list[float]) -> float:
    """Return intersection over union of two boxes, given as left, bottom, right, top.

    >>> box_overlap([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0])
    0.3333333333333333
    """
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def cluster_two(values: list[float], rounds: int = 2) -> tuple[float, float]:
    """Split numbers into two groups around two means, started at the ends (k-means).

    >>> cluster_two([0.0, 1.0, 8.0, 9.0])
    (0.5, 8.5)
    """
    low, high = min(values), max(values)
    for _ in range(rounds):
        low_total = low_count = high_total = high_count = 0.0
        for value in values:
            if abs(value - low) < abs(value - high):
                low_total += value
                low_count += 1
            else:
                high_total += value
                high_count += 1
        low, high = low_total / low_count, high_total / high_count
    return low, high


def automaton(samples: list[float], low: float, high: float) -> tuple[int, int]:
    """Count alarms of a machine of three states that a table drives; return its last state and the alarms.

    >>> automaton([5.0, 5.0, 5.0, 0.0], 1.0, 3.0)
    (0, 2)
    """
    #        low  middle  high
    table = [[0, 0, 1], [0, 1, 2], [0, 2, 2]]
    state = 0
    alarms = 0
    for sample in samples:
        symbol = 0 if sample < low else 1 if sample < high else 2
        state = table[state][symbol]
        if state == 2:
            alarms += 1
    return state, alarms

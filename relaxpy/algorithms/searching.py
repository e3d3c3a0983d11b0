"""Scans over a list: where something happens first, last, or how often."""


def linear_search(array: list[float], target: float) -> int:
    """Return the index of the first element that is at least ``target``, or -1.

    >>> linear_search([1.0, 4.0, 2.0, 5.0], 3.0)
    1
    """
    for i in range(len(array)):
        if array[i] >= target:
            return i
    return -1


def first_crossing(signal: list[float], threshold: float) -> int:
    """Return the first index at which ``signal`` rises through ``threshold``, or the length if it never does.

    >>> first_crossing([0.0, 1.0, 3.0, 1.0, 4.0], 2.0)
    2
    """
    for i in range(1, len(signal)):
        if signal[i - 1] < threshold and signal[i] >= threshold:
            where = i
            break
    else:
        where = len(signal)
    return where


def last_crossing(signal: list[float], threshold: float) -> int:
    """Return the last index at which ``signal`` rises through ``threshold``, or 0 if it never does.

    >>> last_crossing([0.0, 1.0, 3.0, 1.0, 4.0], 2.0)
    4
    """
    where = 0
    for i in range(1, len(signal)):
        if signal[i - 1] < threshold <= signal[i]:
            where = i
    return where


def zero_crossings(signal: list[float]) -> int:
    """Count how often ``signal`` changes its sign from one sample to the next.

    >>> zero_crossings([1.0, -1.0, -2.0, 3.0])
    2
    """
    count = 0
    for i in range(1, len(signal)):
        before, after = signal[i - 1], signal[i]
        if (before < 0 and after > 0) or (before > 0 and after < 0):
            count += 1
    return count


def count_peaks(signal: list[float], floor: float) -> tuple[int, float]:
    """Count the samples above ``floor`` that exceed both neighbours; return the count and the sum of their heights.

    >>> count_peaks([0.0, 3.0, 1.0, 2.0, 0.0], 1.5)
    (2, 5.0)
    """
    peaks = 0
    height = 0.0
    for i in range(1, len(signal) - 1):
        if signal[i] <= floor:
            continue
        if signal[i - 1] < signal[i] > signal[i + 1]:
            peaks += 1
            height += signal[i]
    return peaks, height


def majority_vote(scores: list[float], threshold: float) -> bool:
    """Tell whether more than half of ``scores`` exceed ``threshold``.

    >>> majority_vote([0.9, 0.2, 0.8], 0.5)
    True
    """
    votes = 0
    for score in scores:
        votes += score > threshold
    return 2 * votes > len(scores)


def closest_pair_sum(ascending: list[float], target: float) -> float:
    """Return the sum of two elements of a sorted list that comes closest to ``target``, with two pointers.

    >>> closest_pair_sum([1.0, 3.0, 4.0, 8.0], 6.5)
    7.0
    """
    left, right = 0, len(ascending) - 1
    best = ascending[left] + ascending[right]
    for _ in range(len(ascending) - 1):
        total = ascending[left] + ascending[right]
        if (total - target) ** 2 < (best - target) ** 2:
            best = total
        if total < target:
            left += 1
        else:
            right -= 1
    return best


def partition_point(array: list[float], pivot: float) -> tuple[list[float], int]:
    """Move the elements below ``pivot`` to the front of ``array`` with one pointer that lags behind the other.

    >>> partition_point([5.0, 1.0, 4.0, 2.0], 3.0)
    ([1.0, 2.0, 4.0, 5.0], 2)
    """
    front = 0
    for i in range(len(array)):
        if array[i] < pivot:
            array[i], array[front] = array[front], array[i]
            front += 1
    return array, front


def interpolate(xs: list[float], ys: list[float], x: float) -> float:
    """Evaluate the broken line through the points (``xs``, ``ys``) at ``x``; outside it is constant.

    >>> interpolate([0.0, 1.0, 3.0], [0.0, 2.0, 6.0], 2.0)
    4.0
    """
    if x < xs[0]:
        return ys[0]
    for i in range(len(xs) - 1):
        if xs[i] <= x < xs[i + 1]:
            share = (x - xs[i]) / (xs[i + 1] - xs[i])
            return ys[i] + share * (ys[i + 1] - ys[i])
    return ys[-1]

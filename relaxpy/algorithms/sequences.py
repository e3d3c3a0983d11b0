"""One pass over a sequence with a few running values."""


def kadane(values: list[float]) -> float:
    """Return the largest sum of a run of neighbours (Kadane's algorithm).

    >>> kadane([1.0, -3.0, 2.0, 2.0, -1.0])
    4.0
    """
    best = current = values[0]
    for i in range(1, len(values)):
        if current > 0:
            current += values[i]
        else:
            current = values[i]
        if current > best:
            best = current
    return best


def best_trade(prices: list[float]) -> float:
    """Return the largest gain of buying once and selling later.

    >>> best_trade([3.0, 1.0, 4.0, 2.0])
    3.0
    """
    lowest = prices[0]
    gain = 0.0
    for price in prices:
        if price < lowest:
            lowest = price
        elif price - lowest > gain:
            gain = price - lowest
    return gain


def longest_rise(values: list[float]) -> int:
    """Return the length of the longest run in which each value exceeds the one before.

    >>> longest_rise([1.0, 2.0, 1.0, 2.0, 3.0])
    3
    """
    longest = length = 1
    for i in range(1, len(values)):
        if values[i] > values[i - 1]:
            length += 1
        else:
            length = 1
        if length > longest:
            longest = length
    return longest


def trapped_water(heights: list[float]) -> float:
    """Return how much rain stays between walls of the given heights.

    >>> trapped_water([2.0, 0.0, 1.0, 3.0])
    3.0
    """
    levels = heights[:]
    for i in range(1, len(levels)):
        if levels[i] < levels[i - 1]:
            levels[i] = levels[i - 1]
    top = heights[-1]
    water = 0.0
    for i in range(len(heights) - 1, -1, -1):
        if heights[i] > top:
            top = heights[i]
        level = levels[i] if levels[i] < top else top
        water += level - heights[i]
    return water


def largest_container(heights: list[float]) -> float:
    """Return the most water that two of the walls can hold, with two pointers that move inwards.

    >>> largest_container([1.0, 3.0, 1.0, 2.0])
    4.0
    """
    best = 0.0
    left, right = 0, len(heights) - 1
    for width in range(len(heights) - 1, 0, -1):
        lower = heights[left] if heights[left] < heights[right] else heights[right]
        if lower * width > best:
            best = lower * width
        if heights[left] < heights[right]:
            left += 1
        else:
            right -= 1
    return best


def second_largest(values: list[float]) -> float:
    """Return the second largest value.

    >>> second_largest([3.0, 1.0, 2.0])
    2.0
    """
    first, second = (values[0], values[1]) if values[0] > values[1] else (values[1], values[0])
    for i in range(2, len(values)):
        if values[i] > first:
            first, second = values[i], first
        elif values[i] > second:
            second = values[i]
    return second


def exceed_streak(values: list[float], limit: float, patience: int = 2) -> int:
    """Return how many values pass until ``patience`` in a row exceed ``limit``, or all of them.

    >>> exceed_streak([1.0, 3.0, 1.0, 3.0, 3.0, 1.0], 2.0)
    5
    """
    streak = 0
    passed = 0
    for value in values:
        passed += 1
        if value <= limit:
            streak = 0
            continue
        streak += 1
        if streak >= patience:
            return passed
    return passed


def rank_of_first(values: list[float]) -> int:
    """Return how many values are smaller than the first.

    >>> rank_of_first([2.0, 1.0, 3.0, 0.0])
    2
    """
    rank = 0
    for value in values[1:]:
        rank += 1 if value < values[0] else 0
    return rank

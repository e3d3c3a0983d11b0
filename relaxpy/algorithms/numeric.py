"""Small numerical methods: roots, polynomials, limits."""

from collections.abc import Callable


def horner(coefficients: list[float], x: float) -> float:
    """Evaluate a polynomial whose highest coefficient comes first.

    >>> horner([2.0, 0.0, 1.0], 3.0)
    19.0
    """
    result = 0.0
    for coefficient in coefficients:
        result = result * x + coefficient
    return result


def bisect_root(coefficients: list[float], low: float, high: float, tolerance: float = 0.1) -> float:
    """Find the root of a rising polynomial between ``low`` and ``high`` by halving the interval.

    >>> round(bisect_root([1.0, 0.0, -2.0], 0.0, 2.0), 1)
    1.4
    """
    while high - low > tolerance:
        middle = (low + high) / 2
        if horner(coefficients, middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def newton_sqrt(square: float, tolerance: float = 0.01) -> float:
    """Take a square root by Newton's iteration, from above.

    >>> round(newton_sqrt(2.0), 1)
    1.4
    """
    root = square if square > 1 else 1.0
    while root * root - square > tolerance:
        root = (root + square / root) / 2
    return root


def newton_root(coefficients: list[float], start: float, steps: int = 4) -> float:
    """Improve ``start`` towards a root of a polynomial; stop where the slope is too small.

    >>> round(newton_root([1.0, 0.0, -4.0], 3.0), 3)
    2.0
    """
    x = start
    for _ in range(steps):
        value, slope = 0.0, 0.0
        for coefficient in coefficients:
            slope = slope * x + value
            value = value * x + coefficient
        if slope * slope < 0.01:
            break
        x = x - value / slope
    return x


def ternary_search(function: Callable[[float], float], low: float, high: float, tolerance: float = 0.3) -> float:
    """Find where a function of one valley is lowest, by cutting a third off in turn.

    >>> round(ternary_search(lambda x: (x - 1) ** 2, 0.0, 4.0, 0.01), 2)
    1.0
    """
    while high - low > tolerance:
        third = (high - low) / 3
        if function(low + third) < function(high - third):
            high = high - third
        else:
            low = low + third
    return (low + high) / 2


def nearest_to_parabola(peak: float, low: float, high: float) -> float:
    """Find the lowest point of the parabola around ``peak`` between ``low`` and ``high``.

    >>> round(nearest_to_parabola(1.0, 0.0, 4.0), 1)
    1.0
    """

    def height(x: float) -> float:
        return (x - peak) * (x - peak)

    return ternary_search(height, low, high)


def subtract_gcd(a: float, b: float, tolerance: float = 0.1) -> float:
    """Find the greatest common measure of two lengths by taking the shorter from the longer.

    >>> subtract_gcd(1.5, 1.0)
    0.5
    """
    while a - b > tolerance or b - a > tolerance:
        if a > b:
            a -= b
        else:
            b -= a
    return a


def years_until(balance: float, rate: float, goal: float) -> tuple[int, float]:
    """Count the years until ``balance`` grows to ``goal``; return them with the balance then.

    >>> years_until(1.0, 1.0, 3.5)
    (2, 4.0)
    """
    years = 0
    while balance < goal:
        balance += balance * rate
        years += 1
    return years, balance


def running_maximum(values: list[float]) -> list[float]:
    """Give for each place the largest value so far.

    >>> running_maximum([1.0, 3.0, 2.0])
    [1.0, 3.0, 3.0]
    """
    result = []
    largest = values[0]
    for value in values:
        if value > largest:
            largest = value
        result.append(largest)
    return result


def clip(values: list[float], low: float, high: float) -> list[float]:
    """Limit ``values`` in place to the range from ``low`` to ``high``.

    >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    [0.0, 0.5, 1.0]
    """
    for i in range(len(values)):
        if values[i] < low:
            values[i] = low
        elif values[i] > high:
            values[i] = high
    return values


def soft_threshold(value: float, limit: float) -> float:
    """Shrink ``value`` towards zero by ``limit``, to zero at most.

    >>> soft_threshold(-3.0, 1.0)
    -2.0
    """
    return value - limit if value > limit else value + limit if value < -limit else 0.0


def trapezoid_above(values: list[float], level: float) -> float:
    """Integrate, by trapezoids of width one, the part of a curve where both ends exceed ``level``.

    >>> trapezoid_above([0.0, 2.0, 4.0], 1.0)
    2.0
    """
    area = 0.0
    i = 1
    while i < len(values):
        left, right = values[i - 1] - level, values[i] - level
        i += 1
        if not (left > 0 and right > 0):
            continue
        area += (left + right) / 2
    return area

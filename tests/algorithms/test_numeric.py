"""Numerical methods against numpy and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from relaxpy.algorithms import counting, numeric

RANDOM = np.random.default_rng(3)
VECTORS = [[float(x) for x in RANDOM.normal(size=n)] for n in range(2, 9) for _ in range(4)]


@pytest.mark.parametrize("values", VECTORS)
def test_vectors(values: list[float]) -> None:
    assert numeric.horner(values, 1.3) == pytest.approx(np.polyval(values, 1.3))
    assert numeric.running_maximum(values) == list(np.maximum.accumulate(values))
    assert numeric.clip(list(values), -0.5, 0.7) == list(np.clip(values, -0.5, 0.7))
    shrunk = [numeric.soft_threshold(x, 0.4) for x in values]
    assert shrunk == pytest.approx(list(np.sign(values) * np.maximum(np.abs(values) - 0.4, 0)))
    above = [(a + b) / 2 for a, b in pairwise(values) if a > 0 and b > 0]
    assert numeric.trapezoid_above(values, 0.0) == pytest.approx(sum(above))


@pytest.mark.parametrize("square", [0.0, 0.3, 1.0, 2.0, 50.0])
def test_roots(square: float) -> None:
    assert numeric.newton_sqrt(square, 1e-12) == pytest.approx(math.sqrt(square), abs=1e-5)
    assert numeric.bisect_root([1.0, 0.0, -square], 0.0, 60.0, 1e-9) == pytest.approx(math.sqrt(square), abs=1e-8)
    if square > 0:
        assert numeric.newton_root([1.0, 0.0, -square], 1.0, 20) == pytest.approx(math.sqrt(square))


def test_newton_stops_where_it_is_flat() -> None:
    assert numeric.newton_root([1.0, 0.0, 1.0], 0.0) == 0.0


@pytest.mark.parametrize("peak", [-5.0, -0.7, 0.0, 1.1])
def test_valley(peak: float) -> None:
    assert numeric.nearest_to_parabola(peak, -3.0, 3.0) == pytest.approx(max(peak, -3.0), abs=0.15)


@pytest.mark.parametrize("measure", [numeric.subtract_gcd, counting.euclid_gcd], ids=lambda measure: measure.__name__)
def test_common_measure(measure) -> None:  # type: ignore[no-untyped-def]
    for a in range(1, 20):
        for b in range(1, 20):
            assert measure(a * 0.25, b * 0.25) == math.gcd(a, b) * 0.25


@pytest.mark.parametrize("rate", [0.07, 0.5, 2.0])
def test_years(rate: float) -> None:
    years, balance = numeric.years_until(1.0, rate, 10.0)
    assert years == math.ceil(math.log(10) / math.log(1 + rate))
    assert balance == pytest.approx((1 + rate) ** years)

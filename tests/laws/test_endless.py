"""A loop that never ends softly stops after ``max_iter`` tests, says so, and gives the mass left to the state at the last."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

from relaxpy import RelaxWarning, relax
from tests.laws.support import above, assert_same, number


def drifts(x: Any) -> Any:
    n = 0
    total = 0.0
    while x > 0:
        n += 1
        total = total + x
    return n, total


def test_mass_left_at_max_iter_goes_to_the_last_state() -> None:
    x = number(1.0)
    with pytest.warns(RelaxWarning) as caught:
        n, total = relax(drifts, beta=2.0, epsilon=1e-12, max_iter=5)(x)
    p = above(x)
    expected = sum(((1 - p) * p**k * k for k in range(5)), p**5 * 4)
    assert_same((n, total), (expected, x * expected), [x])
    assert len(caught) == 1
    line = drifts.__code__.co_firstlineno + 3
    assert caught[0].filename == __file__
    assert caught[0].lineno == line
    assert f"a mass of {float(p**5):.3g} left" in str(caught[0].message)


def test_in_a_batch_the_largest_mass_is_named_and_other_lanes_are_unharmed() -> None:
    x = torch.tensor([1.0, -3.0], dtype=torch.float64)
    with pytest.warns(RelaxWarning):
        n, _ = relax(drifts, beta=2.0, epsilon=1e-12, max_iter=5, batch=True)(x)
    p = above(x)
    assert_same(n, sum(((1 - p) * p**k * k for k in range(5)), p**5 * 4))


def test_a_loop_that_ends_does_not_warn() -> None:
    def ends(x: Any) -> Any:
        while x > 0:
            x = x - 1.0
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        relax(ends, max_iter=20)(torch.tensor(3.3))


def test_a_hard_loop_is_not_bounded_by_max_iter() -> None:
    def counts(x: Any) -> Any:
        n = 0
        while n < 50:
            n += 1
        return x * n

    assert relax(counts, max_iter=5)(torch.tensor(2.0)) == 100.0


def test_a_test_that_is_all_but_certain_counts_as_a_soft_one() -> None:
    def apart(a: Any, b: Any) -> Any:
        while a - b > 0.1 or b - a > 0.1:
            if a > b:
                a -= b
            else:
                b -= a
        return a

    x, y = torch.tensor(0.5), torch.tensor(1.5)
    assert torch.allclose(relax(apart, max_iter=20)(x, y), relax(apart, max_iter=40)(x, y))

"""Decisions beside a million draws of their noise, within 4 standard errors: every comparator, conjunction and staircase."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import categorical, relax
from tests.runtime.noise import DENSITIES, DRAWS, NAMES, SYMMETRIC, assert_mean, draws

D = torch.float64
BETA = 1.3


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=D, requires_grad=True)


COMPARATORS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    # the difference of the side that is to be larger is perturbed
    "<": (lambda x, y: 1.0 if x < y else 0.0, lambda x, y, noise: noise < y - x),
    "<=": (lambda x, y: 1.0 if x <= y else 0.0, lambda x, y, noise: noise <= y - x),
    ">": (lambda x, y: 1.0 if x > y else 0.0, lambda x, y, noise: noise < x - y),
    ">=": (lambda x, y: 1.0 if x >= y else 0.0, lambda x, y, noise: noise <= x - y),
    "not <": (lambda x, y: 1.0 if not x < y else 0.0, lambda x, y, noise: noise >= y - x),
}


@pytest.mark.parametrize("name", NAMES)
def test_comparators(name: str) -> None:
    noise = draws(name) / BETA
    for program, holds in COMPARATORS.values():
        for x, y in ((0.2, 0.5), (0.9, -0.4), (-1.0, -1.0), (0.0, 2.2)):
            p = relax(program, beta=BETA, distribution=name)(number(x), number(y))
            assert_mean(p, holds(torch.tensor(x, dtype=D), torch.tensor(y, dtype=D), noise))


@pytest.mark.parametrize("name", NAMES)
def test_each_comparison_draws_for_itself(name: str) -> None:
    """`and`, `or`, chains, `any`, `all` and counts are those of independent draws (paper section 3.1)."""

    def program(x: Any, y: Any, z: Any) -> Any:
        return (
            1.0 if x < y and y < z else 0.0,
            1.0 if x < y or y < z else 0.0,
            1.0 if x < y < z else 0.0,
            1.0 if any([x < y, y < z, z < x]) else 0.0,
            1.0 if all([x < y, y < z, z < x]) else 0.0,
            (x < y) + (y < z) + (z < x),
            1.0 if sum([x < y, y < z, z < x]) >= 2 else 0.0,
            (2.0 if y < z else 3.0) if x < y else 5.0,
        )

    x, y, z = 0.4, 0.1, 0.6
    first, second, third = (draws(name) / BETA < difference for difference in (y - x, z - y, x - z))
    count = first.double() + second.double() + third.double()
    expected = [first & second, first | second, first & second, first | second | third, first & second & third, count, count >= 2]
    expected.append(torch.where(first, torch.where(second, 2.0, 3.0), 5.0))
    results = relax(program, beta=BETA, distribution=name, epsilon=0.0)(number(x), number(y), number(z))
    for found, sample in zip(results, expected, strict=True):
        assert_mean(found, sample)


def away_from_zero(x: Tensor) -> Tensor:
    return torch.where(x >= 0, x.floor(), x.ceil())


STAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Tensor], Tensor]]] = {
    "floor": (lambda x: math.floor(x), torch.floor),
    "ceil": (lambda x: math.ceil(x), torch.ceil),
    "int": (lambda x: int(x), away_from_zero),
    "round": (lambda x: round(x), torch.round),
    "//": (lambda x: x // 0.7, lambda x: (x / 0.7).floor()),
    "divmod": (lambda x: divmod(x, -0.7)[0], lambda x: (x / -0.7).floor()),
}


@pytest.mark.parametrize("text", STAIRS)
@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_a_staircase(name: str, text: str) -> None:
    """Also of the distributions that have no mean. The sides of `//` by a negative number are swapped, and so is the noise."""
    stairs, sampled = STAIRS[text]

    def program(x: Any) -> Any:
        k = stairs(x)
        return [1.0 if k == value else 0.0 for value in range(-4, 5)]

    x = -0.8
    noise = draws(name) / BETA
    found = relax(program, beta=BETA, distribution=name, epsilon=1e-9)(number(x))
    steps = sampled(x - noise if text == "divmod" else x + noise)
    for value, p in zip(range(-4, 5), found, strict=True):
        assert_mean(p, steps == value)


@pytest.mark.parametrize("name", NAMES)
def test_the_filter_has_the_densities_of_textbooks(name: str) -> None:
    """The convolution with the density of the noise, over the sum of its coefficients (paper section 3.2)."""
    density = DENSITIES[name]
    a = torch.tensor([1.0, 4.0, -2.0, 7.0, 3.0], dtype=D)
    positions = torch.arange(5, dtype=D)
    for beta, x in ((0.3, 1.3), (1.1, 2.6), (0.9, 3.8)):
        weights = density(beta * (positions - x))
        found = relax(lambda a, x: a[x], beta=beta, distribution=name)(a, number(x))
        torch.testing.assert_close(found, weights @ a / weights.sum())


@pytest.mark.parametrize("name", NAMES)
def test_the_densities_are_those_of_the_draws(name: str) -> None:
    noise, width = draws(name), 0.01
    for z in (-1.37, -0.41, 0.23, 0.77, 1.9):
        middle = DENSITIES[name](torch.tensor(z, dtype=D))
        inside = (noise - z).abs() < width / 2
        error = float(inside.double().std()) / math.sqrt(DRAWS)
        assert abs(float(middle) * width - float(inside.double().mean())) <= 4 * error + 20 / DRAWS


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_sort_of_two_is_the_mean_of_draws(name: str) -> None:
    noise = draws(name) / BETA
    for a, b in ((0.3, 0.5), (0.9, -0.4)):
        swapped = noise < a - b
        low, high = relax(lambda a, b: sorted([a, b]), beta=BETA, distribution=name)(number(a), number(b))
        assert_mean(low, torch.where(swapped, b, a))
        assert_mean(high, torch.where(swapped, a, b))


def test_categoricals_are_drawn_anew_for_each_use() -> None:
    p, q = torch.tensor([0.2, 0.5, 0.3], dtype=D), torch.tensor([0.6, 0.1, 0.3], dtype=D)
    a = torch.tensor([1.0, 4.0, 9.0], dtype=D)

    def program(a: Any, p: Any, q: Any) -> Any:
        k, j = categorical(p), categorical(q)
        listed = [0.0, 0.0, 0.0]
        listed[k] = 5.0
        return a[k] * a[j], (1.0 if k < j else 0.0), (1.0 if k + 1 == 2 * j else 0.0), listed, k - j, (k * 3 + j) % 4

    def drawn(weights: Tensor) -> Tensor:
        return torch.multinomial(weights, DRAWS, replacement=True)

    product, below, equal, listed, difference, rest = relax(program, epsilon=0.0)(a, p, q)
    k, j = drawn(p), drawn(q)
    assert_mean(product, a[k] * a[j])
    assert_mean(below, k < j)
    assert_mean(equal, k + 1 == 2 * j)
    for place, value in enumerate(listed):
        assert_mean(value, 5.0 * (k == place))
    assert_mean(difference, (k - j).double())
    assert_mean(rest, ((k * 3 + j) % 4).double())


def test_a_merge_reads_the_mean_and_a_nested_block_the_path() -> None:
    """Nested blocks are the mean of draws; where a later block reads what an earlier one made, the mean is read instead."""

    def nested(x: Any, y: Any) -> Any:
        return (x if x > y else x * y) if x > 0.1 else (y if y > 0.3 else -x)

    def sequential(x: Any, y: Any) -> Any:
        z = x if x > y else x - 1.0
        return 2.0 if z > 0 else 0.0

    x, y = 0.35, 0.2
    a, b, c = (torch.sigmoid(torch.tensor(BETA * each, dtype=D)) for each in (x - y, x - 0.1, y - 0.3))
    first, second, third = (torch.rand(DRAWS, dtype=D) < p for p in (a, b, c))
    sample = torch.where(second, torch.where(first, x, x * y), torch.where(third, y, -x))
    assert_mean(relax(nested, beta=BETA)(number(x), number(y)), sample)
    z = torch.where(first, x, x - 1.0)
    drawn = 2.0 * (torch.rand(DRAWS, dtype=D) < torch.sigmoid(BETA * z))
    assert_mean(relax(sequential, beta=BETA, estimator="exact")(number(x), number(y)), drawn)
    merged = relax(sequential, beta=BETA)(number(x), number(y))
    torch.testing.assert_close(merged, 2 * torch.sigmoid(BETA * (x - (1 - a))))

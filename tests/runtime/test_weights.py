"""Means over many states: what loops with many exits leave behind, beside sums worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from relaxpy.runtime import ops
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.recipes import distribution_of
from relaxpy.runtime.values import SoftNumber, SoftTruth
from relaxpy.runtime.weights import Weights, mean

MASSES = [torch.tensor([0.25, 0.1, 0.0]), torch.tensor([0.5, 0.3, 0.0]), torch.tensor([0.125, 0.1, 0.0])]
SHARES = torch.tensor([[2 / 7, 0.2, 1.0], [4 / 7, 0.6, 0.0], [1 / 7, 0.2, 0.0]])


def number(*lanes: float) -> SoftNumber:
    return SoftNumber(torch.tensor(lanes), True)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([((0,), number(1.0, 2.0, 3.0)), ((1,), number(5.0, 6.0, 7.0)), ((2,), 4.0)], [26 / 7, 4.8, 3.0]),
        ([((0,), 1.0), ((1, 2), number(2.0, 3.0, 4.0))], [12 / 7, 2.6, 1.0]),
        ([((0, 2), number(2.0, 3.0, 4.0)), ((1,), 1.0)], [10 / 7, 1.8, 4.0]),
        ([((0,), SoftNumber(torch.tensor(1.0), True)), ((1,), 2), ((2,), True)], [11 / 7, 1.6, 1.0]),
    ],
)
def test_the_mean_of_reals(groups: Any, expected: list[float]) -> None:
    found = mean(Weights(MASSES, MASSES[0]), groups)
    assert type(found) is SoftNumber
    assert found.lanes.tolist() == pytest.approx(expected)


def test_truths_give_a_truth() -> None:
    groups = [((0,), True), ((1,), SoftTruth(torch.tensor([0.5, 0.5, 0.5]))), ((2,), False)]
    found = mean(Weights(MASSES, MASSES[0]), groups)
    assert type(found) is SoftTruth
    assert found.lanes.tolist() == pytest.approx([4 / 7, 0.5, 1.0])


def test_integers_keep_their_distribution() -> None:
    found = mean(Weights(MASSES, MASSES[0]), [((0,), 3), ((1,), 5), ((2,), True)])
    assert type(found) is SoftInteger
    support, probabilities = distribution_of(found.node)
    assert support == [1, 3, 5]
    assert probabilities is not None
    assert torch.allclose(probabilities, SHARES[[2, 0, 1]])
    assert torch.allclose(found.lanes, probabilities[0] + 3 * probabilities[1] + 5 * probabilities[2])


def test_what_is_no_finite_scalar_is_left_to_others() -> None:
    weights = Weights(MASSES, MASSES[0])
    assert mean(weights, [((0,), 1.0), ((1,), "x"), ((2,), 2.0)]) is None
    assert mean(weights, [((0,), 1.0), ((1,), float("inf")), ((2,), 2.0)]) is None


def last_above(values: Any, bound: Any) -> Any:
    """Leaves at one of many places, with a number, a truth and an integer that differ between them."""
    total, found, k = 0.0, False, 0
    for value in values:
        total += value
        k += 1
        if value > bound:
            found = True
            break
    return total, found, k


@pytest.mark.parametrize("batch", [False, True])
def test_a_loop_with_many_exits_is_the_sum_over_them(batch: bool) -> None:
    beta = 3.0
    values = torch.rand((4, 6) if batch else 6, dtype=torch.float64, requires_grad=True)
    bound = torch.full((4,) if batch else (), 0.4, dtype=torch.float64, requires_grad=True)
    total, found, k = relax(last_above, batch=batch, beta=beta, epsilon=1e-12)(values, bound)
    left = torch.ones_like(bound)
    expected: list[Tensor] = [torch.zeros_like(bound) for _ in range(3)]
    sums = values.cumsum(-1)
    for i in range(6):
        leaves = torch.sigmoid(beta * (values[..., i] - bound)) * left
        left = left - leaves
        for place, value in enumerate((sums[..., i], 1.0, i + 1)):
            expected[place] = expected[place] + leaves * value
    expected = [expected[0] + left * sums[..., 5], expected[1], expected[2] + left * 6]
    for mine, theirs in zip((total, found, k), expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-12)
        gradients = [torch.autograd.grad(each.sum(), (values, bound), retain_graph=True) for each in (mine, theirs)]
        for left_, right in zip(*gradients, strict=True):
            assert torch.allclose(left_, right, atol=1e-12)


def halve(x: Any) -> Any:
    return 1.75 if x > 0.3721 else x * 2.25


def test_constants_made_in_a_transform_or_in_inference_mode_serve_afterwards() -> None:
    """They are kept, so they must belong to none of these."""
    ops._constant.cache_clear()
    x = torch.tensor([0.3, 0.5], requires_grad=True)
    with torch.inference_mode():
        relax(halve, batch=True, beta=1.375)(torch.tensor([0.3, 0.5]))
    torch.func.grad(lambda x: relax(halve, beta=1.5)(x))(torch.tensor(0.3))
    for beta in (1.375, 1.5):
        with relaxpy.options(beta=beta):
            (gradient,) = torch.autograd.grad(relax(halve, batch=True)(x).sum(), x)
        p = torch.sigmoid(beta * (x - 0.3721))
        (expected,) = torch.autograd.grad((p * 1.75 + (1 - p) * x * 2.25).sum(), x)
        assert torch.allclose(gradient, expected)

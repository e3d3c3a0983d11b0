"""Estimators that follow single paths, and straight-through decisions, beside formulas worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import RelaxError, relax

BETA = 2.0


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def sigma(x: Tensor) -> Tensor:
    return torch.sigmoid(BETA * x)


def sequential(i: Any, x: Any) -> Any:
    """The paper's example of a dependency between two blocks (section 3)."""
    a = x - 1.0 if i < 0 else x + 2.0
    return 0.0 if a < 0 else a * a


def by_hand(i: Tensor, x: Tensor) -> Tensor:
    low, high = x - 1, x + 2
    return sigma(-i) * sigma(low) * low**2 + (1 - sigma(-i)) * sigma(high) * high**2


def test_exact_is_the_paper_s_example_by_hand_and_merged_is_not() -> None:
    i, x = number(0.1), number(0.2)
    hand = by_hand(i, x)
    exact = relax(sequential, beta=BETA, estimator="exact", epsilon=0)(i, x)
    assert torch.allclose(exact, hand)
    for ours, theirs in zip(torch.autograd.grad(exact, [i, x]), torch.autograd.grad(hand, [i, x])):
        assert torch.allclose(ours, theirs)
    mean = sigma(-i) * (x - 1) + (1 - sigma(-i)) * (x + 2)
    merged = relax(sequential, beta=BETA)(i, x)
    assert torch.allclose(merged, sigma(mean) * mean**2)
    assert abs(float(merged - exact)) > 0.5


def test_exact_of_a_batch_is_that_of_each_sample() -> None:
    i = torch.linspace(-1, 1, 5, dtype=torch.float64, requires_grad=True)
    x = torch.linspace(-0.5, 1, 5, dtype=torch.float64)
    result = relax(sequential, beta=BETA, estimator="exact", batch=True, epsilon=0)(i, x)
    assert torch.allclose(result, by_hand(i, x))


def test_sampled_converges_to_exact_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    sampled = relax(sequential, beta=BETA, estimator="sampled", samples=100, batch=True)
    i = torch.full((200,), 0.1, dtype=torch.float64, requires_grad=True)
    x = torch.full((200,), 0.2, dtype=torch.float64, requires_grad=True)
    values = sampled(i, x)
    gradients = torch.autograd.grad(values.sum(), [i, x])
    one_i, one_x = number(0.1), number(0.2)
    expected = [by_hand(one_i, one_x), *torch.autograd.grad(by_hand(one_i, one_x), [one_i, one_x])]
    for found, wanted in zip([values.detach(), *gradients], expected):
        error = float(found.std()) / len(found) ** 0.5
        assert abs(float(found.mean()) - float(wanted)) <= 4 * error


def test_objects_are_rolled_back_between_paths() -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0.0

    def program(x: Any, seen: list[Any], counter: Any) -> Any:
        for k in range(2):
            if x > k:
                seen[k] += 1.0
                counter.count += seen[0]
        return counter.count

    x = number(0.3)
    results = []
    for estimator in ("merged", "exact"):
        seen, counter = [0.0, 0.0], Counter()
        result = relax(program, beta=BETA, estimator=estimator, epsilon=0)(x, seen, counter)
        results.append([float(value) for value in (result, *seen, counter.count)])
    p, q = float(sigma(x)), float(sigma(x - 1))
    assert results[1] == pytest.approx([p + p * q, p, q, p + p * q])
    assert results[0] == pytest.approx(results[1])


def test_indices_and_choices_are_drawn() -> None:
    def program(xs: Any, k: Any) -> Any:
        chosen = relaxpy.categorical(k)
        return xs[chosen], min(xs), sorted(xs)[0]

    xs, k = torch.tensor([0.3, 0.1], dtype=torch.float64), torch.tensor([0.25, 0.75], dtype=torch.float64)
    merged = relax(program, beta=BETA)(xs, k)
    exact = relax(program, beta=BETA, estimator="exact")(xs, k)
    assert [float(x) for x in exact] == pytest.approx([float(x) for x in merged])


def test_too_many_paths_fail_clearly() -> None:
    def count(xs: Any) -> Any:
        return sum(1.0 if x > 0 else 0.0 for x in xs)

    with pytest.raises(RelaxError, match="more than max_paths=20 paths"):
        relax(count, estimator="exact", max_paths=20)(torch.zeros(8))


def test_an_estimator_cannot_begin_in_the_middle_of_a_call() -> None:
    def program(x: Any) -> Any:
        with relaxpy.options(estimator="exact"):
            return 1.0 if x > 0 else 0.0

    with pytest.raises(RelaxError, match="follows whole calls"):
        relax(program)(number(0.1))


def test_iterators_are_refused() -> None:
    with pytest.raises(RelaxError, match="would exhaust the iterator"):
        relax(lambda x, it: next(it), estimator="exact")(number(0.1), iter([1, 2]))


def one(x: Any, y: Any) -> Any:
    return x * 2.0 if x < y else y * 3.0


def two(x: Any, y: Any) -> Any:
    return (x * 2.0 if x < y else y * 3.0) + (x * y if x > 0.5 else y)


def nested(x: Any, y: Any) -> Any:
    if x < y:
        return x * x if x < 0.3 else y
    return x * y


def straight(hard: bool, soft: Tensor) -> Tensor:
    return float(hard) + soft - soft.detach()


def formula(program: Any, x: Tensor, y: Tensor) -> Tensor:
    """The programs with each decision's hard value and soft derivative."""
    p, q, r = straight(x < y, sigma(y - x)), straight(x > 0.5, sigma(x - 0.5)), straight(x < 0.3, sigma(0.3 - x))
    first = p * 2 * x + (1 - p) * 3 * y
    if program is one:
        return first
    if program is two:
        return first + q * x * y + (1 - q) * y
    return p * (r * x * x + (1 - r) * y) + (1 - p) * x * y


@pytest.mark.parametrize("program", [one, two, nested])
@pytest.mark.parametrize("place", [(0.2, 0.5), (0.4, 0.5), (0.7, 0.5)])
def test_straight_through(program: Any, place: tuple[float, float]) -> None:
    x, y = map(number, place)
    result = relax(program, beta=BETA, mode="straight-through")(x, y)
    assert torch.equal(result.detach(), relax(program, mode="hard")(x, y).detach())
    wanted = torch.autograd.grad(formula(program, x, y), [x, y])
    for ours, theirs in zip(torch.autograd.grad(result, [x, y]), wanted):
        assert torch.allclose(ours, theirs)


def test_hard_mode_has_the_gradient_of_the_values_alone() -> None:
    x, y = number(0.4), number(0.5)
    result = relax(one, mode="hard")(x, y)
    assert torch.autograd.grad(result, [x, y], allow_unused=True) == (torch.tensor(2.0), None)


def test_a_side_that_hard_mode_leaves_out_is_never_singular() -> None:
    def root(x: Any) -> Any:
        return x.sqrt() if x > 0 else -x

    x = number(-0.2)
    result = relax(root, beta=BETA, mode="straight-through")(x)
    assert float(result) == 0.2
    assert torch.isfinite(torch.autograd.grad(result, x)[0])

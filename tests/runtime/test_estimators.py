"""Exact and sampled expectations: what repeats, what is drawn, and agreement with an enumeration that shares no code."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import relaxpy
from relaxpy import RelaxError, categorical, relax
from tests.oracle import expectation, flatten

D = torch.float64
BETA = 2.0
ROWS = torch.tensor([[0.3, -0.2, 0.6], [-0.4, 0.9, 0.1]], dtype=D)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=D, requires_grad=True)


def blocks_that_read_each_other(a: Any) -> Any:
    best = a[0]
    for x in a:
        if x > best:
            best = x
    total = 0.0
    for x in a:
        if x > best / 2:
            total = total + x * best
    return best, total


def squares(a: Any) -> Any:
    t = 0.0
    for x in a:
        t = t * x + 1.0 if x > t else t - x
    return t * t


def loop_that_ends_by_what_it_made(a: Any) -> Any:
    x, turns = a[0], 0
    while x < 1.0:
        x = x + 0.4 if x < a[1] else x + 0.7
        turns += 1
    return x * x, turns


def exits(a: Any) -> Any:
    level = a[1] / 2
    for x in a:
        if x > level:
            return level - x
        level = level + x * x if x > 0 else level / 2
    return level


def first_place(a: Any) -> Any:
    m = 0
    for j in range(1, 3):
        if a[j] > a[m]:
            m = j
    return a[m] * a[m], [10.0, 20.0, 40.0][m]


def kept_in_objects(a: Any) -> Any:
    seen: dict[str, Any] = {"low": a[0], "high": a[1] / 2}
    stack = [a[2]]
    for x in a:
        name = "high"
        if x > stack[0]:
            stack[0] = x
        else:
            seen[name] += stack[0] * x
        if seen["high"] < 0.1:
            seen["low"] = stack[0]
    return seen, stack


def plain_until_changed(a: Any) -> Any:
    """Numbers that a path leaves plain are compared as in Python on this path, whatever happens on others."""
    low, high, count, seen = 0.0, 0.0, 0, [0.0, 1]
    for x in a[1:]:
        if x < 0:
            high += x
            count += 1
        elif x > 0.5:
            seen[0] = x
        if 2 * high + 1 > 0.9 or seen[0] == 0.0 and -high < 1:
            low = low + 1.0
        if count <= low:
            seen[1] = high - x
    return low, high, seen, count


DEPENDENT: list[Callable[[Any], Any]] = [
    blocks_that_read_each_other,
    squares,
    loop_that_ends_by_what_it_made,
    exits,
    first_place,
    kept_in_objects,
    plain_until_changed,
]


def leaves(result: Any, lanes: bool = False) -> dict[str, Tensor]:
    return {place: torch.as_tensor(leaf, dtype=D) for place, leaf in flatten(result, lanes=lanes).items()}


@pytest.mark.parametrize("program", DEPENDENT, ids=lambda f: f.__name__)
def test_exact_is_the_sum_over_all_paths_where_later_conditions_read_what_earlier_blocks_made(program: Any) -> None:
    """Beside the enumeration of the oracle, in value and gradient, alone and in a batch; merging would differ."""
    rows = ROWS.clone().requires_grad_()
    wanted = expectation(program, [rows], beta=BETA, cut=1e-9).leaves
    exact = relax(program, beta=BETA, estimator="exact", epsilon=1e-9)
    together = leaves(exact.batch()(rows), lanes=True)
    merged = leaves(relax(program, beta=BETA, epsilon=1e-9, batch=True)(rows), lanes=True)
    assert together.keys() == wanted.keys()
    distance = 0.0
    for place, expected in wanted.items():
        assert isinstance(expected, Tensor)
        torch.testing.assert_close(together[place], expected, atol=1e-6, rtol=1e-6)
        distance = max(distance, float((merged[place] - expected).abs().max().detach()))
        gradients = [torch.autograd.grad(each.sum(), rows, retain_graph=True)[0] for each in (together[place], expected)]
        torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-6)
        for lane in range(2):
            alone = leaves(exact(rows[lane]))[place]
            torch.testing.assert_close(alone, together[place][lane], atol=1e-6, rtol=1e-6)
    assert distance > 1e-3


@pytest.mark.parametrize("program", DEPENDENT, ids=lambda f: f.__name__)
def test_sampled_converges_to_exact(program: Any) -> None:
    """600 independent estimates of 16 paths each, of every value and every gradient, within 4 standard errors."""
    lanes = 600
    row = ROWS[0].clone().requires_grad_()
    exact = leaves(relax(program, beta=BETA, estimator="exact", epsilon=1e-9)(row))
    many = ROWS[0].expand(lanes, 3).clone().requires_grad_()
    sampled = leaves(relax(program, beta=BETA, estimator="sampled", samples=16, batch=True)(many), lanes=True)
    for place, wanted in exact.items():
        found = sampled[place].expand(lanes)
        (slopes,) = torch.autograd.grad(found.sum(), many, retain_graph=True)
        (slope,) = torch.autograd.grad(wanted, row, retain_graph=True)
        for estimates, truth in [(found, wanted), *zip(slopes.T, slope, strict=True)]:
            error = float(estimates.std()) / lanes**0.5
            assert abs(float(estimates.mean()) - float(truth)) <= 4 * error + 1e-9, place


def stored_at(k: Any) -> Any:
    listed = [0.0, 1.0, 2.0]
    listed[k] = 5.0
    return listed


def flagged(p: Any, a: Any) -> Any:
    flag = relaxpy.truth(p)
    return 2.0 if flag and a > 0 else 3.0 if flag else a


DRAWN: dict[str, Callable[[Any, Any], Any]] = {
    "a load": lambda p, a: a[categorical(p)],
    "a store": lambda p, a: stored_at(categorical(p)),
    "a comparison of integers": lambda p, a: a[0] if categorical(p) >= 1 else a[1],
    "truths": lambda p, a: flagged(p[1], a[0]),
    "min": lambda p, a: min(a) * a[1],
    "max of a key": lambda p, a: max([0.1, 0.2, 0.5], key=lambda y: a[0] * y - a[1] * y * y),
    "argmin": lambda p, a: a[min(range(3), key=lambda i: a[i])],
    "sorted": lambda p, a: sorted(a),
    "a staircase": lambda p, a: 1.0 if round(3 * a[0]) >= 1 else a[1],
    "any": lambda p, a: a[0] if any(x > 0.5 for x in a) else a[1],
}


@pytest.mark.parametrize("name", DRAWN)
def test_sampled_indices_stores_and_builtins_converge_to_exact(name: str) -> None:
    program, lanes = DRAWN[name], 500
    p, a = torch.tensor([0.2, 0.5, 0.3], dtype=D, requires_grad=True), ROWS[0].clone().requires_grad_()
    exact = leaves(relax(program, beta=BETA, estimator="exact", epsilon=1e-9)(p, a))
    many = [each.detach().expand(lanes, 3).clone().requires_grad_() for each in (p, a)]
    sampled = leaves(relax(program, beta=BETA, estimator="sampled", samples=8, batch=True)(*many), lanes=True)
    for place, wanted in exact.items():
        found = sampled[place].expand(lanes)
        options: dict[str, Any] = {"retain_graph": True, "materialize_grads": True, "allow_unused": True}
        slopes = torch.cat(torch.autograd.grad(found.sum(), many, **options), 1)
        slope = torch.cat(torch.autograd.grad(wanted, (p, a), **options))
        for estimates, truth in [(found, wanted), *zip(slopes.T, slope, strict=True)]:
            error = float(estimates.std()) / lanes**0.5
            assert abs(float(estimates.mean()) - float(truth)) <= 4 * error + 1e-6, place


def test_without_gradients_sampling_is_plain_monte_carlo() -> None:
    """The mean of what the drawn paths gave: of 8 paths, a multiple of 1/8; nothing is kept for a gradient."""

    def above(x: Any) -> Any:
        return 1.0 if x > 0.3 else 0.0

    f = relax(above, beta=BETA, estimator="sampled", samples=8, batch=True)
    with torch.no_grad():
        many = f(torch.full((4000,), 0.5, dtype=D))
    assert not many.requires_grad
    assert set(many.tolist()) <= {k / 8 for k in range(9)}
    p = 1 / (1 + np.exp(-BETA * 0.2))
    assert abs(float(many.mean()) - p) <= 4 * float(many.std()) / 4000**0.5
    assert float(many.var()) == pytest.approx(p * (1 - p) / 8, rel=0.1)


def test_the_baseline_makes_the_gradient_of_a_constant_zero() -> None:
    """A constant result has no score-function noise: the others' mean, which is subtracted, is the constant itself."""

    def constant(x: Any) -> Any:
        return x * 0.0 + (5.0 if x > 0 else 10.0 / 2)

    x = number(0.2)
    (slope,) = torch.autograd.grad(relax(constant, beta=BETA, estimator="sampled", samples=4)(x), x)
    assert float(slope) == pytest.approx(0.0, abs=1e-12)


def test_beta_has_the_gradient_of_the_exact_expectation() -> None:
    def program(x: Any, y: Any) -> Any:
        z = x if x > y else x - 1.0
        return z * z if z > 0 else z

    x, y = torch.tensor(0.4, dtype=D), torch.tensor(0.1, dtype=D)

    def by_hand(beta: Tensor) -> Tensor:
        p = torch.sigmoid(beta * (x - y))
        terms = [q * z * z + (1 - q) * z for z in (x, x - 1) for q in (torch.sigmoid(beta * z),)]
        return p * terms[0] + (1 - p) * terms[1]

    beta = nn.Parameter(torch.tensor(1.7, dtype=D))
    exact = relax(program, beta=beta, estimator="exact", epsilon=0.0)(x, y)
    torch.testing.assert_close(exact, by_hand(beta))
    torch.testing.assert_close(torch.autograd.grad(exact, beta), torch.autograd.grad(by_hand(beta), beta))
    sampled = relax(program, beta=beta, estimator="sampled", samples=4000)(x, y)
    (found,) = torch.autograd.grad(sampled, beta)
    assert float(found) == pytest.approx(float(torch.autograd.grad(by_hand(beta), beta)[0]), abs=0.1)


SOURCES: dict[str, tuple[Callable[[], float], Callable[[], object]]] = {
    "random": (random.random, lambda: random.seed(3)),
    "numpy": (lambda: float(np.random.random()), lambda: np.random.seed(3)),
    "torch": (lambda: float(torch.rand(())), lambda: torch.manual_seed(3)),
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_path_meets_the_same_random_numbers(source: str) -> None:
    read, seed = SOURCES[source]

    def program(x: Any) -> Any:
        total = x
        for _ in range(3):
            total = total + 1.0 if total > read() else total * 0.5
        return total * total

    seed()
    levels = [read() for _ in range(3)]
    after = read()

    def fixed(x: Any, first: float, second: float, third: float) -> Any:
        total = x
        for level in (first, second, third):
            total = total + 1.0 if total > level else total * 0.5
        return total * total

    x = number(0.4)
    options: dict[str, Any] = {"beta": BETA, "estimator": "exact", "epsilon": 0.0}
    wanted = relax(fixed, **options)(x, *levels)
    seed()
    torch.testing.assert_close(relax(program, **options)(x), wanted)
    assert read() == after


def test_a_path_that_does_not_repeat_is_an_error() -> None:
    own = random.Random(0)

    def program(x: Any) -> Any:
        level = own.random()
        return (1.0 if x > level else 0.0) + (1.0 if x > 0.5 else 0.0)

    with pytest.raises(RelaxError, match="did not repeat what the paths before it had decided"):
        relax(program, beta=BETA, estimator="exact")(number(0.2))


def test_generators_are_refused() -> None:
    def terms(x: Any) -> Any:
        yield x
        yield 1.0 if x > 0 else 0.0

    for estimator in ("exact", "sampled"):
        with pytest.raises(RelaxError) as caught:
            relax(terms, estimator=estimator)(number(0.2))
        assert caught.value.message == (
            f"estimator={estimator!r} follows whole calls, and `terms` is a generator or a coroutine, which gives values "
            "before it ends"
        )


def test_an_estimator_in_a_call_of_a_call() -> None:
    """A callee with an estimator of its own is one value to its caller; what it stores is rolled back between its paths."""

    @relax(estimator="exact", epsilon=0.0)
    def inner(i: Any, x: Any, seen: list[Any]) -> Any:
        a = x - 1.0 if i < 0 else x + 2.0
        seen[0] = seen[0] + a
        return 0.0 if a < 0 else a * a

    def outer(i: Any, x: Any) -> Any:
        seen = [0.0]
        value = inner(i, x, seen) if x > 0 else x
        return value, seen[0]

    i, x = number(0.1), number(0.2)
    q, above, p = torch.sigmoid(-BETA * i), torch.sigmoid(BETA * x), [torch.sigmoid(BETA * (x + d)) for d in (-1, 2)]
    exact = q * p[0] * (x - 1) ** 2 + (1 - q) * p[1] * (x + 2) ** 2
    value, stored = relax(outer, beta=BETA, epsilon=0.0)(i, x)
    torch.testing.assert_close(value, above * exact + (1 - above) * x)
    torch.testing.assert_close(stored, above * (q * (x - 1) + (1 - q) * (x + 2)))


def test_other_modes_have_nothing_to_draw() -> None:
    seen: list[int] = []

    def program(x: Any) -> Any:
        seen.append(1)
        return 1.0 if x > 0 else 0.0

    assert relax(program, mode="hard", estimator="sampled")(number(0.2)) == 1
    assert len(seen) == 1


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_under_transforms_of_torch(estimator: str) -> None:
    def program(x: Any) -> Any:
        y = x * 2.0 if x > 0 else -x
        return y * y if y > 0.5 else y

    xs = torch.tensor([-0.3, 0.1, 0.6], dtype=D)
    f = relax(program, beta=BETA, estimator=estimator, epsilon=1e-12, samples=3000)
    wanted = relax(program, beta=BETA, estimator="exact", epsilon=1e-12, batch=True)(xs)
    tolerance = {"atol": 1e-9 if estimator == "exact" else 0.15, "rtol": 0.0}
    torch.testing.assert_close(torch.vmap(f, randomness="different")(xs), wanted, **tolerance)
    slopes = torch.vmap(torch.func.grad(f), randomness="different")(xs)
    expected = torch.stack([torch.func.grad(relax(program, beta=BETA, estimator="exact", epsilon=1e-12))(x) for x in xs])
    torch.testing.assert_close(slopes, expected, **(tolerance if estimator == "exact" else {"atol": 0.4, "rtol": 0.0}))


def merge_sort(values: Any) -> Any:
    if len(values) <= 1:
        return values
    half = len(values) // 2
    left, right = merge_sort(values[:half]), merge_sort(values[half:])
    merged = []
    while left and right:
        if left[0] < right[0]:
            merged.append(left.pop(0))
        else:
            merged.append(right.pop(0))
    return [*merged, *left, *right]


def test_lists_that_each_path_makes_and_uses_up() -> None:
    def program(values: Any) -> Any:
        return merge_sort(list(values))

    values = torch.tensor([0.5, -0.2, 0.3], dtype=torch.float64, requires_grad=True)
    found = torch.stack(relax(program, estimator="exact", beta=3.0)(values))
    first, second, third = values
    half = torch.sigmoid(3.0 * (third - second))  # second before third
    expected = torch.zeros(3, dtype=torch.float64)
    for p, (low, high) in ((half, (second, third)), (1 - half, (third, second))):
        before, between = torch.sigmoid(3.0 * (low - first)), torch.sigmoid(3.0 * (high - first))
        expected = expected + p * before * torch.stack([first, low, high])
        expected = expected + p * (1 - before) * between * torch.stack([low, first, high])
        expected = expected + p * (1 - before) * (1 - between) * torch.stack([low, high, first])
    torch.testing.assert_close(found, expected)

"""Soft filters of comprehensions that `sum`, `any` and `all` consume."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import RelaxError, probabilities, relax
from tests.laws.support import assert_same
from tests.oracle import expectation, flatten

D = torch.float64
BETA = 4.0
A = torch.tensor([0.1, 0.5, 0.9], dtype=D)


def program(a: Any, t: Any) -> Any:
    total = sum(x for x in a if x > t)
    count = sum(1 for x in a if x > t)
    found = any(x < 0.6 for x in a if x > t)
    every = all(x < 0.6 for x in a if x > t)
    never = any(False for x in a if x > t)
    none = all(False for x in a if x > t)
    hard = sum(i for i in range(4) if i > 1)
    return total, count, found, every, never, none, hard


def test_each_term_counts_with_its_probability() -> None:
    a, t = A.clone().requires_grad_(), torch.tensor(0.4, dtype=D, requires_grad=True)
    p, q = torch.sigmoid(BETA * (a - t)), torch.sigmoid(BETA * (0.6 - a))
    expected = ((p * a).sum(), p.sum(), 1 - (1 - p * q).prod(), (1 - p + p * q).prod(), None, (1 - p).prod(), None)
    results = relax(program, beta=BETA, epsilon=0.0)(a, t)
    for result, wanted in zip(results, expected, strict=True):
        if wanted is not None:
            torch.testing.assert_close(result, wanted)
    assert results[4] is False or float(results[4]) == 0
    assert results[6] == 5
    assert torch.autograd.gradcheck(lambda a, t: relax(program, beta=BETA, epsilon=0.0)(a, t)[:4], (a, t))
    batch = torch.stack([A, A.flip(0) * 1.3])
    together = relax(program, beta=BETA, epsilon=0.0, batch=(0, None))(batch, t)
    for lane in range(2):
        for each, alone in zip(together[:4], relax(program, beta=BETA, epsilon=0.0)(batch[lane], t), strict=False):
            torch.testing.assert_close(each[lane], alone)


def test_plain_filters_are_python_s() -> None:
    assert relax(program)([0.1, 0.5, 0.9], 0.4) == (0.5 + 0.9, 2, True, False, False, False, 5)


def test_the_count_is_a_soft_integer() -> None:
    def counted(a: Any) -> Any:
        return probabilities(sum(1 for x in a if x > 0.4), 4)

    p = torch.sigmoid(BETA * (A - 0.4))
    weights = torch.ones(1, dtype=D)
    for each in p:
        padded = torch.cat([weights, weights.new_zeros(1)])
        weights = padded * (1 - each) + padded.roll(1) * each
    torch.testing.assert_close(relax(counted, beta=BETA, epsilon=0.0)(A), weights)


def test_terms_are_not_evaluated_where_the_filter_excludes_them() -> None:
    def guarded(a: Any) -> Any:
        return sum(1 / x for x in a if x > 0.05)

    a = torch.tensor([0.0, 0.5, 2.0], dtype=D, requires_grad=True)
    result = relax(guarded, beta=1e4)(a)
    torch.testing.assert_close(result, torch.tensor(2.5, dtype=D))
    (gradient,) = torch.autograd.grad(result, a)
    torch.testing.assert_close(gradient, torch.tensor([0.0, -4.0, -0.25], dtype=D))


def test_nothing_else_takes_such_terms() -> None:
    def listed(a: Any) -> Any:
        return max(x for x in a if x > 0.4)

    def joined(a: Any) -> Any:
        return sum([[x] for x in a if x > 0.4], [])  # noqa: RUF017

    with pytest.raises((RelaxError, TypeError)):
        relax(listed)(A)
    with pytest.raises(RelaxError, match="a term of a sum with a soft filter"):
        relax(joined)(A)


def two_filters(x: Any, y: Any) -> Any:
    return sum(v * 2.0 for v in [x, y, 0.5] if v > 0.1 if v < y)


def a_filter_before_a_loop(x: Any, y: Any) -> Any:
    return sum([v + w for v in [x, y] if v > 0.1 for w in range(3) if w != 1 if w > x], 1.0)


def a_plain_filter_among_soft_ones(x: Any, y: Any) -> Any:
    return sum(v for i, v in enumerate([x, y, x + y]) if v > 0.1 if i != 1)


def counted(x: Any, y: Any) -> Any:
    return sum(1 for v in [x, y, 0.3] if v > 0.1 and v < 0.8)


def some(x: Any, y: Any) -> Any:
    return any(v < w for v in [x, y] if v > 0.1 for w in [0.2, 0.4] if w > y)


def every(x: Any, y: Any) -> Any:
    return all(v < w for v in [x, y] if v > 0.1 for w in [0.2, 0.4] if w > y)


def terms_that_decide(x: Any, y: Any) -> Any:
    return sum((v if v > w else w) for v in [x, y] for w in [0.1, 0.3] if v + w > 0)


def terms_that_change_state(x: Any, y: Any) -> Any:
    seen = [0.0]

    def note(v: Any) -> Any:
        seen[0] = seen[0] + v
        return v * v

    return sum(note(v) for v in [x, y] if v > 0), seen


@pytest.mark.parametrize(
    "program",
    [
        two_filters,
        a_filter_before_a_loop,
        a_plain_filter_among_soft_ones,
        counted,
        some,
        every,
        terms_that_decide,
        terms_that_change_state,
    ],
    ids=lambda program: program.__name__,
)
def test_sums_over_all_paths(program: Any) -> None:
    x = torch.tensor([0.2, -0.4, 1.3], dtype=D, requires_grad=True)
    y = torch.tensor([0.3, 0.1, -0.6], dtype=D, requires_grad=True)
    exact = expectation(program, [x, y], beta=BETA).leaves
    leaves = flatten(relax(program, beta=BETA, epsilon=0.0, batch=True)(x, y), lanes=True)
    assert leaves.keys() == exact.keys()
    for place, wanted in exact.items():
        assert_same([leaves[place]], flatten([wanted]), [x, y])
    assert relax(program)(0.2, 0.3) == program(0.2, 0.3)


@pytest.mark.parametrize(
    "made",
    [
        lambda x: [v for v in [x, 1.0] if v > 0],
        lambda x: {1 for v in [x, 1.0] if v > 0},
        lambda x: {k: v for k, v in enumerate([x, 1.0]) if v > 0},
        lambda x: tuple(v for v in [x, 1.0] if v > 0),
        lambda x: max(v for v in [x, 1.0] if v > 0),
    ],
)
def test_a_soft_filter_makes_no_list(made: Any) -> None:
    with pytest.raises(RelaxError, match="comprehension's filter"):
        relax(made)(torch.tensor(0.3))

"""Soft filters of generator expressions, in the shape that the rewriter gives them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import RelaxError, probabilities, relax
from relaxpy.runtime.filters import filtered

D = torch.float64
BETA = 4.0
A = torch.tensor([0.1, 0.5, 0.9], dtype=D)


def program(a: Any, t: Any) -> Any:
    total = sum(keep.of(x) for x in a for keep in (filtered(x > t),) if keep.then)
    count = sum(keep.of(1) for x in a for keep in (filtered(x > t),) if keep.then)
    found = any(keep.of(x < 0.6) for x in a for keep in (filtered(x > t),) if keep.then)
    every = all(keep.of(x < 0.6) for x in a for keep in (filtered(x > t),) if keep.then)
    never = any(keep.of(False) for x in a for keep in (filtered(x > t),) if keep.then)
    none = all(keep.of(False) for x in a for keep in (filtered(x > t),) if keep.then)
    hard = sum(keep.of(i) for i in range(4) for keep in (filtered(i > 1),) if keep.then)
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
        return probabilities(sum(keep.of(1) for x in a for keep in (filtered(x > 0.4),) if keep.then), 4)

    p = torch.sigmoid(BETA * (A - 0.4))
    weights = torch.ones(1, dtype=D)
    for each in p:
        padded = torch.cat([weights, weights.new_zeros(1)])
        weights = padded * (1 - each) + padded.roll(1) * each
    torch.testing.assert_close(relax(counted, beta=BETA, epsilon=0.0)(A), weights)


def test_terms_are_not_evaluated_where_the_filter_excludes_them() -> None:
    def guarded(a: Any) -> Any:
        return sum(keep.of(1 / x) for x in a for keep in (filtered(x > 0.05),) if keep.then)

    a = torch.tensor([0.0, 0.5, 2.0], dtype=D, requires_grad=True)
    result = relax(guarded, beta=1e4)(a)
    torch.testing.assert_close(result, torch.tensor(2.5, dtype=D))
    (gradient,) = torch.autograd.grad(result, a)
    torch.testing.assert_close(gradient, torch.tensor([0.0, -4.0, -0.25], dtype=D))


def test_nothing_else_takes_such_terms() -> None:
    def listed(a: Any) -> Any:
        return max(keep.of(x) for x in a for keep in (filtered(x > 0.4),) if keep.then)

    def joined(a: Any) -> Any:
        return sum([keep.of([x]) for x in a for keep in (filtered(x > 0.4),) if keep.then], [])  # noqa: RUF017

    with pytest.raises((RelaxError, TypeError)):
        relax(listed)(A)
    with pytest.raises(RelaxError, match="a term of a sum with a soft filter"):
        relax(joined)(A)

"""Straight-through decisions of loops, indices and builtins: values of hard mode, derivatives of formulas by hand.

In a formula each decision is ``through(h, p)``: the value of h, the derivative of p.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import categorical, probabilities, relax, truth
from tests.oracle import flatten

D = torch.float64
BETA = 2.0
A = torch.tensor([[0.31, -0.24, 0.93, 0.12], [-0.4, 0.7, 0.2, -0.9]], dtype=D)
X = torch.tensor([0.27, -0.6], dtype=D)


def through(hard: Tensor | bool, soft: Tensor) -> Tensor:
    return torch.as_tensor(hard).to(D) + (soft - soft.detach())


def less(a: Any, b: Any) -> Tensor:
    a, b = torch.as_tensor(a, dtype=D), torch.as_tensor(b, dtype=D)
    return through(a < b, torch.sigmoid(BETA * (b - a)))


def same(a: Any, b: Any) -> Tensor:
    a, b = torch.as_tensor(a, dtype=D), torch.as_tensor(b, dtype=D)
    return through(a == b, 1 / torch.cosh(BETA * (a - b) / 2) ** 2)


def one_hot(place: Any, n: int) -> Tensor:
    return torch.arange(n) == place


def leader(a: Tensor, sign: int) -> Tensor:
    return through(one_hot((sign * a).argmax(), len(a)), torch.softmax(sign * BETA * a, 0))


def near(x: Tensor, n: int) -> Tensor:
    """The filter of a real index: densities over their sum, which has no derivative (paper section 3.2)."""
    z = BETA * (torch.arange(n, dtype=D) - x)
    density = torch.sigmoid(z) * torch.sigmoid(-z)
    return through(one_hot((torch.arange(n) - x).abs().argmin(), n), density / density.sum().detach())


def stairs(x: Tensor, hard: Tensor, shift: float = 0.0, beta: float = BETA) -> Tensor:
    """The expected floor of x + shift."""
    k = torch.arange(-60, 61, dtype=D)
    return through(hard, torch.sigmoid(beta * (x + shift - k)).sum() - 61)


def count_up(a: Any, x: Any) -> Any:
    turns = 0
    while x < a[2]:
        x = x + 0.4
        turns += 1
    return x, turns


def count_up_by_hand(a: Tensor, x: Tensor) -> Any:
    ends, turns, mass = torch.zeros((), dtype=D), torch.zeros((), dtype=D), torch.ones((), dtype=D)
    for turn in range(9):
        p = less(x, a[2])
        ends, turns = ends + mass * (1 - p) * x, turns + mass * (1 - p) * turn
        mass, x = mass * p, x + 0.4
    return ends, turns


def first_above(a: Any, x: Any) -> Any:
    total = 0.0
    for each in a:
        if each > x:
            break
        total = total + each
    else:
        total = total * 2.0
    return total


def first_above_by_hand(a: Tensor, x: Tensor) -> Any:
    total, result, mass = torch.zeros((), dtype=D), torch.zeros((), dtype=D), torch.ones((), dtype=D)
    for each in a:
        p = less(x, each)
        result, mass, total = result + mass * p * total, mass * (1 - p), total + each
    return result + mass * total * 2.0


def smallest_place(a: Any, x: Any) -> Any:
    m = 0
    for j in range(1, 4):
        if a[j] < a[m]:
            m = j
    return a[m] * x, m


def smallest_place_by_hand(a: Tensor, x: Tensor) -> Any:
    weights = one_hot(0, 4).to(D)
    for j in range(1, 4):
        p = less(a[j], weights @ a)
        weights = (1 - p) * weights + p * one_hot(j, 4).to(D)
    return weights @ a * x, weights @ torch.arange(4.0, dtype=D)


def stored(a: Any, x: Any) -> Any:
    listed = [1.0, 2.0, 4.0, 8.0]
    listed[categorical(chances(a))] = x
    return listed


def chances(a: Any) -> Any:
    return a.exp() / a.exp().sum()


def drawn(a: Tensor) -> Tensor:
    p = chances(a)
    return through(one_hot(p.argmax(), 4), p)


def sorted_by_hand(a: Tensor) -> list[Tensor]:
    """Batcher's network for four."""
    values = list(a)
    for i, j in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):
        p = less(values[j], values[i])
        values[i], values[j] = p * values[j] + (1 - p) * values[i], p * values[i] + (1 - p) * values[j]
    return values


def counted_by_hand(a: Tensor) -> list[Tensor]:
    """The distribution of a sum of truths."""
    weights = torch.ones(1, dtype=D)
    for each in a:
        p = less(0.0, each)
        padded = torch.cat([weights, weights.new_zeros(1)])
        weights = padded * (1 - p) + padded.roll(1) * p
    return [weights[2:].sum(), weights @ torch.arange(5.0, dtype=D)]


def counted(a: Any, x: Any) -> Any:
    k = 0
    for each in a:
        if each > 0:
            k += 1
    return (1.0 if k >= 2 else 0.0), sum(each > 0 for each in a)


Program = Callable[[Any, Any], Any]
CASES: dict[str, tuple[Program, Callable[[Tensor, Tensor], Any]]] = {
    "while": (count_up, count_up_by_hand),
    "for, break and else": (first_above, first_above_by_hand),
    "an index found by comparisons": (smallest_place, smallest_place_by_hand),
    "a real index": (lambda a, x: a[x * 2 + 1.1], lambda a, x: near(x * 2 + 1.1, 4) @ a),
    "a store by a real index": (
        lambda a, x: stored_at(x * 2 + 1.1, a[0]),
        lambda a, x: list((b := torch.tensor([1.0, 2.0, 4.0], dtype=D)) + near(x * 2 + 1.1, 3) * (a[0] - b)),
    ),
    "a categorical index": (lambda a, x: a[categorical(chances(a))] * x, lambda a, x: drawn(a) @ a * x),
    "a store by a categorical": (
        stored,
        lambda a, x: list((b := torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=D)) + drawn(a) * (x - b)),
    ),
    "a truth": (lambda a, x: a[0] if truth(chances(a)[1]) else x, lambda a, x: x + (a[0] - x) * half(chances(a)[1])),
    "min": (lambda a, x: min(a), lambda a, x: leader(a, -1) @ a),
    "max": (lambda a, x: max(list(a)), lambda a, x: leader(a, 1) @ a),
    "max of two": (lambda a, x: max(a[0], x), lambda a, x: leader(torch.stack([a[0], x]), 1) @ torch.stack([a[0], x])),
    "min by a key": (
        lambda a, x: min([1.0, 2.0, 5.0], key=lambda y: (y - 2.3 - x) ** 2),
        lambda a, x: leader((torch.tensor([1.0, 2, 5], dtype=D) - 2.3 - x) ** 2, -1) @ torch.tensor([1.0, 2, 5], dtype=D),
    ),
    "argmin": (lambda a, x: a[min(range(4), key=lambda i: a[i])] * x, lambda a, x: leader(a, -1) @ a * x),
    "argmax of torch": (lambda a, x: [x, 2.0, 3.0, x * x][torch.argmax(a)], lambda a, x: leader(a, 1) @ squares(x)),
    "index of the minimum": (lambda a, x: list(a).index(min(a)), lambda a, x: leader(a, -1) @ torch.arange(4.0, dtype=D)),
    "sorted": (lambda a, x: sorted(a), lambda a, x: sorted_by_hand(a)),
    "count": (counted, lambda a, x: counted_by_hand(a)),
    "any": (lambda a, x: any(each > 0.5 for each in a), lambda a, x: 1 - math.prod(1 - less(0.5, each) for each in a)),
    "all": (lambda a, x: all(each > -0.5 for each in a), lambda a, x: math.prod(less(-0.5, each) for each in a)),
    "in": (lambda a, x: 0.93 in list(a), lambda a, x: 1 - math.prod(1 - same(0.93, each) for each in a)),
    "a chain": (lambda a, x: a[0] if -0.5 < x < a[2] else x, lambda a, x: x + (a[0] - x) * less(-0.5, x) * less(x, a[2])),
    "and, or, not": (
        lambda a, x: 1.0 if x > 0 and not (a[0] > x or a[1] > x) else 3.0,
        lambda a, x: 3 - 2 * less(0, x) * (1 - less(x, a[0])) * (1 - less(x, a[1])),
    ),
    "floor": (lambda a, x: math.floor(x * 3), lambda a, x: stairs(x * 3, (x * 3).floor())),
    "ceil": (lambda a, x: math.ceil(x * 3), lambda a, x: stairs(x * 3, (x * 3).ceil(), 1.0)),
    "round": (lambda a, x: round(x * 3), lambda a, x: stairs(x * 3, (x * 3).round(), 0.5)),
    "//": (lambda a, x: x // 0.4, lambda a, x: stairs(x / 0.4, (x / 0.4).floor(), beta=BETA * 0.4)),
    "%": (lambda a, x: x % 0.4, lambda a, x: x - 0.4 * stairs(x / 0.4, (x / 0.4).floor(), beta=BETA * 0.4)),
    "a rounded index": (
        lambda a, x: [x * k * k for k in range(41)][round(x * 2) + 20],
        lambda a, x: rounded(x * 2) @ (x * torch.arange(41, dtype=D) ** 2),
    ),
    "probabilities": (
        lambda a, x: list(probabilities(max(range(4), key=lambda i: a[i]), 4)),
        lambda a, x: list(leader(a, 1)),
    ),
}


def stored_at(i: Any, value: Any) -> Any:
    listed = [1.0, 2.0, 4.0]
    listed[i] = value
    return listed


def half(p: Tensor) -> Tensor:
    return through(p > 0.5, p)


def squares(x: Tensor) -> Tensor:
    return torch.stack([x, 0 * x + 2, 0 * x + 3, x * x])


def rounded(x: Tensor) -> Tensor:
    """P(round(x) = k) for k = -20, ..., 20."""
    edges = torch.sigmoid(BETA * (torch.arange(-20, 22, dtype=D) - 0.5 - x))
    return through(one_hot(x.round() + 20, 41), edges[1:] - edges[:-1])


def numbers(result: Any) -> list[Tensor]:
    return [torch.as_tensor(leaf, dtype=D) for leaf in flatten(result).values()]


def slopes(results: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Of each result by each input; of what is constant, 0."""
    options: dict[str, Any] = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    zeros = [torch.zeros_like(each) for each in inputs]
    return [g for r in results for g in (torch.autograd.grad(r, inputs, **options) if r.requires_grad else zeros)]


@pytest.mark.parametrize("lane", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_values_are_hard_and_derivatives_are_those_of_the_formula(name: str, lane: int) -> None:
    program, formula = CASES[name]
    options: dict[str, Any] = {"beta": BETA, "epsilon": 1e-12}
    inputs = [A[lane].clone().requires_grad_(), X[lane].clone().requires_grad_()]
    straight = relax(program, mode="straight-through", **options)
    found = numbers(straight(*inputs))
    hard = numbers(relax(program, mode="hard")(*(each.detach() for each in inputs)))
    wanted = numbers(formula(*inputs))
    assert len(found) == len(hard) == len(wanted)
    for ours, theirs in zip(found, hard, strict=True):
        assert torch.equal(ours.detach(), theirs.detach())
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach())
    for ours, theirs in zip(slopes(found, inputs), slopes(wanted, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)
    together = [A.clone().requires_grad_(), X.clone().requires_grad_()]
    parts = [torch.as_tensor(leaf, dtype=D) for leaf in flatten(straight.batch()(*together), lanes=True).values()]
    for ours, theirs in zip(parts, found, strict=True):
        assert torch.equal(ours.expand(2)[lane].detach(), theirs.detach())
        for each, alone in zip(slopes([ours.expand(2)[lane]], together), slopes([theirs], inputs), strict=True):
            torch.testing.assert_close(each[lane], alone, atol=1e-9, rtol=1e-9)


def over_a_range(x: Any, a: Any) -> Any:
    n = 1 if x < 0.2 else 3
    total = 0.0
    for i in range(n):
        total = total + a[i]
    return total


def test_a_loop_over_a_soft_range_ends_where_no_bound_goes_on() -> None:
    x, a = torch.tensor(0.3, dtype=D, requires_grad=True), torch.tensor([1.0, 2.0, 4.0], dtype=D)
    total = relax(over_a_range, mode="straight-through", beta=BETA)(x, a)
    assert float(total.detach()) == 7.0
    (gradient,) = torch.autograd.grad(total, x)
    # the bound is drawn anew for the second test, which would leave 1, and for the third, which would leave 3
    (expected,) = torch.autograd.grad(less(x, 0.2) * ((1.0 - 7.0) + (3.0 - 7.0)), x)
    torch.testing.assert_close(gradient, expected)


def test_an_error_names_the_probability_of_its_path() -> None:
    def program(x: Any, a: Any) -> Any:
        if x > 0:
            return a[7]
        return a[0]

    with pytest.raises(IndexError) as caught:
        relax(program, mode="straight-through", beta=BETA)(torch.tensor(0.3), [1.0])
    if sys.version_info >= (3, 11):
        assert "on a soft path of probability 1" in caught.value.__notes__[0]

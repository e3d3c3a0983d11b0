"""Ints that differ after a block are integers with a distribution: indices and comparisons use it, not its mean."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
import torch

from relaxpy import categorical, probabilities, relax, truth
from tests.laws.support import FINE, above, array, assert_same, mixture, number


def test_an_index_found_by_comparison_selects_the_mixture() -> None:
    def smallest(a: Any) -> Any:
        m = 0
        for j in range(1, 3):
            if a[j] < a[m]:
                m = j
        return a[m], m

    a = array(0.4, 0.1, 0.3)
    p = above(a[0], a[1])
    mixed = (1 - p) * a[0] + p * a[1]
    q = above(mixed, a[2])
    weights = [(1 - q) * (1 - p), (1 - q) * p, q]
    expected = mixture(*((w, (a[k], k)) for k, w in enumerate(weights)))
    assert_same(relax(smallest, **FINE)(a), expected, [a])


def test_selection_sort_sorts() -> None:
    def selection_sort(a: Any) -> Any:
        n = len(a)
        for i in range(n):
            m = i
            for j in range(i + 1, n):
                if a[j] < a[m]:
                    m = j
            a[i], a[m] = a[m], a[i]
        return a

    rows = torch.randn(20, 6, dtype=torch.float64)
    assert_same(relax(selection_sort, batch=True, beta=1e7)(rows), rows.sort(1).values, tolerance=1e-6)
    a = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(relax(selection_sort, beta=3.0, epsilon=0.0), (a,))


def poisson_binomial(p: torch.Tensor) -> torch.Tensor:
    """P(k of the independent truths hold) for each k."""
    weights = torch.ones(1, dtype=p.dtype)
    for each in p:
        padded = torch.cat([weights, weights.new_zeros(1)])
        weights = padded * (1 - each) + padded.roll(1) * each
    return weights


COMPARISONS = [
    ("k >= 3", lambda w: w[3:].sum()),
    ("k > 3", lambda w: w[4:].sum()),
    ("k < 2", lambda w: w[:2].sum()),
    ("k <= 2", lambda w: w[:3].sum()),
    ("k == 2", lambda w: w[2]),
    ("k != 2", lambda w: 1 - w[2]),
    ("3 <= k", lambda w: w[3:].sum()),
    ("1 < k <= 3", lambda w: w[2:].sum() * w[:4].sum()),
    ("2 * k + 1 >= 5", lambda w: w[2:].sum()),
    ("k % 2 == 0", lambda w: w[0] + w[2] + w[4]),
    ("k // 2 == 1", lambda w: w[2] + w[3]),
    ("-k > -2", lambda w: w[:2].sum()),
    ("k", lambda w: 1 - w[0]),
    ("not k", lambda w: w[0]),
]


@pytest.mark.parametrize(("text", "probability"), COMPARISONS, ids=[text for text, _ in COMPARISONS])
@pytest.mark.parametrize("step", ["k += 1", "k = k + 1", "k += v > t"])
def test_a_counted_integer_compares_by_its_distribution(text: str, probability: Any, step: str) -> None:
    body = f"        {step}\n" if "v > t" in step else f"        if v > t:\n            {step}\n"
    source = f"def program(a, t):\n    k = 0\n    for v in a:\n{body}    return (1.0 if {text} else 0.0), k\n"
    a, t = array(0.4, -0.2, 0.1, 0.9, -0.7), number(0.05)
    p = above(a, t)
    expected = (probability(poisson_binomial(p)), p.sum())
    assert_same(relax(_compiled(source), **FINE)(a, t), expected, [a, t])


def test_a_counted_integer_indexes_a_list() -> None:
    def program(a: Any, table: Any) -> Any:
        k = 0
        for v in a:
            if v > 0:
                k += 1
        marks = [0.0, 0.0, 0.0, 0.0]
        marks[k] = 1.0
        return table[k], table[k - 1], marks

    a, table = array(0.4, -0.2, 0.1), array(1.0, 4.0, 9.0, 16.0)
    w = poisson_binomial(above(a))
    expected = mixture(*((w[k], (table[k], table[k - 1], [float(k == j) for j in range(4)])) for k in range(4)))
    assert_same(relax(program, **FINE)(a, table), expected, [a, table])


def test_a_list_of_numbers_and_nested_lists_take_a_soft_index() -> None:
    def program(x: Any) -> Any:
        k = 2 if x > 0 else 0
        return [10.0, 20.0, x][k], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]][k][1], (7, 8, 9)[k]

    x = number(0.3)
    p = above(x)
    assert_same(relax(program, **FINE)(x), mixture((p, (x, 6.0, 9)), (1 - p, (10.0, 2.0, 7))), [x])


def test_stores_by_a_soft_index_are_weighted() -> None:
    def program(x: Any, a: Any) -> Any:
        k = 1
        if x > 0:
            k = 2
        a[k] = x
        a[k] += 1.0
        return a

    x, a = number(0.3), array(1.0, 2.0, 3.0)
    p = above(x)
    w = [0.0, 1 - p, p]
    stored = [(1 - w[k]) * a[k] + w[k] * x for k in range(3)]
    value = sum(w[k] * stored[k] for k in range(3)) + 1.0
    expected = [(1 - w[k]) * stored[k] + w[k] * value for k in range(3)]
    assert_same(relax(program, **FINE)(x, a), expected, [x, a])


def test_swapping_by_a_soft_index_is_an_expectation_of_stores() -> None:
    def program(x: Any, a: Any) -> Any:
        m = 1 if x > 0 else 2
        a[0], a[m] = a[m], a[0]
        return a

    x, a = number(-0.2), array(1.0, 2.0, 4.0)
    p = above(x)
    expected = mixture((p, [a[1], a[0], a[2]]), (1 - p, [a[2], a[1], a[0]]))
    assert_same(relax(program, **FINE)(x, a), expected, [x, a])


def test_a_truth_is_an_integer() -> None:
    def program(x: Any) -> Any:
        c = x > 0
        values = [5.0, 7.0]
        count = 0
        count += c
        return values[c], c + 1, c * 3.0, [10.0, 20.0, 30.0][c + 1], c == 1, c >= 1, 1 - c, count

    x = number(0.2)
    p = above(x)
    expected = mixture((p, (7.0, 2, 3.0, 30.0, 1, 1, 0, 1)), (1 - p, (5.0, 1, 0.0, 20.0, 0, 0, 1, 0)))
    assert_same(relax(program, **FINE)(x), expected, [x])


def test_the_sum_of_two_integers_is_their_independent_convolution() -> None:
    def program(p: Any, q: Any) -> Any:
        k, j = categorical(p), categorical(q)
        table = [0.0, 1.0, 4.0, 9.0, 16.0]
        return table[k + j], table[2 + k - j], 1.0 if k < j else 0.0, 1.0 if k == 1 else 0.0

    a, b = array(0.2, 0.5, 0.3), array(0.6, 0.1, 0.3)
    p, q = torch.softmax(a, 0), torch.softmax(b, 0)
    pairs = [(p[i] * q[j], i, j) for i in range(3) for j in range(3)]
    expected = (
        sum(w * (i + j) ** 2 for w, i, j in pairs),
        sum(w * (2 + i - j) ** 2 for w, i, j in pairs),
        sum(w * (i < j) for w, i, j in pairs),
        p[1],
    )
    assert_same(relax(program, **FINE)(p, q), expected, [a, b])


def test_probabilities_of_integers() -> None:
    def program(x: Any) -> Any:
        k = 1
        if x > 0:
            k = 3
        return probabilities(k, 4), probabilities(x > 0, 2), probabilities(2, 3)

    x = number(0.4)
    p = above(x)
    expected = ([0.0, 1 - p, 0.0, p], [1 - p, p], [0.0, 0.0, 1.0])
    assert_same(relax(program, **FINE)(x), expected, [x])


def test_truth_and_categorical_make_soft_values() -> None:
    def program(p: Any, w: Any) -> Any:
        y = 2.0 if truth(p) else 5.0
        k = categorical(w)
        return y, [1.0, 10.0, 100.0][k], k

    p, a = number(0.3), array(0.2, 0.3, 0.5)
    w = torch.softmax(a, 0)
    expected = (2 * p + 5 * (1 - p), w[0] + 10 * w[1] + 100 * w[2], w[1] + 2 * w[2])
    assert_same(relax(program, **FINE)(p, w), expected, [p, a])


def test_an_integer_after_exits_of_a_loop() -> None:
    def position(a: Any, t: Any) -> Any:
        for i in range(len(a)):
            if a[i] > t:
                break
        else:
            i = len(a)
        return a[i - 1], i, 1.0 if i == 1 else 0.0

    a, t = array(0.3, 0.1, -0.4), number(0.2)
    p = above(a, t)
    w = [p[0], (1 - p[0]) * p[1], (1 - p[0]) * (1 - p[1]) * p[2], (1 - p[0]) * (1 - p[1]) * (1 - p[2])]
    expected = mixture(*((w[i], (a[i - 1], i, float(i == 1))) for i in range(4)))
    assert_same(relax(position, **FINE)(a, t), expected, [a, t])


def test_ranges_over_a_soft_integer_are_the_loop_they_stand_for() -> None:
    def program(x: Any) -> Any:
        n = 1
        if x > 0:
            n = 3
        total = 0.0
        for _i in range(n):
            total = total + 1.0
        return total

    x = number(0.4)
    p = above(x)
    assert_same(relax(program, **FINE)(x), 1 + p + p * p, [x])


def test_a_batch_has_a_distribution_in_each_lane() -> None:
    def program(a: Any) -> Any:
        k = 0
        for v in a:
            if v > 0:
                k += 1
        return [1.0, 4.0, 9.0][k], k

    rows = torch.tensor([[0.3, -0.2], [2.0, 0.1], [-1.0, -3.0]], dtype=torch.float64, requires_grad=True)
    values, counts = relax(program, batch=True, **FINE)(rows)
    for lane in range(3):
        alone = relax(program, **FINE)(rows[lane])
        assert_same((values[lane], counts[lane]), alone, [rows])


def _compiled(source: str) -> Any:
    from tests.fuzz.program import Program

    return Program(source, name=f"<law {source}>").load()["program"]


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


KINDS_OF_INTEGERS = [
    np.int64,
    np.uint8,
    np.array,
    torch.tensor,
    lambda value: torch.tensor(value, dtype=torch.int32),
    Level,
]


@pytest.mark.parametrize("kind", KINDS_OF_INTEGERS)
def test_integers_of_every_kind_are_integers(kind: Any) -> None:
    table = [1.0, 10.0, 100.0, 1000.0, 1e4]

    def arithmetic(weights: Any, one: Any, two: Any) -> Any:
        k = categorical(weights)
        return (
            *(table[i] for i in (k + one, one + k, k * two, two * k, two - k, k // two, two // (k + 1), k % two)),
            *(k == one, one == k, k < two, two > k, k <= one, k != two, k in (one, two), (one, k) == (1, 1)),
            *(1.0 if k == one else 0.0, table[(k > 0) + one], table[one + (k > 0)]),
        )

    def branches(x: Any, one: Any, two: Any) -> Any:
        if x > 0.2:
            chosen = one
        elif x > 0:
            chosen = two
        else:
            chosen = one
        for _ in range(2):
            if x < 0:
                break
            one = one + 1
        place = two
        while place < 4:
            if x > 0:
                break
            place = place + 1
        return table[chosen], chosen == two, table[one], table[place]

    weights, x = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64), number(0.1)
    expected = relax(arithmetic, **FINE)(weights, 1, 2)
    assert_same(relax(arithmetic, **FINE)(weights, kind(1), kind(2)), expected)
    expected = relax(branches, **FINE)(x, 1, 2)
    assert_same(relax(branches, **FINE)(x, kind(1), kind(2)), expected, [x])


@pytest.mark.parametrize("kind", KINDS_OF_INTEGERS)
def test_a_row_that_an_integer_of_any_kind_chooses_is_a_reference(kind: Any) -> None:
    def program(grid: Any, k: Any) -> Any:
        row = grid[k]
        row[0][0] = 7.0
        grid[k][1][1] += 1.0
        grid[k, 0][1] = 9.0
        return grid[1]

    grid = torch.arange(12, dtype=torch.float64).reshape(3, 2, 2)
    expected = torch.tensor([[7.0, 9.0], [6.0, 8.0]], dtype=torch.float64)
    torch.testing.assert_close(relax(program)(grid, kind(1)), expected)

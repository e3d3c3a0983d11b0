"""Loads and stores by soft numbers, integers, truths and tensors, of lists, dicts and arrays; rows that a soft index chose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, RelaxIndexError, SoftValueError, categorical, relax, truth
from relaxpy.runtime.distributions import DISTRIBUTIONS
from tests.runtime.noise import NAMES

D = torch.float64
W = torch.tensor([0.2, 0.5, 0.3], dtype=D)
V = torch.tensor([0.6, 0.1, 0.3], dtype=D)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=D, requires_grad=True)


def grid() -> Tensor:
    return torch.arange(12, dtype=D).reshape(3, 4) ** 1.5


def load(a: Any, i: Any) -> Any:
    return a[i]


@pytest.mark.parametrize("name", NAMES)
def test_a_real_index_is_a_filter_of_densities(name: str) -> None:
    a = torch.tensor([1.0, 4.0, -2.0, 7.0, 3.0], dtype=D)
    positions = torch.arange(5, dtype=D)
    noise = DISTRIBUTIONS[name]
    for beta, x in ((0.3, 1.3), (1.1, 2.6), (0.7, -1.0)):
        density = noise.log_density(beta * (positions - x)).exp()
        # where no position has any density, the nearest one is meant
        expected = (density * a).sum() / density.sum() if density.any() else a[0]
        torch.testing.assert_close(relax(load, beta=beta, distribution=name)(a, number(x)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_the_filter_leaves_the_normaliser_out(name: str) -> None:
    a = torch.tensor([1.0, 4.0, -2.0, 7.0, 3.0], dtype=D, requires_grad=True)
    positions = torch.arange(5, dtype=D)
    log_density, beta, x = DISTRIBUTIONS[name].log_density, 0.41, 1.3
    frozen = log_density(beta * (positions - x)).exp().sum().detach()

    def reference(a: Tensor, x: Tensor) -> Tensor:
        return (log_density(beta * (positions - x)).exp() * a).sum() / frozen

    f = relax(load, beta=beta, distribution=name, epsilon=0.0)
    ours = torch.autograd.grad(f(a, s := number(x)), (a, s), allow_unused=True, materialize_grads=True)
    wanted = torch.autograd.grad(reference(a, t := number(x)), (a, t), allow_unused=True, materialize_grads=True)
    for each, expected in zip(ours, wanted, strict=True):
        torch.testing.assert_close(each, expected)
    if name != "uniform":
        assert torch.autograd.gradcheck(reference, (a, number(x)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, D], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_extreme_indices(name: str, dtype: torch.dtype) -> None:
    a = torch.tensor([1.0, 4.0, 2.0], dtype=dtype, requires_grad=True)
    largest = torch.finfo(dtype).max
    for x, end in ((0.0, None), (1.5, None), (-100.0, 0), (100.0, 2), (largest, 2), (-largest, 0)):
        index = torch.tensor(x, dtype=dtype, requires_grad=True)
        beta = torch.tensor(5.0, dtype=dtype, requires_grad=True)
        value = relax(load, beta=beta, distribution=name)(a, index)
        assert 1 <= value <= 4
        if end is not None and name not in ("cauchy", "reciprocal"):
            assert float(value.detach()) == pytest.approx(float(a.detach()[end]), rel=0.05)
        for gradient in torch.autograd.grad(value.float(), (a, index, beta), allow_unused=True, materialize_grads=True):
            assert torch.isfinite(gradient).all()


KINDS: dict[str, tuple[Callable[[Any], Any], Tensor]] = {
    "categorical": (lambda w: categorical(w), W),
    "shifted": (lambda w: categorical(w) - 1, W.roll(-1)),
    "negative": (lambda w: categorical(w) - 3, W),
    "truth": (lambda w: truth(w[1]), torch.tensor([0.5, 0.5, 0.0], dtype=D)),
    "plain": (lambda w: 1, torch.tensor([0.0, 1.0, 0.0], dtype=D)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_integer_loads_its_expectation(kind: str) -> None:
    index, weights = KINDS[kind]

    def program(a: Any, rows: Any, w: Any) -> Any:
        k = index(w)
        listed = [rows[0][0], rows[1][0], rows[2][0]]
        return (
            a[k],
            listed[k],
            tuple(listed)[k],
            rows[k],
            rows[k, 1],
            rows[k][1],
            [[1.0, 2.0], [3.0, 5.0], [0.0, 7.0]][k],
        )

    a, rows = torch.tensor([1.0, 4.0, 9.0], dtype=D), grid()
    plain, listed, tupled, row, element, nested, constants = relax(program)(a, rows, W)
    torch.testing.assert_close(plain, weights @ a)
    torch.testing.assert_close(listed, weights @ rows[:, 0])
    torch.testing.assert_close(tupled, weights @ rows[:, 0])
    torch.testing.assert_close(row, weights @ rows)
    torch.testing.assert_close(element, weights @ rows[:, 1])
    torch.testing.assert_close(nested, weights @ rows[:, 1])
    expected = weights @ torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 7.0]], dtype=D)
    for each, value in zip(constants, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(each, dtype=D), value)


SUBSCRIPTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "c[k, j]": (lambda c, k, j: c[k, j], lambda c: torch.einsum("abx,a,b->x", c, W, V)),
    "c[k][j]": (lambda c, k, j: c[k][j], lambda c: torch.einsum("abx,a,b->x", c, W, V)),
    "c[1, j]": (lambda c, k, j: c[1, j], lambda c: torch.einsum("bx,b->x", c[1], V)),
    "c[k, 1]": (lambda c, k, j: c[k, 1], lambda c: torch.einsum("ax,a->x", c[:, 1], W)),
    "c[:, j]": (lambda c, k, j: c[:, j], lambda c: torch.einsum("abx,b->ax", c, V)),
    "c[:, j, 1:3]": (lambda c, k, j: c[:, j, 1:3], lambda c: torch.einsum("abx,b->ax", c[..., 1:3], V)),
    "c[..., k]": (lambda c, k, j: c[..., k], lambda c: torch.einsum("abx,x->ab", c[..., :3], W)),
    "c[k, ..., j]": (lambda c, k, j: c[k, ..., j], lambda c: torch.einsum("abx,a,x->b", c[..., :3], W, V)),
    "c[k, None]": (lambda c, k, j: c[k, None], lambda c: torch.einsum("abx,a->bx", c, W)[None]),
    "c[1:, j, -1]": (lambda c, k, j: c[1:, j, -1], lambda c: torch.einsum("ab,b->a", c[1:, :, -1], V)),
    "c[k, :, [0, 2]]": (
        lambda c, k, j: c[k, :, torch.tensor([0, 2])],
        lambda c: torch.einsum("abx,a->bx", c[..., [0, 2]], W),
    ),
    "c[k, j, k]": (lambda c, k, j: c[k, j, k], lambda c: torch.einsum("abx,a,b,x->", c[..., :3], W, V, W)),
}


@pytest.mark.parametrize("text", SUBSCRIPTS)
def test_several_indices(text: str) -> None:
    ours, reference = SUBSCRIPTS[text]

    def program(c: Any, w: Any, v: Any) -> Any:
        return ours(c, categorical(w), categorical(v))

    c = torch.randn(3, 3, 4, dtype=D)
    c3 = c[..., :3] if text in ("c[..., k]", "c[k, ..., j]", "c[k, j, k]") else c
    torch.testing.assert_close(relax(program)(c3, W, V), reference(c3))
    batch = torch.stack([c3, -c3])
    together = relax(program, batch=(0, None, None))(batch, W, V)
    torch.testing.assert_close(together, torch.stack([reference(each) for each in batch]))


def test_two_real_indices_and_a_mix() -> None:
    def program(a: Any, x: Any, y: Any, w: Any) -> Any:
        return a[x, y], a[x][y], a[x, categorical(w)], a[1, y], a[:, y]

    a, x, y = grid(), number(0.7), number(2.2)

    def weights(n: int, x: Tensor) -> Tensor:
        z = 2.0 * (torch.arange(n, dtype=D) - x)
        density = torch.sigmoid(z) * torch.sigmoid(-z)
        return density / density.sum()

    f, g = weights(3, x), weights(4, y)
    both, chained, mixed, last, column = relax(program, beta=2.0)(a, x, y, W)
    torch.testing.assert_close(both, f @ a @ g)
    torch.testing.assert_close(chained, f @ a @ g)
    torch.testing.assert_close(mixed, f @ a[:, :3] @ W)
    torch.testing.assert_close(last, a[1] @ g)
    torch.testing.assert_close(column, a @ g)


def test_arrays_of_indices() -> None:
    def program(a: Any, xs: Any, w: Any) -> Any:
        return a[xs], a[torch.argmax(w, 1)], a[torch.tensor([2, 0])], a[[0, 0, 1]]

    a = torch.tensor([1.0, 4.0, 9.0], dtype=D)
    w = torch.randn(2, 3, dtype=D)
    by_reals, by_arguments, by_tensor, by_list = relax(program, beta=3.0)(a, torch.tensor([0.0, 1.5], dtype=D), w)
    torch.testing.assert_close(by_reals[1], relax(load, beta=3.0)(a, number(1.5)))
    torch.testing.assert_close(by_arguments, torch.softmax(3 * w, 1) @ a)
    assert by_tensor.tolist() == [9.0, 1.0]
    assert by_list.tolist() == [1.0, 1.0, 4.0]


def test_hard_integers_of_a_batch_select_exactly() -> None:
    def program(a: Any, i: Any, rows: Any, js: Any) -> Any:
        return a[i], rows[i], rows[i, 1], rows[i][js[0]], a[js]

    a = torch.tensor([[1.0, torch.inf, 3.0], [4.0, 5.0, torch.nan]], dtype=D)
    i, js = torch.tensor([2, 0]), torch.tensor([[0, 2], [1, 0]])
    rows = torch.randn(2, 3, 4, dtype=D)
    element, row, both, nested, several = relax(program, batch=True)(a, i, rows, js)
    assert element.tolist() == [3.0, 4.0]
    torch.testing.assert_close(row, rows[torch.arange(2), i])
    torch.testing.assert_close(both, rows[torch.arange(2), i, 1])
    torch.testing.assert_close(nested, rows[torch.arange(2), i, js[:, 0]])
    assert several.tolist() == [[1.0, 3.0], [5.0, 4.0]]


def moved(a: Tensor, weights: Tensor, value: Any) -> Tensor:
    return a + weights * (torch.as_tensor(value, dtype=D) - a)


def outer(*weights: Tensor) -> Tensor:
    return torch.einsum("a,b->ab", *weights)


FOUR = torch.cat([V, torch.zeros(1, dtype=D)])
ONE_HOT = torch.eye(4, dtype=D)


def test_stores_by_several_indices() -> None:
    def both(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w), categorical(v)] = 5.0
        return a

    def first(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w), -1] = 5.0
        return a

    def second(a: Any, w: Any, v: Any) -> Any:
        a[1, categorical(v)] = 5.0
        return a

    def chained(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w)][categorical(v)] = 5.0
        return a

    def chained_first(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w)][3] = 5.0
        return a

    def column(a: Any, w: Any, v: Any) -> Any:
        a[:, categorical(v)] = 5.0
        return a

    def columns(a: Any, w: Any, v: Any) -> Any:
        a[:, categorical(v)] = torch.tensor([1.0, 2.0, 3.0], dtype=D)
        return a

    def row(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w)] = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=D)
        return a

    ones = torch.ones(3, dtype=D)
    values = torch.tensor([[1.0], [2.0], [3.0]], dtype=D)
    cases: list[tuple[Callable[..., Any], Tensor, Any]] = [
        (both, outer(W, FOUR), 5.0),
        (chained, outer(W, FOUR), 5.0),
        (first, outer(W, ONE_HOT[3]), 5.0),
        (chained_first, outer(W, ONE_HOT[3]), 5.0),
        (second, outer(ONE_HOT[1, :3], FOUR), 5.0),
        (column, outer(ones, FOUR), 5.0),
        (columns, outer(ones, FOUR), values),
        (row, outer(W, torch.ones(4, dtype=D)), torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=D)),
    ]
    for program, weights, value in cases:
        a = grid()
        torch.testing.assert_close(relax(program)(a, W, V), moved(a, weights, value), msg=program.__name__)
        batch = torch.stack([a, -a])
        together = relax(program, batch=(0, None, None))(batch, W, V)
        expected = torch.stack([moved(each, weights, value) for each in batch])
        torch.testing.assert_close(together, expected, msg=program.__name__)


def test_plain_stores_to_arrays_are_torch_s() -> None:
    def program(a: Any, x: Any) -> Any:
        a[0] = x * torch.ones(4, dtype=D)
        a[1, 1:3] = x
        a[2, [0, 3]] = torch.tensor([7.0, 8.0], dtype=D)
        a[:, 1] = torch.tensor([1.0, 2.0, 3.0], dtype=D)
        a[torch.tensor([1, 2]), 0] = 9.0
        a[..., 3] = x
        a[1:, 2:] = torch.tensor([[1.0, 2.0]], dtype=D)
        a[torch.tensor([True, False, False])] = 0.5
        return a

    x = torch.tensor(0.3, dtype=D)
    expected = program(grid(), x)
    torch.testing.assert_close(relax(program)(grid(), x.clone().requires_grad_()), expected)
    together = relax(program, batch=(0, None))(torch.stack([grid(), -grid()]), x.clone().requires_grad_())
    torch.testing.assert_close(together, torch.stack([program(grid(), x), program(-grid(), x)]))


def test_what_a_store_cannot_be() -> None:
    def wrong_number(a: Any) -> Any:
        a[0, :] = [1.0, 2.0]

    def scalar_for_a_row(a: Any) -> Any:
        a[0] = 1.0

    def new_axis(a: Any) -> Any:
        a[None, 0] = 1.0

    def by_text(a: Any) -> Any:
        a["x"] = 1.0

    for program, text in (
        (wrong_number, "2 values cannot be stored to 4 places"),
        (scalar_for_a_row, "a number was stored where a row"),
        (new_axis, "None in its index"),
        (by_text, "cannot be stored to by 'x'"),
    ):
        with pytest.raises(RelaxError, match=text):
            relax(program)(grid())
    with pytest.raises(IndexError):
        relax(lambda a: a.__setitem__(7, 1.0))(torch.zeros(3))


@dataclasses.dataclass
class Node:
    value: Any
    links: list[Any]


def test_rows_and_objects_that_a_soft_index_chose_are_stored_through() -> None:
    def program(x: Any, w: Any) -> Any:
        k = categorical(w)
        table = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        table[k][1] = x
        cubes = [[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]
        cubes[k][0][0] = x
        named = [{"a": 1.0}, {"a": 2.0}, {"a": 3.0}]
        named[k]["a"] = x
        nodes = [Node(1.0, [1.0, 1.0]), Node(2.0, [2.0, 2.0]), Node(3.0, [3.0, 3.0])]
        node = nodes[k]
        node.value = x
        node.links[1] += x
        row = table[k]
        row[0] = x
        return table, cubes, named, nodes, node.value, row[0]

    x = torch.tensor(10.0, dtype=D, requires_grad=True)
    table, cubes, named, nodes, value, first = relax(program)(x, W)

    def at(old: float, weight: float) -> Tensor:
        return (1 - weight) * old + weight * x

    for place, weight in enumerate(W.tolist()):
        torch.testing.assert_close(table[place][1], at(2.0 * place + 2, weight))
        torch.testing.assert_close(table[place][0], at(2.0 * place + 1, weight))
        torch.testing.assert_close(cubes[place][0][0], at(2.0 * place + 1, weight))
        assert cubes[place][1][0] == 2.0 * place + 2
        torch.testing.assert_close(named[place]["a"], at(place + 1.0, weight))
        torch.testing.assert_close(nodes[place].value, at(place + 1.0, weight))
    # the row that was drawn holds what was stored to it
    assert value is x
    assert first is x
    mean = W @ torch.tensor([1.0, 2.0, 3.0], dtype=D)
    for place, weight in enumerate(W.tolist()):
        torch.testing.assert_close(nodes[place].links[1], (1 - weight) * (place + 1.0) + weight * (mean + x))


def test_augmented_stores_through_a_soft_index() -> None:
    def rows(a: Any, w: Any, x: Any) -> Any:
        a[categorical(w)] += x
        return a

    def elements(a: Any, w: Any, x: Any) -> Any:
        a[categorical(w)][2] += x
        return a

    a, x = grid(), torch.tensor(2.0, dtype=D)
    row = W @ a + x
    torch.testing.assert_close(relax(rows)(a, W, x), moved(a, W[:, None], row))
    torch.testing.assert_close(relax(elements)(a, W, x), moved(a, outer(W, ONE_HOT[2]), W @ a[:, 2] + x))


def test_augmented_stores_through_indices_of_several_axes() -> None:
    def outer_place(a: Any, w: Any, v: Any) -> Any:
        a[1, categorical(w)] += 100.0
        return a

    def inner_place(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w), 1] += 100.0
        return a

    def both(a: Any, w: Any, v: Any) -> Any:
        a[categorical(w), categorical(v)] += 100.0
        return a

    a, second = torch.arange(36, dtype=D).reshape(3, 3, 4) ** 1.5, torch.eye(3, dtype=D)[1]
    for program, weights in (
        (outer_place, outer(second, W)),
        (inner_place, outer(W, second)),
        (both, outer(W, V)),
    ):
        mean = torch.einsum("ij,ijk->k", weights, a)
        torch.testing.assert_close(relax(program)(a, W, V), moved(a, weights[..., None], mean + 100.0))


def as_lists(tensor: Tensor) -> Any:
    return tensor.tolist()


@pytest.mark.parametrize("made", [torch.clone, as_lists])
def test_a_row_that_was_drawn_is_stored_by_another_index(made: Callable[[Tensor], Any]) -> None:
    def program(a: Any, w: Any, v: Any) -> Any:
        a[categorical(v)] = a[categorical(w)]
        return a

    def exchange(a: Any, w: Any, v: Any) -> Any:
        i, j = categorical(w), categorical(v)
        a[i], a[j] = a[j], a[i]
        return a

    def rows(result: Any) -> Tensor:
        return torch.stack([torch.stack([torch.as_tensor(x, dtype=D) for x in row]) for row in result])

    a = grid()
    torch.testing.assert_close(rows(relax(program)(made(a), W, V)), moved(a, V[:, None], W @ a))
    exchanged = moved(moved(a, W[:, None], V @ a), V[:, None], W @ a)
    torch.testing.assert_close(rows(relax(exchange)(made(a), W, V)), exchanged)


@pytest.mark.parametrize("made", [torch.clone, as_lists])
def test_a_row_that_was_drawn_stands_for_the_rows_of_then(made: Callable[[Tensor], Any]) -> None:
    def program(a: Any, w: Any) -> Any:
        row = a[categorical(w)]
        first = a[0]
        a[0] = [7.0, 7.0, 7.0, 7.0]
        row[1] = 100.0
        return a[0][1], first[1], a[1][1]

    def stored_back(a: Any, w: Any) -> Any:
        a[0] = a[categorical(w)]
        a[0][1] = 100.0
        return a[0][1], a[1][1], a[2][1]

    a = grid()
    now, then, second = relax(program)(made(a), W)
    assert float(now) == 7.0
    torch.testing.assert_close(then, (1 - W[0]) * a[0, 1] + W[0] * 100.0)
    torch.testing.assert_close(second, (1 - W[1]) * a[1, 1] + W[1] * 100.0)
    first, second, third = relax(stored_back)(made(a), W)
    assert float(first) == 100.0
    torch.testing.assert_close(second, (1 - W[1]) * a[1, 1] + W[1] * 100.0)
    torch.testing.assert_close(third, (1 - W[2]) * a[2, 1] + W[2] * 100.0)


def test_stores_through_on_a_soft_path() -> None:
    def program(a: Any, w: Any, x: Any) -> Any:
        table = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        if x > 0:
            table[categorical(w)][0] = 100.0
        return table

    x = torch.tensor(0.4, dtype=D)
    p = torch.sigmoid(2 * x)
    table = relax(program, beta=2.0)(grid(), W, x)
    for place, weight in enumerate(W):
        torch.testing.assert_close(table[place][0], 2.0 * place + 1 + p * weight * (100 - 2.0 * place - 1))


def test_what_a_soft_index_chose_cannot_grow() -> None:
    def program(w: Any) -> Any:
        table = [[1.0], [2.0], [3.0]]
        table[categorical(w)].append(1.0)
        return table

    with pytest.raises(RelaxError, match="chosen by a soft index cannot grow"):
        relax(program)(W)


def test_keys_of_dicts() -> None:
    def program(w: Any) -> Any:
        k = categorical(w)
        table = {0: 1.0, 1: 4.0, 2: 9.0}
        found = table[k]
        table[k] = 10.0
        return found, table, table.get(k + 2, -1.0), k in {0: 1, 2: 1}, k in {5, 1}, k in range(1, 3), k not in (0, 7)

    found, table, default, in_dict, in_set, in_range, not_in = relax(program)(W)
    torch.testing.assert_close(found, W @ torch.tensor([1.0, 4.0, 9.0], dtype=D))
    for place, old in enumerate([1.0, 4.0, 9.0]):
        torch.testing.assert_close(table[place], old + W[place] * (10 - old))
    torch.testing.assert_close(default, W[0] * table[2] - W[1] - W[2])
    torch.testing.assert_close(in_dict, W[0] + W[2])
    torch.testing.assert_close(in_set, W[1])
    torch.testing.assert_close(in_range, W[1] + W[2])
    torch.testing.assert_close(not_in, 1 - W[0])


def test_outside() -> None:
    with pytest.raises(RelaxIndexError, match="points outside an axis of length 2 with probability 0"):
        relax(lambda w: [1.0, 2.0][categorical(w)])(W)
    with pytest.raises(RelaxIndexError, match="is no key of a dict with probability 0"):
        relax(lambda w: {0: 1.0, 1: 2.0}[categorical(w)])(W)
    with pytest.raises(SoftValueError, match="a soft number is no key of a dict"):
        relax(lambda x: {0: 1.0}[x])(number(0.0))
    with pytest.raises(RelaxIndexError, match="empty list"):
        relax(lambda x: [][x])(number(0.0))
    with pytest.raises(SoftValueError, match=r"torch\.where"):
        relax(lambda a: a[a > 0])(grid())

    def guarded(w: Any) -> Any:
        k = categorical(w)
        return [1.0, 2.0][k] if k < 2 else 0.0

    with pytest.raises(RelaxIndexError):
        relax(guarded)(W)


def test_numpy_arrays_are_constants() -> None:
    import numpy as np

    table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    found = relax(lambda w: (table[categorical(w)], table[categorical(w), 1]))(W)
    torch.testing.assert_close(found[0], W @ torch.as_tensor(table))
    torch.testing.assert_close(found[1], (W @ torch.as_tensor(table))[1])


def test_a_tensor_made_inside_that_took_soft_values_is_indexed_as_a_list_is() -> None:
    def filled(x: Any, table: Any) -> Any:
        for k in range(4):
            table[k] = x + k
        table[x] = 5.0
        k = 1 if x > 0.5 else 2
        table[k] += 1.0
        return table[k] + 2.0 * table[x]

    for batch, x in ((False, number(0.55)), (True, torch.tensor([0.55, 1.3], dtype=D, requires_grad=True))):
        of_tensor, of_list = (
            relax(function, batch=batch)(x)
            for function in (lambda x: filled(x, torch.zeros(4, dtype=D)), lambda x: filled(x, [0.0] * 4))
        )
        torch.testing.assert_close(of_tensor, of_list)
        grads = [torch.autograd.grad(result.sum(), x)[0] for result in (of_tensor, of_list)]
        torch.testing.assert_close(*grads)


def test_gradients() -> None:
    def program(a: Any, scores: Any, x: Any) -> Any:
        k = categorical(torch.softmax(scores, 0))
        a[k, 1] = x
        a[k][2] = a[k, 0] * x
        return a[k, 1], a[:, 2], a[0, k]

    f = relax(program, epsilon=0.0, max_iter=20)
    a = torch.randn(3, 4, dtype=D, requires_grad=True)
    assert torch.autograd.gradcheck(f, (a, torch.randn(3, dtype=D, requires_grad=True), number(0.3)))

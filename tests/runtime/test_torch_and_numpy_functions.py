"""Functions of torch and numpy that decide: relaxed, or refused; none cuts the gradient silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from relaxpy import SoftValueError, probabilities, relax
from relaxpy.runtime.softtorch import RELAXED

D = torch.float64
A = torch.tensor([0.317, -0.243, 0.931, 0.124], dtype=D)
M = torch.tensor([[0.313, -0.217, 0.919], [0.103, 0.523, -0.709]], dtype=D)

TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "floor": lambda a, m: torch.floor(a * 5),
    "ceil": lambda a, m: (m * 5).ceil(),
    "round": lambda a, m: torch.round(a * 5),
    "round to a decimal": lambda a, m: torch.round(a * 5, decimals=1),
    "trunc": lambda a, m: torch.trunc(m * 5),
    "frac": lambda a, m: torch.frac(a * 5),
    "floor of a scalar": lambda a, m: torch.floor(a[0] * 5),
    "//": lambda a, m: a // 0.25,
    "%": lambda a, m: m % 0.25,
    "% by an array": lambda a, m: a[:3] % (m[0] + 2),
    "floor_divide": lambda a, m: torch.floor_divide(a, 0.25),
    "div": lambda a, m: torch.div(a, 0.3, rounding_mode="trunc"),
    "div as it is": lambda a, m: torch.div(a, 0.3),
    "fmod": lambda a, m: torch.fmod(a, 0.2),
    "remainder": lambda a, m: torch.remainder(a, 0.2),
    "sign": lambda a, m: torch.sign(a),
    "heaviside": lambda a, m: torch.heaviside(a, torch.tensor(0.5, dtype=D)),
    "where": lambda a, m: torch.where(a > 0.05, a, -2 * a),
    "where with numbers": lambda a, m: torch.where(m > 0, 1.0, 0.0),
    "where of plain truths": lambda a, m: torch.where(torch.tensor([True, False, True, True]), a, 0.0),
    "argmax": lambda a, m: torch.argmax(a),
    "argmin of a matrix": lambda a, m: m.argmin(),
    "argmax along an axis": lambda a, m: m.argmax(1),
    "argmin keeping the axis": lambda a, m: torch.argmin(m, dim=0, keepdim=True),
    "max along an axis": lambda a, m: tuple(torch.max(m, 1)),
    "min along an axis": lambda a, m: tuple(m.min(dim=0)),
    "max": lambda a, m: m.max(),
    "max of two": lambda a, m: torch.max(a, -a),
    "sort": lambda a, m: tuple(torch.sort(a)),
    "sort downwards": lambda a, m: tuple(m.sort(0, True)),
    "sort a matrix": lambda a, m: tuple(torch.sort(m, dim=1)),
    "argsort": lambda a, m: torch.argsort(a, descending=True),
    "topk": lambda a, m: tuple(torch.topk(m, 2)),
    "topk of the smallest": lambda a, m: tuple(torch.topk(a, 2, largest=False)),
    "logic": lambda a, m: (a > 0) & (a < 0.5) | ~(a > -0.3) ^ (a > 0.2),
    "logical functions": lambda a, m: torch.logical_or(torch.logical_not(a > 0), torch.logical_and(a > 0.2, a < 0.5)),
    "any": lambda a, m: torch.any(a > 0.5),
    "all along an axis": lambda a, m: torch.all(m > -0.3, dim=1),
    "any keeping the axis": lambda a, m: (m > 0.4).any(0, keepdim=True),
    "isclose": lambda a, m: torch.isclose(a, a + 0.1, atol=0.2),
    "allclose": lambda a, m: torch.allclose(a, a + 0.1, atol=0.2),
    "equal": lambda a, m: torch.equal(a, 2 * a),
    "count_nonzero": lambda a, m: torch.count_nonzero(m > 0, dim=0),
    "sum of truths": lambda a, m: (a > 0).sum(),
    "clamp": lambda a, m: torch.clamp(a, -0.1, 0.5),
    "relu": lambda a, m: torch.relu(m),
    "median": lambda a, m: a[:3].median(),
    "load by argmax": lambda a, m: a[torch.argmax(a)],
}
NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda a, m: np.exp(a[0]),
    "sum": lambda a, m: np.sum(m, axis=0),
    "mean": lambda a, m: np.mean(a),
    "array times soft": lambda a, m: np.array([1.0, 2.0, 3.0, 4.0]) * a,
    "scalar times soft": lambda a, m: np.float64(2.0) * a[0],
    "where": lambda a, m: np.where(a > 0.05, a, 0.0),
    "argmax": lambda a, m: np.argmax(m, axis=1),
    "argmin": lambda a, m: np.argmin(a),
    "maximum": lambda a, m: np.maximum(a, 0.2),
    "floor": lambda a, m: np.floor(a * 5),
    "rint": lambda a, m: np.rint(a * 5),
    "round": lambda a, m: np.round(a * 5, 1),
    "sort": lambda a, m: np.sort(a),
    "sort along an axis": lambda a, m: np.sort(m, axis=0),
    "argsort": lambda a, m: np.argsort(a),
    "array": lambda a, m: np.array([a[0], 1.0, 2 * a[1]]),
    "array of arrays": lambda a, m: np.asarray([[a[0], 1.0], [2.0, a[1]]]),
    "dot": lambda a, m: np.dot(a, a),
    "norm": lambda a, m: np.linalg.norm(a),
    "clip": lambda a, m: np.clip(a, 0.0, 0.5),
    "max": lambda a, m: np.max(a),
    "comparison": lambda a, m: np.greater(a, 0.1),
    "arctan2": lambda a, m: np.arctan2(a[0], a[1]),
    "concatenate": lambda a, m: np.concatenate([a, a]),
    "stack": lambda a, m: np.stack([a, a]),
    "cumsum": lambda a, m: np.cumsum(a),
    "any": lambda a, m: np.any(a > 0.5),
    "all": lambda a, m: np.all(m > -0.3, axis=1),
    "abs": lambda a, m: np.abs(a),
    "sign": lambda a, m: np.sign(a),
    "mod": lambda a, m: np.mod(a, 0.2),
    "transpose": lambda a, m: np.transpose(m),
    "logic": lambda a, m: np.logical_and(a > 0, a < 0.5),
    "isclose": lambda a, m: np.isclose(a, a + 0.1, atol=0.2),
}
PROGRAMS = {f"torch: {name}": program for name, program in TORCH.items()} | {
    f"numpy: {name}": program for name, program in NUMPY.items()
}


def flat(value: Any) -> list[Tensor]:
    return [torch.as_tensor(each).to(D) for each in pytree.tree_leaves(value)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_limit_is_the_function_itself(name: str) -> None:
    program = PROGRAMS[name]
    hard = program(A, M) if name.startswith("torch") else program(A.numpy(), M.numpy())
    soft = relax(program, beta=1e6)(A.clone().requires_grad_(), M.clone().requires_grad_())
    for each, wanted in zip(flat(soft), flat(hard), strict=True):
        torch.testing.assert_close(each, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_reach_the_arguments(name: str) -> None:
    f = relax(PROGRAMS[name], beta=3.0, epsilon=0.0)
    inputs = (A.clone().requires_grad_(), M.clone().requires_grad_())
    results = flat(f(*inputs))
    assert any(each.requires_grad for each in results)
    assert torch.autograd.gradcheck(lambda *inputs: [each for each in flat(f(*inputs)) if each.requires_grad], inputs)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_lane_of_a_batch_is_the_single_call(name: str) -> None:
    f = relax(PROGRAMS[name], beta=3.0, epsilon=1e-12)
    a, m = torch.stack([A, 1.3 * A.flip(0)]), torch.stack([M, 0.7 * M.flip(0)])
    together = flat(f.batch()(a, m))
    for lane in range(2):
        for each, alone in zip(together, flat(f(a[lane], m[lane])), strict=True):
            torch.testing.assert_close(each[lane], alone, atol=1e-9, rtol=1e-9)


def test_formulas() -> None:
    def program(a: Any, m: Any) -> Any:
        return (
            torch.where(a > 0, a, -a),
            torch.sign(a),
            probabilities(torch.argmax(a), 4),
            torch.any(a > 0),
            torch.max(m, 1).indices,
            (a > 0) & (a < 0.5),
            (a > 0) | (a < 0.5),
            (a > 0) ^ (a < 0.5),
        )

    beta = 3.0
    p, q = torch.sigmoid(beta * A), torch.sigmoid(beta * (0.5 - A))
    chosen, signs, weights, found, places, both, either, one = relax(program, beta=beta)(A, M)
    torch.testing.assert_close(chosen, p * A - (1 - p) * A)
    torch.testing.assert_close(signs, 2 * p - 1)
    torch.testing.assert_close(weights, torch.softmax(beta * A, 0))
    torch.testing.assert_close(found, 1 - (1 - p).prod())
    torch.testing.assert_close(places, torch.softmax(beta * M, 1) @ torch.arange(3, dtype=D))
    torch.testing.assert_close(both, p * q)
    torch.testing.assert_close(either, p + q - p * q)
    torch.testing.assert_close(one, p * (1 - q) + q * (1 - p))


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda a: torch.nonzero(a), "a loop over the elements"),
    (lambda a: torch.where(a > 0), r"torch\.where\(condition, a, b\)"),
    (lambda a: torch.searchsorted(a, a), "counts the boundaries"),
    (lambda a: torch.bucketize(a, torch.tensor([0.0])), "counts the boundaries"),
    (lambda a: torch.histc(a), "adds to the bin"),
    (lambda a: torch.unique(a), "a loop over the elements"),
    (lambda a: torch.bernoulli(a), r"relaxpy\.truth"),
    (lambda a: torch.multinomial(a, 1), r"relaxpy\.categorical"),
    (lambda a: torch.nn.functional.hardshrink(a), "a plain `if`"),
    (lambda a: torch.kthvalue(a, 1), r"sorted\(x\)\[k\]"),
    (lambda a: a.long(), "cut the gradient silently"),
    (lambda a: a.tolist(), "return the value"),
    (lambda a: a.numpy(), "return the value"),
    (lambda a: np.add.reduce(a), r"numpy's `add\.reduce`"),
    (lambda a: np.add(a, a, dtype=float), r"numpy's `add\(\.\.\., dtype=\)`"),
    (lambda a: np.histogram(a), "numpy's `histogram`"),
    (lambda a: np.unique(a), "numpy's `unique`"),
    (lambda a: np.interp(a, [0.0, 1.0], [0.0, 1.0]), "numpy's `interp`"),
    (lambda a: np.spacing(a), "numpy's `spacing`"),
    (lambda a: np.float32(a[0]), "a numpy array|a Python float"),
    (lambda a: np.sum([a[0], a[1]]), "a numpy array"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_has_no_relaxation_says_what_to_write(number: int) -> None:
    program, text = REFUSED[number]
    with pytest.raises(SoftValueError, match=text):
        relax(program)(A.clone().requires_grad_())


def test_plain_arguments_reach_torch_and_numpy() -> None:
    def program(x: Any, a: Any, b: Any) -> Any:
        return torch.argmax(a), torch.floor(a), np.argmax(b), np.array([1, 2]), np.sort(b), torch.where(a > 0, a, 0.0)

    expected = program(0.3, A, A.numpy())
    found = relax(program, hard=("a", "b"))(torch.tensor(0.3), A, A.numpy())
    for each, wanted in zip(found, expected, strict=True):
        assert type(each) is type(wanted)
        assert each.tolist() == wanted.tolist()


def test_the_table_holds_functions_and_methods() -> None:
    for function in (
        torch.floor,
        Tensor.floor,
        torch.argmax,
        Tensor.argmax,
        Tensor.__and__,
        Tensor.__invert__,
        torch.where,
    ):
        assert function in RELAXED

"""What the law tests share: probabilities of decisions, mixtures of paths, and comparison of values and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tests.oracle import flatten

BETA = 2.0
# Nothing is left out: expectations in closed form hold to rounding.
FINE: dict[str, Any] = {"beta": BETA, "epsilon": 1e-14}


def number(value: float) -> Tensor:
    """A scalar that wants a gradient."""
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def array(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def above(left: Any, right: Any = 0.0, beta: float = BETA) -> Tensor:
    """P(left > right), Eq. 8."""
    return torch.sigmoid(beta * torch.as_tensor(left - right))


def equal(left: Any, right: Any, beta: float = BETA) -> Tensor:
    """P(left == right), Eq. 9."""
    return 1 / torch.cosh(beta * torch.as_tensor(left - right) / 2) ** 2


def mixture(*paths: tuple[Any, Any]) -> dict[str, Any]:
    """The leaves of the results of paths, summed by probability: ``mixture((p, [x, 1.0]), (1 - p, [y, 2.0]))``."""
    leaves = [(mass, flatten(result)) for mass, result in paths]
    assert all(each.keys() == leaves[0][1].keys() for _, each in leaves)
    return {place: sum(mass * each[place] for mass, each in leaves) for place in leaves[0][1]}


def assert_same(actual: Any, expected: Any, inputs: Sequence[Tensor] = (), tolerance: float = 1e-9) -> None:
    """Every leaf has the expected value and the expected gradient with respect to each input."""
    given = flatten(actual)
    leaves = isinstance(expected, dict) and all(place.startswith("result") for place in expected)
    wanted = expected if leaves else flatten(expected)
    assert given.keys() == wanted.keys()
    for place, leaf in wanted.items():
        _assert_close(given[place], leaf, place, tolerance)
        for position, tensor in enumerate(inputs):
            gradients = [_gradient(value, tensor) for value in (given[place], leaf)]
            _assert_close(*gradients, f"gradient of {place} by input {position}", tolerance)


def _gradient(value: Any, tensor: Tensor) -> Tensor:
    if not isinstance(value, Tensor) or not value.requires_grad:
        return torch.zeros_like(tensor)
    return torch.autograd.grad(value.sum(), tensor, retain_graph=True, allow_unused=True, materialize_grads=True)[0]


def _assert_close(actual: Any, expected: Any, what: str, tolerance: float) -> None:
    left, right = torch.as_tensor(actual, dtype=torch.float64), torch.as_tensor(expected, dtype=torch.float64)
    worst = (left - right).abs().max() if left.numel() else torch.zeros(())
    assert worst <= tolerance * (1 + right.abs().max()), f"{what}: {left.tolist()} instead of {right.tolist()}"

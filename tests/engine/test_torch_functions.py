"""torch's functions on recorded arrays, of one sample and of a batch, are what they are on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from relaxpy import relax
from relaxpy.runtime.settings import DISTRIBUTIONS

M = torch.rand(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: torch.sin(x) * x + x.exp(),
    lambda x: x / (x * x).sum(),
    lambda x: x.mean() + x.sum(0),
    lambda x: torch.softmax(x, 0),
    lambda x: torch.stack([x, 2.0 * x], 1).sum(-1),
    lambda x: torch.cat([x[1:], x[:1]]).flip(0),
    lambda x: x.clamp(min=0.2).sqrt().unsqueeze(0).squeeze(0),
    lambda x: x.amax() - x.amin(dim=0),
    lambda x: torch.where(x > 0.5, x, torch.zeros_like(x)),
    lambda x: x.where(x > 0.5, 3.0 * x),
    lambda x: x.reshape(2, 2).transpose(0, 1).flatten(),
    lambda x: (x * torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)).prod(),
    lambda x: torch.linalg.vector_norm(x),
    lambda x: x.log2() + torch.log10(x) + torch.exp2(x) + x.logit(),
    lambda x: x.cumsum(0) + x.reshape(2, 2).cumprod(1).flatten() + x.reshape(2, 2).cumsum(dim=0).flatten(),
    lambda x: torch.logsumexp(x, 0) + x.reshape(2, 2).logsumexp((0, 1)) + x.reshape(2, 2).logsumexp(1, keepdim=True),
    lambda x: x.log_softmax(0) * F.log_softmax(x.reshape(2, 2), dim=-1).flatten(),
    lambda x: x.norm() + torch.norm(x, p=1) + x.norm(2, 0) + x.reshape(2, 2).norm("fro"),
    lambda x: x.reshape(2, 2) @ x.reshape(2, 2) + x @ x,
    lambda x: M @ x + x @ M + torch.matmul(M, x) + M.mv(x) + (M @ M.expand(3, 4, 4) @ x).sum(0),
    lambda x: torch.matmul(x.reshape(2, 1, 2), M.reshape(2, 2, 4)).flatten(),
    lambda x: x.dot(M[0]) + torch.inner(M[1], x) + torch.outer(x, x).t()[0] + torch.outer(x, M[0]).trace(),
    lambda x: x.reshape(2, 2).mm(M[:2, :2]),
]
# where they bend, and where a careless formula overflows
ACTIVATIONS: list[Callable[[Any], Any]] = [
    torch.relu,
    F.softplus,
    lambda x: F.softplus(x, beta=2.0, threshold=10.0),
    F.silu,
    F.gelu,
    F.elu,
    lambda x: F.elu(x, alpha=0.5),
    F.leaky_relu,
    lambda x: F.leaky_relu(x, 0.2),
    F.softsign,
    lambda x: torch.clamp_min(x, 0.5) + x.clamp_max(0.25),
    lambda x: torch.logsumexp(x, 0),
    lambda x: torch.log_softmax(x, 0),
]
EXTREME = torch.tensor([0.0, -0.0, 0.3, -1.5, 19.9, 20.1, -40.0, 900.0, -900.0], dtype=torch.float64)


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_torch(function: Callable[[Any], Any], batch: bool) -> None:
    def program(x: Any) -> Any:
        y = function(x)
        return y if x[0] > 0.4 else 2.0 * y

    tape, eager = relax(program, batch=batch, engine="tape"), relax(program, batch=batch)
    x = torch.rand((5, 4) if batch else (4,), dtype=torch.float64, requires_grad=True)
    for _ in range(2):
        ours, theirs = tape(x), eager(x)
        torch.testing.assert_close(ours, theirs)
        first, second = (torch.autograd.grad(result.square().sum(), x)[0] for result in (ours, theirs))
        torch.testing.assert_close(first, second)
    assert tape.engine_report().runs == 2, tape.engine_report()


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_activations(function: Callable[[Any], Any]) -> None:
    tape, eager = (
        relax(lambda x: function(x) if x[2] > 0.2 else 2.0 * function(x), engine=engine) for engine in ("tape", "eager")
    )
    x = EXTREME.clone().requires_grad_()
    for weights in (torch.ones_like(x), torch.arange(9.0, dtype=torch.float64)):
        ours, theirs = tape(x), eager(x)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        first, second = (torch.autograd.grad((result * weights).sum(), x)[0] for result in (ours, theirs))
        torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
    assert tape.engine_report().runs == 2, tape.engine_report()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x @ torch.ones(3, dtype=torch.float64),
        lambda x: x @ torch.ones(4, dtype=torch.int64),
        lambda x: torch.dot(x, M),
        lambda x: torch.mv(x, x),
        lambda x: torch.mm(x, M),
        lambda x: x[0] @ x,
        lambda x: torch.outer(M, x),
        lambda x: x.cumsum(1),
    ],
)
def test_errors_are_torchs(function: Callable[[Any], Any]) -> None:
    def program(x: Any) -> Any:
        return function(x) if x[0] > 0.4 else x

    messages = []
    for engine in ("tape", "eager"):
        with pytest.raises((RuntimeError, IndexError)) as caught:
            relax(program, engine=engine)(torch.rand(4, dtype=torch.float64))  # type: ignore[call-overload]
        messages.append((caught.type, str(caught.value)))
    assert messages[0] == messages[1]


def by_number(x: Any, i: Any, kind: Any) -> Any:
    """Loads and stores by a real-valued index, beyond the ends, too."""
    table = kind([x[k] * x[k] for k in range(4)])
    table[i] = table[i + 1.0] + table[3.0 * i - 4.0]
    return table[i] + table[-x[0]] * table[1], table[2]


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("kind", [list, torch.stack], ids=["list", "array"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_indices_that_are_numbers(distribution: Any, kind: Any, batch: bool) -> None:
    options: Any = {"batch": batch, "distribution": distribution, "beta": 3.0}
    tape, eager = (relax(by_number, engine=engine, **options) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = torch.rand((5, 4) if batch else (4,), dtype=torch.float64, requires_grad=True)
    i = torch.tensor([0.2, 1.6, 2.9, 7.0, -3.0] if batch else 1.3, dtype=torch.float64, requires_grad=True)
    for _ in range(2):
        ours, theirs = tape(x, i, kind), eager(x, i, kind)
        for mine, other in zip(ours, theirs):
            torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)
        first, second = (  # where the density is flat, the index has none
            torch.autograd.grad(r[0].sum() + (r[1] ** 2).sum(), (x, i), materialize_grads=True) for r in (ours, theirs)
        )
        torch.testing.assert_close(first, second)
    assert tape.engine_report().runs == 2, str(tape.engine_report())


def test_relu_keeps_what_is_no_number() -> None:
    x = torch.tensor([1.0, torch.nan, -1.0, 0.0, torch.inf, -torch.inf], dtype=torch.float64, requires_grad=True)
    program = relax(lambda x: torch.relu(x) * 2.0, engine="tape")
    for result in (program(x), program(x), torch.relu(x) * 2.0):
        (gradient,) = torch.autograd.grad(result.sum(), x)
        assert torch.equal(result.nan_to_num(-5.0), torch.tensor([2.0, -5.0, 0.0, 0.0, torch.inf, 0.0]).double().nan_to_num())
        assert torch.equal(gradient[[0, 2, 3, 4, 5]], torch.tensor([2.0, 0.0, 0.0, 2.0, 0.0]).double())

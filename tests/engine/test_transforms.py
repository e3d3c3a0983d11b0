"""Programs beside what torch does with functions and graphs: transformed calls are eager, all others run programs."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch.autograd import forward_ad, functional
from torch.utils.checkpoint import checkpoint

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort


@pytest.mark.parametrize("name", ["grad", "jacrev", "jacfwd", "hessian"])
def test_derivatives_by_torch_func(name: str) -> None:
    x = torch.tensor([0.3, 0.1, 0.7], dtype=torch.float64)

    def derivative(engine: Any) -> Any:
        sort = relax(bubble_sort, engine=engine)
        return getattr(torch.func, name)(lambda x: (sort(x)[0] * torch.arange(3.0)).sum())(x)

    torch.testing.assert_close(derivative("tape"), derivative("eager"))


X = torch.tensor([[0.3, 0.1, 0.7], [0.9, 0.2, 0.4]], dtype=torch.float64, requires_grad=True)
DIRECTIONS = torch.eye(6, dtype=torch.float64).reshape(6, 2, 3)


def by_dual_numbers(f: Any) -> Any:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(X.detach(), DIRECTIONS[0]))).tangent  # type: ignore[no-untyped-call]


def batched_backward(f: Any) -> Any:
    result = f(X)
    return torch.func.vmap(lambda g: torch.autograd.grad(result, X, g, retain_graph=True)[0])(DIRECTIONS)


def checkpointed(f: Any) -> Any:
    result = checkpoint(lambda x: f(x * 2.0), X, use_reentrant=False)
    return torch.autograd.grad(result.square().sum(), X)


def offloaded(f: Any) -> Any:
    with torch.autograd.graph.save_on_cpu():
        result = f(X * 1.0)
    return torch.autograd.grad(result.square().sum(), X)


def anomalous_backward(f: Any) -> Any:
    result = f(X)
    with torch.autograd.detect_anomaly():
        return torch.autograd.grad(result.square().sum(), X)


def cubes(f: Any) -> Any:
    return lambda x: (f(x) ** 3).sum()


USES: dict[str, tuple[Any, int]] = {  # what is done, and how many programs run then
    "jacobian": (lambda f: functional.jacobian(f, X), 1),
    "vectorized jacobian": (lambda f: functional.jacobian(f, X, vectorize=True), 1),
    "hessian": (lambda f: functional.hessian(cubes(f), X), 1),
    "vectorized hessian": (lambda f: functional.hessian(cubes(f), X, vectorize=True), 1),
    "product with the hessian": (lambda f: functional.hvp(cubes(f), X, DIRECTIONS[1])[1], 1),
    "jvp by two backward passes": (lambda f: functional.jvp(f, X, DIRECTIONS[2]), 1),
    "batched gradients": (lambda f: torch.autograd.grad(f(X), X, DIRECTIONS, is_grads_batched=True), 1),
    "vmap of a backward pass": (batched_backward, 1),
    "dual numbers": (by_dual_numbers, 0),
    "vmap": (lambda f: torch.func.vmap(f)(torch.stack([X, X * 2.0])), 0),
    "vmap of grad": (lambda f: torch.func.vmap(torch.func.grad(cubes(f)))(torch.stack([X, X * 2.0])), 0),
    "vjp": (lambda f: torch.func.vjp(f, X)[1](DIRECTIONS[3]), 0),
    "jvp": (lambda f: torch.func.jvp(f, (X,), (DIRECTIONS[4],)), 0),
    "checkpoint": (checkpointed, 0),
    "saved on the CPU": (offloaded, 0),
    "anomaly detection in the backward pass": (anomalous_backward, 1),
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("use", USES)
def test_what_torch_does_with_functions(use: str) -> None:
    derive, runs = USES[use]
    tape, eager = (relax(bubble_sort, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    for k in (1, 2):
        torch.testing.assert_close(derive(lambda x: tape(x)[0]), derive(lambda x: eager(x)[0]))
        assert tape.engine_report().runs == k * runs


def test_all_checks_of_gradients() -> None:
    tape = relax(bubble_sort, batch=True, engine="tape")
    every = {"check_batched_grad": True}
    assert torch.autograd.gradcheck(lambda x: tape(x)[0], X, check_forward_ad=True, **every)  # type: ignore[arg-type]
    assert torch.autograd.gradgradcheck(lambda x: tape(x)[0], X, **every)  # type: ignore[arg-type]
    assert tape.engine_report().runs > 10


def goes_wrong(x: Any) -> Any:
    y = x * 2.0 if x > 0.0 else x
    root = torch.sqrt(y - y)
    return root * y


def test_anomaly_detection_names_the_line() -> None:
    tape, x = relax(goes_wrong, engine="tape"), torch.tensor(0.3, requires_grad=True)
    tape(x)
    with torch.autograd.detect_anomaly(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError, match="returned nan values"):
            tape(x).backward()
    assert any("test_transforms.py" in str(w.message) and "in goes_wrong" in str(w.message) for w in caught)
    assert tape.engine_report().runs == 1
    assert "anomaly detection" in str(tape.engine_report())

"""What torch's autograd asks of a recorded call, beside one gradient."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort

X = torch.tensor([[0.3, 0.1, 0.7], [0.2, 0.5, 0.4]], dtype=torch.float64)


def first(function: Callable[..., Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: function(x)[0]


def test_many_gradients_at_once() -> None:
    x = X.clone().requires_grad_()
    directions = torch.eye(6, dtype=torch.float64).reshape(6, 2, 3)
    found = []
    for engine in ("tape", "eager"):
        function = relax(bubble_sort, batch=True, engine=engine)  # type: ignore[call-overload]
        (together,) = torch.autograd.grad(function(x)[0], x, directions, is_grads_batched=True)
        one_by_one = [torch.autograd.grad(function(x)[0], x, each)[0] for each in directions]
        torch.testing.assert_close(together, torch.stack(one_by_one))
        found.append(together)
    torch.testing.assert_close(*found)
    assert relax(bubble_sort, batch=True, engine="tape")(x)[0].requires_grad


@pytest.mark.parametrize("options", [{"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}, {}], ids=str)
def test_jacobians(options: dict[str, Any]) -> None:
    tape, eager = (first(relax(bubble_sort, batch=True, engine=engine)) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    ours, theirs = (torch.autograd.functional.jacobian(function, X, **options) for function in (tape, eager))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("engine", ["auto", "tape"])
@pytest.mark.parametrize("reentrant", [False, True])
def test_a_call_that_torch_checkpoints_is_the_same_each_time(engine: Any, reentrant: bool) -> None:
    function, eager = relax(bubble_sort, batch=True, engine=engine), relax(bubble_sort, batch=True)
    for _ in range(3):  # under "auto" the second call of a kind would be recorded, the first not
        x, other = (X.clone().requires_grad_() for _ in range(2))
        y = checkpoint(lambda x: torch.sin(function(x)[0]), x, use_reentrant=reentrant)
        y.sum().backward()
        torch.sin(eager(other)[0]).sum().backward()
        torch.testing.assert_close(x.grad, other.grad)


def test_hooks_on_what_is_saved_see_all_of_it() -> None:
    @contextlib.contextmanager
    def noted() -> Any:
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            yield sizes

    counts = []
    for engine in ("tape", "eager"):
        function = relax(bubble_sort, batch=True, engine=engine)  # type: ignore[call-overload]
        with noted() as sizes:
            function(X.clone().requires_grad_())
        counts.append(len(sizes))
    assert counts[0] == counts[1] > 10

"""torch's functions on recorded arrays, of one sample and of a batch, are what they are on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("llvmlite")

from relaxpy import relax

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
    lambda x: x.reshape(2, 2).transpose(0, 1).flatten(),
    lambda x: (x * torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)).prod(),
    lambda x: x.cumsum(0),
    lambda x: torch.linalg.vector_norm(x),
]


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
    report = tape.engine_report()
    assert "while it was recorded" not in str(report)
    assert report.runs == 2 or all("torch" in why for why in report.eager), report

"""Programs beside torch.func and torch.compile: transformed calls run operation by operation, compiled ones as programs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("llvmlite")

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort


@pytest.mark.parametrize("name", ["grad", "jacrev", "jacfwd", "hessian"])
def test_derivatives_by_torch_func(name: str) -> None:
    x = torch.tensor([0.3, 0.1, 0.7], dtype=torch.float64)

    def derivative(engine: Any) -> Any:
        sort = relax(bubble_sort, engine=engine)
        return getattr(torch.func, name)(lambda x: (sort(x)[0] * torch.arange(3.0)).sum())(x)

    torch.testing.assert_close(derivative("tape"), derivative("eager"))


class Model(torch.nn.Module):
    def __init__(self, sort: Any) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.sort = sort

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.sort(self.layer(x))[0] * 2.0
        return result


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_runs_a_program_after_one_break_of_its_graph() -> None:
    tape, eager = relax(bubble_sort, batch=True, engine="tape"), relax(bubble_sort, batch=True)
    model, x = Model(tape), torch.rand(3, 4)
    expected = Model(eager)
    expected.load_state_dict(model.state_dict())
    compiled = torch.compile(model, backend="aot_eager")
    for _ in range(2):
        ours, theirs = compiled(x), expected(x)
        torch.testing.assert_close(ours, theirs)
        ours.sum().backward()
        theirs.sum().backward()
    torch.testing.assert_close(model.layer.weight.grad, expected.layer.weight.grad)
    assert tape.engine_report().runs == 2
    assert torch._dynamo.explain(model)(x).graph_break_count == 1

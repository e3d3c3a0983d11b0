"""Programs beside torch.func: transformed calls run operation by operation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

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

"""Functions of relaxed modules that compiled code calls run as they are, beside what is compiled."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import relaxpy
from tests.hook.conftest import Write

TEXT = """
    def steps(x):
        for _ in range(8):
            x = x / 2.0 if x > 1.0 else x + 0.1
        return x

    class Model:
        def method(self, x):
            return steps(x) * 2.0

        @property
        def settled(self):
            return steps(self.x)

    model = Model()
    method = model.method

    def settled(x):
        model.x = x
        return model.settled

    def made(level):
        def closure(x):
            return steps(x) if x > level else x
        return closure

    closure = made(0.3)
    half = lambda x: x / 2.0 if x > 1.0 else steps(x)

    def pieces(x):
        for _ in range(3):
            x = x / 2.0 if x > 1.0 else x + 0.1
            yield x

    def last_piece(x):
        return list(pieces(x))[-1]
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("first", [True, False], ids=["first compiled", "first called"])
@pytest.mark.parametrize("name", ["steps", "method", "settled", "closure", "half", "last_piece"])
def test_compiled_code_calls_functions_of_a_relaxed_module(write: Write, fresh: None, name: str, first: bool) -> None:
    write(called_by_compiled=TEXT)
    with relaxpy.install("called_by_compiled"):
        module = importlib.import_module("called_by_compiled")
    function = getattr(module, name)

    def program(x: Any) -> Any:
        return function(x * 2.0) + 1.0

    x = torch.tensor(0.55, dtype=torch.float64, requires_grad=True)
    if not first:
        program(x)
    compiled = torch.compile(program, backend="eager")
    for _ in range(3):
        ours, theirs = compiled(x), program(x)
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(torch.autograd.grad(ours, x), torch.autograd.grad(theirs, x))
    assert compiled(3.0) == program(3.0)

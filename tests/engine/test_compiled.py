"""Relaxed calls in compiled models that can be recorded: each is one operator of the graph."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import compiled as operators

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-10}
BACKENDS = ["eager", "aot_eager"]


pytestmark = pytest.mark.usefixtures("fresh_compiler")


def in_graph(function: Callable[..., Any], backend: Any, fullgraph: bool = True) -> Callable[..., Any]:
    """The function compiled; what it is compared with runs operation by operation."""
    graph = torch.compile(function, backend=backend, fullgraph=fullgraph)

    def call(*args: Any) -> Any:
        with relaxpy.options(engine="auto"):
            return graph(*args)

    return call


class Model(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4, dtype=dtype)
        self.sort = relax(bubble_sort, batch=True, beta=5.0)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.sort(self.layer(x))[0]
        return (result * torch.arange(4.0, dtype=x.dtype)).square().mean()


def gradients(loss: Tensor, model: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters()), allow_unused=True, materialize_grads=True))


CASES: list[Any] = [(backend, dtype) for backend in BACKENDS for dtype in TOLERANCE]
NO_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")


@pytest.mark.parametrize(
    ("backend", "dtype"), [*CASES, pytest.param("inductor", torch.float32, marks=NO_COMPILER)], ids=str
)
def test_a_model_with_a_sort_is_one_graph(backend: str, dtype: torch.dtype) -> None:
    model, close = Model(dtype), TOLERANCE[dtype]
    graph = in_graph(model, backend)
    for batch in (3, 5, 6, 6):  # from the second on the batch is of any size
        x = torch.rand(batch, 4, dtype=dtype)
        ours = [graph(x), graph(x * 2.0)]  # both before the backward pass of either
        theirs = [model(x), model(x * 2.0)]
        for one, other in zip(ours, theirs):
            torch.testing.assert_close(one, other, rtol=close, atol=close)
            torch.testing.assert_close(gradients(one, model), gradients(other, model), rtol=close, atol=close)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            loss = graph(x)
            assert not loss.requires_grad
            torch.testing.assert_close(loss, model(x), rtol=close, atol=close)


def test_runs_are_kept_as_long_as_their_graph() -> None:
    model, x = Model(torch.float32), torch.rand(3, 4)
    graph = in_graph(model, "aot_eager")
    graph(x)
    gc.collect()
    before = len(operators._runs)
    losses = [graph(x) for _ in range(3)]
    assert len(operators._runs) == before + 3
    first = gradients_twice(losses[0], model)
    torch.testing.assert_close(*first)
    losses[1].backward()
    del losses
    gc.collect()
    assert len(operators._runs) == before


def gradients_twice(loss: Tensor, model: nn.Module) -> tuple[Any, Any]:
    weight = model.layer.weight
    return torch.autograd.grad(loss, weight, retain_graph=True), torch.autograd.grad(loss, weight)  # type: ignore[arg-type]


class Pair(NamedTuple):
    first: Any
    rest: Any


LEVEL = 0.5
COUNT = 2


@relax(batch=True)
def tree(x: Any, k: Any = 1, scale: Any = 1.0) -> Any:
    y = x * k if x > LEVEL else x / scale
    return Pair(y, [y + 1.0, {"z": x * 2 if y > 0 else x, "k": k, "none": None}, x, ("word", True)])


@relax(batch=True)
def several(x: Any) -> Any:
    return [x * j if x > 0.2 else x for j in range(COUNT)]


@relax
def single(x: Any, other: Any) -> Any:
    return x[0] * other["low"] if x[0] > x[1] else x[1] * other["high"][0]


def leaves(result: Any) -> list[Any]:
    return torch.utils._pytree.tree_leaves(result)


def assert_same(ours: Any, theirs: Any, wanted: list[Tensor]) -> None:
    """The same tree, values and gradients."""
    assert torch.utils._pytree.tree_structure(ours) == torch.utils._pytree.tree_structure(theirs)
    sums = []
    for one, other in zip(leaves(ours), leaves(theirs)):
        assert type(one) is type(other)
        if isinstance(one, Tensor):
            torch.testing.assert_close(one, other)
            assert one.requires_grad == other.requires_grad
        else:
            assert one == other
    for result in (ours, theirs):
        sums.append(sum(part.square().sum() for part in leaves(result) if isinstance(part, Tensor)))
    first, second = (torch.autograd.grad(total, wanted, materialize_grads=True, allow_unused=True) for total in sums)
    torch.testing.assert_close(first, second)


def values() -> Tensor:
    return torch.tensor([0.2, 0.6, 0.9], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_trees_and_hard_arguments(backend: str) -> None:
    x = values()
    graph = in_graph(lambda x, k, scale: tree(x, k, scale=scale), backend)
    for k, scale in ((1, 1.0), (2, 1.0), (2, 0.5), (3, 0.5), (True, 0.25), (2, 1.0)):
        assert_same(graph(x, k, scale), tree(x, k, scale=scale), [x])


def test_lists_and_dicts_of_tensors() -> None:
    x, parts = values(), {"low": torch.tensor(2.0, dtype=torch.float64, requires_grad=True), "high": [values()[0], 3]}
    graph = in_graph(lambda x, parts: single(x, parts), "eager")
    assert_same(graph(x, parts), single(x, parts), [x, parts["low"]])


def test_globals_and_options_are_read_at_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    x, counter = values(), CompileCounter()
    graph = in_graph(lambda x: tree(x), counter)
    assert_same(graph(x), tree(x), [x])
    for level in (0.8, 0.1):
        monkeypatch.setitem(globals(), "LEVEL", level)
        assert_same(graph(x), tree(x), [x])
    for beta in (2.0, 30.0):
        with relaxpy.options(beta=beta):
            ours, theirs = graph(x), tree(x)
        assert_same(ours, theirs, [x])
    assert counter.frame_count == 1


def test_a_result_of_another_form_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    x = values()
    graph = in_graph(lambda x: several(x), "eager")
    assert len(graph(x)) == 2
    monkeypatch.setitem(globals(), "COUNT", 3)
    with pytest.raises(relaxpy.RelaxError, match="has not the form that it had when it was compiled"):
        graph(x)
    torch.compiler.reset()
    assert_same(graph(x), several(x), [x])


class Above(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(2, dtype=torch.float64))
        self.level = nn.Parameter(torch.tensor(0.4, dtype=torch.float64))

    @relax(batch=True)
    def forward(self, x: Any) -> Any:
        return x * self.level if x > self.level else x

    @relax(batch=True)
    def above(self, x: Any) -> Any:
        return x * self.level if x > self.level else x


def learned_beta() -> tuple[Callable[..., Any], list[Tensor]]:
    beta = nn.Parameter(torch.tensor(4.0, dtype=torch.float64))
    function = tree.with_options(beta=beta)
    return lambda x: function(x), [beta]


def of_module() -> tuple[Callable[..., Any], list[Tensor]]:
    module = tree.module(beta=3.0, learn_beta=True)
    return module, list(module.parameters())


def of_a_method() -> tuple[Callable[..., Any], list[Tensor]]:
    model = Above()
    return (lambda x: model.above(x)), list(model.parameters())


def of_a_method_and_its_module() -> tuple[Callable[..., Any], list[Tensor]]:
    model = Above()
    module = model.above.module(beta=3.0, learn_beta=True)
    return module, [*module.parameters(), *model.parameters()]


def of_a_forward() -> tuple[Callable[..., Any], list[Tensor]]:
    model = Above()
    return model, list(model.parameters())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", [learned_beta, of_module, of_a_method, of_a_method_and_its_module, of_a_forward])
def test_parameters_get_their_gradients(make: Any, backend: str) -> None:
    function, parameters = make()
    graph = in_graph(function, backend)
    x = values()
    for _ in range(2):
        assert_same(graph(x), function(x), [x, *parameters])
        with torch.no_grad():
            for parameter in parameters:
                parameter.add_(0.2)


def test_a_parameter_is_replaced() -> None:
    model, x = Above(), values()
    graph = in_graph(model, "eager")
    assert_same(graph(x), model(x), [x, model.level])
    model.level = nn.Parameter(torch.tensor(0.9, dtype=torch.float64))
    assert_same(graph(x), model(x), [x, model.level])


def test_sizes_that_are_all_dynamic() -> None:
    sort = relax(bubble_sort, batch=True)
    graph = torch.compile(lambda x: sort(x * 2.0)[0], backend="aot_eager", fullgraph=True, dynamic=True)
    for shape in ((3, 4), (5, 4), (5, 6), (2, 3)):
        x = torch.rand(shape, dtype=torch.float64, requires_grad=True)
        with relaxpy.options(engine="auto"):
            ours = graph(x)
        assert_same(ours, sort(x * 2.0)[0], [x])

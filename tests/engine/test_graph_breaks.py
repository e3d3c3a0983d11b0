"""Relaxed calls in compiled models that no graph can hold: each is one break of it, for a reason that the report names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from tests.engine.test_compiled import assert_same, in_graph, tree, values

EXECUTORS = ("packed",)  # what breaks a graph is found while recording, whatever runs a program then
pytestmark = pytest.mark.usefixtures("fresh_compiler")

CAPTURED = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
CALLS: list[int] = []


def of_a_global(x: Any) -> Any:
    return x * CAPTURED if x > CAPTURED else x


def with_effects(x: Any) -> Any:
    CALLS.append(1)
    return x * 2.0 if x > 0.3 else x


def twice_the_same(x: Any) -> Any:
    part = [x * 2.0 if x > 0.3 else x]
    return part, part


class Opaque:
    def __init__(self, x: Any) -> None:
        self.x = x


def of_an_object(x: Any) -> Any:
    return [Opaque(x * 2.0 if x > 0.3 else x)]


BREAKS = {
    of_a_global: "it uses a parameter that is neither an argument nor of its object",
    with_effects: "it changes objects that outlive the call",
    twice_the_same: "a list or dict occurs twice in its result",
    of_an_object: "its result holds a Opaque",
}


@pytest.mark.parametrize("function", BREAKS)
def test_what_no_graph_can_hold_breaks_it_with_a_reason(function: Any) -> None:
    relaxed, x = relax(function, batch=True), values()

    def program(x: Any) -> Any:
        result = relaxed(x * 1.0)
        while isinstance(result, (list, tuple, Opaque)):
            result = result.x if isinstance(result, Opaque) else result[0]
        return result + 1.0

    CALLS.clear()
    compiled = in_graph(program, "eager", fullgraph=False)
    for calls in (1, 2):
        assert_same(compiled(x), program(x), [x, CAPTURED])
        assert len(CALLS) == (2 * calls if function is with_effects else 0)  # never while it is traced
    assert BREAKS[function] in str(relaxed.engine_report())
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="see its engine_report"):
        in_graph(program, "eager")(x)


def test_a_schedule_and_options_of_a_call_break_the_graph_and_are_not_stale() -> None:
    x, schedule = values(), relaxpy.schedules.linear(1.0, 5.0, 3)
    module = tree.module(beta=schedule)
    for function in (module, lambda x: tree.with_options(beta=schedule)(x)):
        compiled = in_graph(function, "eager", fullgraph=False)
        for _ in range(3):
            assert_same(compiled(x), function(x), [x])
            schedule.step()


def test_a_checkpoint_around_a_call_breaks_the_graph_and_runs_again() -> None:
    sort = relax(bubble_sort, batch=True)

    def program(x: Tensor) -> Any:
        return checkpoint(lambda y: sort(y * 2.0)[0].sin(), x, use_reentrant=False)

    x = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    assert_same(in_graph(program, "aot_eager", fullgraph=False)(x), program(x), [x])

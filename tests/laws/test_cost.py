"""What relaxed programs cost, counted in torch operations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from relaxpy import relax


class Operations(TorchDispatchMode):
    """Counts the operations that reach torch's dispatcher, and the elements that they produce."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.count += 1
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor) and not func.is_view:
                self.elements += tensor.numel()
        return result


def operations(function: Any, *arguments: Any) -> Operations:
    counter = Operations()
    function(*arguments)
    with counter:
        function(*arguments)
    return counter


def store_often(a: Any) -> Any:
    for i in range(10):
        a[i] = a[i] * 2.0
    return a[3]


def store_under_a_condition(a: Any) -> Any:
    for i in range(10):
        if a[i] > a[i + 1]:
            a[i] = a[i + 1]
    return a[3]


def swap_under_a_condition(a: Any) -> Any:
    for i in range(10):
        if a[i] > a[i + 1]:
            a[i], a[i + 1] = a[i + 1], a[i]
    return a[3]


PROGRAMS = [store_often, store_under_a_condition, swap_under_a_condition]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_element_store_costs_the_same_whatever_the_length(program: Any, batch: bool) -> None:
    shape = (4,) if batch else ()
    relaxed = relax(program, batch=batch)
    short, long = (operations(relaxed, torch.randn(*shape, n, requires_grad=True)) for n in (12, 2000))
    assert short.count == long.count
    # Taking the array apart is one operation for each call, not one for each store.
    assert long.elements - short.elements <= 4 * (2000 - 12) * (4 if batch else 1)


def test_a_blend_touches_only_the_elements_that_differ() -> None:
    def program(x: Any, kept: Any) -> Any:
        if x > 0:
            kept[0] = x
        return kept

    def cost(n: int) -> int:
        return operations(lambda: relax(program)(x, [torch.ones(())] * n)).count

    x = torch.tensor(0.3)
    assert cost(2) == cost(500)


def test_storing_what_was_there_costs_no_blend() -> None:
    def nothing(x: Any, a: Any) -> Any:
        if x > 0:
            pass
        return a[0]

    def same(x: Any, a: Any) -> Any:
        if x > 0:
            a[1] = a[1]
            a[2] = a[2]
        return a[0]

    x, values = torch.tensor(0.3), [torch.ones(()) for _ in range(4)]
    assert operations(relax(same), x, list(values)).count == operations(relax(nothing), x, list(values)).count


def test_a_counter_costs_the_same_at_each_step() -> None:
    def count(a: Any) -> Any:
        k = 0
        for v in a:
            if v > 0:
                k += 1
        return k

    costs = [operations(relax(count), torch.randn(n)) for n in (10, 20, 40)]
    first, second = costs[1].count - costs[0].count, costs[2].count - costs[1].count
    assert second == 2 * first
    assert first <= 10 * 12
    assert costs[2].elements <= 40 * 12 + 200


def test_plain_values_never_reach_torch() -> None:
    assert operations(relax(swap_under_a_condition), [float(k) for k in range(12)]).count == 0

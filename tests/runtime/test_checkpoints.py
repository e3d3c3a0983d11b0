"""`checkpoint`: the same values and derivatives, of which less is kept."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import RelaxError, relax
from relaxpy.algorithms.numeric import newton_sqrt
from relaxpy.algorithms.ordering import selection_sort
from relaxpy.algorithms.sorting import bubble_sort
from tests.benchmarks.measure import Operations
from tests.laws.support import assert_same

BETA = 4.0


def numbers(*shape: int) -> Tensor:
    values = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return values.requires_grad_()


def grown(x: list[float], scale: Any) -> float:
    total = 0.0
    while total < 3.0:
        for value in x:
            total += value * value if value > 0.5 else scale
    return total


@pytest.mark.parametrize("parts", [1, 2, 7, 30])
@pytest.mark.parametrize(
    ("program", "inputs", "batch"),
    [
        (bubble_sort, lambda: (numbers(3, 6),), True),
        (selection_sort, lambda: (numbers(3, 5),), True),
        (newton_sqrt, lambda: (numbers(4),), True),
        (grown, lambda: (numbers(3), numbers(1)[0]), False),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_values_and_gradients_are_the_same(
    program: Callable[..., Any], inputs: Callable[[], tuple[Tensor, ...]], batch: bool, parts: int
) -> None:
    given = inputs()
    plain = relax(program, beta=BETA, batch=batch)
    assert_same(plain.with_options(checkpoint=parts)(*given), plain(*given), given)


def test_second_derivatives_are_the_same() -> None:
    x = numbers(4)
    beta = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    plain = relax(grown, beta=beta)

    def second(program: Callable[..., Any]) -> tuple[Tensor, ...]:
        first = torch.autograd.grad(program(x, 0.3), (x, beta), create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in first), (x, beta))

    for mine, theirs in zip(second(plain.with_options(checkpoint=3)), second(plain), strict=True):
        torch.testing.assert_close(mine, theirs)
    torch.autograd.gradgradcheck(lambda x: plain.with_options(checkpoint=2)(x, 0.3), (x,))


def test_a_graph_that_is_retained_goes_backward_twice() -> None:
    x = numbers(2, 5)
    result = relax(bubble_sort, batch=True, checkpoint=3)(x)[0].square()[:, 0].sum()
    first, second = (torch.autograd.grad(result, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def walk(x: float) -> float:
    for _ in range(200):
        x = x * 1.01 if x > 0.5 else x * 0.99 + 0.02
    return x


@pytest.mark.parametrize(("parts", "share"), [(2, 0.55), (4, 0.3), (20, 0.1)])
def test_less_is_kept(parts: int, share: float) -> None:
    x = numbers(1000)
    peaks = []
    for checkpoint in (None, parts):
        program = relax(walk, batch=True, beta=BETA).with_options(checkpoint=checkpoint)
        program(x)
        gc.collect()
        with Operations() as operations:
            program(x).sum().backward()
        peaks.append(operations.peak)
    assert peaks[1] < share * peaks[0]


def test_arguments_that_the_call_changes_are_as_they_were() -> None:
    x = numbers(5)

    def program(values: Any) -> Any:
        values.append(values[0] * 2)
        for i in range(len(values) - 1):
            if values[i] > values[i + 1]:
                values[i], values[i + 1] = values[i + 1], values[i]
        return values[-1] * values[0]

    mine, theirs = list(x.unbind()), list(x.unbind())
    with relaxpy.options(checkpoint=2, beta=BETA):
        found = relax(program)(mine)
    assert_same(found, relax(program, beta=BETA)(theirs), [x])
    assert len(mine) == len(theirs) == 6
    assert_same(mine, theirs, [x])


def test_random_numbers_are_drawn_again() -> None:
    x = numbers(4)

    def program(values: Any) -> Any:
        total = values[0] * 0.0
        for value in values:
            noise = torch.randn(()).item() + random.random()
            if value > noise:
                total = total + value * noise
        return total

    def gradient(program: Callable[..., Any]) -> Tensor:
        torch.manual_seed(1)
        random.seed(1)
        result = program(x)
        after = torch.rand(()), random.random()
        gradient = torch.autograd.grad(result, x)[0]
        assert (torch.rand(()), random.random()) != after
        return gradient

    assert torch.equal(gradient(relax(program, checkpoint=1)), gradient(relax(program)))


def test_options_of_the_region_hold_when_it_has_ended() -> None:
    x = numbers(4)
    with relaxpy.options(beta=1.5, checkpoint=2):
        found = relax(grown)(x, 0.2)
    assert_same(found, relax(grown, beta=1.5)(x, 0.2), [x])


def test_a_call_that_does_something_else_is_an_error() -> None:
    x = numbers(4)
    calls = []

    @relax(checkpoint=1)
    def program(values: Any) -> Any:
        calls.append(1)
        total = values[0]
        for value in values:
            if value > 0.5:
                total = total * value if len(calls) == 1 else total + 1
        return total

    result = program(x)
    with pytest.raises(RelaxError, match="did something else when it ran again"):
        result.backward()


def test_an_argument_that_has_changed_is_an_error() -> None:
    x = numbers(4)
    result = relax(grown, checkpoint=1)(x, 0.2)
    with torch.no_grad():
        x += 1
    with pytest.raises(RelaxError, match="changed in place before the backward pass"):
        result.backward()


def test_what_cannot_have_checkpoints_says_so() -> None:
    @relax(checkpoint=2)
    def generator(x: Any) -> Any:
        yield x

    with pytest.raises(RelaxError, match="generator or coroutine"):
        generator(numbers(2))

    @relax
    def region(x: Any) -> Any:
        with relaxpy.options(checkpoint=2):
            return x[0]

    with pytest.raises(RelaxError, match="cannot begin in the middle"):
        region(numbers(2))
    for value in (0, 1.5, "all"):
        with pytest.raises(RelaxError, match="`checkpoint` is"):
            relaxpy.options(checkpoint=value)  # type: ignore[arg-type]


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    x = numbers(5)
    program = relax(bubble_sort, beta=BETA)
    with torch.no_grad():
        torch.testing.assert_close(program.with_options(checkpoint=2)(x)[0], program(x)[0])
    under = torch.func.grad(lambda x: program.with_options(checkpoint=2)(x)[0][0])(x.detach())
    torch.testing.assert_close(under, torch.autograd.grad(program(x)[0][0], x)[0])

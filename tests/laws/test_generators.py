"""Generators and coroutines: their values leave plain, and no soft condition is open while they wait."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, relax
from relaxpy.runtime.state import calls, paths, state
from tests.laws.support import FINE, above, array, assert_same, number


def clipped(values: Any) -> Iterator[Any]:
    for value in values:
        yield value * 2.0 if value > 0 else 0.0


def test_what_plain_code_gets_is_plain() -> None:
    values = array(0.3, -0.2)
    items = list(relax(clipped, **FINE)(values))
    assert all(type(item) is Tensor for item in items)
    assert_same(items, [above(v) * 2.0 * v for v in values], [values])


def test_plain_values_are_generated_as_in_python() -> None:
    def echo(start: Any) -> Iterator[Any]:
        """Takes what is sent."""
        received = []
        try:
            while len(received) < 3:
                received.append((yield start + len(received)))
        except KeyError as error:
            received.append(error)
            yield "caught"
        return received

    generator = relax(echo)(5)
    assert inspect.isgenerator(generator)
    assert generator.__name__ == "echo"
    assert next(generator) == 5
    assert generator.send("a") == 6
    error = KeyError("b")
    assert generator.throw(error) == "caught"
    with pytest.raises(StopIteration) as ended:
        next(generator)
    assert ended.value.value == ["a", error]
    assert list(relax(clipped)([1.0, -1.0])) == [2.0, 0.0]


def test_a_generator_is_closed() -> None:
    log = []

    def waiting(x: Any) -> Iterator[Any]:
        try:
            yield x
        finally:
            log.append("closed")

    generator = relax(waiting)(number(0.1))
    next(generator)
    generator.close()
    assert log == ["closed"]
    relax(waiting)(number(0.1)).close()
    assert log == ["closed"]


def test_the_state_is_plain_between_two_values_and_soft_again_after() -> None:
    def doubled(cell: list[Any]) -> Iterator[Any]:
        for _ in range(2):
            if cell[0] > 0:
                cell[0] = cell[0] * 2.0
            yield cell

    x = number(0.3)
    cell = [x]
    generator = relax(doubled, **FINE)(cell)
    once = x + above(x) * x
    assert next(generator) is cell
    assert_same(cell, [once], [x])
    assert (state.call, calls, paths) == (None, [], [])
    next(generator)
    assert_same(cell, [once + above(once) * once], [x])


def test_two_generators_take_turns() -> None:
    x, y = number(0.3), number(-0.4)
    first, second = relax(clipped, beta=2.0)([x, x]), relax(clipped, beta=5.0)([y, y])
    for _ in range(2):
        assert_same(next(first), above(x) * 2 * x, [x])
        assert_same(next(second), above(y, beta=5.0) * 2 * y, [y])


def test_inside_relaxed_code_values_stay_soft() -> None:
    def total(values: Any) -> Any:
        result = 0.0
        for value in clipped(values):
            if value > 0.1:
                result = result + value
        return result + sum(clipped(values)) + next(clipped(values))

    values = array(0.3, -0.2)
    items = [above(v) * 2.0 * v for v in values]
    expected = sum(above(item, 0.1) * item + item for item in items) + items[0]
    assert_same(relax(total, **FINE)(values), expected, [values])


def test_a_relaxed_call_takes_what_the_generator_of_another_makes() -> None:
    def total(values: Any) -> Any:
        result = [0.0]
        for value in values:
            if value > 0.1:
                result[0] = result[0] + value
        return result

    values = array(0.3, -0.2)
    items = [above(v) * 2.0 * v for v in values]
    expected = sum(above(item, 0.1) * item for item in items)
    assert_same(relax(total, **FINE)(relax(clipped, **FINE)(values)), [expected], [values])
    assert (state.call, calls, paths) == (None, [], [])


def test_a_batch() -> None:
    rows = torch.tensor([[0.3, -0.2], [0.1, 0.5]], dtype=torch.float64)
    items = list(relax(clipped, batch=True, **FINE)(rows))
    assert_same(torch.stack(items, 1), above(rows) * 2.0 * rows)


def test_a_returned_generator() -> None:
    def made(x: Any) -> Any:
        return (x * i if x > i else 0.0 for i in range(3))

    x = number(0.7)
    assert_same(list(relax(made, **FINE)(x)), [above(x, i) * x * i for i in range(3)], [x])


def in_a_branch(x: Any) -> Iterator[Any]:
    if x > 0:
        yield 1.0
    yield 2.0


def after_a_return(x: Any) -> Iterator[Any]:
    if x > 0:
        return
    yield 2.0


def in_a_loop(x: Any) -> Iterator[Any]:
    while x < 1.0:
        x = x + 0.3
        yield x


def in_an_expression(x: Any) -> Iterator[Any]:
    result = (yield 1.0) if x > 0 else 2.0
    yield result


def from_another(x: Any) -> Iterator[Any]:
    if x > 0:
        yield from [1.0]


async def awaited(x: Any) -> Any:
    if x > 0:
        await asyncio.sleep(0)
    return x


@pytest.mark.parametrize("program", [in_a_branch, after_a_return, in_a_loop, in_an_expression, from_another, awaited])
def test_waiting_under_a_soft_condition(program: Callable[..., Any]) -> None:
    def run(value: Any) -> Any:
        made = relax(program)(value)
        return asyncio.run(made) if inspect.iscoroutine(made) else list(made)

    assert run(0.5) == (asyncio.run(awaited(0.5)) if program is awaited else list(program(0.5)))
    with pytest.raises(RelaxError, match="`yield` or `await` under a soft condition") as caught:
        run(number(0.5))
    first = program.__code__.co_firstlineno
    assert caught.value.file == __file__
    assert caught.value.line is not None
    assert first < caught.value.line <= first + 4
    assert (state.call, calls, paths) == (None, [], [])


def test_a_coroutine() -> None:
    async def program(x: Any) -> Any:
        await asyncio.sleep(0)
        result = x * 3.0 if x > 0 else 1.0
        await asyncio.sleep(0)
        return result

    async def together(*xs: Any) -> Any:
        return await asyncio.gather(*(relax(program, **FINE)(x) for x in xs))

    x, y = number(0.3), number(-0.2)
    expected = [above(v) * 3.0 * v + 1 - above(v) for v in (x, y)]
    assert_same(asyncio.run(together(x, y)), expected, [x, y])
    assert asyncio.run(together(2.0, -2.0)) == [6.0, 1.0]
    made = relax(program)(1.0)
    assert inspect.iscoroutine(made)
    made.close()


def test_an_asynchronous_generator() -> None:
    async def program(x: Any) -> AsyncIterator[Any]:
        for i in range(2):
            await asyncio.sleep(0)
            yield x if x > i else 0.0

    async def collected(x: Any) -> Any:
        return [value async for value in relax(program, **FINE)(x)]

    x = number(0.3)
    assert_same(asyncio.run(collected(x)), [above(x, i) * x for i in range(2)], [x])
    assert asyncio.run(collected(0.5)) == [0.5, 0.0]


def test_generators_of_others_pass_through_as_they_are() -> None:
    def plain() -> Any:
        yield 1

    @relax
    def passed(value: Any, x: Any) -> Any:
        if x > 0:
            return value
        return None

    made = plain()
    assert passed(made, 1.0) is made
    assert next(made) == 1

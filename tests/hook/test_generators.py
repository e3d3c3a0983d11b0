"""Generators and coroutines of relaxed modules, run by plain code, are relaxed as decorated ones are."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import RelaxError
from relaxpy.runtime.state import calls, paths, state
from tests.hook.conftest import Write
from tests.laws.support import FINE, above, array, assert_same, number

_MODULE = '''\
"""Streams."""
import asyncio


def clipped(values, *, top=2.0):
    """Each of them, from zero on."""
    for value in values:
        yield value * top if value > 0 else 0.0


def delegating(values):
    result = yield from clipped(values)
    return result


def nested(at):
    def inner(values):
        for value in values:
            yield value * 2.0 if value > at else 0.0
    return inner


in_a_lambda = lambda values: (yield values[0] * 2.0 if values[0] > 0 else 0.0) or (
    yield values[1] * 2.0 if values[1] > 0 else 0.0)


class Clip:
    def __init__(self, top):
        self.top = top

    def method(self, values):
        yield from self.items(values)

    @staticmethod
    def items(values):
        for value in values:
            yield value * 2.0 if value > 0 else 0.0

    def __iter__(self):
        for value in self.top:
            yield value * 2.0 if value > 0 else 0.0


class Derived(Clip):
    def method(self, values):
        for value in super().method(values):
            yield value if value > -1.0 else value


async def coroutine(values):
    await asyncio.sleep(0)
    result = [value * 2.0 if value > 0 else 0.0 for value in values]
    await asyncio.sleep(0)
    return result


async def stream(values):
    for value in values:
        await asyncio.sleep(0)
        yield value * 2.0 if value > 0 else 0.0


async def echo(start):
    received = []
    try:
        while len(received) < 3:
            received.append((yield start + len(received)))
    except KeyError as error:
        received.append(error)
        yield received
    finally:
        closed.append("closed")


def conversation(start):
    received = []
    start = start if start > -1e9 else 0.0
    try:
        while len(received) < 3:
            received.append((yield start + len(received)))
    except KeyError as error:
        received.append(error)
        yield "caught"
    finally:
        closed.append("closed")
    return received


def waiting(x):
    if x > 0:
        yield 1.0
    yield 2.0


def failing(x):
    yield x
    if x > 0:
        raise ValueError(x)
    yield x


def scaled(n):
    for i in range(n):
        yield scale * i if scale > 0 else 0.0


closed = []
scale = None
'''


@pytest.fixture
def module(write: Write) -> Iterator[Any]:
    write(streams=_MODULE)
    with relaxpy.install("streams", **FINE):
        yield importlib.import_module("streams")


async def _collected(stream: Any) -> list[Any]:
    return [value async for value in stream]


STREAMS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("generator", lambda m, values: list(m.clipped(values))),
    ("keyword", lambda m, values: list(m.clipped(values, top=2.0))),
    ("yield from", lambda m, values: list(m.delegating(values))),
    ("cell", lambda m, values: list(m.nested(0.0)(values))),
    ("lambda", lambda m, values: list(m.in_a_lambda(values))),
    ("method", lambda m, values: list(m.Clip(2.0).method(values))),
    ("static method", lambda m, values: list(m.Clip.items(values))),
    ("super", lambda m, values: list(m.Derived(2.0).method(values))),
    ("__iter__", lambda m, values: list(m.Clip(values))),
    ("coroutine", lambda m, values: asyncio.run(m.coroutine(values))),
    ("asynchronous generator", lambda m, values: asyncio.run(_collected(m.stream(values)))),
]


@pytest.mark.parametrize("run", [run for _, run in STREAMS], ids=[name for name, _ in STREAMS])
def test_what_plain_code_gets_is_relaxed_and_plain(module: Any, run: Any) -> None:
    values = array(0.3, -0.2)
    items = run(module, values)
    assert all(type(item) is torch.Tensor for item in items)
    assert_same(items, [above(v) * 2.0 * v for v in values], [values])
    assert run(module, [0.3, -0.2]) == [0.6, 0.0]
    assert (state.call, calls, paths) == (None, [], [])


def test_they_look_like_themselves(module: Any) -> None:
    generator = module.clipped([1.0])
    assert inspect.isgenerator(generator)
    assert (generator.__name__, generator.gi_code) == ("clipped", module.clipped.__code__)
    assert inspect.isgeneratorfunction(module.clipped)
    assert inspect.iscoroutinefunction(module.coroutine)
    assert inspect.isasyncgenfunction(module.stream)
    assert module.clipped.__doc__ == "Each of them, from zero on."


@pytest.mark.parametrize("start", [1.0, "soft"])
def test_what_is_sent_and_thrown_arrives(module: Any, start: Any) -> None:
    start = number(1.0) if start == "soft" else start
    generator = module.conversation(start)
    assert next(generator) == 1.0
    assert generator.send("a") == 2.0
    error = KeyError("b")
    assert generator.throw(error) == "caught"
    with pytest.raises(StopIteration) as ended:
        next(generator)
    assert ended.value.value == ["a", error]
    again = module.conversation(2.0)
    next(again)
    again.close()
    assert module.closed == ["closed", "closed"]


def test_what_is_sent_to_an_asynchronous_generator_arrives(module: Any) -> None:
    async def talk(start: Any) -> Any:
        generator = module.echo(start)
        first = await generator.__anext__()
        second = await generator.asend("a")
        received = await generator.athrow(KeyError("b"))
        await generator.aclose()
        return first, second, received[0], repr(received[1])

    assert asyncio.run(talk(1.0)) == (1.0, 2.0, "a", "KeyError('b')")
    assert module.closed == ["closed"]


def test_waiting_under_a_soft_condition_is_refused(module: Any) -> None:
    assert list(module.waiting(0.5)) == [1.0, 2.0]
    with pytest.raises(RelaxError, match="`yield` or `await` under a soft condition") as caught:
        list(module.waiting(number(0.5)))
    assert caught.value.file == module.__file__
    assert caught.value.line == 1 + _MODULE.splitlines().index("        yield 1.0")
    assert (state.call, calls, paths) == (None, [], [])


def test_what_an_exception_carries_is_plain(module: Any) -> None:
    x = number(5.0)
    generator = module.failing(x)
    next(generator)
    with pytest.raises(ValueError, match="5") as caught:
        next(generator)
    assert type(caught.value.args[0]) is torch.Tensor


def test_a_parameter_that_is_met_on_the_way_is_soft(module: Any) -> None:
    module.scale = scale = number(0.1)
    assert_same(list(module.scaled(3)), [above(scale) * scale * i for i in range(3)], [scale])


def test_options_are_those_of_the_first_step(module: Any) -> None:
    x = number(0.3)
    with relaxpy.options(beta=5.0):
        generator = module.clipped([x, x])
        first = next(generator)
    assert_same([first, next(generator)], [above(x, beta=5.0) * 2.0 * x] * 2, [x])


def test_inside_a_relaxed_call_they_stay_soft(module: Any) -> None:
    @relaxpy.relax(**FINE)
    def total(values: Any) -> Any:
        return sum(module.clipped(values))

    values = array(0.3, -0.2)
    assert_same(total(values), sum(above(v) * 2.0 * v for v in values), [values])

"""Generators and coroutines: their frames live on while others run, so no soft condition may be open in them (section 5).

A relaxed generator that plain code runs is one outermost call in pieces: each piece is entered and left like a call, and what
it yields leaves plain.
"""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from relaxpy.errors import RelaxError
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls, state

boundary: Any = LazyModule("relaxpy.runtime.boundary")


def suspending(value: Any, *around: Any) -> Any:
    """What is yielded or awaited inside constructs that may be soft."""
    if calls and any(getattr(each, "soft", False) for each in around):
        raise RelaxError.here(
            "a `yield` or `await` under a soft condition: the other paths would have to wait, too",
            remedy="make the condition hard, or collect the values in a list of fixed length and return it",
        )
    return value


class Piecewise:
    """An outermost call whose body is run in pieces."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.settings, self.options, self.lanes = state.settings, state.options, state.lanes
        self.parked: list[tuple[Any, Any, Any, Any]] = []

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Inside the call once more; afterwards what others see of it is plain."""
        if state.call is not None:  # driven from relaxed code: the values stay as they are
            yield
            return
        outer = state.settings, state.options
        state.call, state.settings, state.options, state.lanes = self.call, self.settings, self.options, self.lanes
        try:
            boundary.reopen(self.call, self.parked)
            yield
        finally:
            try:
                self.parked = boundary.park(self.call)
            finally:
                state.call = state.lanes = None
                state.settings, state.options = outer

    def plain(self, value: Any) -> Any:
        return value if state.call is not self.call else boundary.plain(self.call, value)


def suspended(call: Any, result: Any) -> Any:
    """A generator or coroutine that the outermost call made, so that plain code can run it; None for anything else."""
    kind = type(result)
    if kind is types.GeneratorType:
        return _named(_generator(Piecewise(call), result), result)
    if kind is types.CoroutineType:
        return _named(_coroutine(Piecewise(call), result), result)
    if kind is types.AsyncGeneratorType:
        return _named(_async_generator(Piecewise(call), result), result)
    return None


def _named(driver: Any, inner: Any) -> Any:
    driver.__name__, driver.__qualname__ = inner.__name__, inner.__qualname__
    return driver


def _steps(run: Piecewise, inner: Any) -> Generator[Any, Any, Any]:
    """Drive a generator, a coroutine or a step of an asynchronous generator, as `yield from` does (PEP 380)."""
    method, argument = "send", None
    while True:
        try:
            with run.piece():
                value = run.plain(getattr(inner, method)(argument))
        except StopIteration as end:
            return end.value
        try:
            argument, method = (yield value), "send"
        except GeneratorExit:
            with run.piece():
                inner.close()
            raise
        except BaseException as error:
            argument, method = error, "throw"


def _generator(run: Piecewise, inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    result = yield from _steps(run, inner)
    with run.piece():
        result = run.plain(result)
    return result


_awaited = types.coroutine(_steps)


async def _coroutine(run: Piecewise, inner: Coroutine[Any, Any, Any]) -> Any:
    result = await _awaited(run, inner)
    with run.piece():
        result = run.plain(result)
    return result


async def _async_generator(run: Piecewise, inner: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    step: Any = inner.__anext__()
    while True:
        try:
            value = await _awaited(run, step.__await__())
        except StopAsyncIteration:
            return
        with run.piece():
            value = run.plain(value)
        try:
            step = inner.asend((yield value))
        except GeneratorExit:
            await _awaited(run, inner.aclose().__await__())
            raise
        except BaseException as error:
            step = inner.athrow(error)

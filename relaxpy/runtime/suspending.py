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
from relaxpy.runtime import registry
from relaxpy.runtime.installed import hook_of
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls, state

boundary: Any = LazyModule("relaxpy.runtime.boundary")
unwrapping: Any = LazyModule("relaxpy.runtime.unwrapping")


def suspending(value: Any, *around: Any) -> Any:
    """What is yielded or awaited inside constructs that may be soft."""
    if calls and any(getattr(each, "soft", False) for each in around):
        raise RelaxError.here(
            "a `yield` or `await` under a soft condition: the other paths would have to wait, too",
            remedy="make the condition hard, or collect the values in a list of fixed length and return it",
        )
    return value


KINDS = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)


def is_relaxed(value: Any) -> bool:
    """Does a generator or coroutine run relaxed code? One of others, which only passes through, stays the object that it is."""
    prefix = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}[type(value)]
    code, frame = getattr(value, f"{prefix}_code"), getattr(value, f"{prefix}_frame")
    if registry.is_rewritten(code):
        return True
    hook = hook_of(frame.f_globals) if frame else None
    return hook is not None and code.co_filename == hook.file


class Piecewise:
    """An outermost call whose body is run in pieces."""

    def __init__(self, call: Any) -> None:
        self.call: Any = call
        self.settings, self.options, self.lanes = state.settings, state.options, state.lanes

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Inside the call once more; what others see of it afterwards is plain."""
        if state.call is not None:  # driven from relaxed code, which takes soft values
            if self.call.soft:
                state.call.become_soft()
            yield
            return
        self.call.outer = state.settings, state.options
        state.call, state.settings, state.options, state.lanes = self.call, self.settings, self.options, self.lanes
        try:
            boundary.resume(self.call)
            yield
        except (StopIteration, StopAsyncIteration, GeneratorExit):
            raise
        except BaseException as error:
            boundary.failed(self.call, error)
            raise
        finally:
            boundary.end(self.call)

    def plain(self, value: Any) -> Any:
        """A value that leaves; a container that the call keeps is soft again when it goes on."""
        call = self.call
        running: Any = state.call
        if running is not call or not call.soft and self.lanes is None:
            return value
        unwrapper = unwrapping.Unwrapper(call)
        value = unwrapper.unwrap(value)
        for holder, cell, soft, _ in unwrapper.changes:
            call.touched[holder.key] = holder
            holder.put(cell, soft)
        return value


def suspended(call: Any, result: Any) -> Any:
    """A generator or coroutine that the outermost call made, as one that plain code can run."""
    drive = _DRIVERS[type(result)]
    driver = drive(Piecewise(call), result)
    driver.__name__, driver.__qualname__ = result.__name__, result.__qualname__
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
            thrown = error.__traceback__
            argument, method = error.with_traceback(thrown and thrown.tb_next), "throw"


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


_DRIVERS: dict[type, Any] = {
    types.GeneratorType: _generator,
    types.CoroutineType: _coroutine,
    types.AsyncGeneratorType: _async_generator,
}

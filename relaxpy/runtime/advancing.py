"""Iterators on soft paths: advancing one cannot be undone, so the other side would find it moved on (SEMANTICS, section 4).

An iterator may be advanced where it was made, on the same side of the same soft conditions; elsewhere that is an error.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import state

callees: Any = LazyModule("relaxpy.runtime.callees")


def makes(function: Any) -> bool:
    """Does calling this make an iterator: `iter`, a class of iterators, or a generator function?"""
    code = getattr(function, "__code__", None)
    if code is not None:
        return bool(code.co_flags & inspect.CO_GENERATOR)
    return function is iter or isinstance(function, type) and hasattr(function, "__next__")


def made(function: Callable[..., Any]) -> Any:
    """The same function, which notes on which side of which soft condition the iterator was made."""
    return functools.partial(_made, function)


def _made(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return noted(function(*args, **kwargs), args)


def noted(result: Any, arguments: tuple[Any, ...] = ()) -> Any:
    """Note where an iterator was made, unless it is one of the arguments: `iter` of an iterator gives itself."""
    if state.scopes and state.call is not None and hasattr(result, "__next__"):
        if not any(result is argument for argument in arguments):
            state.call.iterators[id(result)] = (result, state.scopes[-1])
    return result


def next_(iterator: Any, *default: Any) -> Any:
    """`next(iterator)`; the attributes that a class of the user's keeps its place in are journalled like any others."""
    method = getattr(type(iterator), "__next__", None)
    if not callees.is_user_function(method):
        check(iterator)
        return next(iterator, *default)
    try:
        return callees.callee(method)(iterator)
    except StopIteration:
        if default:
            return default[0]
        raise


def check_loop(iterable: Any) -> None:
    """The same for what a `for` runs over; a generator expression that has not begun is taken for the loop's own."""
    if isinstance(iterable, GeneratorType) and iterable.gi_code.co_name == "<genexpr>":
        if inspect.getgeneratorstate(iterable) == inspect.GEN_CREATED:
            return
    if not callees.is_user_function(getattr(type(iterable), "__next__", None)):
        check(iterable)


def check(iterator: Any) -> None:
    """Refuse to advance an iterator that was made outside the soft path that is open now."""
    if not state.scopes or state.call is None or not hasattr(iterator, "__next__"):
        return
    known = state.call.iterators.get(id(iterator))
    if known is not None and known[1] is state.scopes[-1]:
        return
    raise SoftValueError(
        f"a {type(iterator).__name__} was advanced under a soft condition, so that it would move on for the other side, too",
        remedy="loop over the values themselves, count a position that is an index into a list, or make the iterator "
        "where it is used: `iter(xs)` under the same condition",
    )

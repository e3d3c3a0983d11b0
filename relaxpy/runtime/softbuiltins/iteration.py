"""Functions that take a callback: the callback is relaxed on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relaxpy.runtime.callees import callee
from relaxpy.runtime.softbuiltins.seeing import seen


def first_relaxed(function: Callable[..., Any]) -> Callable[..., Any]:
    """For `map(f, xs)`, `filter(f, xs)`, `functools.reduce(f, xs)`, `itertools.takewhile(f, xs)`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not args:
            return function(*args, **kwargs)
        callback = None if args[0] is None else callee(args[0])
        return function(callback, *map(seen, args[1:]), **kwargs)

    call.__name__ = function.__name__
    return call


def second_relaxed(function: Callable[..., Any], keyword: str) -> Callable[..., Any]:
    """For `itertools.accumulate(xs, f)` and `itertools.groupby(xs, key)`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(callee(arg) if place == 1 and arg is not None else seen(arg) for place, arg in enumerate(args))
        if kwargs.get(keyword) is not None:
            kwargs = {**kwargs, keyword: callee(kwargs[keyword])}
        return function(*args, **kwargs)

    call.__name__ = function.__name__
    return call


def listed(kind: Callable[..., Any]) -> Callable[..., Any]:
    """`list(a)`, `tuple(a)` of an array: its rows."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return kind(*map(seen, args), **kwargs)

    return call

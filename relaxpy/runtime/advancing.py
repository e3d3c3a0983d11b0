"""Iterators on soft paths: advancing one cannot be undone, so the other side would find it moved on (SEMANTICS, section 4).

An iterator may be advanced where it was made, on the same side of the same soft conditions; elsewhere that is an error.
"""

from __future__ import annotations

import copy
import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import paths, state
from relaxpy.runtime.wholes import whole

watching: Any = LazyModule("relaxpy.runtime.watching")
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
    if state.scopes and state.call is not None:
        for each in result if type(result) is tuple else (result,):  # itertools.tee
            if hasattr(each, "__next__") and not any(each is argument for argument in arguments):
                state.call.iterators[id(each)] = (each, state.scopes[-1])
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


# what takes an iterator without advancing it
_HARMLESS = (
    *(copy.copy, copy.deepcopy, getattr, hasattr, hash, isinstance, iter, next, setattr, type),
    *(operator.is_, operator.is_not, operator.length_hint),
)
_ADVANCING_METHODS = frozenset("__next__ send throw close read readline readlines read1 readinto readinto1".split())


def passing(function: Any, replacement: Callable[..., Any]) -> Any:
    """A builtin, or what is called for it, which may advance its arguments."""
    makes_one = makes(function)
    if watching.looks_at_its_caller(function):
        return replacement
    if any(function is each for each in _HARMLESS):
        return made(replacement) if makes_one else replacement
    return functools.partial(_passed, function, replacement, makes_one)


def _passed(function: Any, replacement: Any, makes_one: bool, /, *args: Any, **kwargs: Any) -> Any:
    check_given(function, getattr(function, "__self__", None), (*args, *kwargs.values()))
    result = replacement(*args, **kwargs)
    return noted(result, args) if makes_one else result


def check_given(function: Any, owner: Any, arguments: tuple[Any, ...]) -> None:
    """Refuse to give an iterator from outside of the soft path to code that may advance it: list(it), f.readline()."""
    if hasattr(type(owner), "__next__") and getattr(function, "__name__", "") in _ADVANCING_METHODS:
        check(owner)
    for argument in arguments:
        if hasattr(type(argument), "__next__") and not any(function is each for each in _HARMLESS):
            if isinstance(function, type) and callees.is_own_class(function):
                continue  # an object that keeps it
            check_spent(argument)


def spent(iterable: Any) -> Any:
    """What an unpacking, a star or a comprehension runs over."""
    if paths and state.scopes:
        check_spent(iterable)
    return whole(iterable)


def check_spent(iterable: Any) -> None:
    """Refuse to run over an iterator from outside; one of a class of the user's keeps its place in attributes."""
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

"""What is called instead of what the user's code names: ``_rt.callee(f)(args)``.

Functions of the user's own package are relaxed on the way (SEMANTICS, section 8), builtins that decide have relaxed
versions, methods that change a container are journalled; everything else is called as it is, from the user's own frame.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

from relaxpy.errors import RelaxError, is_users
from relaxpy.runtime import births, registry
from relaxpy.runtime.installed import is_hooked, rewritten_with_module
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import is_tensor, is_torch_here
from relaxpy.runtime.state import calls, paths, state
from relaxpy.runtime.wholes import reading

classes: Any = LazyModule("relaxpy.runtime.classes")
doubts: Any = LazyModule("relaxpy.runtime.doubts")
advancing: Any = LazyModule("relaxpy.runtime.advancing")
programs: Any = LazyModule("relaxpy.programs")
mutations: Any = LazyModule("relaxpy.runtime.mutations")
attributes: Any = LazyModule("relaxpy.runtime.softbuiltins.attributes")
watching: Any = LazyModule("relaxpy.runtime.watching")
builtins_table: Any = LazyModule("relaxpy.runtime.softbuiltins")
tensormaking: Any = LazyModule("relaxpy.runtime.tensormaking")

_BUILTINS = frozenset({BuiltinFunctionType, type, MethodDescriptorType, WrapperDescriptorType, MethodWrapperType})

# functions that were met, by identity, with what is called instead
_relaxed: dict[int, tuple[weakref.ref[Any], Any]] = {}


def callee(function: Any) -> Any:
    """What to call for ``function``; itself if there is nothing to relax."""
    kind = type(function)
    if kind is FunctionType:
        if calls:
            classes.meet_names(function)
        return _user_function(function)
    if kind is MethodType:
        inner = function.__func__
        if type(inner) is FunctionType:
            if calls:
                classes.meet(type(function.__self__))
            relaxed = _user_function(inner)
            return function if relaxed is inner else MethodType(relaxed, function.__self__)
        return function
    if state.call is None or not is_torch_here():
        return function
    if kind in _BUILTINS:
        found = advancing.passing(function, _builtin(function)) if paths and state.scopes else _builtin(function)
        return doubts.asking(function, found) if state.call.presences else found
    if kind is functools.partial:
        inner = callee(function.func)
        return function if inner is function.func else functools.partial(inner, *function.args, **function.keywords)
    if getattr(kind, "__relaxpy_relaxed__", False):
        return _noting(function.called_inside(state.call))
    return _other(function)


def is_user_function(function: Any) -> bool:
    """Is it a plain Python function that relaxed code may relax: the user's own, with a source, not marked hard?"""
    return type(function) is FunctionType and state.call is not None and (_is_rewritten(function) or _is_own(function))


def _is_rewritten(function: FunctionType) -> bool:
    """Is it rewritten code already, by itself or with its whole module?"""
    return registry.is_rewritten(function.__code__) or rewritten_with_module(function)


def _is_own(function: FunctionType) -> bool:
    return (
        not getattr(function, "__relaxpy_hard__", False)
        and state.call is not None
        and (function.__module__ or "__main__").partition(".")[0] in state.call.roots
        and is_users(function.__module__ or "")
        and not function.__code__.co_filename.startswith(("<string>", "<frozen "))
    )


def is_own_class(kind: type) -> bool:
    """Is it a class of the user's own package?"""
    name = kind.__module__
    return state.call is not None and name.partition(".")[0] in state.call.roots and is_users(name)


def _user_function(function: Any) -> Any:
    known = _relaxed.get(id(function))
    if known is not None and known[0]() is function:
        relaxed = known[1]
        if relaxed is not None:
            return _noting(relaxed) if paths else relaxed
    elif _is_rewritten(function):
        return _noting(function) if paths else function
    elif not is_hooked(function) and _is_own(function):  # what its module left as it was is called as it is
        key = id(function)
        try:
            program = programs.program_of(function)
        except RelaxError as error:
            if state.call is None or state.call.soft or isinstance(error, SyntaxError):
                raise
            return function  # without its source it does on plain values what it says
        # code in which nothing is to be rewritten is called as it is
        is_plain = program.code.co_freevars == function.__code__.co_freevars  # without the runtime among them
        relaxed = None if is_plain else programs.function_of(program, function)
        _relaxed[key] = (weakref.ref(function, lambda _: _relaxed.pop(key, None)), relaxed)
        if relaxed is not None:
            return _noting(relaxed)
    return _library(function)


def _noting(function: Any) -> Any:
    """What makes an iterator on a soft path notes where."""
    return advancing.made(function) if state.scopes and advancing.makes(function) else function


def _library(function: Any) -> Any:
    """Code that is called as it is; on a soft path the containers that it is given are compared before and after."""
    if state.logs:
        function = watching.watched(function)
    return reading(function) if calls and not watching.looks_at_its_caller(function) else function


def _builtin(function: Any) -> Any:
    relaxed = builtins_table.relaxed(function)
    if relaxed is not None:
        return relaxed
    owner = getattr(function, "__self__", None)
    if calls and owner is not None and type(function) is BuiltinFunctionType:
        changed = mutations.method(function, owner)
        if changed is not None:
            return changed
    if type(function) is type:
        return _class(function)
    if calls and type(function) in (MethodWrapperType, WrapperDescriptorType):
        stored = attributes.journalled(function)
        if stored is not None:
            return stored
    if getattr(function, "__module__", None) in ("torch", None) and tensormaking.makes(function):
        return tensormaking.remembered(function)
    return _library(function)


def _class(kind: type) -> Any:
    """A class of the user: its __init__ is relaxed."""
    if calls:
        classes.meet(kind)
    init: Any = kind.__init__  # type: ignore[misc]
    new: Any = kind.__new__
    if type(init) is not FunctionType or new is not object.__new__:
        return _library(kind)
    relaxed = _user_function(init)
    if relaxed is init:
        return _library(kind)

    def construct(*args: Any, **kwargs: Any) -> Any:
        instance: Any = births.made(new(kind))
        relaxed(instance, *args, **kwargs)
        return instance

    return construct


def _other(function: Any) -> Any:
    """Callable objects, cached functions, classes with a metaclass."""
    wrapped = getattr(function, "__wrapped__", None)
    if hasattr(function, "cache_info") and type(wrapped) is FunctionType:
        relaxed = _user_function(wrapped)
        return function if relaxed is wrapped else mutations.bypassing_cache(function, relaxed)
    if isinstance(function, type):
        return _class(function) if type(function).__call__ is type.__call__ else function
    if is_tensor(function):
        return function
    method = type(function).__dict__.get("__call__")
    if type(method) is FunctionType and is_user_function(method):
        return MethodType(_user_function(method), function)
    return _library(function)


def relaxed_callable(function: Callable[..., Any] | None) -> Any:
    """A callback (`key=`, the function of `map`), relaxed; None stays None."""
    return None if function is None else callee(function)

"""Operators and properties of the user's classes on soft calls (SEMANTICS, section 8).

Python itself calls a class's ``__add__`` or the getter of a property, so no call of the rewritten code can relax it. While a soft
call runs, the classes that it meets have dispatchers in their place, which relax for that call and thread and for nobody else.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from relaxpy.errors import is_users
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import met
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import calls, state
from relaxpy.runtime.wholes import filled

advancing: Any = LazyModule("relaxpy.runtime.advancing")
callees: Any = LazyModule("relaxpy.runtime.callees")

_ARITHMETIC = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor"
_NAMES = frozenset(
    f"__{name}__"
    for name in [
        *_ARITHMETIC.split(),
        *("r" + name for name in _ARITHMETIC.split()),
        *("i" + name for name in _ARITHMETIC.split()),
        *"lt le gt ge eq ne neg pos abs invert call contains getitem setitem delitem iter next reversed".split(),
        *"get set delete getattr getattribute enter exit round len".split(),
    ]
)
_MOST = 1000  # objects that are looked through for classes when a call begins

_lock = threading.Lock()
_installed: dict[tuple[type, str], list[Any]] = {}  # the original, the dispatcher, and how many calls use it


def meet(kind: type) -> None:
    """A soft call meets objects of a class: its operators and properties are relaxed until the call ends."""
    call = state.call
    if call is None or kind in call.classes or not calls:
        return
    for base in kind.__mro__:
        if base in call.classes:
            continue
        call.classes[base] = ()
        if callees.is_own_class(base) and type(base).__setattr__ is type.__setattr__:
            call.classes[base] = tuple(_install(base))
            for value in list(vars(base).values()):
                if hasattr(type(value), "__get__") and type(value).__module__ != "builtins":
                    meet(type(value))


def meet_names(function: Callable[..., Any]) -> None:
    """A soft call runs a function: what it takes from outside is met."""
    call = state.call
    if call is None or not isinstance(function, FunctionType) or not calls or function.__code__ in call.codes:
        return
    call.codes.add(function.__code__)
    names = function.__globals__
    outside = [names[name] for name in function.__code__.co_names if name in names]
    if is_users(str(names.get("__name__"))):
        call.outside += [value for value in outside if not isinstance(value, (FunctionType, ModuleType))]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):
            outside.append(cell.cell_contents)
    meet_all(value for value in outside if not isinstance(value, (FunctionType, ModuleType)))


def meet_all(values: Iterable[Any]) -> None:
    """A soft call meets these objects, and through them those that they hold."""
    pending = list(values)
    seen: set[int] = set()
    while pending and len(seen) < _MOST:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (list, tuple)):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, type):
            meet(value)
        elif type(value).__module__ != "builtins" and not isinstance(value, Soft):
            meet(type(value))
            pending += vars(value).values() if hasattr(value, "__dict__") and callees.is_own_class(type(value)) else ()


def leave(classes: dict[type, tuple[str, ...]]) -> None:
    """The call that has met these classes ends."""
    with _lock:
        for kind, names in classes.items():
            for name in names:
                entry = _installed[kind, name]
                entry[2] -= 1
                if not entry[2]:
                    del _installed[kind, name]
                    if vars(kind).get(name) is entry[1]:
                        setattr(kind, name, entry[0])


def _install(kind: type) -> Iterable[str]:
    with _lock:
        for name, found in list(vars(kind).items()):
            entry = _installed.get((kind, name))
            if entry is not None:
                entry[2] += 1
                yield name
                continue
            dispatcher = _dispatcher(name, found)
            if dispatcher is not None:
                setattr(kind, name, dispatcher)
                _installed[kind, name] = [found, dispatcher, 1]
                yield name


def _dispatcher(name: str, found: Any) -> Any:
    """What stands in for an attribute of a class; None if nothing need."""
    if type(found) is property:
        parts: list[Any] = [found.fget, found.fset, found.fdel]
        relaxed = [_relaxing(part) if callees.is_user_function(part) else part for part in parts]
        return None if relaxed == parts else property(relaxed[0], relaxed[1], relaxed[2], found.__doc__)
    if name in _NAMES and callees.is_user_function(found):
        return _iterating(found) if name == "__iter__" else _relaxing(found)
    return None


def _relaxing(function: FunctionType) -> Callable[..., Any]:
    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return (callees.callee(function) if calls else function)(*args, **kwargs)

    return dispatch


def _iterating(function: FunctionType) -> Callable[..., Any]:
    """An ``__iter__``: what it gives is about to be advanced."""
    dispatch = _relaxing(function)

    @functools.wraps(function)
    def iterate(self: Any) -> Any:
        return advancing.spent(dispatch(self)) if calls else dispatch(self)

    return iterate


def asked(condition: Any) -> Any:
    """A condition: what the user's own ``__bool__`` says, relaxed."""
    if calls and state.call is not None and not isinstance(condition, Soft):
        decide = getattr(type(condition), "__bool__", None)
        if type(decide) is FunctionType and callees.is_user_function(decide):
            return callees.callee(decide)(condition)
    return filled(met(condition))

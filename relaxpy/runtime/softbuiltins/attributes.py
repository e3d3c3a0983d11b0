"""Stores by calls: `setattr(o, "x", v)`, `object.__setattr__(o, "x", v)`, `s.__setitem__(i, v)`, `C.slot.__set__(o, v)`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import GetSetDescriptorType, MemberDescriptorType, MethodWrapperType
from typing import Any

from relaxpy.runtime import stores, watching
from relaxpy.runtime.attributecontainers import AttributeContainer


def set_(target: Any, name: str, value: Any, /) -> None:
    stores.store_attr(value, target, name)


def journalled(function: Any) -> Callable[..., Any] | None:
    """A slot of a type, or one bound to an object, that stores; None for any other."""
    store = _STORES.get(function.__name__)
    if store is None:
        return None
    if type(function) is MethodWrapperType:
        return functools.partial(store, function, function.__self__)
    return functools.partial(_unbound, store, function)


def _unbound(store: Any, function: Any, owner: Any = None, /, *args: Any) -> Any:
    return store(functools.partial(function, owner), owner, *args)


def _attribute(function: Any, target: Any, *args: Any) -> Any:
    """`object.__setattr__` and `object.__delattr__` do not ask what the class of the object says."""
    if args and isinstance(args[0], str):
        (stores.defining if len(args) > 1 else stores.changing)(AttributeContainer(target), *args[:2])
    return function(*args)


def _descriptor(function: Any, descriptor: Any, *args: Any) -> Any:
    """`C.slot.__set__(o, v)`"""
    if isinstance(descriptor, (MemberDescriptorType, GetSetDescriptorType)) and args:
        stores.defining(AttributeContainer(args[0]), descriptor.__name__, args[-1])
    return function(*args)


def _element(function: Any, owner: Any, *args: Any) -> Any:
    """Of the built-in containers themselves; a class of the user's that calls its base is watched."""
    if type(owner) in (list, dict) and len(args) == 2:
        return stores.store(args[1], owner, args[0])
    return watching.watched(function)(*args)


_STORES: dict[str, Callable[..., Any]] = {
    "__setattr__": _attribute,
    "__delattr__": _attribute,
    "__set__": _descriptor,
    "__delete__": _descriptor,
    "__setitem__": _element,
}

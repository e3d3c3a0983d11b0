"""What a program read beside its arguments, as it was: compared before each run, and put back if recording changed it.

A snapshot is taken of a value with all that it holds. Values of kinds whose content cannot be known are refused.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine.recorded import refuse
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import container

LARGEST = 100_000  # elements of a tensor or array that is compared at each call
ELEMENTS = 100  # of a tensor are compared in the time of one value of Python's
DEEPEST = 12
_ATOMS = frozenset(
    {int, float, bool, str, bytes, complex, type(None), type(Ellipsis), type(NotImplemented), range, slice, torch.Size}
)
_DEFAULT_FACTORY: Any = type(dataclasses._HAS_DEFAULT_FACTORY)  # type: ignore[attr-defined]
IMMUTABLE = (torch.dtype, torch.device, torch.layout, re.Pattern, _DEFAULT_FACTORY)
_BY_IDENTITY = (
    *IMMUTABLE,
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    ModuleType,
    type,
    property,
    staticmethod,
    classmethod,
)
_SEQUENCES = (list, tuple, deque)
_MAPPINGS = frozenset({dict, OrderedDict, defaultdict})
Check = Callable[[Any], bool]


class Snapshots:
    """Takes snapshots; remembers mutable containers with their content, and parameters with the way to them."""

    def __init__(self, examine: Callable[[Any], None], instance: Callable[[type], None]) -> None:
        self.examine = examine  # is told of every function, class and module that is met
        self.instance = instance  # is told of the class of every object
        self.contents: list[tuple[Any, Any]] = []
        self.parameters: dict[int, tuple[Tensor, Callable[[], Any]]] = {}
        self._open: set[int] = set()
        self.size = 0  # values that are compared, and elements of tensors, many for one

    def forget(self) -> None:
        """Keep nothing alive that was met; what was taken still compares."""
        self.contents.clear()
        self.parameters = {}

    def take(self, value: Any, get: Callable[[], Any], depth: int = 0) -> Check:
        """A test whether another value is as this one is now; ``get`` fetches the value at a later call."""
        kind = type(value)
        self.size += 1
        if kind in _ATOMS:
            return _equal_to(value)
        if isinstance(value, _BY_IDENTITY) or isinstance(value, enum.Enum):
            self.examine(value)
            return lambda other: other is value
        if isinstance(value, Tensor):
            return self._tensor(value, get)
        if kind is np.ndarray:
            if value.size > LARGEST or value.dtype == object:
                refuse("it reads a large array")
            self.size += value.size // ELEMENTS
            copy = value.copy()
            nan = copy.dtype.kind == "f"

            def equal(other: Any) -> bool:
                return type(other) is kind and other.dtype == copy.dtype and np.array_equal(other, copy, equal_nan=nan)

            return equal
        if depth > DEEPEST or id(value) in self._open:
            refuse("it reads objects that are nested too deeply")
        self._open.add(id(value))
        try:
            return self._compound(value, kind, get, depth)
        finally:
            self._open.discard(id(value))

    def _tensor(self, value: Tensor, get: Callable[[], Any]) -> Check:
        if type(value) not in (Tensor, torch.nn.Parameter) or value.device.type != "cpu":
            refuse("it reads a tensor of another kind or device")
        shape, dtype, kind = value.shape, value.dtype, type(value)
        if value.requires_grad:
            self.parameters[id(value)] = (value, get)
            return lambda other: (
                type(other) is kind and other.shape == shape and other.dtype == dtype and other.requires_grad
            )
        if value.numel() > LARGEST:
            refuse("it reads a large tensor")
        self.size += value.numel() // ELEMENTS
        copy = value.detach().clone()

        def check(other: Any) -> bool:
            if type(other) is not kind or other.dtype != dtype or other.requires_grad or other.shape != shape:
                return False
            return torch.equal(other, copy) or bool(((other == copy) | (other != other) & (copy != copy)).all())

        return check

    def _compound(self, value: Any, kind: Any, get: Callable[[], Any], depth: int) -> Check:
        if kind in _MAPPINGS or isinstance(value, dict) and kind.__module__.partition(".")[0] == "torch":
            return self._mapping(value, kind, get, depth)
        if isinstance(value, _SEQUENCES) and (kind in _SEQUENCES or hasattr(kind, "_fields")):
            self.examine(kind)
            return self._sequence(value, kind, get, depth)
        if kind in (set, frozenset):
            self.contents.append((value, set(value)))
            copy = frozenset(value)
            if not all(type(item) in _ATOMS or isinstance(item, (tuple, enum.Enum)) for item in copy):
                refuse("it reads a set of objects")
            return lambda other: type(other) is kind and other == copy
        if kind is MethodType:
            function = value.__func__
            self.examine(function)
            inner = self.take(value.__self__, lambda: get().__self__, depth + 1)
            return lambda other: type(other) is MethodType and other.__func__ is function and inner(other.__self__)
        if kind is functools.partial:
            parts = (value.func, value.args, value.keywords)
            held = self.take(parts, lambda: (get().func, get().args, get().keywords), depth + 1)
            return lambda other: type(other) is kind and held((other.func, other.args, other.keywords))
        if getattr(kind, "__relaxpy_relaxed__", False):
            return self._relaxed(value, kind, get, depth)
        return self._object(value, kind, get, depth)

    def _relaxed(self, value: Any, kind: Any, get: Callable[[], Any], depth: int) -> Check:
        """A relaxed function: what it was made from, and its options; a bound one with its object."""
        if hasattr(value, "__self__"):
            inner = self.take(value.__func__, lambda: get().__func__, depth + 1)
            owner = self.take(value.__self__, lambda: get().__self__, depth + 1)
            return lambda other: type(other) is kind and inner(other.__func__) and owner(other.__self__)
        self.examine(value._made.function)
        settings = self.take(dict(value._settings), lambda: get()._settings, depth + 1)
        return lambda other: other is value and settings(dict(other._settings))

    def _mapping(self, value: Any, kind: Any, get: Callable[[], Any], depth: int) -> Check:
        if kind is defaultdict:
            self.examine(value.default_factory)
        keys = list(value)
        if not all(type(key) in _ATOMS or isinstance(key, (tuple, enum.Enum)) for key in keys):
            refuse("it reads a dict whose keys are objects")
        self.contents.append((value, dict(value)))
        parts = [self.take(item, lambda key=key: get()[key], depth + 1) for key, item in value.items()]  # type: ignore[misc]

        def check(other: Any) -> bool:
            if type(other) is not kind or len(other) != len(keys):
                return False
            for key, part, (found, item) in zip(keys, parts, other.items()):
                if (found is not key and (found != key or type(found) is not type(key))) or not part(item):
                    return False
            return True

        return check

    def _sequence(self, value: Any, kind: Any, get: Callable[[], Any], depth: int) -> Check:
        if len(value) > LARGEST:
            refuse("it reads a long list")
        if not isinstance(value, tuple):
            self.contents.append((value, list(value)))
        parts = [self.take(item, lambda k=k: get()[k], depth + 1) for k, item in enumerate(value)]  # type: ignore[misc]

        def check(other: Any) -> bool:
            return type(other) is kind and len(other) == len(parts) and all(f(x) for f, x in zip(parts, other))

        return check

    def _object(self, value: Any, kind: Any, get: Callable[[], Any], depth: int) -> Check:
        """An instance: its class by identity, its attributes by content."""
        self.instance(kind)
        holder = AttributeContainer(value)
        content = holder.content()
        self.contents.append((value, dict(content)))
        parts = {
            name: self.take(item, lambda name=name: AttributeContainer(get()).content()[name], depth + 1)  # type: ignore[misc]
            for name, item in content.items()
        }

        def check(other: Any) -> bool:
            if type(other) is not kind:
                return False
            now = AttributeContainer(other).content()
            return now.keys() == parts.keys() and all(part(now[name]) for name, part in parts.items())

        return check

    def restore(self) -> None:
        """Put everything that was read back to what it held."""
        for holder, content in self.contents:
            target = container(holder) or (None if isinstance(holder, frozenset) else AttributeContainer(holder))
            if target is not None and not _unchanged(target.content(), content):
                target.fill(content)


def _unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, dict):
        return now.keys() == before.keys() and all(now[name] is item for name, item in before.items())
    if isinstance(before, set):
        return bool(now == before)
    return len(now) == len(before) and all(x is y for x, y in zip(now, before))


def _equal_to(value: Any) -> Check:
    """Equal, of one type, and alike in the sign of a zero; NaN is alike to itself."""
    kind = type(value)
    if kind is float or kind is complex:
        text = repr(value)
        return lambda other: other is value or type(other) is kind and repr(other) == text
    return lambda other: other is value or type(other) is kind and other == value

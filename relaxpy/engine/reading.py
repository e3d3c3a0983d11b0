"""What a recorded run may have read: found from the code, before it is run, and watched from then on.

From the function on, everything that its code can reach is looked through: globals, captured variables, defaults, functions,
classes, objects with their attributes. Library code is trusted where it is known to depend on nothing but its arguments; any
other is a reason to leave the call to the eager path. So a program is run only while all that it may have read is as it was.
"""

from __future__ import annotations

import abc
import builtins
import collections
import enum
import functools
import operator
import sys
import typing
from collections.abc import Callable
from types import BuiltinFunctionType, CellType, FunctionType, MemberDescriptorType, MethodDescriptorType, ModuleType
from typing import Any

import torch

from relaxpy.engine.code import facts
from relaxpy.engine.recorded import refuse
from relaxpy.engine.snapshots import IMMUTABLE, Check, Snapshots
from relaxpy.engine.trust import IMPURE_BUILTINS, IMPURE_METHODS, IMPURE_NAMES, PURE, is_pure
from relaxpy.runtime.installed import hook_of

MOST_FUNCTIONS = 500
_ABSENT = object()
_STANDARD = sys.stdlib_module_names - {"__main__"}

_METACLASSES = (type, abc.ABCMeta, enum.EnumMeta)
_PLAIN_CLASS_NAMES = frozenset("__dict__ __weakref__ __doc__ __module__ __annotations__ __slots__ __qualname__".split())
# Classes of libraries whose instances keep all that they are in their attributes.
_OPEN_CLASSES = (object, torch.nn.Module, abc.ABC, typing.Generic)
_TUPLE_FIELD: Any = collections._tuplegetter  # type: ignore[attr-defined]


def _is_relaxed(value: Any) -> bool:
    return bool(getattr(type(value), "__relaxpy_relaxed__", False))


class Reading:
    """All that a function may read, and tests whether it is as it was."""

    def __init__(self) -> None:
        self.snapshots = Snapshots(self._examine, self._instance)
        self.checks: list[tuple[Callable[[], Any], Check]] = []
        self._known: dict[int, Any] = {}
        self._attributes: set[str] = set()
        self._dynamic = False
        self._modules: list[tuple[ModuleType, set[str]]] = []  # with the names whose values are watched
        self._libraries: list[tuple[ModuleType, set[str]]] = []
        self._pending: list[FunctionType] = []

    def function(self, function: FunctionType) -> None:
        """Read everything that a function can reach."""
        self._examine(function)
        self._finish()

    def object(self, value: Any, get: Callable[[], Any]) -> None:
        """Read an argument that is no plain value."""
        self._watch(get, value)
        self._finish()

    def unchanged(self) -> bool:
        """Is everything as it was when it was read?"""
        for get, check in self.checks:
            try:
                if not check(get()):
                    return False
            except (KeyError, AttributeError, IndexError, ValueError):
                return False
        return True

    def forget(self) -> None:
        """Keep the checks only, not what was read."""
        self.snapshots.forget()
        self._known.clear()
        self._modules.clear()
        self._libraries.clear()

    @property
    def size(self) -> int:
        """How many things are compared before each run."""
        return len(self.checks) + self.snapshots.size

    def holds(self, value: Any) -> bool:
        """Is this one of the objects that were read?"""
        return id(value) in self._known or any(value is holder for holder, _ in self.snapshots.contents)

    def is_plain_class(self, kind: type) -> bool:
        """A class that was read, whose instances are what is in their `__dict__`?"""
        user = [base for base in kind.__mro__ if base is not object]
        return id(kind) in self._known and not any(
            is_pure(base.__module__) or "__slots__" in vars(base) or "__del__" in vars(base) or "__new__" in vars(base)
            for base in user
        )

    def _watch(self, get: Callable[[], Any], value: Any) -> None:
        self.checks.append((get, self.snapshots.take(value, get)))

    def _watch_identity(self, get: Callable[[], Any]) -> None:
        value = get()
        self.checks.append((get, lambda other: other is value))

    def _finish(self) -> None:
        while True:
            while self._pending:
                self._code(self._pending.pop())
            for module, seen in self._modules:
                names = (self._attributes & vars(module).keys()) - seen
                seen |= names
                for name in sorted(names):
                    self._watch(functools.partial(vars(module).get, name, _ABSENT), vars(module)[name])
                if self._dynamic:
                    refuse(f"it reads attributes of the module `{module.__name__}` by name")
            for module, seen in self._libraries:
                names = (self._attributes & vars(module).keys()) - seen
                seen |= names
                for name in sorted(names):
                    self._trusted(vars(module), name)
            if not self._pending:
                return

    def _trusted(self, space: dict[str, Any], name: str) -> None:
        """A name of a library: what it stands for is trusted, as long as nobody puts something else in its place."""
        value = space[name]
        self._watch_identity(functools.partial(space.get, name, _ABSENT))
        of_the_user = isinstance(value, FunctionType) and not is_pure(value.__module__)
        if of_the_user or isinstance(value, ModuleType) and is_pure(value.__name__):
            self._examine(value)

    def _examine(self, value: Any) -> None:
        """A function, class, module or other object whose identity is watched: what can it do?"""
        if id(value) in self._known:
            return
        self._known[id(value)] = value
        if isinstance(value, FunctionType):
            if not is_pure(value.__module__):
                self._pending.append(value)
            else:
                self._pure(value)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, ModuleType):
            self._module(value)
        elif isinstance(value, (BuiltinFunctionType, MethodDescriptorType)):
            self._builtin(value)
        elif isinstance(value, property):
            for part in (value.fget, value.fset, value.fdel):
                if part is not None:
                    self._examine(part)
        elif isinstance(value, (staticmethod, classmethod)):
            self._examine(value.__func__)
        elif isinstance(value, enum.Enum):
            self._examine(type(value))
        elif value is not None and not isinstance(value, IMMUTABLE):
            refuse(f"it reads a {type(value).__name__}")

    def _instance(self, kind: type) -> None:
        """Objects of a class of the user are known by their attributes."""
        for base in kind.__mro__:
            if is_pure(base.__module__) and base not in _OPEN_CLASSES:
                refuse(f"it reads a {kind.__name__}")
        self._examine(kind)

    def _pure(self, function: Any) -> None:
        if function.__name__ in IMPURE_NAMES:
            refuse(f"it calls `{function.__name__}`")

    def _builtin(self, value: Any) -> None:
        owner = getattr(value, "__self__", None)
        name = value.__name__
        if isinstance(owner, ModuleType):
            if owner is builtins and name in IMPURE_BUILTINS:
                refuse(f"it calls `{name}`")
            if owner.__name__.partition(".")[0] not in PURE:
                refuse(f"it calls `{owner.__name__}.{name}`")
        elif owner is not None and not isinstance(owner, type):
            refuse(f"it calls the method `{name}` of a captured {type(owner).__name__}")
        self._pure(value)

    def _module(self, module: ModuleType) -> None:
        name = module.__name__
        if is_pure(name):
            self._libraries.append((module, set()))
            return
        file = getattr(module, "__file__", None) or ""
        if name in _STANDARD and not file.endswith("__main__.py"):
            refuse(f"it uses the module `{name}`")
        self._modules.append((module, set()))

    def _class(self, kind: type) -> None:
        if not isinstance(kind, type) or type(kind) not in _METACLASSES and not is_pure(type(kind).__module__):
            refuse(f"it uses the class `{kind.__name__}`, whose metaclass is its own")
        for base in kind.__mro__:
            if is_pure(base.__module__):
                continue
            if base.__module__.partition(".")[0] in _STANDARD:
                refuse(f"it uses the class `{base.__qualname__}`")
            names = tuple(vars(base))
            self.checks.append((functools.partial(tuple, vars(base)), functools.partial(operator.eq, names)))
            for name, value in list(vars(base).items()):
                if name in _PLAIN_CLASS_NAMES or isinstance(value, (MemberDescriptorType, _TUPLE_FIELD)):
                    continue
                if name == "__repr__" and "__dataclass_fields__" in vars(base):
                    continue  # made by the dataclass; it asks for identities, but changes nothing
                get = functools.partial(vars(base).get, name, _ABSENT)
                if isinstance(value, functools.cached_property):
                    self._examine(value.func)
                    self._watch_identity(get)
                elif name.startswith("__") and not isinstance(value, (FunctionType, staticmethod, classmethod)):
                    self._watch_identity(get)
                elif isinstance(value, type) or not hasattr(type(value), "__get__") or _is_relaxed(value):
                    self._watch(get, value)
                elif isinstance(value, (FunctionType, property, staticmethod, classmethod)):
                    self._examine(value)
                    self._watch_identity(get)
                else:
                    refuse(f"the class `{base.__qualname__}` has the descriptor `{name}`")

    def _code(self, function: FunctionType) -> None:
        """Globals, captured variables and defaults of a function."""
        if len(self._known) > MOST_FUNCTIONS:
            refuse("it can reach too many functions")
        code = function.__code__
        self._watch_identity(lambda: function.__code__)
        hook = hook_of(function.__globals__)
        found = facts(code, None if hook is None else hook.runtime_name)
        for assigned in (found.assigned_globals, found.assigned_cells):
            if assigned:
                refuse(f"`{function.__qualname__}` assigns `{min(assigned)}`, which outlives the call")
        for name in sorted(found.imports):
            if not is_pure(name):
                refuse(f"`{function.__qualname__}` imports `{name}`")
        self._attributes |= found.attributes
        impure = found.attributes & IMPURE_METHODS
        if impure:
            refuse(f"`{function.__qualname__}` uses `{min(impure)}`")
        space = function.__globals__
        for name in sorted(found.globals):
            self._global(function, space, name, found.attributes)
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            self._cell(name, cell)
        self._watch(lambda: function.__defaults__, function.__defaults__)
        self._watch(lambda: function.__kwdefaults__, function.__kwdefaults__)
        self._watch_identity(lambda: function.__dict__.get("__relaxpy_hard__"))

    def _global(self, function: FunctionType, space: dict[str, Any], name: str, attributes: frozenset[str]) -> None:
        get = functools.partial(space.get, name, _ABSENT)
        if name not in space:
            self._watch_identity(get)
            value = vars(builtins).get(name, _ABSENT)
            if value is not _ABSENT:
                self._trusted(vars(builtins), name)
            self._dynamic = self._dynamic or name == "getattr"
            if name in IMPURE_BUILTINS:
                refuse(f"it calls `{name}`")
            if isinstance(value, (type, BuiltinFunctionType, FunctionType)):
                self._examine(value)
            return
        value = space[name]
        if isinstance(value, ModuleType) and value.__name__.partition(".")[0] in ("torch", "numpy"):
            impure = attributes & IMPURE_NAMES
            if impure:
                refuse(f"`{function.__qualname__}` uses `{value.__name__}.{min(impure)}`")
        self._watch(get, value)

    def _cell(self, name: str, cell: CellType) -> None:
        def get() -> Any:
            try:
                return cell.cell_contents
            except ValueError:
                return _ABSENT

        value = get()
        if name == "__class__" or value is _ABSENT:
            self._watch_identity(get)
            if isinstance(value, type):
                self._examine(value)
        else:
            self._watch(get, value)

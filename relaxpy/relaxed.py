"""What `relax` makes: an object that is called, bound, inspected, copied and pickled as the function was."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import sys
import threading
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from relaxpy.bound import BoundRelaxed, as_module
from relaxpy.errors import RelaxError
from relaxpy.programs import Program, function_of, program_of
from relaxpy.runtime import boundary
from relaxpy.runtime.calls import Plan
from relaxpy.runtime.marks import is_torch_here
from relaxpy.runtime.options import Options, resolve
from relaxpy.runtime.settings import Settings, checked
from relaxpy.runtime.state import state

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from relaxpy.engine.report import EngineReport
    from relaxpy.module import RelaxedModule
    from relaxpy.transform import Site

__all__ = ["Batch", "Made", "Relaxed", "checked_batch"]

# Which arguments have a batch axis: all or none, the same axis of all, or as `torch.vmap` has it.
Batch: TypeAlias = bool | int | tuple[Any, ...]


class Made:
    """A function and what it is rewritten to; shared by a relaxed function and its variants with other options."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self._rewritten: FunctionType | None = None
        self._lock = threading.Lock()
        self.programs: Any = None  # of relaxpy.engine, once it is used

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.function, follow_wrapped=False)

    @property
    def program(self) -> Program:
        return program_of(self.function)

    @property
    def rewritten(self) -> FunctionType:
        if self._rewritten is None:
            with self._lock:
                if self._rewritten is None:
                    self._rewritten = function_of(self.program, self.function)
        return self._rewritten


class Relaxed:
    """A relaxed function, made by `relax`.

    >>> from relaxpy import relax
    >>> @relax(beta=5.0)
    ... def clip(x, top):
    ...     if x > top:
    ...         return top
    ...     return x
    >>> clip(3.0, 2.0), clip.options.beta
    (2.0, 5.0)

    It is called, bound, inspected and pickled like the function that it was made from, which is its ``__wrapped__``.
    """

    # The runtime knows by this, without an import, that there is nothing more to relax.
    __relaxpy_relaxed__ = True

    __name__: str
    __qualname__: str

    def __init__(self, made: Made, settings: Mapping[str, Any], hard: frozenset[str], batch: Batch) -> None:
        self._made = made
        self._settings = settings
        self._hard = hard
        self._batch = batch
        self._plan: Plan | None = None
        self._bound_plan: Plan | None = None
        functools.update_wrapper(self, made.function)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if is_torch_here() and sys.modules["torch"].compiler.is_compiling():
            from relaxpy.runtime import compiling  # the compiler cannot follow a lazy module

            return compiling.call(self, None, args, kwargs)
        plan = self._plan
        if plan is None:
            plan = self.plan_of(None)
        return boundary.call(plan, args, kwargs)

    def called_inside(self, call: Any) -> Any:
        """What relaxed code calls instead, inside this call: the rewritten function itself, if there is nothing to set.

        So a function that calls itself by its decorated name goes no deeper than the undecorated one.
        """
        in_force = state.settings
        if call is None or self._hard or self._batch and state.lanes is None:
            return self
        if any(in_force.get(name) is not value for name, value in self._settings.items()):
            return self
        call.roots.add(boundary.root_of(self._made.function))
        return self._made.rewritten

    def _call_bound(self, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        if is_torch_here() and sys.modules["torch"].compiler.is_compiling():
            from relaxpy.runtime import compiling

            return compiling.call(self, instance, args, kwargs)
        plan = self._bound_plan
        if plan is None:
            plan = self.plan_of(instance)
        return boundary.call(plan, (instance, *args), kwargs)

    def plan_of(self, instance: object) -> Plan:
        """How it is called, bound to an object or not."""
        if instance is None:
            if self._plan is None:
                self._plan = self._planned(self._batch)
            return self._plan
        if self._bound_plan is None:
            # A tuple names the axes of the arguments that the caller writes, and the object is none of them.
            batch = (None, *self._batch) if isinstance(self._batch, tuple) else self._batch
            self._bound_plan = self._planned(batch)
        return self._bound_plan

    def _planned(self, batch: Batch) -> Plan:
        return Plan(
            function=self._made.rewritten,
            signature=self._made.signature,
            hard=self._hard,
            batch=batch,
            settings=self._settings,
            name=self._made.function.__qualname__,
            made=self._made,
        )

    @property
    def source(self) -> str:
        """The rewritten source: what runs instead of the original."""
        return self._made.program.text.lstrip("\n")

    @property
    def sites(self) -> tuple[Site, ...]:
        """The places in the original where something may be decided softly: conditions, loops, comparisons, indices."""
        return self._made.program.sites

    @property
    def options(self) -> Options:
        """What would be in force in a call made here and now: own options on top of the region's."""
        return resolve({**state.settings, **self._settings})

    def with_options(self, **settings: Unpack[Settings]) -> Relaxed:
        """The same function with other options: ``f.with_options(beta=20.0)(x)``."""
        return Relaxed(self._made, {**self._settings, **checked(settings)}, self._hard, self._batch)

    def batch(self, in_dims: Batch = True) -> Relaxed:
        """The same function for a whole batch: ``f.batch()(xs)``, or as in `torch.vmap` ``f.batch((0, None))(xs, shared)``."""
        return Relaxed(self._made, self._settings, self._hard, checked_batch(in_dims))

    def module(self, *, learn_beta: bool = False, **settings: Unpack[Settings]) -> RelaxedModule:
        """An `nn.Module` that holds the smoothing: ``f.module(beta=8.0, learn_beta=True)``; see `relaxpy.module`."""
        return as_module(self, self.options, learn_beta, settings)

    def engine_report(self) -> EngineReport:
        """How calls have run: by recorded programs, or operation by operation and why; see `relaxpy.engine`.

        >>> from relaxpy import relax
        >>> print(relax(lambda x: x).engine_report())
        no program was recorded
        """
        from relaxpy.engine.report import EngineReport

        return EngineReport.of(self._made.programs)

    @overload
    def __get__(self, instance: None, owner: type, /) -> Relaxed: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> BoundRelaxed: ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Relaxed | BoundRelaxed:
        return self if instance is None else BoundRelaxed(self, instance)

    # What makes `inspect` see a function: whether it is a generator, its parameters, its source.
    @property
    def __code__(self) -> CodeType:
        return self._made.function.__code__

    @property
    def __defaults__(self) -> tuple[Any, ...] | None:
        return self._made.function.__defaults__

    @property
    def __kwdefaults__(self) -> dict[str, Any] | None:
        return self._made.function.__kwdefaults__

    @property
    def __globals__(self) -> dict[str, Any]:
        return self._made.function.__globals__

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self._settings.items())
        return f"<relaxed function {self.__qualname__}{settings} at {id(self):#x}>"

    def __copy__(self) -> Relaxed:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Relaxed:
        # As a function is its own copy; but a parameter among the settings belongs to the module that is being copied.
        settings = copy.deepcopy(dict(self._settings), memo)
        if all(settings[name] is value for name, value in self._settings.items()):
            return self
        return Relaxed(self._made, settings, self._hard, self._batch)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """By name, as functions are; a variant with other options by the name of the one it was made from."""
        named = _named(self.__module__, self.__qualname__)
        if named is self:
            return self.__qualname__
        same = isinstance(named, Relaxed) and named._made is self._made
        return _rebuilt, (named if same else self._made.function, dict(self._settings), self._hard, self._batch)


def _named(module: str | None, qualname: str) -> object:
    try:
        found: object = importlib.import_module(module or "")
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found


def _rebuilt(
    function: Relaxed | FunctionType, settings: Mapping[str, Any], hard: frozenset[str], batch: Batch
) -> Relaxed:
    made = function._made if isinstance(function, Relaxed) else Made(function)
    return Relaxed(made, settings, hard, batch)


def checked_batch(batch: object) -> Batch:
    if isinstance(batch, int):
        # Axis 0 is not False.
        return batch if isinstance(batch, bool) or batch else True
    if isinstance(batch, (tuple, list)):
        return tuple(batch)
    raise RelaxError(
        f"`batch` is True, an axis, or a tuple with an axis or None for each argument, not {batch!r}",
        remedy="write batch=True if every tensor argument has a leading batch axis",
    )

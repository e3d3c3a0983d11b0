"""`relax`: a function whose decisions are relaxed when it meets soft values.

Decorating only takes notes. The source is read, rewritten and compiled at the first call, once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, overload

from relaxpy.bound import BoundRelaxed
from relaxpy.errors import RelaxError, did_you_mean
from relaxpy.relaxed import Batch, Made, Relaxed, checked_batch
from relaxpy.runtime.settings import Settings, checked

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["relax"]


@overload
def relax(
    function: Callable[..., Any],
    /,
    *,
    hard: str | Iterable[str] = (),
    batch: Batch = False,
    **options: Unpack[Settings],
) -> Relaxed: ...
@overload
def relax(
    *, hard: str | Iterable[str] = (), batch: Batch = False, **options: Unpack[Settings]
) -> Callable[[Callable[..., Any]], Relaxed]: ...
def relax(
    function: Any = None,
    /,
    *,
    hard: str | Iterable[str] = (),
    batch: Batch = False,
    **options: Unpack[Settings],
) -> Any:
    """Relax a function: on plain values it does what it always did, on tensors it gives an expectation with gradients.

    >>> @relax
    ... def relu(x):
    ...     return x if x > 0.0 else 0.0
    >>> relu(-3.0)
    0.0

    ``hard`` names parameters that are constants; with ``batch`` every tensor argument that is not hard has a batch axis
    (True), or those that a tuple names as `torch.vmap` does. The other options are those of `relaxpy.options`.
    """
    batch = checked_batch(batch)
    settings = checked(options)
    if function is None:
        return functools.partial(_relaxed, hard=hard, batch=batch, settings=settings)
    return _relaxed(function, hard=hard, batch=batch, settings=settings)


def _relaxed(given: Any, *, hard: str | Iterable[str], batch: Batch, settings: Mapping[str, Any]) -> Any:
    again = functools.partial(_relaxed, hard=hard, batch=batch, settings=settings)
    if isinstance(given, FunctionType):
        return Relaxed(Made(given), settings, _checked_hard(given, hard), batch)
    if isinstance(given, Relaxed):
        if not (hard or batch or settings):
            return given
        names = given._hard | _checked_hard(given._made.function, hard)
        return Relaxed(given._made, {**given._settings, **settings}, names, batch or given._batch)
    if isinstance(given, (MethodType, BoundRelaxed)):
        return BoundRelaxed(again(given.__func__), given.__self__)
    if isinstance(given, staticmethod):
        return staticmethod(again(given.__func__))
    if isinstance(given, classmethod):
        return _RelaxedClassMethod(again(given.__func__))
    raise _refused(given)


class _RelaxedClassMethod(classmethod):  # type: ignore[type-arg]
    """A class method that binds as `BoundRelaxed`; the built-in one does so up to Python 3.12 only."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return BoundRelaxed(self.__func__, type(instance) if owner is None else owner)  # type: ignore[arg-type]


def _checked_hard(function: FunctionType, hard: str | Iterable[str]) -> frozenset[str]:
    given = (hard,) if isinstance(hard, str) or not isinstance(hard, Iterable) else tuple(hard)
    if not all(isinstance(name, str) for name in given):
        raise RelaxError(
            f"`hard` must be the name of a parameter, or several names, not {hard!r}",
            remedy="write hard=('x',), or mark one value at the call: f(relaxpy.hard(x))",
        )
    names = frozenset(given)
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    parameters = code.co_varnames[:count]
    for name in sorted(names.difference(parameters)):
        raise RelaxError(
            f"`{function.__qualname__}` has no parameter `{name}` that could be hard",
            remedy=did_you_mean(name, parameters) or "its parameters are " + (", ".join(parameters) or "none"),
        )
    return names


def _refused(given: object) -> RelaxError:
    name = getattr(given, "__qualname__", None) or repr(given)
    if isinstance(given, type):
        return RelaxError(
            f"`{name}` is a class; what is relaxed is a function",
            remedy="decorate its methods, or those functions that decide something",
        )
    if isinstance(given, functools.partial):
        return RelaxError(
            f"`{given!r}` is a partial of a function",
            remedy="relax the function first: functools.partial(relax(f), ...)",
        )
    if isinstance(given, property):
        return RelaxError("a property cannot be relaxed", remedy="put @relax below @property")
    if hasattr(given, "cache_info"):
        return RelaxError(
            f"`{name}` keeps its results by its arguments, which soft values cannot be found by",
            remedy=f"relax the function itself: relax({name}.__wrapped__)",
        )
    if inspect.isbuiltin(given) or inspect.ismethoddescriptor(given):
        return RelaxError(
            f"`{name}` is not written in Python, so there is no source to relax", remedy="write it as a Python function"
        )
    if callable(given):
        return RelaxError(
            f"{given!r} is an object that can be called, not a function",
            remedy=f"decorate `{type(given).__name__}.__call__`, or the method that does the work",
        )
    return RelaxError(f"{given!r} is not a function", remedy="write @relax above a `def`, or relax(f)")

"""A relaxed function that is bound to an object, as a method is."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

from relaxpy.runtime.options import Options
from relaxpy.runtime.settings import Settings, checked

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from relaxpy.module import RelaxedModule
    from relaxpy.relaxed import Batch, Relaxed

__all__ = ["BoundRelaxed", "as_module"]


class _Doc:
    """The docstring of a class for the class, of the method for a bound method."""

    def __init__(self, own: str) -> None:
        self._own = own

    def __get__(self, instance: BoundRelaxed | None, owner: type) -> str | None:
        return self._own if instance is None else instance.__func__.__doc__


class BoundRelaxed:
    __doc__ = _Doc("A relaxed method together with its object; ``obj.method.with_options(...)`` is bound, too.")
    __slots__ = ("__dict__", "__func__", "__self__")
    __relaxpy_relaxed__ = True

    def __init__(self, function: Relaxed, instance: object) -> None:
        self.__func__ = function
        self.__self__ = instance
        self.__module__ = function.__module__

    def __get__(self, instance: object, owner: type | None = None, /) -> BoundRelaxed:
        # Bound already, as methods are; `help` and `inspect` know a routine by this.
        return self

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self.__func__._call_bound(self.__self__, args, kwargs)

    def called_inside(self, call: Any) -> Any:
        """The rewritten method, if nothing is set for it."""
        function = self.__func__.called_inside(call)
        return self if function is self.__func__ else MethodType(function, self.__self__)

    def with_options(self, **settings: Unpack[Settings]) -> BoundRelaxed:
        """The same method with other options."""
        return BoundRelaxed(self.__func__.with_options(**settings), self.__self__)

    def batch(self, in_dims: Batch = True) -> BoundRelaxed:
        """The same method for a whole batch; a tuple counts the arguments after the object."""
        return BoundRelaxed(self.__func__.batch(in_dims), self.__self__)

    def module(self, *, learn_beta: bool = False, **settings: Unpack[Settings]) -> RelaxedModule:
        """An `nn.Module` that holds the smoothing of the method."""
        return as_module(self, self.__func__.options, learn_beta, settings)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(MethodType(self.__func__._made.function, self.__self__))

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__:  # of one that is being made
            raise AttributeError(name)
        return getattr(self.__func__, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundRelaxed):
            return NotImplemented
        return self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __repr__(self) -> str:
        return f"<bound relaxed method {self.__func__.__qualname__} of {self.__self__!r}>"

    # as methods are copied: the object is, the function is its own copy
    def __copy__(self) -> BoundRelaxed:
        return BoundRelaxed(self.__func__, self.__self__)

    def __deepcopy__(self, memo: dict[int, Any]) -> BoundRelaxed:
        return BoundRelaxed(copy.deepcopy(self.__func__, memo), copy.deepcopy(self.__self__, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        if getattr(self.__self__, self.__func__.__name__, None) == self:
            return getattr, (self.__self__, self.__func__.__name__)
        return BoundRelaxed, (self.__func__, self.__self__)


def as_module(
    function: Relaxed | BoundRelaxed, options: Options, learn_beta: bool, settings: Mapping[str, Any]
) -> RelaxedModule:
    """An `nn.Module` that calls a relaxed function or method with these settings on top of its options."""
    from relaxpy.module import module

    given = checked(settings)
    beta: Any = given.pop("beta", options.beta)
    return module(function, given, beta, learn_beta)

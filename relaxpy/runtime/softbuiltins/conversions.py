"""`int`, `float`, `bool`, `abs`, `round`, `divmod`, `pow` of soft values."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime import integermaps, integers, rounding
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.compare import PLAIN
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins.seeing import concerned, seen
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth


def int_(*args: Any, **kwargs: Any) -> Any:
    """`int(x)`: towards zero, see rounding.trunc; a soft integer."""
    value = _single(args, kwargs)
    return builtins.int(*args, **kwargs) if value is None else rounding.trunc(_scalar(value, "int"))


def float_(*args: Any, **kwargs: Any) -> Any:
    """`float(x)`: a number, of integers and truths their expectation."""
    value = _single(args, kwargs)
    if value is None:
        return builtins.float(*args, **kwargs)
    value = _scalar(value, "float")
    return value if isinstance(value, SoftNumber) else SoftNumber(value.lanes, True)


def bool_(*args: Any, **kwargs: Any) -> Any:
    """`bool(x)`: x != 0, a soft truth."""
    value = _single(args, kwargs)
    if value is None:
        return builtins.bool(*args, **kwargs)
    value = _scalar(value, "bool")
    return value if isinstance(value, SoftTruth) else value != 0


def _single(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The only argument, if it is soft."""
    if len(args) != 1 or kwargs or type(args[0]) in PLAIN:
        return None
    value = seen(args[0])
    return value if isinstance(value, Soft) else None


def _scalar(value: Any, name: str) -> Any:
    if isinstance(value, SoftArray) and len(value) == 1:
        value = value.rows()[0]
    if not isinstance(value, SoftScalar):
        raise SoftValueError(f"`{name}` of a {value.kind}", remedy="use it on each element")
    return value


def dispatched(builtin: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that asks its arguments' own methods: captured parameters must be seen as soft before."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and type(args[0]) in PLAIN:
            return builtin(args[0])
        return builtin(*map(seen, args), **{name: seen(value) for name, value in kwargs.items()})

    call.__name__ = builtin.__name__
    return call


def pow_(*args: Any, **kwargs: Any) -> Any:
    """`pow(x, y)` is `x ** y`; with a modulus, of soft integers exactly, by their supports."""
    values = [*args, *kwargs.values()]
    if not concerned(values):
        return builtins.pow(*args, **kwargs)
    given = dict(zip(("base", "exp", "mod"), args), **kwargs)
    base, exponent, modulus = (seen(given.get(name)) for name in ("base", "exp", "mod"))
    if modulus is None:
        return base**exponent
    if not all(map(integers.is_integer, (base, exponent, modulus))):
        raise SoftValueError("`pow` with a modulus of soft numbers", remedy="write `x ** y % m`")
    return integermaps.mapped(builtins.pow, base, exponent, modulus)


complex_ = dispatched(builtins.complex)
absolute = dispatched(builtins.abs)
round_ = dispatched(builtins.round)
divmod_ = dispatched(builtins.divmod)

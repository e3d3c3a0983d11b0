"""The functions of `math`, through torch where an argument is soft, so that no gradient is cut."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import integermaps, integers, ops, rounding, torchcalls
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins import totals
from relaxpy.runtime.softbuiltins.extrema import maximum
from relaxpy.runtime.softbuiltins.seeing import concerned, seen
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftTruth

_TORCH = (
    "acos acosh asin asinh atan atanh atan2 cos cosh erf erfc exp exp2 expm1 hypot lgamma log10 log1p log2 pow sin sinh sqrt "
    "tan tanh"
)
_INTEGERS = "comb factorial gcd isqrt lcm perm"
_REFUSED = {"frexp": "math.log2", "nextafter": "x + a small number", "ulp": "a constant"}


def _number(value: Any) -> Any:
    """Integers and truths as their expectation, which is what they are among reals."""
    if isinstance(value, (SoftTruth, integers.SoftInteger)):
        return SoftNumber(value.lanes, True)
    return value


def _tensor(value: Any, like: Tensor) -> Any:
    return value if isinstance(value, Soft) else torch.as_tensor(value, dtype=like.dtype, device=like.device)


def through_torch(function: Callable[..., Any], relaxed: Callable[..., Any]) -> Callable[..., Any]:
    """`math.f` of plain values; the torch function of soft ones."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs or not concerned(args):
            return function(*args, **kwargs)
        values = [_number(seen(arg)) for arg in args]
        if len(values) > 1:
            like = next(value.lanes for value in values if isinstance(value, SoftNumber))
            values = [_tensor(value, like) for value in values]
        return torchcalls.call(relaxed, tuple(values), {})

    call.__name__ = function.__name__
    return call


def on_soft(function: Callable[..., Any], relaxed: Callable[..., Any]) -> Callable[..., Any]:
    """`math.f` of plain values; ``relaxed`` of soft ones."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not concerned((*args, *kwargs.values())):
            return function(*args, **kwargs)
        return relaxed(*map(seen, args), **{name: seen(value) for name, value in kwargs.items()})

    call.__name__ = function.__name__
    return call


def _supports(function: Callable[..., Any]) -> Callable[..., Any]:
    """Functions of integers: exactly, by the supports of soft integers."""

    def relaxed(*args: Any) -> Any:
        if not all(map(integers.is_integer, args)):
            raise SoftValueError(
                f"math.{function.__name__} of a soft number", remedy="round it first: int(x), round(x)"
            )
        return integermaps.mapped(function, *args)

    return relaxed


def _refused(name: str, remedy: str) -> Callable[..., Any]:
    def relaxed(*args: Any, **kwargs: Any) -> Any:
        raise SoftValueError(f"math.{name} of a soft value", remedy=f"use {remedy}, or relaxpy.hard(x)")

    return relaxed


def _log(x: Any, *base: Any) -> Any:
    logs = [_torch(torch.log, each) if isinstance(each, Soft) else math.log(each) for each in (x, *base)]
    return logs[0] / logs[1] if base else logs[0]


def _torch(function: Callable[..., Any], x: Any) -> Any:
    return torchcalls.call(function, (_number(x),), {})


def _cbrt(x: Any) -> Any:
    """The real cube root; its derivative at 0 is infinite, and 0 is sent back from there."""

    t = x.lanes
    zero = t == 0
    safe = torch.where(zero, torch.ones_like(t), t)
    root = torch.where(zero, torch.zeros_like(t), torch.sign(safe) * safe.abs() ** (1 / 3))
    return SoftNumber(root, x.finite)


def sign(x: Any) -> Any:
    """The expectation of the sign of x under the noise: P(x > 0) - P(x < 0)."""
    positive, negative = x > 0, x < 0
    return SoftNumber(positive.lanes - negative.lanes, True)


def _copysign(x: Any, y: Any) -> Any:
    return abs(x) * (sign(_number(y)) if isinstance(y, Soft) else math.copysign(1.0, y))


def _fmod(x: Any, y: Any) -> Any:
    """x - y trunc(x / y), the quotient an expected staircase."""
    return x - y * float_of(rounding.trunc(x / y))


def _remainder(x: Any, y: Any) -> Any:
    """x - y round(x / y), the quotient an expected staircase."""
    return x - y * float_of(rounding.round(x / y))


def float_of(value: Any) -> Any:
    return _number(value)


def _modf(x: Any) -> tuple[Any, Any]:
    whole = float_of(rounding.trunc(x))
    return x - whole, whole


def _ldexp(x: Any, i: Any) -> Any:
    return x * 2.0**i


def _dist(p: Any, q: Any) -> Any:
    squares = totals.total([(a - b) ** 2 for a, b in zip(p, q, strict=True)])
    return through_torch(math.sqrt, torch.sqrt)(squares)


def _hypot(*xs: Any) -> Any:
    if len(xs) == 2:
        return through_torch(math.hypot, torch.hypot)(*xs)
    return through_torch(math.sqrt, torch.sqrt)(totals.total([x**2 for x in xs]))


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> Any:
    """|a - b| <= tolerance, a comparison like any other."""
    return abs(a - b) <= maximum(rel_tol * maximum(abs(a), abs(b)), abs_tol)


def _predicate(test: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    """Infinities and NaN are not perturbed: a plain bool, or a certain truth in each lane."""

    def relaxed(x: Any) -> Any:
        holds = test(x.lanes.detach())
        known = ops.concrete(holds)
        if state.lanes is None and known.dim() == 0 or bool(known.all()) or not bool(known.any()):
            return bool(known.reshape(-1)[0]) if known.numel() else False
        return SoftTruth(holds.to(x.lanes.dtype))

    return relaxed


def table() -> dict[Any, Callable[..., Any]]:
    """What is called instead of each function of `math`."""
    special: dict[str, Callable[..., Any]] = {
        "ceil": rounding.ceil,
        "copysign": _copysign,
        "degrees": lambda x: x * (180 / math.pi),
        "dist": _dist,
        "fabs": abs,
        "floor": rounding.floor,
        "fma": lambda x, y, z: x * y + z,
        "fmod": _fmod,
        "gamma": _gamma,
        "hypot": _hypot,
        "isclose": _isclose,
        "isfinite": _predicate(torch.isfinite),
        "isinf": _predicate(torch.isinf),
        "isnan": _predicate(torch.isnan),
        "ldexp": _ldexp,
        "log": _log,
        "modf": _modf,
        "radians": lambda x: x * (math.pi / 180),
        "remainder": _remainder,
        "sumprod": lambda p, q: totals.total(list(map(operator.mul, p, q))),
        "trunc": rounding.trunc,
        "cbrt": _cbrt,
    }
    names = {name: on_soft(getattr(math, name), relaxed) for name, relaxed in special.items() if hasattr(math, name)}
    for name in _TORCH.split():
        if hasattr(math, name):
            names.setdefault(name, through_torch(getattr(math, name), getattr(torch, name)))
    for name in _INTEGERS.split():
        names[name] = on_soft(getattr(math, name), _supports(getattr(math, name)))
    for name, remedy in _REFUSED.items():
        names[name] = on_soft(getattr(math, name), _refused(name, remedy))
    for name in ("dist", "sumprod"):
        if name in names:
            names[name] = _of_sequences(getattr(math, name), special[name])
    return {
        math.fsum: totals.fsum,
        math.prod: totals.prod,
        **{getattr(math, name): relaxed for name, relaxed in names.items()},
    }


def _of_sequences(function: Callable[..., Any], relaxed: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 2 or kwargs:
            return function(*args, **kwargs)
        sequences = [[seen(item) for item in seen(arg)] for arg in args]
        if not any(isinstance(item, Soft) for sequence in sequences for item in sequence):
            return function(*args, **kwargs)
        return relaxed(*sequences)

    return call


def _gamma(x: Any) -> Any:
    """gamma(x) for x > 0, through the logarithm."""
    return _torch(torch.exp, _torch(torch.lgamma, x))

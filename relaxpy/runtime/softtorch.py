"""torch functions that decide (argmax, floor, sort, where, ...), relaxed, and those that have no relaxation, refused.

What torch computes smoothly, or with gradients of its own (`amax`, `clamp`, `relu`, `median`), stays torch's. What would cut the
gradient silently is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from relaxpy.errors import SoftValueError
from relaxpy.runtime import rounding, torchorder, torchtruths
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.values import SoftNumber, SoftScalar

torchcalls: Any = LazyModule("relaxpy.runtime.torchcalls")


def _rounding(relaxed: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, **options: Any) -> Any:
        return _real(relaxed(x, options.get("decimals") or None) if relaxed is rounding.round else relaxed(x))

    return call


def frac(x: Any) -> Any:
    """`torch.frac(x)`: x - trunc(x)."""
    return x - _rounding(rounding.trunc)(x)


def div(a: Any, b: Any, *, rounding_mode: str | None = None) -> Any:
    """`torch.div(a, b, rounding_mode=...)`"""
    if rounding_mode is None:
        return torchcalls.plain_call(torch.div, (a, b), {})
    a, b = looked_through(a), looked_through(b)
    if rounding_mode == "floor":
        return _real(rounding.floordiv(a, b))
    return _rounding(rounding.trunc)(a / b)


def _real(value: Any) -> Any:
    return SoftNumber(value.lanes, True) if isinstance(value, SoftScalar) else value


def fmod(a: Any, b: Any) -> Any:
    """`torch.fmod(a, b)`: a - b trunc(a / b)."""
    a, b = looked_through(a), looked_through(b)
    return a - b * div(a, b, rounding_mode="trunc")


def remainder(a: Any, b: Any) -> Any:
    """`torch.remainder(a, b)`: a - b (a // b)."""
    return rounding.mod(looked_through(a), looked_through(b))


def floor_divide(a: Any, b: Any) -> Any:
    return div(a, b, rounding_mode="floor")


def _refusal(name: str, remedy: str) -> SoftValueError:
    return SoftValueError(f"torch's `{name}` of a soft value has no relaxation", remedy=f"write {remedy}")


def _refused(name: str, remedy: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise _refusal(name, remedy)

    return call


_RELAXATIONS: dict[str, Callable[..., Any]] = {
    "logical_and bitwise_and __and__ __rand__": torchtruths.logical_and,
    "logical_or bitwise_or __or__ __ror__": torchtruths.logical_or,
    "logical_xor bitwise_xor __xor__ __rxor__": torchtruths.logical_xor,
    "logical_not bitwise_not __invert__": torchtruths.logical_not,
    "where": torchtruths.where,
    "sign sgn": torchtruths.sign,
    "heaviside": torchtruths.heaviside,
    "floor": _rounding(rounding.floor),
    "ceil": _rounding(rounding.ceil),
    "trunc fix": _rounding(rounding.trunc),
    "round": _rounding(rounding.round),
    "frac": frac,
    "fmod": fmod,
    "remainder __mod__ __rmod__": remainder,
    "floor_divide __floordiv__ __rfloordiv__": floor_divide,
    "div divide true_divide": div,
    "argmax": torchorder.argmax,
    "argmin": torchorder.argmin,
    "max": torchorder.extreme(torch.max, 1),
    "min": torchorder.extreme(torch.min, -1),
    "sort": torchorder.sort,
    "argsort": torchorder.argsort,
    "topk": torchorder.topk,
    "any": torchtruths.reduction(disjunction=True),
    "all": torchtruths.reduction(disjunction=False),
    "isclose": torchtruths.isclose,
    "allclose": torchtruths.allclose,
    "equal": torchtruths.equal,
    "count_nonzero": torchtruths.count_nonzero,
}
_LOOP = "a loop over the elements with plain comparisons"
_REFUSALS = {
    "searchsorted bucketize": "a loop that counts the boundaries below x",
    "histc histogram bincount": "a loop that adds to the bin of each element",
    "nonzero argwhere masked_select unique unique_consecutive isin": _LOOP,
    "kthvalue mode": "sorted(x)[k]",
    "cummax cummin": _LOOP,
    "hardshrink threshold": "a plain `if`",
    "bernoulli multinomial": "relaxpy.truth(p) or relaxpy.categorical(p)",
    "one_hot": "relaxpy.probabilities(k, n)",
    "gcd lcm": "the algorithm, with soft integers",
}


def _table() -> dict[Any, Callable[..., Any]]:
    found: dict[Any, Callable[..., Any]] = {}
    for names, relaxed in _RELAXATIONS.items():
        for name in names.split():
            swapped = name.startswith("__r") and name != "__round__"
            found.update(dict.fromkeys(torchcalls.named(name), _swapped(relaxed) if swapped else relaxed))
    for names, remedy in _REFUSALS.items():
        for name in names.split():
            found.update(dict.fromkeys(torchcalls.named(name), _refused(name, remedy)))
    return found


def _swapped(relaxed: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: relaxed(b, a)


RELAXED: dict[Any, Callable[..., Any]] = _table()

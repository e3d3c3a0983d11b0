"""numpy functions on soft values: torch does them, directly or through its own numpy layer, or they are refused.

numpy itself hands them over (`__array_ufunc__`, `__array_function__`), except for `np.array`, which a relaxed function replaces.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from relaxpy.errors import SoftValueError
from relaxpy.runtime import rounding, softcompare, softtorch, torchcalls, torchorder, torchtruths
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.integers import as_plain, is_foreign
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.stacking import stacked
from relaxpy.runtime.values import SoftScalar

_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "mod": operator.mod,
    "divmod": divmod,
    "power": operator.pow,
    "float_power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": abs,
    "fabs": abs,
    "matmul": operator.matmul,
    "less": softcompare.less,
    "less_equal": softcompare.less_equal,
    "greater": softcompare.greater,
    "greater_equal": softcompare.greater_equal,
    "equal": softcompare.equal,
    "not_equal": softcompare.unequal,
    "rint": rounding.round,
}
# numpy's name of what torch calls otherwise
_RENAMED = {
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "degrees": "rad2deg",
    "radians": "deg2rad",
    "fix": "trunc",
    "around": "round",
    "round_": "round",
    "concatenate": "cat",
    "absolute": "abs",
}
_MIRRORED = {softcompare.less: softcompare.greater, softcompare.less_equal: softcompare.greater_equal}


def from_numpy(value: Any) -> Any:
    """A numpy array or scalar among soft values is a constant."""
    if hasattr(value, "__array_interface__"):
        return as_plain(value) if is_foreign(value) else torch.as_tensor(value)
    return value


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`np.exp(x)`, `array * x`, ... with a soft x."""
    if method != "__call__" or kwargs:
        raise _refusal(
            f"{function.__name__}.{method}"
            if method != "__call__"
            else f"{function.__name__}(..., {next(iter(kwargs))}=)"
        )
    values = [from_numpy(value) for value in inputs]
    operation = _OPERATORS.get(function.__name__)
    if operation is not None:
        return operation(*values)
    found = getattr(torch, _RENAMED.get(function.__name__, function.__name__), None)
    if found is None:
        raise _refusal(function.__name__)
    dtype: torch.dtype = next(value.dtype for value in values if isinstance(value, (SoftArray, SoftScalar)))
    values = [torch.as_tensor(value, dtype=dtype) if isinstance(value, (int, float)) else value for value in values]
    return torchcalls.call(found, tuple(values), {})


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`np.sum(x)`, `np.where(x > 0, ...)`, `np.argmax(x, axis=1)`, ... with a soft x."""
    name = function.__name__
    leaves, structure = pytree.tree_flatten((args, kwargs), is_leaf=lambda leaf: isinstance(leaf, Soft))
    args, kwargs = pytree.tree_unflatten([from_numpy(leaf) for leaf in leaves], structure)
    if name in _REFUSED:
        raise _refusal(name)
    relaxed = _RELAXED.get(name)
    if relaxed is not None:
        if "axis" in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        return relaxed(*args, **kwargs)
    layer = _layer(function)
    if layer is None:
        raise _refusal(name)
    return torchcalls.plain_call(_unwrapped(layer), args, kwargs)


def _layer(function: Any) -> Any:
    """The function of torch's numpy layer that stands for one of numpy's."""
    import torch._numpy as layer

    home: Any = layer
    for part in str(function.__module__).split(".")[1:]:
        home = home if part.startswith("_") else getattr(home, part, None)
    return getattr(home, function.__name__, None)


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    def call_layer(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return pytree.tree_map(lambda leaf: getattr(leaf, "tensor", leaf), result)

    call_layer.__name__ = function.__name__
    return call_layer


def _sort(x: Any, dim: int = -1, **_: Any) -> Any:
    return torchorder.sort(x, dim=dim).values


def _round(x: Any, decimals: int = 0) -> Any:
    return softtorch.RELAXED[torch.round](x, decimals=decimals)


_RELAXED: dict[str, Callable[..., Any]] = {
    "where": torchtruths.where,
    "argmax": torchorder.argmax,
    "argmin": torchorder.argmin,
    "sort": _sort,
    "argsort": torchorder.argsort,
    "any": torchtruths.reduction(disjunction=True),
    "all": torchtruths.reduction(disjunction=False),
    "isclose": torchtruths.isclose,
    "allclose": torchtruths.allclose,
    "array_equal": torchtruths.equal,
    "count_nonzero": torchtruths.count_nonzero,
    "round": _round,
    "around": _round,
    "fix": softtorch.RELAXED[torch.trunc],
}


# what torch's layer would do, but by plain decisions
_REFUSED = frozenset("unique digitize histogram trim_zeros union1d intersect1d setdiff1d in1d isin".split())


def _refusal(name: str) -> SoftValueError:
    return SoftValueError(
        f"numpy's `{name}` of a soft value, which torch cannot do for it",
        remedy="use the torch function, plain Python, or relaxpy.hard(x)",
    )


def array(function: Callable[..., Any]) -> Callable[..., Any]:
    """`np.array(xs)`, `np.asarray(xs)`: a soft array if anything in it is soft."""

    def make(*args: Any, **kwargs: Any) -> Any:
        value = args[0] if args else None
        if isinstance(value, SoftArray):
            return SoftArray(value.tensor(), element=value.element)
        if isinstance(value, (list, tuple)) and _holds_soft(value):
            return SoftArray(stacked(list(value)))
        return function(*args, **kwargs)

    return make


def _holds_soft(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_soft, value))
    return isinstance(value, Soft) or isinstance(value, Tensor) and value.requires_grad

"""torch functions on recorded tensors that work element by element.

A handler is listed under the names that its function has in torch, torch.Tensor and torch.nn.functional. What is not listed is
refused, and the call is left to the eager path.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.instructions import CODES
from relaxpy.engine.recorded import LANES, Recorded, functions, lifted, refuse
from relaxpy.runtime.state import state

Handler = Callable[..., Any]
_ABS, _DIV, _LERP, _MAXIMUM, _MINIMUM, _MUL, _POW = (
    CODES[name] for name in "abs div lerp maximum minimum mul pow".split()
)


def registered(names: str) -> Callable[[Handler], Handler]:
    """Register a handler for torch functions, and as methods of recorded tensors."""

    def register(handler: Handler) -> Handler:
        for name in names.split():
            for home in (torch, Tensor, torch.nn.functional, torch.special, torch.linalg):
                function = getattr(home, name, None)
                if callable(function):
                    functions[function] = handler
            if hasattr(Tensor, name):
                setattr(Recorded, name, handler)
        return handler

    return register


def _unary(name: str) -> Handler:
    code = CODES[name]

    def handler(x: Any) -> Any:
        if type(x) is Recorded:
            recorder = x.recorder
            if type(x.ids) is int and x.dtype is recorder.dtype:
                recorder.operations += 1
                return Recorded(recorder, recorder.emit(code, x.ids), x.lanes, x.dtype)
        return state.recorder.arithmetic(code, x)

    return handler


def _binary(name: str) -> Handler:
    """The commonest arithmetic; on two scalars of the program's own type without detours."""
    code = CODES[name]

    def handler(a: Any, b: Any) -> Any:
        if type(a) is Recorded and type(b) is Recorded:
            recorder = a.recorder
            x, y, dtype = a.ids, b.ids, recorder.dtype
            if type(x) is int and type(y) is int and a.dtype is dtype and b.dtype is dtype:
                recorder.operations += 1
                lanes = a.lanes if a.lanes == LANES or not b.lanes else b.lanes
                return Recorded(recorder, recorder.emit(code, x, y), lanes, dtype)
        return state.recorder.arithmetic(code, a, b)

    return handler


def _reflected(handler: Handler) -> Handler:
    return lambda a, b: handler(b, a)


def _scaled_second(name: str) -> Handler:
    """torch's add and sub: a + alpha b"""
    operation = _binary(name)

    def handler(a: Any, b: Any, *, alpha: float = 1) -> Any:
        return operation(a, b if alpha == 1 else multiply(b, alpha))

    return handler


def _inexact(name: str) -> Handler:
    """A function that gives floats, of integers too."""
    code = CODES[name]

    def handler(*operands: Any) -> Any:
        return state.recorder.arithmetic(code, *map(_as_float, operands))

    return handler


def _as_float(value: Any) -> Any:
    if type(value) is Recorded and value.dtype is value.recorder.dtype or type(value) in (int, bool):
        return value
    if isinstance(value, Tensor):
        value = lifted(value)
        if not value.dtype.is_floating_point:
            return to(value, torch.get_default_dtype())
    return value


multiply = _binary("mul")
add, sub = _scaled_second("add"), _scaled_second("sub")
registered("add")(add)
registered("sub subtract")(sub)
registered("rsub")(_reflected(sub))
registered("__add__ __radd__")(_binary("add"))
registered("__sub__")(_binary("sub"))
registered("__rsub__")(_reflected(_binary("sub")))
registered("mul multiply __mul__ __rmul__")(multiply)
registered("neg negative __neg__")(_unary("neg"))
registered("abs absolute __abs__")(_unary("abs"))
registered("maximum")(_binary("maximum"))
registered("minimum")(_binary("minimum"))
for _name in (
    "sqrt rsqrt exp expm1 log log1p tanh sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfc hypot atan2"
).split():
    registered(_name)(_inexact(_name))


_sigmoid = _unary("sigmoid")


@registered("sigmoid")
def sigmoid(x: Any) -> Any:
    return _sigmoid(_as_float(x))


registered("arcsin")(_inexact("asin"))
registered("arccos")(_inexact("acos"))
registered("arctan")(_inexact("atan"))
registered("arctan2")(_inexact("atan2"))
registered("logsigmoid")(_inexact("logsigmoid"))
registered("logaddexp")(_inexact("logaddexp"))
for _name in "floor ceil trunc fix round sign sgn".split():
    registered(_name)(_unary({"fix": "trunc", "sgn": "sign"}.get(_name, _name)))


@registered("positive __pos__ contiguous")
def itself(x: Any, **options: Any) -> Any:
    return x


@registered("clone")
def clone(x: Any, **options: Any) -> Any:
    return Recorded(x.recorder, x.ids, x.lanes, x.dtype)


@registered("div divide true_divide __truediv__")
def div(a: Any, b: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return state.recorder.arithmetic(_DIV, _as_float(a), _as_float(b))
    if rounding_mode == "floor":
        return state.recorder.arithmetic(CODES["floordiv"], a, b)
    return refuse("division towards zero is left to torch")


@registered("remainder")
def remainder(a: Any, b: Any) -> Any:
    if any(type(x) is float or isinstance(x, Tensor) and lifted(x).dtype.is_floating_point for x in (a, b)):
        refuse("a remainder of floats is left to torch")
    return sub(a, multiply(b, div(a, b, rounding_mode="floor")))


registered("__rtruediv__ __rdiv__")(_reflected(div))


@registered("reciprocal")
def reciprocal(x: Any) -> Any:
    return div(1, x)


@registered("square")
def square(x: Any) -> Any:
    return multiply(x, x)


@registered("pow __pow__ float_power")
def power(a: Any, b: Any) -> Any:
    if type(b) in (int, float, bool) and b == 2:
        return square(a)
    if type(b) in (int, float) and b == 1:
        return state.recorder.arithmetic(_MUL, a, 1)
    return state.recorder.arithmetic(_POW, _as_float(a), _as_float(b))


registered("__rpow__")(_reflected(power))


@registered("detach")
def detach(x: Any) -> Any:
    if not x.dtype.is_floating_point:
        return x
    return x.recorder.detach(x)


def comparison(name: str, swapped: bool = False) -> Handler:
    code = CODES[name]
    if swapped:
        return lambda a, b: state.recorder.compare(code, b, a)
    return lambda a, b: state.recorder.compare(code, a, b)


registered("lt less __lt__")(comparison("lt"))
registered("le less_equal __le__")(comparison("le"))
registered("gt greater __gt__")(comparison("lt", swapped=True))
registered("ge greater_equal __ge__")(comparison("le", swapped=True))
registered("eq __eq__")(comparison("eq"))
registered("ne not_equal __ne__")(comparison("ne"))


@registered("isfinite")
def isfinite(x: Any) -> Any:
    return state.recorder.elementwise(CODES["isfinite"], torch.bool, x)


@registered("isnan")
def isnan(x: Any) -> Any:
    return state.recorder.elementwise(CODES["isnan"], torch.bool, x)


@registered("isinf")
def isinf(x: Any) -> Any:
    return comparison("eq")(state.recorder.arithmetic(_ABS, x), math.inf)


def _logical(name: str, function: Callable[[Any, Any], Any]) -> Handler:
    def handler(a: Any, b: Any) -> Any:
        a, b = (lifted(x) if isinstance(x, Tensor) else x for x in (a, b))
        if any(type(x) is Recorded and x.dtype != torch.bool for x in (a, b)):
            refuse("bits of integers are left to torch")
        return state.recorder.elementwise(CODES[name], torch.bool, a, b)

    return handler


registered("logical_and bitwise_and __and__ __rand__")(_logical("and", operator.and_))
registered("logical_or bitwise_or __or__ __ror__")(_logical("or", operator.or_))
registered("logical_xor bitwise_xor __xor__ __rxor__")(_logical("ne", operator.xor))


@registered("logical_not bitwise_not __invert__")
def logical_not(x: Any) -> Any:
    if x.dtype != torch.bool:
        refuse("bits of integers are left to torch")
    return state.recorder.elementwise(CODES["not"], torch.bool, x)


@registered("where")
def where(condition: Any, *sides: Any) -> Any:
    if len(sides) != 2:
        refuse("torch.where of a condition alone is left to torch")
    recorder = state.recorder
    a, b = (x if type(x) in (int, float, bool) else lifted(x) for x in sides)
    return recorder.elementwise(CODES["where"], recorder.common_dtype((a, b)), lifted(condition), a, b)


def _where_of(x: Any, condition: Any, other: Any) -> Any:
    return where(condition, x, other)


functions[Tensor.where] = Recorded.where = _where_of  # type: ignore[attr-defined]


@registered("clamp clip")
def clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    recorder = state.recorder
    if all(bound is None or type(bound) in (int, float) for bound in (min, max)):
        low, high = (-math.inf if min is None else min), (math.inf if max is None else max)
        return recorder.elementwise(CODES["clamp"], x.dtype, x, low, high)
    if min is not None:
        x = recorder.arithmetic(_MAXIMUM, x, min)
    return x if max is None else recorder.arithmetic(_MINIMUM, x, max)


@registered("relu")
def relu(x: Any) -> Any:
    return where(comparison("lt")(0, x), x, 0)


@registered("lerp")
def lerp(start: Any, end: Any, weight: Any) -> Any:
    """By which values are blended; on three scalars of the program's own type without detours."""
    if type(start) is Recorded and type(end) is Recorded and type(weight) is Recorded:
        recorder = weight.recorder
        x, y, z, dtype = start.ids, end.ids, weight.ids, recorder.dtype
        if type(x) is int and type(y) is int and type(z) is int:
            if start.dtype is dtype and end.dtype is dtype and weight.dtype is dtype:
                recorder.operations += 1
                lanes = weight.lanes or start.lanes or end.lanes
                if LANES in (start.lanes, end.lanes):
                    lanes = LANES
                return Recorded(recorder, recorder.emit(_LERP, x, y, z), lanes, dtype)
    return state.recorder.arithmetic(_LERP, start, end, weight)


@registered("addcmul")
def addcmul(x: Any, a: Any, b: Any, *, value: float = 1) -> Any:
    return add(x, multiply(a, b), alpha=value)


@registered("to")
def to(x: Any, *args: Any, **options: Any) -> Any:
    """Types change freely among bool, integers and the program's own float type."""
    dtype = options.get("dtype") or next((a for a in args if isinstance(a, torch.dtype)), None)
    other = next((a for a in args if isinstance(a, Tensor)), None)
    if other is not None:
        dtype = other.dtype
    if dtype is None or dtype == x.dtype:
        return x
    if dtype.is_floating_point:
        if dtype != x.recorder.dtype:
            refuse(f"it mixes {dtype} with {x.recorder.dtype}")
        return Recorded(x.recorder, x.ids, x.lanes, dtype)
    if dtype == torch.bool:
        return comparison("ne")(x, 0)
    if x.dtype == torch.bool or not x.dtype.is_floating_point:
        return Recorded(x.recorder, x.ids, x.lanes, dtype)
    return refuse("numbers become integers")


@registered("float")
def to_float(x: Any) -> Any:
    return to(x, torch.float32)


@registered("double")
def to_double(x: Any) -> Any:
    return to(x, torch.float64)


@registered("bool")
def to_bool(x: Any) -> Any:
    return to(x, torch.bool)


@registered("type_as")
def type_as(x: Any, other: Any) -> Any:
    return to(x, other.dtype)


@registered("result_type")
def result_type(a: Any, b: Any) -> torch.dtype:
    dtype: torch.dtype = state.recorder.common_dtype(
        [x if type(x) in (int, float, bool) else lifted(x) for x in (a, b)]
    )
    return dtype

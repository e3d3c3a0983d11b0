"""Arithmetic of torch's on recorded tensors, element by element."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.conversions import to
from relaxpy.engine.instructions import CODES
from relaxpy.engine.recorded import LANES, Recorded, functions, lifted, refuse
from relaxpy.engine.registering import Handler, registered
from relaxpy.engine.truths import comparison
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state

_ABS, _DIV, _LERP, _MAXIMUM, _MINIMUM, _MUL, _POW = (
    CODES[name] for name in "abs div lerp maximum minimum mul pow".split()
)


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
        return state.recorder.arithmetic(code, *_as_floats(*operands))

    return handler


def _is_real(operand: Any) -> bool:
    return type(operand) is float or isinstance(operand, TENSORS) and operand.dtype.is_floating_point


def _as_floats(*operands: Any) -> Any:
    """Integers become floats where there are no floats beside them, to whose type they would be promoted."""
    return operands if any(map(_is_real, operands)) else map(_as_float, operands)


def _as_float(value: Any) -> Any:
    if type(value) is Recorded and value.dtype is value.recorder.dtype or type(value) in (int, bool):
        return value
    if isinstance(value, TENSORS):
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
        return state.recorder.arithmetic(_DIV, *_as_floats(a, b))
    if rounding_mode == "floor":
        return state.recorder.arithmetic(CODES["floordiv"], a, b)
    return refuse("division towards zero is left to torch")


@registered("remainder")
def remainder(a: Any, b: Any) -> Any:
    if _is_real(a) or _is_real(b):
        refuse("a remainder of floats is left to torch")
    return sub(a, multiply(b, div(a, b, rounding_mode="floor")))


registered("__rtruediv__ __rdiv__")(_reflected(div))


@registered("reciprocal")
def reciprocal(x: Any) -> Any:
    return div(1, x)


@registered("square")
def square(x: Any) -> Any:
    return multiply(x, x)


@registered("float_power")
def float_power(a: Any, b: Any) -> Any:
    return power(*(to(lifted(x), torch.float64) if isinstance(x, TENSORS) else x for x in (a, b)))


@registered("pow __pow__")
def power(a: Any, b: Any) -> Any:
    if type(b) in (int, float, bool) and b == 2:
        return square(a)
    if type(b) in (int, float) and b == 1:
        return state.recorder.arithmetic(_MUL, a, 1)
    if not (_is_real(a) or _is_real(b)):
        refuse("a power of integers is left to torch")
    return state.recorder.arithmetic(_POW, a, b)


registered("__rpow__")(_reflected(power))


@registered("detach")
def detach(x: Any) -> Any:
    if not x.dtype.is_floating_point:
        return x
    return x.recorder.detach(x)


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
    return where(comparison("le")(x, 0), 0, x)  # NaN stays


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

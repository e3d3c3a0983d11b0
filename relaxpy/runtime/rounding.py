"""Rounding, floor division and remainders of soft values: expected staircases.

The distribution of a rounded number is built in staircases.py; its expectation is the staircase. Soft integers are rounded
already: functions of theirs map their support, exactly.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import arrays, integermaps, integers, ops, scopes
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.staircases import Certain, Edge, Staircase
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.through import straight
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth, arithmetic, operand


def _floor_edge(k: Tensor) -> Tensor:
    return k


def _ceil_edge(k: Tensor) -> Tensor:
    return k - 1


def _trunc_edge(k: Tensor) -> Tensor:
    return torch.where(k > 0, k, k - 1)


def _round_edge(k: Tensor) -> Tensor:
    return k - 0.5


def rounded(value: Any, edge: Edge, function: Callable[[Tensor], Tensor], name: str) -> Any:
    """A soft value rounded: a soft integer of a scalar, expectations of an array. ``function``: what hard mode does."""
    if isinstance(value, SoftTruth):
        return integers.of_truth(value)
    if isinstance(value, SoftInteger):
        return value
    if isinstance(value, SoftNumber):
        return _integer(value, function(value.lanes.detach()), lambda: Staircase(value.lanes, edge))
    if isinstance(value, SoftArray):
        tensor = value.tensor()
        if value.element != arrays.NUMBER:
            return value
        return SoftArray(_of_mode(function(tensor.detach()), lambda: Staircase(tensor, edge).mean()))
    raise SoftValueError(f"`{name}` of a {value.kind}", remedy="round its elements one by one")


def _integer(value: SoftNumber, hard: Tensor, stairs: Callable[[], Staircase]) -> Any:
    """A rounded scalar as the mode has it; ``hard``: what Python gives."""
    mode = state.options.mode
    if mode == "soft":
        made = stairs()
        return SoftInteger(_unrounded(value, made.mean()), made.node())
    hard = _unrounded(value, torch.where(torch.isfinite(hard), hard, torch.zeros_like(hard)))
    if mode == "hard":
        if state.lanes is None and ops.concrete(hard).numel() == 1:
            return int(ops.concrete(hard))
        return integers.from_lanes(hard.long(), hard.dtype)
    made = stairs()
    return SoftInteger(straight(hard, made.mean()), Certain(made.node(), hard))


def _of_mode(hard: Tensor, soft: Callable[[], Tensor]) -> Tensor:
    mode = state.options.mode
    if mode == "soft":
        return soft()
    return hard if mode == "hard" else straight(hard, soft())


def _unrounded(value: SoftNumber, mean: Tensor) -> Tensor:
    """Infinities, which Python refuses to round, stay what they are in lanes that are alive."""
    if value.finite:
        return mean
    dead = scopes.dead_lanes() if state.scopes else None
    if dead is not None:
        mean = torch.where(dead, mean.detach(), mean)
    infinite = ~torch.isfinite(value.lanes)
    if dead is not None:
        infinite = infinite & ~dead
    if bool(ops.concrete(infinite).any()):
        raise OverflowError("cannot convert float infinity or NaN to integer")
    return mean


def floor(value: Any) -> Any:
    """`math.floor(x)`: P(k) = F(beta (k + 1 - x)) - F(beta (k - x)); exact."""
    return rounded(value, _floor_edge, torch.floor, "floor")


def ceil(value: Any) -> Any:
    """`math.ceil(x)`: P(k) = F(beta (k - x)) - F(beta (k - 1 - x)); exact."""
    return rounded(value, _ceil_edge, torch.ceil, "ceil")


def trunc(value: Any) -> Any:
    """`int(x)`, `math.trunc(x)`: towards zero, so that 0 has the whole of (-1, 1); exact."""
    return rounded(value, _trunc_edge, torch.trunc, "trunc")


def round(value: Any, digits: int | None = None) -> Any:
    """`round(x)`: P(k) = F(beta (k + 1/2 - x)) - F(beta (k - 1/2 - x)); with digits, the expectation, a soft number. Exact."""
    if digits is None:
        return rounded(value, _round_edge, torch.round, "round")
    digits = operator.index(digits)
    if isinstance(value, (SoftTruth, SoftInteger)):
        return value if digits >= 0 else integermaps.mapped(lambda k: builtins.round(k, digits), value)
    lanes = value.tensor() if isinstance(value, SoftArray) else value.lanes
    unit = 10.0**-digits
    mean = _of_mode(
        _rounded_to(lanes, digits), lambda: Staircase(lanes / unit, _round_edge, unit).mean() * unit
    )
    return SoftArray(mean) if isinstance(value, SoftArray) else SoftNumber(_unrounded(value, mean), value.finite)


def _rounded_to(lanes: Tensor, digits: int) -> Tensor:
    """What Python's `round` gives, which looks at the decimal digits."""
    values = ops.concrete(lanes)
    known = [builtins.round(each, digits) for each in values.flatten().tolist()]
    return torch.tensor(known, dtype=lanes.dtype, device=lanes.device).reshape(values.shape)


def floordiv(a: Any, b: Any) -> Any:
    """`a // b`: the k with k b <= a < (k + 1) b, the comparisons perturbed: P(a // b >= k) = P(a >= k b) for b > 0; exact."""
    if integers.is_integer(a) and integers.is_integer(b):
        return integermaps.mapped(operator.floordiv, a, b)
    if isinstance(a, SoftArray) or isinstance(b, SoftArray) or arrays.is_array(a) or arrays.is_array(b):
        return _array_floordiv(a, b)
    if isinstance(a, (SoftInteger, SoftTruth)) and type(b) is float:
        return integermaps.mapped(lambda k: int(k // b), a)
    x, y = operand(a), operand(b)
    if x is None or y is None:
        return NotImplemented
    if not isinstance(y[0], TENSORS) and y[0] == 0:
        raise ZeroDivisionError("float floor division by zero")
    quotient = a / b if isinstance(a, Soft) else arithmetic(operator.truediv, b, a, reflected=True, singular=True)
    step = b.lanes.abs() if isinstance(b, SoftScalar) else abs(y[0])
    hard = torch.div(*scopes.guarded(*_tensors(x[0], y[0])), rounding_mode="floor").detach()
    return _integer(quotient, hard, lambda: Staircase(quotient.lanes, _floor_edge, _live_step(step)))


def _tensors(x: ops.Operand, y: ops.Operand) -> tuple[Tensor, Tensor]:
    like = ops.first_tensor(x, y)
    assert like is not None
    return ops.lift(x, like), ops.lift(y, like)


def mod(a: Any, b: Any) -> Any:
    """`a % b`: a - b (a // b), in expectation; of soft integers with an int a soft integer. Exact."""
    if integers.is_integer(a) and integers.is_integer(b):
        return integermaps.mapped(operator.mod, a, b)
    if isinstance(a, (SoftInteger, SoftTruth)) and type(b) is float:
        return integermaps.expectation(lambda k: k % b, a)
    quotient = floordiv(a, b)
    return NotImplemented if quotient is NotImplemented else _remainder(a, b, quotient)


def _remainder(a: Any, b: Any, quotient: Any) -> Any:
    """a - b (a // b); in the other modes the value is Python's `%`, which does not round twice."""
    soft = a - b * _real(quotient)
    if state.options.mode == "soft" or not isinstance(soft, (SoftNumber, SoftArray)):
        return soft
    x, y = arrays.array_operand(a), arrays.array_operand(b)
    if x is None or y is None:
        return soft
    dividend, divisor = map(torch.as_tensor, scopes.guarded(*_tensors(x, y)))
    hard = torch.remainder(dividend, divisor).detach()
    if isinstance(soft, SoftArray):
        return SoftArray(straight(hard, soft.tensor()))
    return SoftNumber(straight(hard, soft.lanes), soft.finite)


def divmod(a: Any, b: Any) -> Any:
    """`divmod(a, b)`, see floordiv and mod."""
    quotient = floordiv(a, b)
    if quotient is NotImplemented:
        return NotImplemented
    if integers.is_integer(a) and integers.is_integer(b) or isinstance(a, (SoftInteger, SoftTruth)):
        return quotient, mod(a, b)
    return quotient, _remainder(a, b, quotient)


def _real(value: Any) -> Any:
    return SoftNumber(value.lanes, True) if isinstance(value, SoftInteger) else value


def _live_step(step: Any) -> Any:
    """Where a divisor is 0 the path must be dead (the quotient is not finite); any step does."""
    if not isinstance(step, TENSORS):
        return step
    (step,) = scopes.guarded(step)
    return torch.where(step > 0, step, torch.ones_like(step))


def _array_floordiv(a: Any, b: Any) -> Any:
    x, y = arrays.array_operand(a), arrays.array_operand(b)
    if x is None or y is None:
        return NotImplemented
    quotient = arrays.array_arithmetic(operator.truediv, a, b, singular=True).tensor()
    hard = torch.div(*scopes.guarded(*_tensors(x, y)), rounding_mode="floor").detach()
    return SoftArray(_of_mode(hard, lambda: Staircase(quotient, _floor_edge, _live_step(abs(y))).mean()))

"""Soft numbers and soft truths: scalars whose every lane is a real number or a probability (SEMANTICS, section 2)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import ops, scopes
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.operators import Operators
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state

compare: Any = LazyModule("relaxpy.runtime.softcompare")
integers: Any = LazyModule("relaxpy.runtime.integers")
arrays: Any = LazyModule("relaxpy.runtime.arrays")
rounding: Any = LazyModule("relaxpy.runtime.rounding")
torchcalls: Any = LazyModule("relaxpy.runtime.torchcalls")

Operation = Callable[[Any, Any], Any]
EXACT_LIMIT = 2**63


class SoftScalar(Operators):
    """One real value per lane, ``lanes``; ``finite`` says that it is known to be finite in all of them."""

    __slots__ = ("lanes", "finite")
    lanes: Tensor
    finite: bool

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return torchcalls.call(function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        return torchcalls.attribute(self, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown(self.lanes)})"

    def __format__(self, spec: str) -> str:
        values = ops.concrete(self.lanes)
        if values.dim() == 0:
            return format(values.item(), spec) if spec else repr(self)
        return "[" + ", ".join(format(value, spec) for value in values.tolist()) + "]" if spec else repr(self)

    def __copy__(self) -> SoftScalar:
        return self

    def __deepcopy__(self, memo: Any) -> SoftScalar:
        return self

    def __reduce__(self) -> Any:
        self._refuse("a pickled object", "return it from the relaxed function first")

    def __add__(self, other: Any) -> Any:
        return arithmetic(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return arithmetic(operator.add, self, other, reflected=True)

    def __sub__(self, other: Any) -> Any:
        return arithmetic(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return arithmetic(operator.sub, self, other, reflected=True)

    def __mul__(self, other: Any) -> Any:
        return arithmetic(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return arithmetic(operator.mul, self, other, reflected=True)

    def __truediv__(self, other: Any) -> Any:
        if other.__class__ in (int, float, bool) and other == 0:
            raise ZeroDivisionError("float division by zero")
        return arithmetic(operator.truediv, self, other, singular=isinstance(other, (Soft, TENSORS)))

    def __rtruediv__(self, other: Any) -> Any:
        return arithmetic(operator.truediv, self, other, reflected=True, singular=True)

    def __pow__(self, other: Any) -> Any:
        harmless = other.__class__ in (int, bool) and other >= 0
        return arithmetic(operator.pow, self, other, singular=not harmless)

    def __rpow__(self, other: Any) -> Any:
        return arithmetic(operator.pow, self, other, reflected=True, singular=True)

    def __divmod__(self, other: Any) -> Any:
        return rounding.divmod(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return rounding.divmod(other, self)

    def __floor__(self) -> Any:
        return rounding.floor(self)

    def __ceil__(self) -> Any:
        return rounding.ceil(self)

    def __trunc__(self) -> Any:
        return rounding.trunc(self)

    def __neg__(self) -> Any:
        return SoftNumber(-self.lanes, self.finite)

    def __pos__(self) -> Any:
        return SoftNumber(+self.lanes, self.finite)

    def __abs__(self) -> Any:
        return SoftNumber(abs(self.lanes), self.finite)


class SoftNumber(SoftScalar):
    """A real scalar; immutable. ``lanes`` has shape () or (L,)."""

    __slots__ = ("mixed",)
    kind = "soft number"
    mixed: bool  # an int on one side of a soft condition and a float on the other; not set on others

    def __init__(self, lanes: Tensor, finite: bool) -> None:
        self.lanes = lanes
        self.finite = finite

    # the two commonest cases of arithmetic() in one step
    def __add__(self, other: Any) -> Any:
        if type(other) is SoftNumber and self.finite and other.finite:
            return SoftNumber(self.lanes + other.lanes, True)
        return arithmetic(operator.add, self, other)

    def __sub__(self, other: Any) -> Any:
        if type(other) is SoftNumber and self.finite and other.finite:
            return SoftNumber(self.lanes - other.lanes, True)
        return arithmetic(operator.sub, self, other)

    def __mul__(self, other: Any) -> Any:
        if type(other) is SoftNumber and self.finite and other.finite:
            return SoftNumber(self.lanes * other.lanes, True)
        return arithmetic(operator.mul, self, other)


class SoftTruth(SoftScalar):
    """A bool that is true with probability ``lanes``; 0 or 1 with that expectation in arithmetic."""

    __slots__ = ("chance", "about")
    kind = "soft truth"
    chance: Tensor | None  # in straight-through mode: the probability, where lanes are 0 or 1
    about: Any  # of `k in d`: whose existence it is; not set on others (see presence.py)

    def __init__(self, lanes: Tensor, chance: Tensor | None = None) -> None:
        self.lanes = lanes
        self.finite = True
        self.chance = chance

    def __add__(self, other: Any) -> Any:
        if integers.is_integer(other):
            return integers.of_truth(self) + other
        return arithmetic(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        if integers.is_integer(other):
            return other + integers.of_truth(self)
        return arithmetic(operator.add, self, other, reflected=True)

    def __sub__(self, other: Any) -> Any:
        if integers.is_integer(other):
            return integers.of_truth(self) - other
        return arithmetic(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        if integers.is_integer(other):
            return other - integers.of_truth(self)
        return arithmetic(operator.sub, self, other, reflected=True)

    def __mul__(self, other: Any) -> Any:
        if integers.is_integer(other):
            return integers.of_truth(self) * other
        return arithmetic(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.__mul__(other)

    def __neg__(self) -> Any:
        return -integers.of_truth(self)

    def __pos__(self) -> Any:
        return integers.of_truth(self)

    def __abs__(self) -> Any:
        return integers.of_truth(self)

    def __and__(self, other: Any) -> Any:
        return compare.both(self, other)

    def __or__(self, other: Any) -> Any:
        return compare.either(self, other)

    def __xor__(self, other: Any) -> Any:
        return compare.unequal(self, other)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__


def shown(lanes: Tensor) -> str:
    values = ops.concrete(lanes)
    return f"{values.item():.6g}" if values.dim() == 0 else f"{values.numel()} lanes: {values.tolist()!r:.60}"


def operand(value: Any) -> tuple[ops.Operand, bool] | None:
    """(what torch arithmetic takes, known to be finite) of a scalar; None for anything else."""
    if isinstance(value, SoftScalar):
        return value.lanes, value.finite
    kind = type(value)
    if kind is float:
        return value, ops.is_finite_number(value)
    if kind is bool:
        return int(value), True
    if kind is int:
        return (value, True) if -EXACT_LIMIT < value < EXACT_LIMIT else (float(value), True)
    if isinstance(value, TENSORS) and value.dim() == 0:
        return value, not value.is_floating_point() or ops.all_finite(value)
    if isinstance(value, (int, float)):
        return float(value), ops.is_finite_number(value)
    return _foreign_number(value)


def _foreign_number(value: Any) -> tuple[ops.Operand, bool] | None:
    """Numbers of other libraries: fractions, decimals, numpy scalars."""
    kind = type(value)
    if isinstance(value, (Soft, TENSORS)) or not hasattr(kind, "__float__") or getattr(value, "shape", ()) != ():
        return None
    return operand(float(value))


def arithmetic(operation: Operation, a: SoftScalar, b: Any, reflected: bool = False, singular: bool = False) -> Any:
    """``a operation b`` on lanes. Where a result may be singular, dead lanes get harmless operands (SEMANTICS, 4)."""
    lifted = operand(b)
    if lifted is None:
        if isinstance(b, TENSORS):
            array = arrays.constant_array(b)
            return operation(array, a) if reflected else operation(a, array)
        return NotImplemented
    x: Any = a.lanes
    y, finite = lifted
    finite = a.finite and finite and not singular
    if not finite and state.scopes:
        x, y = scopes.guarded(x, y)
    result = operation(y, x) if reflected else operation(x, y)
    if not isinstance(result, TENSORS):
        result = torch.as_tensor(result)
    return SoftNumber(result, finite or ops.all_finite(result))


def truth_of(value: Any) -> SoftTruth:
    """A soft value as a condition: a number or an integer is ``x != 0`` (SEMANTICS, section 3).

    An array of one element is tested as that element, as torch does.
    """
    if type(value) is SoftTruth:
        return value
    if not isinstance(value, SoftScalar):
        shape = tuple(getattr(value, "shape", ()))
        if math.prod(shape) != 1 or not shape:
            raise SoftValueError(
                f"the truth of a {value.kind}{f' of shape {shape}' if shape else ''} is ambiguous",
                remedy="test one element, or use any(...) or all(...) of its elements",
            )
        while not isinstance(value, SoftScalar):
            value = value.rows()[0]
        return truth_of(value)
    result = compare.unequal(value, 0)
    if type(result) is SoftTruth:
        return result
    return SoftTruth(torch.as_tensor(float(result)))

"""torch functions on recorded tensors whose results are truths: comparisons, kinds of numbers, logic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch

from relaxpy.engine.instructions import CODES
from relaxpy.engine.recorded import Recorded, lifted, refuse
from relaxpy.engine.registering import Handler, registered
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state


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
    return comparison("eq")(state.recorder.arithmetic(CODES["abs"], x), math.inf)


def _logical(name: str, function: Callable[[Any, Any], Any]) -> Handler:
    def handler(a: Any, b: Any) -> Any:
        a, b = (lifted(x) if isinstance(x, TENSORS) else x for x in (a, b))
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

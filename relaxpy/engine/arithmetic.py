"""The instructions as functions of Python floats, by which expressions of constants are worked out while recording.

Only those whose value in float64 is, rounded, what the machine would compute in its own precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def _quotient(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


FLOATS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _quotient,
    "neg": lambda a: -a,
    "abs": lambda a: abs(a),
    "maximum": _maximum,
    "minimum": _minimum,
    "where": lambda c, a, b: a if c != 0 else b,
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "eq": lambda a, b: float(a == b),
    "ne": lambda a, b: float(a != b),
    "not": lambda a: float(a == 0),
    "and": lambda a, b: float(a != 0 and b != 0),
    "or": lambda a, b: float(a != 0 or b != 0),
    "isfinite": lambda a: float(math.isfinite(a)),
    "isnan": lambda a: float(a != a),
    "sign": lambda a: float(a > 0) - float(a < 0),
    "detach": lambda a: a,
}

"""The instruction set of the engine: one line an instruction, forward and reverse side by side.

A rule is written over ``m``, the mathematics of whoever runs it: vectors of lanes in machine code (vectors.py), or torch tensors
when a program is replayed for higher derivatives (replay.py). ``forward(m, *operands)`` gives the value; ``reverse(m, g, y,
*operands)`` what the gradient ``g`` of the value ``y`` adds to the gradient of each operand (None: nothing). Truths are rows of
0.0 and 1.0. Derivatives are torch's, also where a function has a kink or a pole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One instruction; ``reverse`` is None where no gradient passes."""

    name: str
    forward: Callable[..., Any]
    reverse: Callable[..., tuple[Any, ...]] | None = None

    @property
    def arity(self) -> int:
        return self.forward.__code__.co_argcount - 1


def _half_where_equal(m: Any, g: Any, a: Any, b: Any) -> Any:
    return m.select(m.eq(a, b), g * 0.5, g)


def _pow_reverse(m: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    base = m.select(m.eq(b, 0.0), 0.0, g * b * m.pow(a, b - 1.0))
    flat = m.both(m.eq(a, 0.0), m.le(0.0, b))
    return base, m.select(flat, 0.0, g * (y * m.log(a)))


def _lerp(m: Any, a: Any, b: Any, w: Any) -> Any:
    near = m.lt(m.abs(w), 0.5)
    return m.fused(m.select(near, w, w - 1.0), b - a, m.select(near, a, b))


def _ramp_reverse(m: Any, g: Any, y: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    slope = g * (1.0 - y) * y
    side = slope * c
    return side, -side, slope * (a - b)


def _logsigmoid(m: Any, a: Any) -> Any:
    return m.minimum(a, 0.0) - m.log1p(m.exp(-m.abs(a)))


def _logaddexp(m: Any, a: Any, b: Any) -> Any:
    return m.select(m.eq(a, b), a + math.log(2.0), m.maximum(a, b) + m.log1p(m.exp(-m.abs(a - b))))


def _floordiv(m: Any, a: Any, b: Any) -> Any:
    """The greatest integer whose product with b is not beyond a: a quotient may have been rounded up to it, or beyond."""
    quotient = a / b
    whole = m.floor(quotient)
    left = m.fused(-whole, b, a)
    along = m.select(m.lt(b, 0.0), -left, left)
    exact = m.select(m.lt(along, 0.0), whole - 1.0, m.select(m.le(m.abs(b), along), whole + 1.0, whole))
    infinite = m.select(m.lt(a * b, 0.0), -1.0, quotient)
    of_finite = m.select(m.lt(m.abs(quotient), math.inf), m.select(m.lt(m.abs(b), math.inf), exact, infinite), quotient)
    return m.select(m.either(m.lt(m.abs(a), math.inf), m.eq(b, 0.0)), of_finite, math.nan)


def _atan2_reverse(m: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    square = a * a + b * b
    share = m.select(m.eq(square, 0.0), 0.0, g / square)
    return share * b, -(share * a)


RULES = (
    Rule("add", lambda m, a, b: a + b, lambda m, g, y, a, b: (g, g)),
    Rule("sub", lambda m, a, b: a - b, lambda m, g, y, a, b: (g, -g)),
    Rule("mul", lambda m, a, b: a * b, lambda m, g, y, a, b: (g * b, g * a)),
    Rule("div", lambda m, a, b: a / b, lambda m, g, y, a, b: (g / b, -g * (y / b))),
    Rule("neg", lambda m, a: -a, lambda m, g, y, a: (-g,)),
    Rule("abs", lambda m, a: m.abs(a), lambda m, g, y, a: (g * m.sign(a),)),
    Rule("sqrt", lambda m, a: m.sqrt(a), lambda m, g, y, a: (g / (y * 2.0),)),
    Rule("rsqrt", lambda m, a: 1.0 / m.sqrt(a), lambda m, g, y, a: (g * -0.5 * y * y * y,)),
    Rule("exp", lambda m, a: m.exp(a), lambda m, g, y, a: (g * y,)),
    Rule("expm1", lambda m, a: m.expm1(a), lambda m, g, y, a: (g * (y + 1.0),)),
    Rule("log", lambda m, a: m.log(a), lambda m, g, y, a: (g / a,)),
    Rule("log1p", lambda m, a: m.log1p(a), lambda m, g, y, a: (g / (a + 1.0),)),
    Rule("sigmoid", lambda m, a: m.sigmoid(a), lambda m, g, y, a: (g * (1.0 - y) * y,)),
    Rule("ramp", lambda m, a, b, c: m.sigmoid((a - b) * c), _ramp_reverse),
    Rule("logsigmoid", _logsigmoid, lambda m, g, y, a: (g * m.sigmoid(-a),)),
    Rule(
        "logaddexp",
        _logaddexp,
        lambda m, g, y, a, b: (g / (m.exp(b - a) + 1.0), g / (m.exp(a - b) + 1.0)),
    ),
    Rule("tanh", lambda m, a: m.tanh(a), lambda m, g, y, a: (g * (1.0 - y * y),)),
    Rule("sin", lambda m, a: m.sin(a), lambda m, g, y, a: (g * m.cos(a),)),
    Rule("cos", lambda m, a: m.cos(a), lambda m, g, y, a: (-g * m.sin(a),)),
    Rule("tan", lambda m, a: m.tan(a), lambda m, g, y, a: (g * (y * y + 1.0),)),
    Rule("asin", lambda m, a: m.asin(a), lambda m, g, y, a: (g / m.sqrt(1.0 - a * a),)),
    Rule("acos", lambda m, a: m.acos(a), lambda m, g, y, a: (-g / m.sqrt(1.0 - a * a),)),
    Rule("atan", lambda m, a: m.atan(a), lambda m, g, y, a: (g / (a * a + 1.0),)),
    Rule("sinh", lambda m, a: m.sinh(a), lambda m, g, y, a: (g * m.cosh(a),)),
    Rule("cosh", lambda m, a: m.cosh(a), lambda m, g, y, a: (g * m.sinh(a),)),
    Rule("asinh", lambda m, a: m.asinh(a), lambda m, g, y, a: (g / m.sqrt(a * a + 1.0),)),
    Rule("acosh", lambda m, a: m.acosh(a), lambda m, g, y, a: (g / m.sqrt(a * a - 1.0),)),
    Rule("atanh", lambda m, a: m.atanh(a), lambda m, g, y, a: (g / (1.0 - a * a),)),
    Rule("erf", lambda m, a: m.erf(a), lambda m, g, y, a: (g * m.exp(-(a * a)) * (2 / math.sqrt(math.pi)),)),
    Rule("erfc", lambda m, a: m.erfc(a), lambda m, g, y, a: (g * m.exp(-(a * a)) * (-2 / math.sqrt(math.pi)),)),
    Rule("pow", lambda m, a, b: m.pow(a, b), _pow_reverse),
    Rule("hypot", lambda m, a, b: m.hypot(a, b), lambda m, g, y, a, b: (g * (a / y), g * (b / y))),
    Rule("atan2", lambda m, a, b: m.atan2(a, b), _atan2_reverse),
    Rule(
        "maximum",
        lambda m, a, b: m.maximum(a, b),
        lambda m, g, y, a, b: (
            m.select(m.lt(a, b), 0.0, _half_where_equal(m, g, a, b)),
            m.select(m.lt(b, a), 0.0, _half_where_equal(m, g, a, b)),
        ),
    ),
    Rule(
        "minimum",
        lambda m, a, b: m.minimum(a, b),
        lambda m, g, y, a, b: (
            m.select(m.lt(b, a), 0.0, _half_where_equal(m, g, a, b)),
            m.select(m.lt(a, b), 0.0, _half_where_equal(m, g, a, b)),
        ),
    ),
    Rule(
        "clamp",
        lambda m, a, low, high: m.select(m.lt(a, low), low, m.select(m.lt(high, a), high, a)),
        lambda m, g, y, a, low, high: (m.select(m.both(m.le(low, a), m.le(a, high)), g, 0.0), None, None),
    ),
    Rule("lerp", _lerp, lambda m, g, y, a, b, w: (g * (1.0 - w), g * w, g * (b - a))),
    Rule(
        "where",
        lambda m, c, a, b: m.select(m.ne(c, 0.0), a, b),
        lambda m, g, y, c, a, b: (None, m.select(m.ne(c, 0.0), g, 0.0), m.select(m.ne(c, 0.0), 0.0, g)),
    ),
    Rule("lt", lambda m, a, b: m.truth(m.lt(a, b))),
    Rule("le", lambda m, a, b: m.truth(m.le(a, b))),
    Rule("eq", lambda m, a, b: m.truth(m.eq(a, b))),
    Rule("ne", lambda m, a, b: m.truth(m.ne(a, b))),
    Rule("not", lambda m, a: m.truth(m.eq(a, 0.0))),
    Rule("and", lambda m, a, b: m.truth(m.both(m.ne(a, 0.0), m.ne(b, 0.0)))),
    Rule("or", lambda m, a, b: m.truth(m.either(m.ne(a, 0.0), m.ne(b, 0.0)))),
    Rule("isfinite", lambda m, a: m.truth(m.lt(m.abs(a), math.inf))),
    Rule("isnan", lambda m, a: m.truth(m.ne(a, a))),
    Rule("sign", lambda m, a: m.sign(a)),
    Rule("floor", lambda m, a: m.floor(a)),
    Rule("ceil", lambda m, a: m.ceil(a)),
    Rule("trunc", lambda m, a: m.trunc(a)),
    Rule("round", lambda m, a: m.round(a)),
    Rule("floordiv", _floordiv),
    Rule("detach", lambda m, a: m.detach(a)),
)

# Instructions over a list of operands: the words a and b are its offset and length. That of a softmax, and of the means of
# operands by their own softmax or softmin (the Boltzmann operator), is scaled by the row c, a constant.
SUM, DOT, SOFTMAX, SOFTMAX_MEAN, SOFTMIN_MEAN = "sum", "dot", "softmax", "softmax_mean", "softmin_mean"
LISTS = (SUM, DOT, SOFTMAX, SOFTMAX_MEAN, SOFTMIN_MEAN)
LONGEST_LIST = 32  # of a mean, and terms that are added up one after the other
# Ends a call: some lane is not as it was when the program was recorded.
CHECK = "check"

NAMES = (*(rule.name for rule in RULES), *LISTS, CHECK)
CODES = {name: code for code, name in enumerate(NAMES)}
BY_NAME = {rule.name: rule for rule in RULES}

# A row of memory is named by its space and its number therein. A gradient is stored, not added, where a name has the bit FRESH.
SPACE_SHIFT = 28
FRESH = 1 << 27
LOCAL, SAVED, UNIFORM, CONSTANT = range(4)
WORDS = 5  # of an instruction: code, destination, three operands

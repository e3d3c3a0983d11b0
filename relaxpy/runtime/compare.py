"""Comparisons as rewritten code calls them: plain values compare as Python does, at the price of two type tests."""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import FunctionType
from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import met
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import calls, state

callees: Any = LazyModule("relaxpy.runtime.callees")
classes: Any = LazyModule("relaxpy.runtime.classes")
doubts: Any = LazyModule("relaxpy.runtime.doubts")
sequences: Any = LazyModule("relaxpy.runtime.sequences")
softcompare: Any = LazyModule("relaxpy.runtime.softcompare")

PLAIN = frozenset({int, float, bool, str, bytes, type(None)})


def lt(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a < b
    return _compare(operator.lt, a, b)


def le(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a <= b
    return _compare(operator.le, a, b)


def gt(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a > b
    return _compare(operator.gt, a, b)


def ge(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a >= b
    return _compare(operator.ge, a, b)


def eq(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a == b
    return _compare(operator.eq, a, b)


def ne(a: Any, b: Any) -> Any:
    if type(a) in PLAIN and type(b) in PLAIN:
        return a != b
    return _compare(operator.ne, a, b)


def _compare(comparison: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if isinstance(a, Soft) or isinstance(b, Soft):
        return comparison(a, b)
    a, b = met(a), met(b)
    if calls:
        classes.meet(type(a))
        classes.meet(type(b))
        if state.presences:
            doubts.check_given((a, b))
        return sequences.element(comparison, a, b)
    return comparison(a, b)


def in_(value: Any, container: Any) -> Any:
    """`value in container`"""
    if calls:
        return _contains(met(value), container)
    return value in container


def _contains(value: Any, container: Any) -> Any:
    own = getattr(type(container), "__contains__", None)
    if type(own) is FunctionType and callees.is_user_function(own):
        # Python would ask for the truth of what it says
        return classes.asked(callees.callee(own)(container, value))
    return sequences.contains(value, container)


def not_in(value: Any, container: Any) -> Any:
    """`value not in container`"""
    if calls:
        found = _contains(met(value), container)
        return softcompare.negation(found) if isinstance(found, Soft) else not found
    return value not in container

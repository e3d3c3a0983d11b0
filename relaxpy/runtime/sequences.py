"""Lists and tuples that hold soft values: lexicographic comparison and membership (SEMANTICS, sections 2 and 3)."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, KeysView, ValuesView
from typing import Any

from relaxpy.runtime import expressions, presence
from relaxpy.runtime.advancing import spent
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.compare import PLAIN
from relaxpy.runtime.containers import DictContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.records import compared_fields, is_record
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth

membership: Any = LazyModule("relaxpy.runtime.softbuiltins.membership")

_ITERATED = (dict, set, frozenset, range, deque, KeysView, ValuesView)
_STRICT = {operator.lt: operator.lt, operator.le: operator.lt, operator.gt: operator.gt, operator.ge: operator.gt}


def holds_soft(value: Any) -> bool:
    """Does a value, or a list or tuple of it, hold something soft?"""
    if type(value) in PLAIN:
        return False
    if isinstance(value, (list, tuple)):
        return any(map(holds_soft, value))
    return isinstance(value, Soft)


def concerned(value: Any) -> bool:
    """Is it compared by the rules for soft values: does it hold one, or a dataclass, which may hold one?"""
    if isinstance(value, (list, tuple)):
        return any(map(concerned, value))
    return isinstance(value, Soft) or is_record(value)


def compare(comparison: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Lists with lists, tuples with tuples, lexicographically by the rules for their elements."""
    if isinstance(a, list) != isinstance(b, list) or not concerned(a) and not concerned(b):
        return comparison(a, b)
    if comparison is operator.eq:
        return equal(a, b)
    if comparison is operator.ne:
        return expressions.not_(equal(a, b))
    result: Any = comparison(len(a), len(b))
    pairs = []
    for x, y in zip(a, b):
        alike = _alike(x, y)
        certain = not isinstance(alike, Soft)
        if not certain or not alike:
            pairs.append((x, y, alike))
            if certain:  # as in Python, nothing behind it is asked
                break
    for x, y, alike in reversed(pairs):
        result = either(element(_STRICT[comparison], x, y), both(alike, result))
    return result


def element(comparison: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    if isinstance(x, (list, tuple)) and isinstance(y, (list, tuple)):
        return compare(comparison, x, y)
    if is_record(x):
        fields = compared_fields(comparison, x, y)
        if fields is not None:
            return compare(comparison, *fields)
    return comparison(x, y)


def equal(a: Any, b: Any) -> Any:
    if len(a) != len(b):
        return False
    result: Any = True
    for x, y in zip(a, b):
        result = both(result, _alike(x, y))
        if result is False:
            break
    return result


def _alike(x: Any, y: Any) -> Any:
    return x is y and not isinstance(x, Soft) or element(operator.eq, x, y)


def both(p: Any, q: Any) -> Any:
    """The conjunction of truths, plain or soft, without short circuit."""
    if not isinstance(p, SoftTruth):
        return q if p else False
    return p & q if isinstance(q, Soft) else p & bool(q)


def either(p: Any, q: Any) -> Any:
    """The disjunction of truths; the cases of a lexicographic order exclude each other only approximately."""
    if not isinstance(p, SoftTruth):
        return True if p else q
    return p | q if isinstance(q, Soft) else p | bool(q)


def contains(value: Any, container: Any) -> Any:
    """`value in container`: whether any element equals it, in Python's order and with its short circuit."""
    if isinstance(container, (SoftArray, list, tuple)):
        if isinstance(value, Soft) or isinstance(container, SoftArray) or concerned(value) or concerned(container):
            found: Any = False
            for item in container:
                found = either(
                    found, element(operator.eq, value, item) if item is not value or isinstance(value, Soft) else True
                )
            return found
    if hasattr(type(container), "__next__"):
        spent(container)
    if isinstance(value, Soft) and isinstance(container, _ITERATED):
        return membership.inside(value, container)
    if isinstance(container, dict) and state.presences:
        exists = presence.of(DictContainer(container), value)
        return value in container if exists is None else exists
    return value in container

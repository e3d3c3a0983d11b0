"""The functions of `operator` that decide or index, as rewritten code does them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from relaxpy.runtime import compare, expressions, index, stores
from relaxpy.runtime.softbuiltins import conversions


def _setitem(container: Any, place: Any, value: Any, /) -> None:
    stores.store(value, container, place)


def _contains(container: Any, value: Any, /) -> Any:
    return compare.in_(value, container)


def table() -> dict[Any, Callable[..., Any]]:
    """What is called instead of functions of `operator`."""
    return {
        operator.lt: compare.lt,
        operator.le: compare.le,
        operator.gt: compare.gt,
        operator.ge: compare.ge,
        operator.eq: compare.eq,
        operator.ne: compare.ne,
        operator.not_: expressions.not_,
        operator.truth: conversions.bool_,
        operator.abs: conversions.absolute,
        operator.getitem: index.load,
        operator.setitem: _setitem,
        operator.delitem: stores.delete,
        operator.contains: _contains,
    }

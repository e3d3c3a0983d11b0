"""Builtins that decide, on soft values (SEMANTICS, section 7): the table of what is called instead.

Plain values always reach the builtin itself, so that results, exceptions and messages are Python's own.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import sys
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.ranges import range_
from relaxpy.runtime.state import calls

advancing: Any = LazyModule("relaxpy.runtime.advancing")
membership: Any = LazyModule("relaxpy.runtime.softbuiltins.membership")
stores: Any = LazyModule("relaxpy.runtime.stores")
ordering: Any = LazyModule("relaxpy.runtime.softbuiltins.ordering")
softnumpy: Any = LazyModule("relaxpy.runtime.softnumpy")

_METHODS: dict[str, tuple[type, ...]] = {
    "index": (list, tuple),
    "count": (list, tuple),
    "sort": (list,),
    "get": (dict,),
}


def relaxed(function: Any) -> Any:
    """The relaxed version of a builtin, None if it needs none."""
    if not calls and "torch" not in sys.modules:
        return None
    try:
        found = (_known or _table()).get(function)
    except TypeError:  # a method of something unhashable
        return None
    if found is None and type(function) is BuiltinFunctionType:
        if function.__name__ in _METHODS:
            return _method(function)
        if function.__module__ == "numpy" and function.__name__ in ("array", "asarray"):
            return softnumpy.array(function)
    return found


def _method(function: Any) -> Any:
    """A method of a built-in container that compares."""
    owner = function.__self__
    if not isinstance(owner, _METHODS[function.__name__]):
        return None
    return functools.partial(_table()[getattr(_home(owner), function.__name__)], owner)


def _home(owner: Any) -> type:
    return next(kind for kind in (list, tuple, dict) if isinstance(owner, kind))


_known: dict[Any, Callable[..., Any]] = {}


def _table() -> dict[Any, Callable[..., Any]]:
    """The table, made when it is first needed: these modules import torch."""
    if not _known:
        _known.update(_made())
    return _known


def _made() -> dict[Any, Callable[..., Any]]:
    from relaxpy.runtime.softbuiltins import (
        attributes,
        conversions,
        extrema,
        iteration,
        kinds,
        mathematics,
        operators,
        totals,
    )

    return {
        builtins.range: range_,
        builtins.isinstance: kinds.is_instance,
        builtins.type: kinds.type_,
        builtins.setattr: attributes.set_,
        builtins.delattr: stores.delete_attr,
        builtins.next: advancing.next_,
        builtins.min: extrema.minimum,
        builtins.max: extrema.maximum,
        builtins.sum: totals.total,
        builtins.any: totals.any_,
        builtins.all: totals.all_,
        builtins.int: conversions.int_,
        builtins.float: conversions.float_,
        builtins.bool: conversions.bool_,
        builtins.complex: conversions.complex_,
        builtins.abs: conversions.absolute,
        builtins.round: conversions.round_,
        builtins.divmod: conversions.divmod_,
        builtins.pow: conversions.pow_,
        builtins.list: iteration.listed(list),
        builtins.tuple: iteration.listed(tuple),
        builtins.sorted: ordering.sorted_,
        builtins.map: iteration.first_relaxed(builtins.map),
        builtins.filter: iteration.first_relaxed(builtins.filter),
        functools.reduce: iteration.first_relaxed(functools.reduce),
        itertools.accumulate: iteration.second_relaxed(itertools.accumulate, "func"),
        itertools.groupby: iteration.second_relaxed(itertools.groupby, "key"),
        **{each: iteration.first_relaxed(each) for each in _TAKE_A_CALLBACK},
        list.sort: ordering.sort,
        list.index: membership.index,
        list.count: membership.count,
        tuple.index: membership.index,
        tuple.count: membership.count,
        dict.get: membership.get,
        **operators.table(),
        **mathematics.table(),
    }


_TAKE_A_CALLBACK: tuple[Any, ...] = (itertools.dropwhile, itertools.filterfalse, itertools.starmap, itertools.takewhile)

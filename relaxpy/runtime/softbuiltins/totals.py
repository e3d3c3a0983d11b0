"""`sum`, `any`, `all` and their kin in `math`, over iterables that hold soft values."""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterator
from typing import Any

import torch

from relaxpy.runtime import arrays, integers, ops
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.filters import Weighed
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.mixing import blended
from relaxpy.runtime.recipes import Sum
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins.seeing import seen
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftTruth, truth_of


def total(*args: Any, **kwargs: Any) -> Any:
    """`sum(xs, start)`: exact. Truths and soft integers add up to a soft integer, which knows how they are distributed."""
    if not 0 < len(args) < 3 or kwargs.keys() - {"start"} or len(args) == 2 and kwargs:
        return builtins.sum(*args, **kwargs)
    start = seen(args[1] if len(args) == 2 else kwargs.get("start", 0))
    given = seen(args[0])
    if isinstance(given, SoftArray) and len(given):
        return _of_array(given) if type(start) is int and start == 0 else _of_array(given) + start
    items = iter(given)
    soft: list[Any] = [start] if isinstance(start, Soft) else []

    def plain() -> Iterator[Any]:
        if soft:
            return
        for item in items:
            item = seen(item)
            if isinstance(item, Soft):
                soft.append(item)
                return
            yield item

    # Python's own sum adds the plain values up to the first soft one, with its own exceptions and its own rounding
    result = 0 if soft else builtins.sum(plain(), start)
    if not soft:
        return result
    return _added(result, [*soft, *map(seen, items)])


def _added(start: Any, items: list[Any]) -> Any:
    items = [_term(item) if isinstance(item, Weighed) else item for item in items]
    if len(items) > 2 and all(type(item) is SoftNumber and item.finite for item in items):
        lanes = torch.stack(torch.broadcast_tensors(*(item.lanes for item in items)))  # type: ignore[no-untyped-call]
        total_ = SoftNumber(lanes.sum(0), True)
        return total_ if type(start) is int and start == 0 else start + total_
    result = items[0] if type(start) is int and start == 0 and not isinstance(items[0], SoftTruth) else start + items[0]
    for item in items[1:]:
        result = result + item
    return result


def _term(item: Weighed) -> Any:
    """A term that counts with the probability of its filter."""
    value = _term(item.value) if isinstance(item.value, Weighed) else item.value
    nothing = SoftArray(torch.zeros_like(value.tensor())) if isinstance(value, SoftArray) else 0
    return blended(item.truth.lanes, value, nothing, "a term of a sum with a soft filter")


def _of_array(array: SoftArray) -> Any:
    tensor = array.tensor()
    if array.element == arrays.INTEGER:
        summed = tensor.sum(0)
        if summed.dim() > lane_axes():
            return SoftArray(summed, element=arrays.INTEGER)
        return integers.from_lanes(summed, torch.get_default_dtype())
    if tensor.dim() - lane_axes() > 1:
        return SoftArray(tensor.sum(0))
    if array.element == arrays.TRUTH:
        nodes = [integers.of_truth(row).node for row in array.rows()]
        node = nodes[0]
        for each in nodes[1:]:
            node = Sum(node, each, 1)
        return SoftInteger(tensor.sum(0), node)
    mean = tensor.sum(0)
    return SoftNumber(mean, ops.all_finite(mean))


def any_(*args: Any, **kwargs: Any) -> Any:
    """`any(xs)`: 1 - (1 - p1)(1 - p2)..., exact for independent truths; with another t-norm its conorm."""
    if len(args) != 1 or kwargs:
        return builtins.any(*args, **kwargs)
    return _decided(args[0], disjunction=True)


def all_(*args: Any, **kwargs: Any) -> Any:
    """`all(xs)`: p1 p2 ..., exact for independent truths; with another t-norm that t-norm."""
    if len(args) != 1 or kwargs:
        return builtins.all(*args, **kwargs)
    return _decided(args[0], disjunction=False)


def _decided(iterable: Any, disjunction: bool) -> Any:
    """`any` (disjunction) or `all` of what an iterable gives: a plain True, or False, decides and ends it."""
    found: Any = None
    for item in _truths(iterable, disjunction):
        if item is disjunction:
            return disjunction
        if isinstance(item, bool):
            continue
        if found is None:
            found = item
        else:
            found = found | item if disjunction else found & item
    return not disjunction if found is None else found


def _truths(iterable: Any, disjunction: bool) -> Iterator[Any]:
    """Soft truths, and the first plain element that decides, in Python's order."""
    given = seen(iterable)
    if isinstance(given, SoftArray) and _is_flat_truths(given):
        p = given.tensor()
        yield SoftTruth(1 - (1 - p).prod(0) if disjunction else p.prod(0))
        return
    filtered: list[Weighed] = []  # terms that one filter let through
    for item in given:
        item = seen(item)
        if filtered and not (isinstance(item, Weighed) and item.truth is filtered[0].truth):
            yield _weighed_truth(filtered, disjunction)
            filtered = []
        if isinstance(item, Weighed):
            filtered.append(item)
        elif isinstance(item, Soft):
            yield truth_of(item)
        elif bool(item) is disjunction:
            yield disjunction
    if filtered:
        yield _weighed_truth(filtered, disjunction)


def _weighed_truth(terms: list[Weighed], disjunction: bool) -> Any:
    """What the terms of a soft filter add: c and any(xs) to `any`, not c or all(xs) to `all`."""
    truth, holds = terms[0].truth, _decided([term.value for term in terms], disjunction)
    return truth & holds if disjunction else SoftTruth(1 - truth.lanes) | holds


def _is_flat_truths(array: SoftArray) -> bool:
    whole = array.whole()
    flat = whole is not None and whole.dim() - lane_axes() == 1 and len(array) > 0
    return flat and array.element == arrays.TRUTH and state.options.t_norm == "product"


def fsum(*args: Any, **kwargs: Any) -> Any:
    """`math.fsum(xs)`: the sum."""
    if len(args) != 1 or kwargs:
        return math.fsum(*args, **kwargs)
    items = [seen(item) for item in seen(args[0])]
    if not any(isinstance(item, Soft) for item in items):
        return math.fsum(items)
    return total(items, 0.0)


def prod(*args: Any, **kwargs: Any) -> Any:
    """`math.prod(xs)`: the product of expectations, exact for independent values."""
    if len(args) != 1 or kwargs.keys() - {"start"}:
        return math.prod(*args, **kwargs)
    items = [seen(item) for item in seen(args[0])]
    start = seen(kwargs.get("start", 1))
    if not isinstance(start, Soft) and not any(isinstance(item, Soft) for item in items):
        return math.prod(items, start=start)
    for item in items:
        start = start * item
    return start

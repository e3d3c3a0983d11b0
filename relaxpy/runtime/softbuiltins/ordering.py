"""`sorted` and `list.sort`: a relaxed sorting network.

Batcher's odd-even merge sort, any length, O(log^2 n) layers of compare-exchanges. Each is the expectation of
`if a > b: a, b = b, a` (paper Eq. 6), and paths merge after each (section 3): an approximation of the expectation of sorting
under noise, exact for two elements. Plain keys go to Python's own sort, which is stable.
"""

from __future__ import annotations

import builtins
import functools
import operator
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import decisions, integers, ops, perturbation
from relaxpy.runtime.callees import relaxed_callable
from relaxpy.runtime.containers import ListContainer
from relaxpy.runtime.sequences import element, holds_soft
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins.extrema import blended, mixture
from relaxpy.runtime.softbuiltins.seeing import seen
from relaxpy.runtime.stacking import stacked
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import restructuring
from relaxpy.runtime.through import straight
from relaxpy.runtime.values import SoftNumber, SoftTruth, operand, truth_of

Layer = tuple[list[int], list[int]]


@functools.lru_cache(maxsize=64)
def network(n: int) -> tuple[Layer, ...]:
    """Layers of compare-exchanges (i, j), i < j, that sort n elements."""
    layers: list[Layer] = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            pairs = [
                (i + j, i + j + k)
                for j in range(k % p, n - k, 2 * k)
                for i in range(min(k, n - j - k))
                if (i + j) // (2 * p) == (i + j + k) // (2 * p)
            ]
            layers.append(([i for i, _ in pairs], [j for _, j in pairs]))
            k //= 2
        p *= 2
    return tuple(layers)


def sorted_(*args: Any, **kwargs: Any) -> Any:
    """`sorted(xs, key=..., reverse=...)`; see the module."""
    if len(args) != 1 or not kwargs.keys() <= {"key", "reverse"}:
        return builtins.sorted(*args, **kwargs)
    return in_order([seen(item) for item in seen(args[0])], kwargs.get("key"), kwargs.get("reverse", False))


def sort(items: list[Any], *args: Any, **kwargs: Any) -> None:
    """`xs.sort(key=..., reverse=...)`, in place."""
    plain = not kwargs.get("key") and not any(holds_soft(seen(item)) for item in items)
    if args or not kwargs.keys() <= {"key", "reverse"} or plain:
        restructuring(ListContainer(items))
        items.sort(*args, **kwargs)
        return
    ordered = in_order([seen(item) for item in items], kwargs.get("key"), kwargs.get("reverse", False))
    restructuring(ListContainer(items))
    items[:] = ordered


def in_order(items: list[Any], key: Any, reverse: Any) -> list[Any]:
    """A sorted list of the items."""
    callback = relaxed_callable(key)
    keys = items if callback is None else [seen(callback(item)) for item in items]
    if not any(map(holds_soft, keys)):
        order = builtins.sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
        return [items[place] for place in order]
    descending = bool(reverse)
    if len(items) < 2:
        return list(items)
    if any(operand(value) is None for value in keys):
        return _compared(keys, items, descending)
    lanes = integers.certain_lanes(keys)
    if lanes is not None:
        places = torch.sort(lanes, dim=0, descending=descending, stable=True).indices
        return _rows(_one_hot_rows(places, torch.get_default_dtype()), items)
    if state.options.mode == "soft" and state.options.estimator != "merged":
        return _compared(keys, items, descending)
    values = stacked(list(keys))
    if state.options.mode == "hard":
        order_ = hard_order(values, descending)
        if state.lanes is None and ops.concrete(values).dim() == 1:
            return [items[place] for place in ops.concrete(order_).tolist()]
        if callback is not None:
            return _rows(_one_hot_rows(order_, values.dtype), items)
    if callback is None:
        ordered, _ = exchanged(values, descending, False)
        finite = ops.all_finite(ordered)
        return [SoftNumber(row, finite) for row in ordered.unbind(0)]
    _, rows = exchanged(values, descending, True)
    assert rows is not None
    return _rows(rows, items)


def _rows(rows: Tensor, items: list[Any]) -> list[Any]:
    """Each place's expectation of the items; rows: (place, item, *lanes)."""
    return [mixture(row, items) for row in rows.unbind(0)]


def _one_hot_rows(order: Tensor, dtype: torch.dtype) -> Tensor:
    """order: (place, *lanes), which item; the result: (place, item, *lanes)."""
    items = torch.arange(order.shape[0], device=order.device).reshape((1, -1) + (1,) * (order.dim() - 1))
    return (items == order.unsqueeze(1)).to(dtype)


def hard_order(values: Tensor, descending: bool) -> Tensor:
    """Which element comes where, stably, as Python sorts."""
    return torch.sort(values.detach(), dim=0, descending=descending, stable=True).indices


def exchanged(values: Tensor, descending: bool, track: bool) -> tuple[Tensor, Tensor | None]:
    """Sorted values, shape (n, *lanes), and (if tracked) the distribution over the items in each place."""
    n = values.shape[0]
    if state.options.mode == "hard":
        order = hard_order(values, descending)
        return values.gather(0, order), _one_hot_rows(order, values.dtype)
    straight_through = state.options.mode == "straight-through"
    # where each element belongs: what hard decisions compare, so that equal ones keep their order
    ranks = hard_order(values, descending).argsort(0) if straight_through else None
    rows = None
    if track:
        eye = torch.eye(n, dtype=values.dtype, device=values.device)
        rows = eye.reshape(n, n, *(1,) * (values.dim() - 1)).expand(n, n, *values.shape[1:])
    finite = ops.all_finite(values)
    for left, right in network(n):
        places = torch.tensor(left + right, device=values.device)
        a, b = values[places[: len(left)]], values[places[len(left) :]]
        p = _wrong_order(a, b, descending, finite)
        if ranks is not None:
            first, second = ranks[places[: len(left)]], ranks[places[len(left) :]]
            p = straight(first > second, p)
            ranks = ranks.index_copy(0, places, torch.cat([torch.minimum(first, second), torch.maximum(first, second)]))
        values = values.index_copy(0, places, _exchange(a, b, p, finite))
        if rows is not None:
            a, b = rows[places[: len(left)]], rows[places[len(left) :]]
            rows = rows.index_copy(0, places, _exchange(a, b, p.unsqueeze(1), True))
    return values, rows


def _wrong_order(a: Tensor, b: Tensor, descending: bool, finite: bool) -> Tensor:
    if descending:
        a, b = b, a
    if finite:
        return perturbation.leads(a - b)
    both = torch.isfinite(a.detach()) & torch.isfinite(b.detach())
    zero = torch.zeros_like(a)
    soft = perturbation.leads(torch.where(both, a, zero) - torch.where(both, b, zero))
    return torch.where(both, soft, (a > b).to(soft.dtype))


def _exchange(a: Tensor, b: Tensor, p: Tensor, finite: bool) -> Tensor:
    if finite:
        return torch.cat([ops.lerp(a, b, p), ops.lerp(b, a, p)])
    epsilon = state.options.epsilon
    return torch.cat([ops.safe_lerp(a, b, p, epsilon), ops.safe_lerp(b, a, p, epsilon)])


def _chance_of_wrong_order(a: Any, b: Any, comparison: Any) -> Any:
    """Of numbers as a choice between equals, whatever the distribution (perturbation.leads); else by Python's comparison."""
    if not isinstance(a, SoftNumber) or not isinstance(b, SoftNumber) or state.options.mode != "soft":
        return element(comparison, a, b)
    p = _wrong_order(a.lanes, b.lanes, comparison is operator.lt, a.finite and b.finite)
    return SoftTruth(p)


def _compared(keys: list[Any], items: list[Any], descending: bool) -> list[Any]:
    """Tuples and lists as keys, one compare-exchange after the other."""
    keys, items = list(keys), list(items)
    comparison = operator.lt if descending else operator.gt
    for left, right in network(len(items)):
        for i, j in zip(left, right):
            wrong = _chance_of_wrong_order(keys[i], keys[j], comparison)
            if isinstance(wrong, Soft):
                wrong = decisions.decide(truth_of(wrong))
            if not isinstance(wrong, bool):
                p = torch.as_tensor(ops.value_of(wrong))
                for values in (keys, items):
                    a, b = values[i], values[j]
                    values[i], values[j] = blended(p, b, a), blended(p, a, b)
            elif wrong:
                for values in (keys, items):
                    values[i], values[j] = values[j], values[i]
    return items

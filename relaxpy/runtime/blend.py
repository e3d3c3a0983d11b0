"""One value from two: p * a + (1 - p) * b, for everything that has such a mean (paper Eq. 6; SEMANTICS, section 4)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import arrays, births, integers, ops, partlyplain
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import container
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.journal import Delta, seen_in
from relaxpy.runtime.soft import UNDEFINED, Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftTruth, operand

# what makes one part of several, one for each state
Blend = Callable[[Sequence[Any]], Any]

# immutable values that are the same if they are equal
COMPARED = frozenset({int, float, bool, str, bytes, complex, type(None), range, frozenset})


class CannotBlendError(Exception):
    """Raised inside; the caller knows the variable and says so."""

    def __init__(self, first: Any, second: Any, why: str = "") -> None:
        super().__init__(first, second)
        self.first = first
        self.second = second
        self.why = why


def same(a: Any, b: Any) -> bool:
    """Are the two values one, so that nothing need be blended?"""
    if a is b:
        return True
    kind = type(a)
    return kind is type(b) and kind in COMPARED and (a == b or a != a and b != b)


def blend(p: Tensor, a: Any, b: Any, heap_a: Delta | None = None, heap_b: Delta | None = None) -> Any:
    """``a`` with probability ``p``, else ``b``; containers are seen as the heaps of their sides show them.

    p: lanes, shape () or (L,). Raises CannotBlendError.
    """
    if a is b or b is UNDEFINED:
        return a
    if a is UNDEFINED:
        return b
    kind_a, kind_b = type(a), type(b)
    if kind_a is SoftNumber and kind_b is SoftNumber and a.finite and b.finite:
        return a if a.lanes is b.lanes else SoftNumber(ops.lerp(b.lanes, a.lanes, p), True)
    if kind_b is SoftTruth and (kind_a is bool or kind_a is SoftTruth):
        return SoftTruth(ops.lerp(b.lanes, a.lanes if kind_a is SoftTruth else int(a), p))
    if kind_a is SoftInteger and kind_b is SoftInteger:
        return blend_integers(p, a, b)
    if same(a, b):
        return a
    a, b = integers.as_plain(a), integers.as_plain(b)
    if integers.is_integer(a) and integers.is_integer(b):
        return blend_integers(p, a, b)
    x, y = operand(a), operand(b)
    if x is not None and y is not None:
        return blend_reals(p, a, b)
    if arrays.is_array(a) or arrays.is_array(b):
        whole_a, whole_b = whole_tensor(a), whole_tensor(b)
        if whole_a is not None and whole_b is not None:
            return blend_tensors(p, a, b, whole_a, whole_b)
    return blend_parts((a, b), (heap_a, heap_b), lambda parts: blend(p, parts[0], parts[1], heap_a, heap_b))


def blend_integers(p: Tensor, a: Any, b: Any) -> Any:
    """Bools give a soft truth, anything else a soft integer."""
    if isinstance(a, (bool, SoftTruth)) and isinstance(b, (bool, SoftTruth)):
        x, y = (v.lanes if isinstance(v, SoftTruth) else int(v) for v in (a, b))
        return SoftTruth(ops.lerp(y, x, p))
    made = integers.mix(p, a, b)
    if state.options.estimator != "sampled":
        return made
    plain = partlyplain.mixed_integers(made.lanes, (p, 1 - p), (a, b))
    return made if plain is None else plain


def blend_reals(p: Tensor, a: Any, b: Any) -> Any:
    (x, x_finite), (y, y_finite) = operand(a), operand(b)  # type: ignore[misc]
    if x_finite and y_finite:
        blended = SoftNumber(ops.lerp(y, x, p), True)
    else:
        lanes = ops.safe_lerp(y, x, p, state.options.epsilon)
        blended = SoftNumber(lanes, ops.all_finite(lanes))
    if integers.is_integer(a) is not integers.is_integer(b):
        blended.mixed = True
    return partlyplain.mixed(blended, (p, 1 - p), (a, b)) if state.options.estimator == "sampled" else blended


def whole_tensor(value: Any) -> Tensor | None:
    if isinstance(value, SoftArray):
        return value.whole()
    if isinstance(value, TENSORS):
        return value if state.lanes is None else value.unsqueeze(-1)
    return None


def blend_tensors(p: Tensor, a: Any, b: Any, x: Tensor, y: Tensor) -> Any:
    lanes = state.lanes is not None
    if (x.shape[:-1] if lanes else x.shape) != (y.shape[:-1] if lanes else y.shape):
        shapes = [tuple(t.shape[:-1] if lanes else t.shape) for t in (x, y)]
        raise CannotBlendError(a, b, f"their shapes are {shapes[0]} and {shapes[1]}")
    if not x.is_floating_point() and not y.is_floating_point():
        if not isinstance(a, SoftArray) and not isinstance(b, SoftArray) and torch.equal(x, y):
            return a
        elements = {v.element for v in (a, b) if isinstance(v, SoftArray)}
        if not elements <= {arrays.TRUTH}:
            raise CannotBlendError(a, b, "tensors of integers have no mean that is one")
    x, y = (t if t.is_floating_point() else t.to(p.dtype) for t in (x, y))
    if ops.all_finite(x) and ops.all_finite(y):
        blended = ops.lerp(y, x, p)
    else:
        blended = ops.safe_lerp(y, x, p.expand(ops.broadcast_shape(p, x, y)), state.options.epsilon)
    truths = all(isinstance(v, SoftArray) and v.element == arrays.TRUTH or v.dtype == torch.bool for v in (a, b))
    return arrays.of_truths(blended) if truths else SoftArray(blended)


def has_parts(value: Any) -> bool:
    """Is it something whose parts are blended one by one, and may differ between heaps?"""
    kind = type(value)
    if kind is SoftArray:
        return value.whole() is None
    if kind in COMPARED or issubclass(kind, (Soft, Tensor)):
        return False
    return isinstance(value, tuple) or container(value) is not None or _is_dataclass(value) or _is_own_instance(value)


def blend_parts(values: Sequence[Any], heaps: Sequence[Delta | None], mixed: Blend) -> Any:
    """Arrays, lists, tuples, dicts, dataclasses and own instances of equal structure, part by part: a new object, alias of none.

    Each value is seen in the heap of its own state. Raises CannotBlendError.
    """
    if any(map(arrays.is_array, values)):
        return _blend_rows(values, heaps, mixed)
    first = values[0]
    odd = next((value for value in values if type(value) is not type(first)), None)
    if odd is not None:
        raise CannotBlendError(first, odd)
    if isinstance(first, tuple):
        _check_lengths(values, values)
        items = [mixed(parts) for parts in zip(*values)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    if _is_dataclass(first):
        return _blend_dataclasses(values, heaps, mixed)
    return _blend_containers(values, heaps, mixed)


def _blend_rows(values: Sequence[Any], heaps: Sequence[Delta | None], mixed: Blend) -> SoftArray:
    rows = [_rows(value, heap) for value, heap in zip(values, heaps)]
    _check_lengths(values, rows)
    stored_as = next((value.stored_as for value in values if isinstance(value, SoftArray)), None)
    return SoftArray(rows=[mixed(parts) for parts in zip(*rows)], stored_as=stored_as)


def _rows(value: Any, heap: Delta | None) -> list[Any] | None:
    if isinstance(value, (SoftArray, list)):
        holder = container(value)
        return None if holder is None else seen_in(holder, heap)
    return SoftArray(whole_tensor(value)).rows() if isinstance(value, TENSORS) and value.dim() else None


def _blend_containers(values: Sequence[Any], heaps: Sequence[Delta | None], mixed: Blend) -> Any:
    holders = [container(value) for value in values]
    if None in holders:
        return _blend_instances(values, heaps, mixed)
    contents = [seen_in(holder, heap) for holder, heap in zip(holders, heaps)]  # type: ignore[arg-type]
    _check_lengths(values, contents)
    for value, content in zip(values, contents):
        if isinstance(content, (dict, set)) and set(content) != set(contents[0]):
            raise CannotBlendError(values[0], value, "their keys differ")
    cells = {
        name: mixed([holder.cell_of(content, name) for holder, content in zip(holders, contents)])  # type: ignore[union-attr]
        for name in holders[0].names(contents[0])  # type: ignore[union-attr]
    }
    new = copy.copy(values[0])
    holder = container(new)
    assert holder is not None
    holder.fill(holder.rebuilt(cells))
    return new


def _blend_dataclasses(values: Sequence[Any], heaps: Sequence[Delta | None], mixed: Blend) -> Any:
    new = copy.copy(values[0])
    contents = [seen_in(AttributeContainer(value), heap) for value, heap in zip(values, heaps)]
    for field in dataclasses.fields(new):
        parts = [content.get(field.name, getattr(v, field.name, UNDEFINED)) for content, v in zip(contents, values)]
        if any(part is not UNDEFINED for part in parts):
            object.__setattr__(new, field.name, mixed(parts))
    return new


def _blend_instances(values: Sequence[Any], heaps: Sequence[Delta | None], mixed: Blend) -> Any:
    """Instances of a class that were each made on their own path, attribute by attribute, as dataclasses."""
    if not all(map(_is_own_instance, values)):
        raise CannotBlendError(*_unlike(values))
    contents = [seen_in(AttributeContainer(value), heap) for value, heap in zip(values, heaps)]
    for value, content in zip(values, contents):
        if content.keys() != contents[0].keys():
            raise CannotBlendError(values[0], value, "their attributes differ")
    try:
        new = object.__new__(type(values[0]))
    except TypeError:
        raise CannotBlendError(*_unlike(values)) from None
    AttributeContainer(new).fill({name: mixed([content[name] for content in contents]) for name in contents[0]})
    births.remember(new, births.of_value(values[0]))  # so that it may be blended with others
    return new


def _is_own_instance(value: Any) -> bool:
    """Was it made on a soft path, so that no other path knows it?"""
    return births.of_value(value) is not None and not isinstance(value, BaseException)


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _check_lengths(values: Sequence[Any], contents: Sequence[Any]) -> None:
    """Refuse values whose contents are not equally long, or have no length (None)."""
    for value, content in zip(values, contents):
        if content is None or contents[0] is None:
            raise CannotBlendError(*_unlike(values))
        if len(content) != len(contents[0]):
            why = f"their lengths are {len(contents[0])} and {len(content)}"
            raise CannotBlendError(values[0], value, why)


def _unlike(values: Sequence[Any]) -> tuple[Any, Any]:
    """Two of the values that are not the same."""
    return values[0], next(value for value in values if not same(value, values[0]))


__all__ = ["COMPARED", "CannotBlendError", "blend", "same"]

"""One value from two: p * a + (1 - p) * b, for everything that has such a mean (paper Eq. 6; SEMANTICS, section 4)."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import arrays, integers, ops
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.containers import AttributeContainer, container
from relaxpy.runtime.journal import Delta, seen_in
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftTruth, operand

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
    if same(a, b):
        return a
    a, b = _as_integer(a), _as_integer(b)
    if integers.is_integer(a) and integers.is_integer(b):
        return blend_integers(p, a, b)
    x, y = operand(a), operand(b)
    if x is not None and y is not None:
        return blend_reals(p, a, b)
    if arrays.is_array(a) or arrays.is_array(b):
        return blend_arrays(p, a, b, heap_a, heap_b)
    if kind_a is kind_b:
        return blend_structures(p, a, b, heap_a, heap_b)
    raise CannotBlendError(a, b)


def _as_integer(value: Any) -> Any:
    """A tensor that holds one int or bool is that int or bool; any other value is itself."""
    if not isinstance(value, Tensor) or value.dim() or value.is_floating_point() or value.is_complex():
        return value
    return value if ops.is_transformed(value) else value.item()


def blend_integers(p: Tensor, a: Any, b: Any) -> Any:
    """Bools give a soft truth, anything else a soft integer."""
    if isinstance(a, (bool, SoftTruth)) and isinstance(b, (bool, SoftTruth)):
        x, y = (v.lanes if isinstance(v, SoftTruth) else int(v) for v in (a, b))
        return SoftTruth(ops.lerp(y, x, p))
    return integers.mix(p, a, b)


def blend_reals(p: Tensor, a: Any, b: Any) -> Any:
    (x, x_finite), (y, y_finite) = operand(a), operand(b)  # type: ignore[misc]
    if x_finite and y_finite:
        return SoftNumber(ops.lerp(y, x, p), True)
    blended = ops.safe_lerp(y, x, p, state.options.epsilon)
    return SoftNumber(blended, ops.all_finite(blended))


def blend_arrays(p: Tensor, a: Any, b: Any, heap_a: Delta | None, heap_b: Delta | None) -> Any:
    whole_a, whole_b = whole_tensor(a), whole_tensor(b)
    if whole_a is not None and whole_b is not None:
        return blend_tensors(p, a, b, whole_a, whole_b)
    rows = [_rows(side, heap) for side, heap in ((a, heap_a), (b, heap_b))]
    if rows[0] is None or rows[1] is None or len(rows[0]) != len(rows[1]):
        raise CannotBlendError(a, b, _lengths(rows))
    stored_as = next((side.stored_as for side in (a, b) if isinstance(side, SoftArray)), None)
    return SoftArray(rows=[blend(p, x, y, heap_a, heap_b) for x, y in zip(*rows)], stored_as=stored_as)


def whole_tensor(value: Any) -> Tensor | None:
    if isinstance(value, SoftArray):
        return value.whole()
    if isinstance(value, Tensor):
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


def _rows(value: Any, heap: Delta | None) -> list[Any] | None:
    if isinstance(value, (SoftArray, list)):
        holder = container(value)
        return None if holder is None else seen_in(holder, heap)
    return SoftArray(whole_tensor(value)).rows() if isinstance(value, Tensor) and value.dim() else None


def _lengths(sides: list[Any]) -> str:
    lengths = [None if side is None else len(side) for side in sides]
    return f"their lengths are {lengths[0]} and {lengths[1]}" if None not in lengths else ""


def blend_structures(p: Tensor, a: Any, b: Any, heap_a: Delta | None, heap_b: Delta | None) -> Any:
    """Lists, tuples, dicts and dataclasses of equal structure, element by element: a new object, alias of neither."""
    if isinstance(a, tuple):
        if len(a) != len(b):
            raise CannotBlendError(a, b, _lengths([a, b]))
        items = [blend(p, x, y, heap_a, heap_b) for x, y in zip(a, b)]
        return type(a)(*items) if hasattr(a, "_fields") else type(a)(items)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return _blend_dataclasses(p, a, b, heap_a, heap_b)
    holder_a, holder_b = container(a), container(b)
    if holder_a is None or holder_b is None:
        raise CannotBlendError(a, b)
    content_a, content_b = seen_in(holder_a, heap_a), seen_in(holder_b, heap_b)
    names = holder_a.names(content_a)
    if len(content_a) != len(content_b) or isinstance(content_a, (dict, set)) and set(content_a) != set(content_b):
        why = _lengths([content_a, content_b]) if len(content_a) != len(content_b) else "their keys differ"
        raise CannotBlendError(a, b, why)
    cells = {
        name: blend(p, holder_a.cell_of(content_a, name), holder_b.cell_of(content_b, name), heap_a, heap_b)
        for name in names
    }
    new = copy.copy(a)
    holder = container(new)
    assert holder is not None
    holder.fill(holder.rebuilt(cells))
    return new


def _blend_dataclasses(p: Tensor, a: Any, b: Any, heap_a: Delta | None, heap_b: Delta | None) -> Any:
    new = copy.copy(a)
    contents = [seen_in(AttributeContainer(side), heap) for side, heap in ((a, heap_a), (b, heap_b))]
    for field in dataclasses.fields(a):
        x, y = (
            content.get(field.name, getattr(side, field.name, UNDEFINED)) for content, side in zip(contents, (a, b))
        )
        if x is not UNDEFINED or y is not UNDEFINED:
            object.__setattr__(new, field.name, blend(p, x, y, heap_a, heap_b))
    return new


__all__ = ["COMPARED", "CannotBlendError", "blend", "same"]

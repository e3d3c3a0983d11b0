"""Stores into and by soft values, and into containers that are neither plain lists nor plain dicts.

A store by a soft index moves every element to the new value by its weight (SEMANTICS, section 6).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from relaxpy.errors import RelaxError, SoftValueError
from relaxpy.runtime import callees, drawn, mixing, ops, softindex, stores, watching
from relaxpy.runtime.adopted import adopt, looked_through
from relaxpy.runtime.advancing import spent
from relaxpy.runtime.arrays import INTEGER, TRUTH, SoftArray
from relaxpy.runtime.containers import ArrayContainer, container as container_of
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import changing, restructuring
from relaxpy.runtime.values import SoftScalar


def store(value: Any, container: Any, index: Any) -> None:
    """`container[index] = value`, for everything that stores.store leaves over."""
    if type(container) is SoftArray and type(index) is int:
        _store_element(value, container, index)
        return
    if isinstance(container, TENSORS):
        if not _concerns(value, index):
            container[index] = value
            return
        container = adopt(container)
    if isinstance(container, SoftArray):
        _store_at(value, container, index if isinstance(index, tuple) else (index,))
    elif isinstance(index, SoftScalar):
        _store_softly(value, container, (index,))
    else:
        _store_plainly(value, container, index)


def _store_element(value: Any, array: SoftArray, index: int) -> None:
    rows = array.rows()
    _refuse_number_for_row(value, rows[index])
    place = index if index >= 0 else index + len(rows)
    changing(ArrayContainer(array), place, value)
    rows[index] = value
    if array.origin is not None:
        spread(value, array, place)


def _refuse_number_for_row(value: Any, old: Any) -> None:
    if isinstance(old, SoftArray) and isinstance(value, (int, float, SoftScalar)):
        raise RelaxError("a number was stored where a row of an array was", remedy="store to its elements: a[i][j] = x")


def _concerns(value: Any, index: Any) -> bool:
    """Does a store into a tensor involve anything soft?"""
    parts = index if isinstance(index, tuple) else (index,)
    return bool(state.scopes) or isinstance(value, Soft) or any(isinstance(part, Soft) for part in parts)


def _store_at(value: Any, target: Any, index: tuple[Any, ...]) -> None:
    """A store by ints, soft indices, slices, lists and integer tensors, one axis after the other."""
    index = _without_ellipsis(target, index)
    first, rest = index[0], index[1:]
    if isinstance(first, SoftScalar) or all(isinstance(i, (int, SoftScalar)) for i in index):
        _store_softly(value, target, index)
        return
    positions = _positions(first, target)
    if positions is None:
        place = _position(first, target)
        if rest:
            _store_at(value, drawn.read(target, place), rest)
        else:
            _store_softly(value, target, (place,))
        return
    spread = _depth(value) >= _depth_of_region(target, index)
    values = looked_through(value)
    if spread and len(values) not in (1, len(positions)):
        raise RelaxError(
            f"{len(values)} values cannot be stored to {len(positions)} places of an array",
            remedy="store as many values as places",
        )
    values = list(values) if spread else None
    for k, position in enumerate(positions):
        item = value if values is None else values[k if len(values) > 1 else 0]
        _store_at(item, target, (position, *rest)) if rest else _store_row(item, target, position)


def _store_row(value: Any, target: SoftArray, position: Any) -> None:
    """A row of an array takes a number in all its elements, and the elements of another array; no alias is made."""
    row = None if isinstance(position, SoftScalar) else drawn.read(target, position)
    if isinstance(row, SoftArray):
        _store_at(value, row, (slice(None),))
    else:
        _store_softly(value, target, (position,))


def _without_ellipsis(target: Any, index: tuple[Any, ...]) -> tuple[Any, ...]:
    if any(part is None for part in index):
        raise RelaxError("a store with None in its index", remedy="leave it out: it names no axis")
    places = [k for k, part in enumerate(index) if part is Ellipsis]
    if not places:
        return index
    free = _depth(target) - (len(index) - 1)
    return (*index[: places[0]], *[slice(None)] * free, *index[places[0] + 1 :])


def _positions(part: Any, target: Any) -> Sequence[Any] | None:
    """The positions that a slice, list or tensor names along an axis; None for a single one."""
    if isinstance(part, slice):
        return range(len(target))[softindex.plain_slice(part)]
    if isinstance(part, TENSORS) and part.dim() == 1 and not part.is_floating_point():
        places = part.nonzero().flatten() if part.dtype == torch.bool else part
        return [int(place) % len(target) for place in places.tolist()]
    if isinstance(part, SoftArray) and part.element == INTEGER or isinstance(part, (list, range)):
        return list(part)
    if isinstance(part, SoftArray) and part.element != TRUTH:
        return part.rows()
    return None


def _position(part: Any, target: Any) -> int:
    if not hasattr(part, "__index__") or isinstance(part, Soft):
        raise RelaxError(
            f"a soft array cannot be stored to by {part!r}",
            remedy="use ints, slices, lists of ints or soft indices; for a mask torch.where(mask, new, a)",
        )
    return range(len(target))[operator.index(part)]


def _depth(value: Any) -> int:
    value = looked_through(value)
    if isinstance(value, SoftArray):
        return len(value.shape)
    if isinstance(value, TENSORS):
        return value.dim()
    return 1 + (_depth(value[0]) if value else 0) if isinstance(value, (list, tuple)) else 0


def _depth_of_region(target: SoftArray, index: tuple[Any, ...]) -> int:
    """How many axes the places of a store have."""
    singles = sum(isinstance(part, (int, SoftScalar)) for part in index)
    return _depth(target) - singles


def _store_softly(value: Any, container: Any, index: tuple[Any, ...]) -> None:
    """By ints and soft indices, one for each axis."""
    if drawn.comes_from(value, container, index):
        return
    _move(value, container, index, 1.0)


def _move(value: Any, target: Any, index: tuple[Any, ...], share: Any) -> None:
    """Move the element at an index to the value by a share: every element that the index may mean by its weight of it."""
    rest = index[1:]
    if isinstance(target, TENSORS):
        target = adopt(target)
    first = softindex.settled(index[0], target)
    if not isinstance(first, SoftScalar):
        place = _position(first, target) if isinstance(target, (SoftArray, list)) else first
        weights: softindex.Weights = [(place, 1.0)]
    else:
        weights = softindex.weights_over(first, target)
    for place, weight in weights:
        part = ops.times(share, weight)
        if rest:
            _move(value, drawn.read(target, place), rest, part)
        else:
            move(value, target, place, part)


def move(value: Any, target: Any, place: Any, share: Any) -> None:
    """Move one cell to a value by a share, here and in whatever the target stands for."""
    holder = container_of(target)
    if holder is None:
        raise SoftValueError(
            f"a {type(target).__name__} cannot be stored to by a soft index", remedy="use a list, dict or tensor"
        )
    old = drawn.read(target, place)
    _refuse_number_for_row(value, old)
    new = blended(share, value, old)
    if new is not old:
        changing(holder, place, new)
        holder.put(place, new)
    spread(value, target, place, share)


def spread(value: Any, target: Any, place: Any, share: Any = 1.0) -> None:
    """Do a store to a drawn object in the objects that it stands for, too."""
    origin = drawn.origin_of(target)
    if origin is None:
        return
    for each, weight in origin.choices():
        if isinstance(place, drawn.Attribute):
            old = getattr(each, place.name)
            stores.store_attr(blended(ops.times(share, weight), value, old), each, place.name)
        else:
            move(value, each, place, ops.times(share, weight))


def blended(weight: Any, value: Any, old: Any) -> Any:
    if not isinstance(weight, TENSORS):
        return value if weight else old
    return mixing.blended(weight, value, old, "an element stored by a soft index")


def _store_plainly(value: Any, container: Any, index: Any) -> None:
    """Built-in containers and their subclasses, and objects of the user with a __setitem__ of their own."""
    if isinstance(index, slice):
        spent(value)
    setter = getattr(type(container), "__setitem__", None)
    if setter is not None and callees.is_user_function(setter):
        callees.callee(setter)(container, index, value)
        return
    holder = container_of(container)
    if holder is not None:
        if isinstance(container, dict):
            stores.defining(holder, index, value)
        else:
            restructuring(holder)
    elif state.scopes or isinstance(value, Soft):
        if hasattr(container, "__array_interface__"):
            raise SoftValueError(
                "a numpy array cannot be stored to on a soft path or with a soft value",
                remedy="use a list or a torch tensor",
            )
        if state.scopes and setter is not None:
            watching.watched(operator.setitem)(container, index, value)
            return
    container[index] = value


def delete(container: Any, index: Any) -> bool:
    """Do `del container[index]`, or remember the container before it is done (False)."""
    if isinstance(index, Soft):
        raise SoftValueError(f"an element cannot be deleted by a {index.kind}", remedy="use relaxpy.hard(...)")
    remove = getattr(type(container), "__delitem__", None)
    if remove is not None and callees.is_user_function(remove):
        callees.callee(remove)(container, index)
        return True
    holder = container_of(container)
    if holder is not None and not isinstance(container, SoftArray):
        restructuring(holder)
    elif state.scopes and remove is not None and holder is None:
        watching.watched(operator.delitem)(container, index)
        return True
    return False

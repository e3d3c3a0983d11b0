"""Stores into and by soft values, and into containers that are neither plain lists nor plain dicts."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from relaxpy.errors import RelaxError, SoftValueError
from relaxpy.runtime import callees, softindex
from relaxpy.runtime.adopted import adopt
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.blend import CannotBlendError, blend
from relaxpy.runtime.containers import container as container_of
from relaxpy.runtime.mixing import blend_error
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import changing, restructuring
from relaxpy.runtime.values import SoftNumber, SoftScalar


def store(value: Any, container: Any, index: Any) -> None:
    """`container[index] = value`, for everything that stores.store leaves over."""
    if isinstance(container, Tensor):
        if not _concerns(value, index):
            container[index] = value
            return
        container = adopt(container)
    if isinstance(index, tuple) and isinstance(container, SoftArray):
        _store_several(value, container, index)
    elif isinstance(index, SoftScalar):
        _store_softly(value, container, index)
    elif isinstance(container, SoftArray):
        _store_rows(value, container, index)
    else:
        _store_plainly(value, container, index)


def _concerns(value: Any, index: Any) -> bool:
    """Does a store into a tensor involve anything soft?"""
    parts = index if isinstance(index, tuple) else (index,)
    return bool(state.scopes) or isinstance(value, Soft) or any(isinstance(part, Soft) for part in parts)


def _store_several(value: Any, container: SoftArray, index: tuple[Any, ...]) -> None:
    target: Any = container
    for place, i in enumerate(index[:-1]):
        if not isinstance(i, (int, SoftScalar)):
            raise RelaxError(
                f"a soft array cannot be stored to by {index!r}", remedy="store row by row, with ints or soft indices"
            )
        if isinstance(i, SoftScalar):
            _store_through(value, target, index[place:])
            return
        target = softindex.load(target, i)
    store(value, target, index[-1])


def _store_through(value: Any, target: Any, index: tuple[Any, ...]) -> None:
    """A soft index that is not the last: every row gets the store with its weight."""
    for position, weight in softindex.weights_over(index[0], target):
        row = softindex.element(target, position)
        old = softindex.load(row, index[1:] if len(index) > 2 else index[1])
        new = _blended(weight, value, old)
        store(new, row, index[1:] if len(index) > 2 else index[1])


def _store_softly(value: Any, container: Any, index: SoftScalar) -> None:
    """Every element moves to the new value by its weight (SEMANTICS, section 6)."""
    holder = container_of(container)
    if holder is None:
        raise SoftValueError(
            f"a {type(container).__name__} cannot be stored to by a {index.kind}", remedy="use a list, dict or tensor"
        )
    weights = softindex.weights_over(index, container)
    for position, weight in weights:
        old = softindex.element(container, position)
        new = _blended(weight, value, old)
        if new is not old:
            changing(holder, position, new)
            holder.put(position, new)


def _blended(weight: Any, value: Any, old: Any) -> Any:
    if not isinstance(weight, Tensor):
        return value
    try:
        return blend(weight, value, old)
    except CannotBlendError as error:
        raise blend_error("an element stored by a soft index", error) from None


def _store_rows(value: Any, container: SoftArray, index: Any) -> None:
    holder = container_of(container)
    assert holder is not None
    rows = container.rows()
    if isinstance(index, slice):
        positions = range(len(rows))[softindex.plain_slice(index)]
        values = [value] * len(positions) if isinstance(value, (SoftNumber, int, float)) else list(value)
        if len(values) != len(positions):
            raise RelaxError(
                f"{len(values)} values cannot be stored to {len(positions)} rows of an array",
                remedy="store as many values as rows",
            )
        for position, row in zip(positions, values):
            changing(holder, position, row)
            rows[position] = row
        return
    if not isinstance(index, int):
        if not hasattr(index, "__index__") or isinstance(index, Soft):
            raise RelaxError(
                f"a soft array cannot be stored to by {index!r}", remedy="use an int, a slice or a soft index"
            )
        index = index.__index__()
    old = rows[index]
    if isinstance(old, SoftArray) and isinstance(value, (int, float, SoftScalar)):
        raise RelaxError("a number was stored where a row of an array was", remedy="store to its elements: a[i][j] = x")
    changing(holder, index if index >= 0 else index + len(rows), value)
    rows[index] = value


def _store_plainly(value: Any, container: Any, index: Any) -> None:
    """Built-in containers and their subclasses, and objects of the user with a __setitem__ of their own."""
    setter = getattr(type(container), "__setitem__", None)
    if setter is not None and callees.is_user_function(setter):
        callees.callee(setter)(container, index, value)
        return
    holder = container_of(container)
    if holder is not None:
        if isinstance(container, dict):
            changing(holder, index, value)
        else:
            restructuring(holder)
    elif state.scopes or isinstance(value, Soft):
        if hasattr(container, "__array_interface__"):
            raise SoftValueError(
                "a numpy array cannot be stored to on a soft path or with a soft value",
                remedy="use a list or a torch tensor",
            )
    container[index] = value


def before_delete(container: Any, index: Any) -> None:
    """Remember a container before one of its elements is deleted."""
    if isinstance(index, Soft):
        raise SoftValueError(f"an element cannot be deleted by a {index.kind}", remedy="use relaxpy.hard(...)")
    holder = container_of(container)
    if holder is not None and not isinstance(container, SoftArray):
        restructuring(holder)

"""torch functions on recorded tensors that move, join or add up elements; the axis of lanes stays where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine.recorded import LANES, ONE_LANE, Leaving, Recorded, array_of, lifted, refuse
from relaxpy.engine.registering import registered
from relaxpy.runtime.state import state


def moved(ids: Any, source: int, destination: int) -> Any:
    """`numpy.moveaxis`, at no cost where nothing moves."""
    return ids if source == destination else np.moveaxis(ids, source, destination)


def with_ids(x: Recorded, ids: Any) -> Recorded:
    """The same tensor with other rows."""
    ids = np.asarray(ids, np.int64)
    return Recorded(x.recorder, ids if ids.ndim else int(ids), x.lanes, x.dtype)


def axis_of(x: Recorded, dim: int) -> int:
    """A dimension counted from the front; never that of the lanes."""
    dims = x.dim()
    if not -dims <= dim < dims:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-dims}, {dims - 1}], but got {dim})")
    axis = dim % dims
    if x.lanes and axis == dims - 1:
        refuse("it works across lanes")
    return axis


def _without_lanes(x: Recorded, sizes: Sequence[Any]) -> list[int]:
    """A shape without its last dimension, which must be that of the lanes."""
    sizes = list(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list, torch.Size)) else list(sizes)
    if x.lanes:
        if not sizes or sizes[-1] not in (x.shape[-1], -1):
            refuse("it gives the lanes another shape")
        sizes = sizes[:-1]
    return [int(size) for size in sizes]


@registered("expand")
def expand(x: Any, *sizes: Any) -> Any:
    wanted = list(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list, torch.Size)) else list(sizes)
    lanes, count = x.lanes, x.recorder.lane_count
    if (
        x.recorder.batched
        and wanted
        and wanted[-1] != 1
        and (wanted[-1] == count or wanted[-1] == -1 and lanes == LANES)
    ):
        lanes, wanted = LANES, wanted[:-1]
    elif lanes:
        wanted = wanted[:-1]
    ids = array_of(x)
    front = len(wanted) - ids.ndim
    if front < 0:
        refuse("it expands a tensor oddly")
    shape = [ids.shape[k - front] if size == -1 else int(size) for k, size in enumerate(wanted)]
    moved = np.broadcast_to(ids, shape)
    return Recorded(x.recorder, moved if moved.ndim else int(moved), lanes, x.dtype)


@registered("expand_as")
def expand_as(x: Any, other: Any) -> Any:
    return expand(x, *other.shape)


@registered("reshape view")
def reshape(x: Any, *sizes: Any) -> Any:
    return with_ids(x, array_of(x).reshape(_without_lanes(x, sizes)))


@registered("flatten")
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if x.dim() == 0:
        return with_ids(x, array_of(x).reshape(1))
    first, last = start_dim % x.dim(), end_dim % x.dim()
    if x.lanes and last == x.dim() - 1 and first != last:
        refuse("it gives the lanes another shape")
    shape = array_of(x).shape
    return x if first >= last else with_ids(x, array_of(x).reshape(*shape[:first], -1, *shape[last + 1 :]))


@registered("unsqueeze")
def unsqueeze(x: Any, dim: int) -> Any:
    axis = dim % (x.dim() + 1)
    if axis == x.dim() and x.recorder.batched:
        if x.lanes:
            refuse("it puts an axis after the lanes")
        return Recorded(x.recorder, x.ids, ONE_LANE, x.dtype)
    return with_ids(x, np.expand_dims(array_of(x), axis))


@registered("squeeze")
def squeeze(x: Any, *dims: int) -> Any:
    ids = array_of(x)
    axes = [axis_of(x, dim) for dim in dims] if dims else range(ids.ndim)
    return with_ids(x, ids.squeeze(tuple(axis for axis in axes if ids.shape[axis] == 1)))


@registered("movedim moveaxis")
def movedim(x: Any, source: int, destination: int) -> Any:
    if x.lanes and source == -1 and destination == 0:
        return Leaving(x)
    return with_ids(x, np.moveaxis(array_of(x), axis_of(x, source), axis_of(x, destination)))


@registered("transpose swapaxes")
def transpose(x: Any, first: int, second: int) -> Any:
    return with_ids(x, np.swapaxes(array_of(x), axis_of(x, first), axis_of(x, second)))


@registered("flip")
def flip(x: Any, *dims: Any) -> Any:
    dims = tuple(dims[0]) if dims and isinstance(dims[0], (tuple, list)) else dims
    return with_ids(x, np.flip(array_of(x), tuple(axis_of(x, dim) for dim in dims)))


@registered("unbind")
def unbind(x: Any, dim: int = 0) -> Any:
    ids = array_of(x)
    ids = moved(ids, axis_of(x, dim), 0)
    if ids.ndim == 1:
        return tuple([Recorded(x.recorder, row, x.lanes, x.dtype) for row in ids.tolist()])
    return tuple([Recorded(x.recorder, part, x.lanes, x.dtype) for part in ids])


def iterate(x: Any) -> Any:
    return iter(unbind(x))


Recorded.__iter__ = iterate  # type: ignore[attr-defined]


@registered("__getitem__")
def getitem(x: Any, index: Any) -> Any:
    if type(index) is int and type(x.ids) is not int and x.ids.ndim == 1:
        return Recorded(x.recorder, int(x.ids[index]), x.lanes, x.dtype)
    parts = list(index) if isinstance(index, tuple) else [index]
    ids = array_of(x)
    if x.lanes:
        # the runtime leaves the axis of lanes whole
        if (
            parts
            and isinstance(parts[-1], slice)
            and parts[-1] == slice(None)
            and any(p is Ellipsis for p in parts[:-1])
        ):
            parts = parts[:-1]
        elif parts[0] is Ellipsis and len(parts) == 2 and type(parts[1]) is int:
            return torch.empty(ids.shape, dtype=x.dtype, device="meta")  # one lane, for questions about its form
        elif sum(part is not None and part is not Ellipsis for part in parts) > ids.ndim:
            refuse("it indexes lanes")
        elif any(part is Ellipsis for part in parts) and parts[-1] is not Ellipsis:
            refuse("it may index lanes")
    plain = [_plain_index(part) for part in parts]
    return with_ids(x, ids[tuple(plain)])


def _plain_index(part: Any) -> Any:
    if type(part) is Recorded:
        refuse("it indexes by a tensor of the program")
    return part.numpy() if isinstance(part, Tensor) else part


def _joined(parts: Sequence[Any]) -> tuple[list[Recorded], int, torch.dtype]:
    """Tensors to be joined, with their common axis of lanes and type."""
    tensors = [part if type(part) is Recorded else lifted(part) for part in parts]
    lanes = {tensor.lanes for tensor in tensors}
    if len(lanes) > 1:
        refuse("it joins tensors with and without lanes")
    return tensors, lanes.pop(), state.recorder.common_dtype(tensors)


@registered("narrow")
def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    ids = array_of(x)
    before = (slice(None),) * axis_of(x, dim)
    place = (*before, slice(start, start + length))
    return with_ids(x, ids[place])


def _rows_alike(parts: Sequence[Any]) -> list[int] | None:
    """The rows of scalars of one type, with the same lanes; None if there is anything else."""
    rows, first = [], parts[0]
    for part in parts:
        if type(part) is not Recorded or type(part.ids) is not int:
            return None
        if part.lanes != first.lanes or part.dtype is not first.dtype:
            return None
        rows.append(part.ids)
    return rows


@registered("stack")
def stack(parts: Any, dim: int = 0) -> Any:
    if dim == 0:
        rows = _rows_alike(parts)
        if rows is not None:
            return Recorded(parts[0].recorder, np.array(rows, np.int64), parts[0].lanes, parts[0].dtype)
    tensors, lanes, dtype = _joined(parts)
    if len({() if type(tensor.ids) is int else tensor.ids.shape for tensor in tensors}) > 1:
        raise RuntimeError("stack expects each tensor to be equal size")
    first = tensors[0]
    axis = dim % (first.dim() + 1) if dim else 0
    if lanes and axis == first.dim():
        refuse("it puts an axis after the lanes")
    return Recorded(state.recorder, np.stack([t.ids for t in tensors], axis), lanes, dtype)


Recorded.stacked = lambda self, parts: stack(parts)  # type: ignore[method-assign]


@registered("cat concat concatenate")
def cat(parts: Any, dim: int = 0) -> Any:
    tensors, lanes, dtype = _joined(parts)
    axis = axis_of(tensors[0], dim)
    return Recorded(state.recorder, np.concatenate([array_of(t) for t in tensors], axis), lanes, dtype)


@registered("broadcast_tensors")
def broadcast_tensors(*tensors: Any) -> Any:
    given = [
        lifted(t) for t in (tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors)
    ]
    shapes = {t.shape for t in given}
    if len(shapes) == 1:
        return tuple(given)
    shape = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return tuple([expand(t, *shape) if t.shape != shape else t for t in given])


@registered("index_add")
def index_add(x: Any, dim: int, index: Any, source: Any) -> Any:
    x, source = lifted(x), lifted(source)
    axis = axis_of(x, dim)
    places, added = moved(array_of(x), axis, 0), moved(array_of(source), axis, 0)
    recorder, size = state.recorder, math.prod(places.shape[1:])
    zero = recorder.tape.constant(0.0)
    cells: list[list[Any]] = places.reshape(len(places), size).tolist()  # what each holds: a row, or several to be added up
    for position, part in zip(index.tolist(), added.reshape(len(added), size).tolist()):
        held = cells[position]
        for k, row in enumerate(part):
            if held[k] == zero:
                held[k] = row
            elif row != zero:
                held[k] = [*held[k], row] if type(held[k]) is list else [held[k], row]
    total = recorder.tape.total
    results = [[total(cell) if type(cell) is list else cell for cell in held] for held in cells]
    ids = moved(np.array(results, np.int64).reshape(places.shape), 0, axis)
    lanes = LANES if LANES in (x.lanes, source.lanes) else x.lanes
    return Recorded(recorder, ids if ids.ndim else int(ids), lanes, recorder.common_dtype([x, source]))


@registered("index_copy")
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    x, source = lifted(x), lifted(source)
    if x.dtype != source.dtype:
        refuse("what torch says of an index_copy of another type")
    axis = axis_of(x, dim)
    ids = np.moveaxis(array_of(x), axis, 0).copy()
    lanes = LANES if LANES in (x.lanes, source.lanes) else x.lanes
    ids[index.tolist()] = np.moveaxis(array_of(source), axis, 0)
    return Recorded(x.recorder, np.moveaxis(ids, 0, axis), lanes, x.dtype)

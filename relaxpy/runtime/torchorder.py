"""torch functions that order: `argmax`, `max` along an axis, `sort`, `topk`; their indices are soft integers."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.runtime import arrays, torchcalls
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins import extrema, ordering
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.torchtruths import axis_of
from relaxpy.runtime.values import SoftScalar

Extreme = namedtuple("Extreme", "values indices")


def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """`torch.argmax(x, dim)`: a categorical with the weights of Eq. 10, an array of them along an axis."""
    return _along(x, dim, keepdim, 1)


def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """`torch.argmin(x, dim)`: see argmax."""
    return _along(x, dim, keepdim, -1)


def _along(x: Any, dim: int | None, keepdim: bool, sign_: int) -> Any:
    tensor = _tensor(x)
    if dim is None:
        flat = tensor.flatten(0, tensor.dim() - 1 - lane_axes()) if tensor.dim() > lane_axes() else tensor[None]
        return extrema.argument(SoftArray(flat), sign_)
    first = tensor.movedim(axis_of(tensor, dim), 0)
    found = _each(first, lambda column: extrema.argument(SoftArray(column), sign_))
    return _kept(found, axis_of(tensor, dim)) if keepdim else found


def _tensor(x: Any) -> Tensor:
    x = looked_through(x)
    if isinstance(x, SoftArray):
        return x.tensor()
    return x.lanes if isinstance(x, SoftScalar) else arrays.constant_array(x).tensor()


def _each(first: Tensor, function: Callable[[Tensor], Any]) -> Any:
    """A function of the columns along the first axis, as an array over the other axes."""
    if first.dim() - lane_axes() == 1:
        return function(first)
    return SoftArray(rows=[_each(first[:, k], function) for k in range(first.shape[1])])


def _kept(found: Any, axis: int) -> Any:
    if axis == 0:
        return SoftArray(rows=[found])
    return SoftArray(rows=[_kept(row, axis - 1) for row in found.rows()])


def extreme(function: Callable[..., Any], sign_: int) -> Callable[..., Any]:
    """`torch.max` and `torch.min`: values as torch has them, indices along an axis as categoricals."""

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        other = args[0] if args else kwargs.get("other", kwargs.get("dim"))
        if other is None or isinstance(other, (Soft, TENSORS)):
            return torchcalls.plain_call(function, (x, *args), kwargs)
        keepdim = args[1] if len(args) > 1 else kwargs.get("keepdim", False)
        reduce = torch.amax if sign_ > 0 else torch.amin
        values = torchcalls.plain_call(reduce, (x,), {"dim": other, "keepdim": keepdim})
        return Extreme(values, _along(x, other, keepdim, sign_))

    return call


def sort(x: Any, *args: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """`torch.sort(x)`: values and indices of a relaxed sorting network, see softbuiltins.ordering; the indices are soft."""
    if args:
        dim, descending = (*args, descending)[:2]
    tensor = _tensor(x)
    axis = axis_of(tensor, dim)
    values, rows = ordering.exchanged(tensor.movedim(axis, 0), descending, True)
    assert rows is not None
    columns = [
        _each(row, lambda w: extrema.mixture(w, list(range(w.shape[0])))) for row in rows.unbind(0)
    ]
    return Extreme(SoftArray(values.movedim(0, axis)), _moved(SoftArray(rows=columns), axis))


def argsort(x: Any, *args: Any, **kwargs: Any) -> Any:
    """`torch.argsort(x)`: soft indices, see sort."""
    return sort(x, *args, **kwargs).indices


def _moved(array: SoftArray, axis: int) -> SoftArray:
    """The first axis of an array of rows moved to another place."""
    if axis == 0:
        return array
    outer = len(array.rows()[0])
    parts = [SoftArray(rows=[row.rows()[k] for row in array.rows()]) for k in range(outer)]
    return SoftArray(rows=[_moved(part, axis - 1) for part in parts])


def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """`torch.topk(x, k)`: the first k of sort(x, descending=largest)."""
    axis = axis_of(_tensor(x), dim)
    values, indices = sort(x, dim=axis, descending=largest)
    return Extreme(values.narrow(axis, 0, k), _narrowed(indices, axis, k))


def _narrowed(array: SoftArray, axis: int, k: int) -> SoftArray:
    if axis == 0:
        return array.of_rows(array.rows()[:k])
    return SoftArray(rows=[_narrowed(row, axis - 1, k) for row in array.rows()])

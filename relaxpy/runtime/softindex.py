"""Indexing of and by soft values (paper section 3.2; SEMANTICS, section 6)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxIndexError, SoftValueError
from relaxpy.runtime import arrays, decisions, drawn, ops, perturbation, scopes
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.integers import as_plain, is_foreign, node_of
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.mixing import mean
from relaxpy.runtime.recipes import distribution_of
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar

torchcalls: Any = LazyModule("relaxpy.runtime.torchcalls")

# positions of an axis (or keys of a dict) and their weights
Weights = list[tuple[Any, Any]]


def load(container: Any, index: Any) -> Any:
    """``container[index]`` where one of them is soft."""
    if isinstance(container, SoftScalar):
        raise SoftValueError(f"a {container.kind} has no elements", remedy="index an array or a list")
    if isinstance(index, tuple) and not isinstance(container, dict):
        return _load_several(container, tuple(map(_as_int, index)))
    if isinstance(index, SoftScalar):
        chosen = settled(index, container)
        return expectation(container, chosen) if isinstance(chosen, SoftScalar) else load(container, chosen)
    if isinstance(index, SoftArray):
        return _load_by_array(_as_array(container), index)
    if isinstance(index, slice):
        index = plain_slice(index)
        return container.of_rows(container.rows()[index]) if isinstance(container, SoftArray) else container[index]
    if not isinstance(container, SoftArray):
        return container[index]
    index = _as_int(index)
    if isinstance(index, (TENSORS, list)) or index is None or index is Ellipsis:
        return _load_tensor(container, index)
    return container.rows()[index]


def _as_int(index: Any) -> Any:
    """An int of numpy or in a tensor of no dimension is an int: what it chooses is a reference to a row."""
    return as_plain(index) if is_foreign(index) and not _is_mask(index) else index


def _is_mask(index: Any) -> bool:
    return getattr(index, "dtype", None) == torch.bool


def settled(index: Any, container: Any) -> Any:
    """A soft index as the options in force have it: hard mode, straight-through mode and estimators choose a place."""
    options = state.options
    if options.mode == "soft" and options.estimator == "merged" or not isinstance(index, SoftScalar):
        return index
    if isinstance(container, dict) and isinstance(index, SoftNumber):
        return index  # no key: see weights_over
    return decisions.settle_index(index, len(container))


def _as_array(container: Any) -> Any:
    """Tensors and numpy arrays as constant soft arrays; one that has become a soft array is that."""
    container = looked_through(container)
    if hasattr(container, "__array_interface__"):
        container = torch.as_tensor(container)
    return arrays.constant_array(container) if isinstance(container, TENSORS) else container


def plain_slice(index: slice) -> slice:
    for bound in (index.start, index.stop, index.step):
        if isinstance(bound, Soft):
            raise SoftValueError(
                f"a {bound.kind} was used as a bound of a slice, whose length would be soft",
                remedy="loop over the positions and test them, or use relaxpy.hard(...)",
            )
    return index


def _load_several(container: Any, index: tuple[Any, ...]) -> Any:
    """`a[i, j]`: one axis after the other; with slices and tensors, soft axes are summed out first."""
    if all(isinstance(i, (int, SoftScalar)) for i in index):
        for i in index:
            container = load(container, i) if isinstance(i, Soft) or isinstance(container, Soft) else container[i]
        return container
    container = _as_array(container)
    if isinstance(container, SoftArray) and any(isinstance(part, SoftScalar) for part in index):
        return _load_mixed(container, index)
    return _load_tensor(container, index)


def _load_mixed(container: SoftArray, index: tuple[Any, ...]) -> Any:
    """`a[:, k]`, `a[..., k, 1:]`: the expectation along the soft axes, and torch's own indexing along the others."""
    tensor = container.tensor()
    named = sum(part is not None and part is not Ellipsis for part in index)
    axis = 0
    soft: list[tuple[int, SoftScalar]] = []
    for part in index:
        if part is Ellipsis:
            axis += tensor.dim() - lane_axes() - named
        elif part is not None:
            if isinstance(part, SoftScalar):
                soft.append((axis, part))
            axis += part.dim() if isinstance(part, TENSORS) and part.dtype == torch.bool else 1
    for place, part in reversed(soft):
        tensor = _contracted(tensor, place, axis_weights(part, tensor.shape[place]))
    rest = tuple(part for part in index if not isinstance(part, SoftScalar))
    return _load_tensor(SoftArray(tensor), rest)


def _contracted(tensor: Tensor, axis: int, weights: Tensor) -> Tensor:
    """The sum over an axis with weights of shape (n, *lanes)."""
    lanes = weights.shape[1:]
    moved = tensor.movedim(axis, 0)
    spread = weights.reshape(weights.shape[0], *(1,) * (moved.dim() - 1 - len(lanes)), *lanes)
    if ops.all_finite(moved):
        return (spread * moved).sum(0)
    # an infinite element counts where its weight is not negligible
    counts = torch.isfinite(moved) | (spread.expand_as(moved) > state.options.epsilon)
    return torch.where(counts, spread * torch.where(counts, moved, torch.zeros_like(moved)), 0.0).sum(0)


def _load_by_array(container: Any, index: SoftArray) -> Any:
    """`a[xs]`: element by element; hard integers per lane select, as torch does."""
    if index.element == arrays.INTEGER and isinstance(container, SoftArray):
        return torchcalls.call(Tensor.__getitem__, (container, index), {})
    if index.element == arrays.TRUTH:
        raise SoftValueError(
            "an array was indexed by a mask of soft truths, which would select a soft number of elements",
            remedy="write torch.where(mask, a, other), or a loop with a plain `if`",
        )
    return SoftArray(rows=[load(container, each) for each in index.rows()])


def _load_tensor(container: Any, index: Any) -> Any:
    """Indexing by hard tensors, lists, None, Ellipsis and mixes of them with slices."""
    if not isinstance(container, SoftArray):
        return container[index]
    tensor = container.tensor()
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if isinstance(part, slice):
            plain_slice(part)
    if any(isinstance(part, SoftArray) for part in parts):
        if any(isinstance(part, SoftArray) and part.element != arrays.INTEGER for part in parts):
            raise SoftValueError(
                "an array of soft indices cannot be mixed with other indices in one subscript",
                remedy="index one axis after the other: a[i][xs]",
            )
        return torchcalls.call(Tensor.__getitem__, (container, index), {})
    if lane_axes() and not any(part is Ellipsis for part in parts):
        parts = (*parts, Ellipsis)
    if lane_axes() and parts[-1] is not Ellipsis:
        parts = (*parts, slice(None))
    selected = tensor[parts]
    if selected.dim() == lane_axes():
        return arrays.of_element(selected, container.element)
    return SoftArray(selected, element=container.element)


def weights_over(index: SoftScalar, container: Any) -> Weights:
    """Where a soft index points to, with probabilities, on a list, tuple, array or dict."""
    n = len(container)
    if isinstance(container, dict):
        if isinstance(index, SoftNumber):
            raise SoftValueError("a soft number is no key of a dict", remedy="round it first: int(x), round(x)")
        return _inside(index, lambda value: value in container, "is no key of a dict", lambda value: value)
    if isinstance(index, SoftNumber):
        weights = perturbation.filter_weights(index.lanes, n).unbind(0) if n else ()
        return list(enumerate(weights)) if n else _inside(index, lambda value: False, "points into an empty list")
    return _inside(
        index, lambda value: -n <= value < n, f"points outside an axis of length {n}", lambda value: value % n
    )


def _inside(
    index: SoftScalar, holds: Callable[[int], bool], complaint: str, position: Callable[[int], Any] = operator.index
) -> Weights:
    """The values of a soft integer for which something holds, with their weights; the others must be negligible."""
    values, probabilities = ([], None) if isinstance(index, SoftNumber) else distribution_of(node_of(index))
    inside: Weights = []
    outside: Any = 0.0 if values else 1.0
    for k, value in enumerate(values):
        weight: Any = 1.0 if probabilities is None else probabilities[k]
        if holds(value):
            inside.append((position(value), weight))
        else:
            outside = ops.plus(outside, weight)
    outside = scopes.alive(outside)
    if not inside or ops.exceeds(outside, state.options.epsilon):
        error = RelaxIndexError.here(
            f"a {index.kind} {complaint} with probability {ops.largest(outside):.3g}{scopes.lanes_with(outside)}",
            remedy="keep the index inside (test it first), make the axis longer, or follow each path by itself: "
            "estimator='exact'",
        )
        error.is_only_ours = bool(inside) and ops.exceeds(1 - outside, state.options.epsilon)
        raise error
    return inside


def axis_weights(index: SoftScalar, n: int) -> Tensor:
    """Where a soft index points to along an axis of length n, as a tensor of shape (n, *lanes)."""
    chosen = settled(index, range(n))
    if isinstance(chosen, int):
        return _one_place(range(n)[chosen], n, index.lanes)
    index = chosen
    if isinstance(index, SoftNumber) and n:
        return perturbation.filter_weights(index.lanes, n)
    inside = weights_over(index, range(n))
    like = index.lanes
    weights: list[Any] = [ops.constant(0.0, like)] * n
    for place, weight in inside:
        weights[place] = weights[place] + weight
    return torch.stack(torch.broadcast_tensors(*weights))  # type: ignore[no-untyped-call]


def _one_place(place: int, n: int, like: Tensor) -> Tensor:
    weights = like.new_zeros((n, *like.shape))
    weights[place] = 1
    return weights


def expectation(container: Any, index: SoftScalar) -> Any:
    """The expectation of ``container[index]`` over a soft index (paper section 3.2); a row remembers its origin."""
    container = _as_array(container)
    if isinstance(container, SoftArray) and container.element == arrays.NUMBER and container.whole() is not None:
        tensor = container.tensor()
        if tensor.is_floating_point() and tensor.shape[0]:
            return _of_whole(container, tensor, index)
    weights = weights_over(index, container)
    if len(weights) == 1:
        return drawn.read(container, weights[0][0])
    values = [drawn.read(container, position) for position, _ in weights]
    result = mean([weight for _, weight in weights], values, f"an element chosen by a {index.kind}")
    if isinstance(result, SoftScalar):
        return result
    return drawn.remember(result, drawn.Picked(container, index, values, [weight for _, weight in weights]), values)


def _of_whole(container: SoftArray, tensor: Tensor, index: SoftScalar) -> Any:
    weights = axis_weights(index, tensor.shape[0])
    result = _contracted(tensor, 0, weights)
    if result.dim() <= lane_axes():
        return SoftNumber(result, ops.all_finite(result))
    return drawn.remember(
        SoftArray(result), drawn.Picked(container, index, container.rows_to_come(), weights.unbind(0))
    )

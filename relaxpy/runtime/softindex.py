"""Indexing of and by soft values (paper section 3.2; SEMANTICS, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from relaxpy.errors import RelaxIndexError, SoftValueError, user_place
from relaxpy.runtime import arrays, ops, perturbation
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.blend import CannotBlendError
from relaxpy.runtime.integers import distribution_of, node_of
from relaxpy.runtime.mixing import Mixer, blend_error
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar

# positions of an axis (or keys of a dict) and their weights
Weights = list[tuple[Any, Any]]


def load(container: Any, index: Any) -> Any:
    """``container[index]`` where one of them is soft."""
    if isinstance(container, SoftScalar):
        raise SoftValueError(f"a {container.kind} has no elements", remedy="index an array or a list")
    if isinstance(index, tuple) and not isinstance(container, dict):
        return _load_several(container, index)
    if isinstance(index, SoftScalar):
        return expectation(container, index)
    if not isinstance(container, SoftArray):
        if isinstance(index, SoftArray):
            return _load_tensor(arrays.constant_array(container), index)
        return container[index]
    if isinstance(index, slice):
        return SoftArray(rows=container.rows()[plain_slice(index)], element=container.element)
    if isinstance(index, (Tensor, SoftArray, list)) or index is None or index is Ellipsis:
        return _load_tensor(container, index)
    return container.rows()[index]


def plain_slice(index: slice) -> slice:
    for bound in (index.start, index.stop, index.step):
        if isinstance(bound, Soft):
            raise SoftValueError(
                f"a {bound.kind} was used as a bound of a slice, whose length would be soft",
                remedy="loop over the positions and test them, or use relaxpy.hard(...)",
            )
    return index


def _load_several(container: Any, index: tuple[Any, ...]) -> Any:
    """`a[i, j]`: one axis after the other, or torch's own indexing when slices and tensors take part."""
    if all(isinstance(i, (int, SoftScalar)) for i in index):
        for i in index:
            container = load(container, i) if isinstance(i, Soft) or isinstance(container, Soft) else container[i]
        return container
    return _load_tensor(container, index)


def _load_tensor(container: Any, index: Any) -> Any:
    """Indexing by hard tensors, lists, None, Ellipsis and mixes of them with slices."""
    if not isinstance(container, SoftArray):
        return container[index]
    tensor = container.tensor()
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, SoftScalar) for part in parts):
        raise SoftValueError(
            "a soft index cannot be mixed with slices or tensors in one subscript",
            remedy="index one axis after the other: a[i][:, j]",
        )
    if any(isinstance(part, SoftArray) for part in parts):
        from relaxpy.runtime import torchcalls

        return torchcalls.call(Tensor.__getitem__, (container, index), {})
    if lane_axes() and not any(part is Ellipsis for part in parts):
        parts = (*parts, Ellipsis)
    if lane_axes() and parts[-1] is not Ellipsis:
        parts = (*parts, slice(None))
    selected = tensor[parts]
    if selected.dim() == lane_axes():
        return SoftNumber(selected, ops.all_finite(selected))
    return SoftArray(selected, element=container.element)


def weights_over(index: SoftScalar, container: Any) -> Weights:
    """Where a soft index points to, with probabilities, on a list, tuple, array or dict."""
    if isinstance(index, SoftNumber):
        n = len(container)
        return list(enumerate(perturbation.filter_weights(index.lanes, n).unbind(0))) if n else _outside(index, 1.0, 0)
    values, probabilities = distribution_of(node_of(index))
    keys = container if isinstance(container, dict) else None
    n = len(container)
    inside: Weights = []
    outside: Any = 0.0
    for k, value in enumerate(values):
        weight: Any = 1.0 if probabilities is None else probabilities[k]
        if value in keys if keys is not None else -n <= value < n:
            inside.append((value if keys is not None else value % n, weight))
        else:
            outside = ops.plus(outside, weight)
    if not ops.at_most(outside, state.options.epsilon) or not inside:
        _outside(index, outside, n)
    return inside


def _outside(index: SoftScalar, mass: Any, n: int) -> Any:
    place = user_place()
    raise RelaxIndexError(
        f"a {index.kind} points outside an axis of length {n} with probability {ops.largest(mass):.3g}",
        remedy="keep the index inside (test it first), or make the axis longer",
        file=place[0] if place else None,
        line=place[1] if place else None,
    )


def expectation(container: Any, index: SoftScalar) -> Any:
    """The expectation of ``container[index]`` over a soft index."""
    if isinstance(container, Tensor):
        container = arrays.constant_array(container)
    weights = weights_over(index, container)
    if len(weights) == 1:
        return element(container, weights[0][0])
    values = [element(container, position) for position, _ in weights]
    return mean([weight for _, weight in weights], values, index)


def mean(weights: Sequence[Any], values: Sequence[Any], index: SoftScalar) -> Any:
    if all(type(value) is SoftNumber and value.finite for value in values):
        return SoftNumber(ops.weighted_sum(weights, [value.lanes for value in values]), True)
    try:
        return Mixer(weights, [{}] * len(values)).mix(values)
    except CannotBlendError as error:
        raise blend_error(f"an element chosen by a {index.kind}", error) from None


def element(container: Any, position: Any) -> Any:
    return container.rows()[position] if isinstance(container, SoftArray) else container[position]

"""torch functions that decide element by element, or combine truths: `where`, `sign`, `logical_and`, `any`, `isclose`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import arrays, decisions, ops, perturbation
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth, truth_of


def _truths(value: Any) -> Tensor:
    """Probabilities, lanes last: of truths as they are, of numbers that they are not 0."""
    value = looked_through(value)
    if isinstance(value, SoftArray) and value.element == arrays.TRUTH:
        return value.tensor()
    if isinstance(value, SoftScalar):
        return truth_of(value).lanes
    if isinstance(value, SoftArray):
        unequal: SoftArray = value != 0
        return unequal.tensor()
    tensor = torch.as_tensor(value)
    p = (tensor != 0).to(torch.get_default_dtype())
    return p if p.dim() == 0 or state.lanes is None else p.unsqueeze(-1)


def _wrapped_truths(p: Tensor) -> Any:
    return SoftTruth(p) if p.dim() <= lane_axes() else arrays.of_truths(p)


def logical_and(a: Any, b: Any) -> Any:
    """`a & b`, element by element: the t-norm."""
    return _wrapped_truths(perturbation.conjunction(*_promoted(_truths(a), _truths(b))))


def logical_or(a: Any, b: Any) -> Any:
    """`a | b`, element by element: the t-conorm."""
    return _wrapped_truths(perturbation.disjunction(*_promoted(_truths(a), _truths(b))))


def logical_xor(a: Any, b: Any) -> Any:
    """`a ^ b`: p (1 - q) + q (1 - p), exact for independent truths."""
    p, q = _promoted(_truths(a), _truths(b))
    return _wrapped_truths(p + q - 2 * p * q)


def logical_not(a: Any) -> Any:
    """`~a`: 1 - p."""
    return _wrapped_truths(1 - _truths(a))


def _promoted(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.promote_types(p.dtype, q.dtype)
    return p.to(dtype), q.to(dtype)


def where(condition: Any, *sides: Any) -> Any:
    """`torch.where(c, a, b)`: p a + (1 - p) b, element by element (paper Eq. 6)."""
    if len(sides) != 2:
        raise SoftValueError(
            "torch's `where` of a soft condition alone gives positions, whose number would be soft",
            remedy="write torch.where(condition, a, b), or a loop over the elements",
        )
    condition = looked_through(condition)
    if isinstance(condition, TENSORS) and condition.dtype == torch.bool:
        c = condition if condition.dim() == 0 or state.lanes is None else condition.unsqueeze(-1)
        a, b = _operands(*sides)
        return wrapped(torch.where(c, a, b))
    p = decisions.settled(_truths(condition))
    a, b = _operands(*sides, like=p)
    dtype = torch.promote_types(a.dtype, b.dtype)
    p, a, b = p.to(dtype), a.to(dtype), b.to(dtype)
    return wrapped(ops.safe_lerp(b, a, p, state.options.epsilon))


def _operands(*values: Any, like: Tensor | None = None) -> tuple[Tensor, ...]:
    lifted = [arrays.array_operand(looked_through(value)) for value in values]
    found = ops.first_tensor(*(value for value in lifted if value is not None))
    like = next(each for each in (found, like, torch.zeros(())) if each is not None)
    return tuple(
        value if isinstance(value, TENSORS) else torch.as_tensor(value, dtype=like.dtype) for value in lifted
    )


def wrapped(tensor: Tensor) -> Any:
    if tensor.dim() <= lane_axes():
        return SoftNumber(tensor, ops.all_finite(tensor))
    return SoftArray(tensor)


def sign(x: Any) -> Any:
    """`torch.sign(x)`: P(x > 0) - P(x < 0); exact."""
    x = looked_through(x)
    positive, negative = x > 0, x < 0
    return wrapped(_probability(positive) - _probability(negative))


def heaviside(x: Any, values: Any) -> Any:
    """`torch.heaviside(x, values)`: P(x > 0); a real number is never exactly 0."""
    return wrapped(_probability(looked_through(x) > 0))


def _probability(truth: Any) -> Tensor:
    if isinstance(truth, bool):
        return torch.tensor(float(truth))
    p: Tensor = truth.tensor() if isinstance(truth, SoftArray) else truth.lanes
    return p


def axis_of(tensor: Tensor, dim: int) -> int:
    dims = tensor.dim() - lane_axes()
    if not -dims <= dim < dims:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-dims}, {dims - 1}], but got {dim})")
    return dim % dims


def reduction(disjunction: bool) -> Callable[..., Any]:
    def call(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        p = _truths(x)
        if dim is None:
            p = p.flatten(0, p.dim() - 1 - lane_axes()) if p.dim() > lane_axes() else p[None]
            axis = 0
        else:
            axis = axis_of(p, dim)
        first = p.movedim(axis, 0)
        combine = perturbation.disjunction if disjunction else perturbation.conjunction
        start = first.new_zeros(()) if disjunction else first.new_ones(())
        result = functools.reduce(combine, first.unbind(0), start.expand(first.shape[1:]))
        return _wrapped_truths(result.unsqueeze(axis) if keepdim and dim is not None else result)

    return call


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """`torch.isclose(a, b)`: |a - b| <= atol + rtol |b|, a comparison like any other."""
    a, b = looked_through(a), looked_through(b)
    return abs(a - b) <= atol + rtol * abs(b)


def allclose(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    return reduction(disjunction=False)(isclose(a, b, *args, **kwargs))


def equal(a: Any, b: Any) -> Any:
    """`torch.equal(a, b)`: whether all elements are equal."""
    a, b = looked_through(a), looked_through(b)
    return tuple(a.shape) == tuple(b.shape) and reduction(disjunction=False)(a == b)


def count_nonzero(x: Any, dim: int | None = None) -> Any:
    """`torch.count_nonzero(x)`: the expected number of elements that are not 0."""
    p = _truths(x)
    if dim is not None:
        return wrapped(p.sum(axis_of(p, dim)))
    return wrapped(p.flatten(0, p.dim() - 1 - lane_axes()).sum(0) if p.dim() > lane_axes() else p)

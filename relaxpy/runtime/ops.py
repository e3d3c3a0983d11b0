"""All mathematics on lanes, as torch functions: the one place that looks inside a tensor.

A soft scalar of a batch is a tensor of lanes, shape (L,); without a batch it is 0-dimensional, shape (). Arrays hold lanes
last: (n, ..., L). Everything here works for both.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from relaxpy.runtime.standins import TENSORS, StandIn
from relaxpy.runtime.through import Through

# what a weight or an operand may be: lanes, or a plain number that is the same in all lanes
Operand: TypeAlias = "Tensor | float | int"
# what the mass of a path may be: in straight-through mode it has two parts
Mass: TypeAlias = "Tensor | Through | float | int"

_CPU = torch.device("cpu")


def concrete(lanes: Tensor) -> Tensor:
    """The values behind the wrappers of the user's own torch.vmap and torch.func.grad, for looking only."""
    lanes = lanes.detach()
    if isinstance(lanes, StandIn):
        return lanes
    while is_transformed(lanes):
        lanes = torch._C._functorch.get_unwrapped(lanes)
    return lanes


def is_transformed(tensor: Tensor) -> bool:
    """Is it a stand-in of torch.vmap or torch.func.grad, so that it holds several values or none to look at?"""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def hides_lanes(tensor: Tensor) -> bool:
    """Is it one sample of the user's own torch.vmap?"""
    while is_transformed(tensor):
        if torch._C._functorch.is_batchedtensor(tensor):
            return True
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return False


def reach(mass: Mass) -> Operand:
    """The mass that says whether a path is worth running."""
    return mass.reach if isinstance(mass, Through) else mass


def at_most(mass: Mass, bound: float) -> bool:
    """Is the mass at most ``bound`` in every lane? One reduction (a synchronisation on CUDA)."""
    mass = reach(mass)
    if not isinstance(mass, TENSORS):
        return mass <= bound
    if isinstance(mass, StandIn):
        return mass.at_most(bound)
    values = concrete(mass)
    return values.numel() == 0 or values.max().item() <= bound


def exceeds(mass: Operand, bound: float) -> bool:
    """Is the mass not at most ``bound``, which is then an error? A program is not recorded past an error."""
    return mass.exceeds(bound) if isinstance(mass, StandIn) else not at_most(mass, bound)


def anywhere_above(mass: Mass, bound: float) -> bool:
    mass = value_of(mass)
    if not isinstance(mass, TENSORS):
        return mass > bound
    if isinstance(mass, StandIn):
        return mass.exceeds(bound)
    return bool((concrete(mass) > bound).any())


def value_of(mass: Mass) -> Operand:
    """The mass as it weighs values."""
    return mass.value if isinstance(mass, Through) else mass


def detached(mass: Operand) -> Operand:
    return mass.detach() if isinstance(mass, TENSORS) else mass


def largest(mass: Mass) -> float:
    mass = value_of(mass)
    if not isinstance(mass, TENSORS):
        return float(mass)
    if isinstance(mass, StandIn):
        return mass.largest()
    values = concrete(mass)
    return float(values.max()) if values.numel() else 0.0


def largest_rows(masses: Tensor) -> list[float]:
    """The largest of each row, shape (n, *lanes)."""
    if is_transformed(masses):  # whose own axes may come in any order
        return [largest(row) for row in masses.unbind(0)]
    if not masses.numel():
        return [0.0] * masses.shape[0]
    found: list[float] = masses.detach().reshape(masses.shape[0], -1).amax(1).tolist()
    return found


def all_finite(lanes: Tensor) -> bool:
    """One pass and one look: a sum is finite only if all its terms are; one that overflows says nothing."""
    if isinstance(lanes, StandIn):
        return lanes.all_finite()
    values = concrete(lanes)
    return math.isfinite(values.sum().item()) or bool(torch.isfinite(values).all())


def is_finite_number(value: float | int) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


@contextlib.contextmanager
def outside_transforms() -> Iterator[None]:
    """For what outlives whatever transform or mode is at work now, so that it must not be made by one."""
    with _disable_current_modes(), torch.inference_mode(False), torch._C._DisableFuncTorch():
        yield


@functools.lru_cache(maxsize=4096)
def _constant(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    with outside_transforms():
        return torch.tensor(value, dtype=dtype, device=device)


def constant(value: float | int, like: Tensor) -> Tensor:
    """A 0-dimensional tensor of ``like``'s dtype and device; torch takes it faster than a Python number."""
    if isinstance(like, StandIn):
        return like.number(float(value))
    return _constant(float(value), like.dtype, like.device)


def rounded(value: float, dtype: torch.dtype) -> float:
    """The number as a tensor of this dtype holds it."""
    return float(_constant(value, dtype, _CPU).item())


def limits(lanes: Tensor) -> torch.finfo:
    """Of the floats that these are computed in."""
    return lanes.limits() if isinstance(lanes, StandIn) else torch.finfo(lanes.dtype)


def lift(value: Operand, like: Tensor) -> Tensor:
    return value if isinstance(value, TENSORS) else constant(value, like)


def first_tensor(*operands: Operand) -> Tensor | None:
    for operand in operands:
        if isinstance(operand, TENSORS):
            return operand
    return None


@overload
def complement(mass: Tensor) -> Tensor: ...
@overload
def complement(mass: Operand) -> Operand: ...
@overload
def complement(mass: Mass) -> Mass: ...
def complement(mass: Mass) -> Mass:
    """1 - mass"""
    return constant(1.0, mass) - mass if isinstance(mass, TENSORS) else 1 - mass


def times(a: Mass, b: Mass) -> Mass:
    """Product of masses; plain ones cost nothing."""
    if is_one(a):
        return b
    if is_one(b):
        return a
    return a * b


def plus(a: Mass, b: Mass) -> Mass:
    if is_zero(a):
        return b
    if is_zero(b):
        return a
    return a + b


def is_zero(mass: Mass) -> bool:
    """Is the mass known to be zero, without looking?"""
    return not isinstance(mass, (TENSORS, Through)) and mass == 0


def is_one(mass: Mass) -> bool:
    return not isinstance(mass, (TENSORS, Through)) and mass == 1


@overload
def share(part: Tensor, total: Tensor) -> Tensor: ...
@overload
def share(part: Operand, total: Operand) -> Operand: ...
def share(part: Operand, total: Operand) -> Operand:
    """part / total, with no division by a mass that can be zero (such lanes have no share in anything)."""
    if not isinstance(total, TENSORS):
        return part if total == 1 else part / total if total else part
    tiny = limits(total).tiny
    return part / torch.where(total > tiny, total, constant(1.0, total))


def lerp(start: Operand, end: Operand, weight: Tensor) -> Tensor:
    """start + weight (end - start), exact at weight 0 and 1 for finite ends."""
    dtype, kind = weight.dtype, type(weight)
    if type(start) is kind and type(end) is kind and start.dtype is dtype and end.dtype is dtype:
        return start.lerp(end, weight)
    if not isinstance(start, TENSORS):
        if not isinstance(end, TENSORS):
            return weight if start == 0 and end == 1 else weight * (end - start) + start
        if start == 0:
            return weight * end
        start = constant(start, weight)
    elif not isinstance(end, TENSORS):
        end = constant(end, weight)
    if start.dtype is end.dtype is dtype:
        return start.lerp(end, weight)
    dtype = torch.promote_types(torch.promote_types(start.dtype, end.dtype), dtype)
    return torch.lerp(start.to(dtype), end.to(dtype), weight.to(dtype))


def safe_lerp(start: Operand, end: Operand, weight: Tensor, epsilon: float) -> Tensor:
    """lerp in which a non-finite end of weight at most epsilon is dropped, per lane, in value and gradient."""
    start, end = lift(start, weight), lift(end, weight)
    start_ok, end_ok = torch.isfinite(start), torch.isfinite(end)
    without_end = (weight <= epsilon) & ~end_ok
    without_start = (weight >= 1 - epsilon) & ~start_ok
    zero, one = constant(0.0, weight), constant(1.0, weight)
    weight = torch.where(without_end, zero, torch.where(without_start, one, weight))
    blended = lerp(torch.where(start_ok, start, zero), torch.where(end_ok, end, zero), weight)
    infinite = torch.where(start_ok | without_start, zero, start) + torch.where(end_ok | without_end, zero, end)
    return blended + infinite.detach()


def guarded(operand: Operand, dead: Tensor | None, off: Tensor | None = None) -> Operand:
    """The operand with a harmless 1 in dead lanes, so that neither value nor derivative is singular there.

    ``off``: lanes whose value counts, but no derivative of it (see scopes.guarded).
    """
    if not isinstance(operand, TENSORS):
        return operand
    if off is not None:
        operand = torch.where(off, operand.detach(), operand)
    if dead is None:
        return operand
    return torch.where(dead, constant(1.0, operand) if operand.is_floating_point() else operand.new_ones(()), operand)


def broadcast_shape(*tensors: Tensor) -> torch.Size:
    shapes = {tensor.shape for tensor in tensors}
    if len(shapes) > 1:
        shapes.discard(torch.Size())
    if len(shapes) == 1:  # torch's own function is slow
        return shapes.pop()
    return torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call,no-any-return]


def without(mass: Tensor, dead: Tensor) -> Tensor:
    """The mass, 0 in dead lanes."""
    return torch.where(dead, torch.zeros_like(mass), mass)


def rows(operands: Sequence[Operand], like: Tensor) -> Tensor:
    """Operands stacked to one tensor, shape (k, *lanes), of their common dtype and shape."""
    tensors = [lift(each, like) for each in operands]
    if len({each.dtype for each in tensors}) == 1 and len({each.shape for each in tensors}) == 1:
        return stack(tensors)
    dtype = functools.reduce(torch.promote_types, (each.dtype for each in tensors))
    shape = broadcast_shape(*tensors)
    return stack([fitted(each, dtype, shape) for each in tensors])


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors along a new first axis; torch's own function would take long to find stand-ins among them."""
    first = tensors[0]
    return first.stacked(tensors) if isinstance(first, StandIn) else torch.stack(tensors)  # type: ignore[arg-type]


def fitted(lanes: Tensor, dtype: torch.dtype, shape: torch.Size) -> Tensor:
    """Lanes of a common dtype and shape; those that fit cost nothing."""
    if lanes.dtype != dtype:
        lanes = lanes.to(dtype)
    return lanes if lanes.shape == shape else lanes.expand(shape)


def weighted_rows(weights: Tensor, values: Tensor) -> Tensor:
    """The sum of the rows of values, each by its weight; one of the two may be without lanes."""
    if weights.dim() < values.dim():
        weights = weights.unsqueeze(-1)
    elif weights.dim() > values.dim():
        values = values.unsqueeze(-1)
    return (weights * values).sum(0)


def weighted(weights: Tensor, values: Sequence[Operand]) -> Tensor:
    """The sum of values, each by its row of the weights; a recorded program needs no stacks for that."""
    found = weights.weighted(values) if isinstance(weights, StandIn) else None
    return weighted_rows(weights, rows(values, weights)) if found is None else found


def weighted_sum(weights: Sequence[Operand], values: Sequence[Operand]) -> Tensor:
    """sum_k weights[k] values[k] in one stacked product."""
    like = first_tensor(*weights, *values)
    if like is None:
        raise TypeError("weighted_sum needs at least one tensor")
    return weighted(rows(weights, like), values)

"""Batches: which axis of which argument is the batch's, and lanes last inside (SEMANTICS, section 2)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.wrapping import Wrapper


def wrap(
    plan: Any, current: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
    """Arguments of a batched call, wrapped, and whether any is soft; sets the number of lanes."""
    dims = _dims_of(plan, args)
    sizes: dict[str, int] = {}
    for position, (value, dim) in enumerate(zip(args, dims)):
        _collect(value, dim, _named(plan, position), sizes)
    for name, value in kwargs.items():
        _collect(value, 0, name, sizes)
    state.lanes = _common_size(plan, sizes)
    wrappers: dict[Any, Wrapper] = {}

    def wrapped(value: Any, dim: Any) -> Any:
        if isinstance(dim, (tuple, list)) and isinstance(value, (tuple, list)):
            items = [wrapped(item, inner) for item, inner in zip(value, dim)]
            return tuple(items) if isinstance(value, tuple) else items
        if dim not in wrappers:
            wrappers[dim] = Wrapper(current, _placer(dim), shared=dim is None)
        return wrappers[dim].wrap(value)

    new_args = tuple([wrapped(value, dim) for value, dim in zip(args, dims)])
    new_kwargs = {name: wrapped(value, 0) for name, value in kwargs.items()}
    return new_args, new_kwargs, any(wrapper.found_soft for wrapper in wrappers.values())


def _named(plan: Any, position: int) -> str:
    """What the function calls a positional argument."""
    for place, parameter in enumerate(plan.signature.parameters.values()):
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return f"{parameter.name}[{position - place}]"
        if place == position:
            return str(parameter.name)
    return f"argument {position + 1}"


def _dims_of(plan: Any, args: tuple[Any, ...]) -> Sequence[Any]:
    """One entry per positional argument: an axis, None, or a nested structure, as torch.vmap's in_dims."""
    if isinstance(plan.batch, bool):
        return [0] * len(args)
    if isinstance(plan.batch, int):
        return [plan.batch] * len(args)
    if len(plan.batch) != len(args):
        raise RelaxError(
            f"batch={tuple(plan.batch)!r} counts {len(plan.batch)}, but `{plan.name}` was called with "
            f"{len(args)} positional argument{'' if len(args) == 1 else 's'}",
            remedy="give one entry per positional argument, as in torch.vmap's in_dims (None: shared by all lanes)",
        )
    return list(plan.batch)


def _collect(value: Any, dim: Any, what: str, sizes: dict[str, int]) -> None:
    """Sizes of the batch axis, by argument."""
    if isinstance(value, Hard) or dim is None:
        return
    if isinstance(value, TENSORS):
        if value.dim() == 0:
            raise RelaxError(
                f"`{what}` is a tensor of no dimension, so it has no batch axis",
                remedy="stack the samples along axis 0, or mark it with relaxpy.hard(...) or None in `batch`",
            )
        if not -value.dim() <= dim < value.dim():
            raise RelaxError(
                f"`{what}` has shape {tuple(value.shape)}, so no axis {dim}",
                remedy="name an axis that it has in `batch`, or None if all samples share it",
            )
        sizes[what] = value.shape[dim]
    elif isinstance(value, (list, tuple)):
        inner = dim if isinstance(dim, (list, tuple)) else [dim] * len(value)
        for k, (item, d) in enumerate(zip(value, inner)):
            _collect(item, d, f"{what}[{k}]", sizes)
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(item, dim, f"{what}[{key!r}]", sizes)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            _collect(getattr(value, name, None), dim, f"{what}.{name}", sizes)


def _common_size(plan: Any, sizes: dict[str, int]) -> int:
    if not sizes:
        raise RelaxError(
            f"`{plan.name}` was called with batch={plan.batch!r}, but no argument has a batch axis",
            remedy="give it a tensor whose axis 0 is the batch, or leave out `batch`",
        )
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size} of `{what}`" for what, size in sizes.items())
        raise RelaxError(
            f"the arguments of `{plan.name}` have batches of different sizes: {listed}",
            remedy="give all of them the same size along the batch axis, or mark shared ones with relaxpy.hard(...)",
        )
    return next(iter(sizes.values()))


def _placer(dim: Any) -> Any:
    def place(tensor: Tensor) -> Tensor:
        if dim is None:
            if not tensor.is_floating_point():
                return tensor
            return tensor if tensor.dim() == 0 else tensor.unsqueeze(-1)
        return tensor.movedim(dim, -1).contiguous()

    return place

"""Rows, soft or hard, as one tensor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import arrays, ops
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state


def element_tensor(value: Any) -> Tensor | float | int | None:
    """A row as a tensor (or number) to be stacked."""
    return stacked(list(value)) if isinstance(value, (list, tuple)) else arrays.array_operand(value)


def stacked(rows: list[Any], stored_as: tuple[torch.dtype, torch.device] | None = None) -> Tensor:
    """Rows (soft or hard) as one tensor, shape (n, ..., *lanes); of this dtype or what it must be promoted to."""
    parts: list[Any] = [element_tensor(row) for row in rows]
    if any(part is None for part in parts):
        odd = next(row for row, part in zip(rows, parts) if part is None)
        raise RelaxError(
            f"an array holds {odd!r}, which is no number, so it cannot become a tensor",
            remedy="use a list for such values",
        )
    tensors = [part for part in parts if isinstance(part, TENSORS)]
    if not tensors:
        kept, device = stored_as or (None, None)
        if not parts:
            kept = kept or torch.get_default_dtype()
        elif kept is not None and not kept.is_floating_point:
            kept = None  # numbers stored among ints say themselves what they are
        plain = torch.tensor(parts, dtype=kept, device=device)
        return plain if state.lanes is None else plain.unsqueeze(-1).expand(*plain.shape, state.lanes)
    floating = [part for part in tensors if part.is_floating_point()]
    like = (floating or tensors)[0]
    axes = arrays.lane_axes()
    shapes = sorted({tuple(part.shape)[: part.dim() - axes] for part in tensors if part.dim() > axes})
    if len(shapes) > 1:
        raise RelaxError(f"rows of different shapes {shapes} do not make a tensor", remedy="keep them in a list")
    shape = ops.broadcast_shape(*tensors)
    if state.lanes is not None and not shape:
        shape = torch.Size([state.lanes])
    dtype = like.dtype
    if stored_as is not None and stored_as[0].is_floating_point:
        dtype = torch.promote_types(dtype, stored_as[0])
    for part in floating:
        dtype = torch.promote_types(dtype, part.dtype)
    return ops.stack([ops.fitted(ops.lift(part, like), dtype, shape) for part in parts])

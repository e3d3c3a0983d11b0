"""torch functions that make tensors of one value like a recorded one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from relaxpy.engine.recorded import LANES, NO_LANES, ONE_LANE, Recorded, refuse
from relaxpy.engine.registering import registered


def _filled(x: Any, value: float, dtype: torch.dtype | None) -> Any:
    return _made(x, () if type(x.ids) is int else x.ids.shape, x.lanes, value, dtype)


def _made(x: Any, shape: tuple[int, ...], lanes: int, value: float, dtype: torch.dtype | None) -> Any:
    """One value in this shape, the axis of lanes apart; of the type of ``x`` if of no other."""
    if dtype is not None:
        x.recorder.check_type(dtype)
    row = x.recorder.tape.constant(float(value))
    ids = np.full(shape, row, np.int64) if shape else row
    return Recorded(x.recorder, ids, lanes, dtype or x.dtype)


@registered("zeros_like")
def zeros_like(x: Any, *, dtype: Any = None, **options: Any) -> Any:
    return _filled(x, 0.0, dtype)


@registered("ones_like")
def ones_like(x: Any, *, dtype: Any = None, **options: Any) -> Any:
    return _filled(x, 1.0, dtype)


@registered("full_like")
def full_like(x: Any, fill_value: float, *, dtype: Any = None, **options: Any) -> Any:
    return _filled(x, fill_value, dtype)


def _new(x: Any, size: Any, value: float, dtype: torch.dtype | None = None) -> Any:
    size = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list, torch.Size)) else tuple(size)
    lanes = NO_LANES
    if x.recorder.batched and size:
        if size[-1] not in (x.recorder.lane_count, 1):
            refuse("it makes a tensor without lanes")
        lanes, size = LANES if size[-1] == x.recorder.lane_count else ONE_LANE, size[:-1]
    return _made(x, size, lanes, value, dtype)


@registered("new_zeros")
def new_zeros(x: Any, *size: Any, dtype: Any = None, **options: Any) -> Any:
    return _new(x, size, 0.0, dtype)


@registered("new_ones")
def new_ones(x: Any, *size: Any, dtype: Any = None, **options: Any) -> Any:
    return _new(x, size, 1.0, dtype)

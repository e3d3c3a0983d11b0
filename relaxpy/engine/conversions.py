"""torch functions on recorded tensors that change their type."""

from __future__ import annotations

from typing import Any

import torch

from relaxpy.engine.recorded import Recorded, lifted, refuse
from relaxpy.engine.registering import Handler, registered
from relaxpy.engine.truths import comparison
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state


@registered("to")
def to(x: Any, *args: Any, **options: Any) -> Any:
    """Types change freely among bool, integers and the program's own float types."""
    dtype = options.get("dtype") or next((a for a in args if isinstance(a, torch.dtype)), None)
    other = next((a for a in args if isinstance(a, TENSORS)), None)
    if other is not None:
        dtype = other.dtype
    if dtype is None or dtype == x.dtype:
        return x
    if dtype.is_floating_point:
        return x.recorder.convert(x, dtype)
    if dtype == torch.bool:
        return comparison("ne")(x, 0)
    if x.dtype == torch.bool or not x.dtype.is_floating_point:
        return Recorded(x.recorder, x.ids, x.lanes, dtype)
    return refuse("numbers become integers")


def _to(dtype: torch.dtype) -> Handler:
    return lambda x: to(x, dtype)


for _name in "float double half bfloat16 bool".split():
    registered(_name)(_to(getattr(torch, _name)))


@registered("type_as")
def type_as(x: Any, other: Any) -> Any:
    return to(x, other.dtype)


@registered("result_type")
def result_type(a: Any, b: Any) -> torch.dtype:
    dtype: torch.dtype = state.recorder.common_dtype(
        [x if type(x) in (int, float, bool) else lifted(x) for x in (a, b)]
    )
    return dtype

"""The float types of a program: half precision is computed in float32, and rounded once, where it comes back to the caller.

torch.autocast around a call changes the types of some functions of torch; where one of them is in a program there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.recorded import Recorded, refuse
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state

HALF = frozenset({torch.float16, torch.bfloat16})
_KNOWN = HALF | {torch.float32, torch.float64}
_DEVICES = ("cpu", "cuda")


def types_of(tensors: Iterable[Tensor]) -> frozenset[torch.dtype]:
    """The types of all floats. Those that float32 holds may be mixed; float64 stands alone."""
    found = frozenset([tensor.dtype for tensor in tensors if tensor.is_floating_point()])
    if not found or not found <= _KNOWN or torch.float64 in found and len(found) > 1:
        refuse(f"its arguments are {' and '.join(sorted(map(str, found))) or 'not soft'}")
    return found


class Typed:
    """What types the values of a program are said to be of; all are computed in one.

    ``dtype``: most of them; ``types``: any; ``computed``: the one in which they are computed, which holds all others.
    """

    def __init__(self, types: frozenset[torch.dtype]) -> None:
        """``types``: those of the arguments that are floats."""
        self.computed = torch.float64 if torch.float64 in types else torch.float32
        self.dtype = next(iter(types)) if len(types) == 1 else self.computed
        self.types = types | {self.computed}
        self.untyped: Any = None  # the row of beta, which takes any type

    def common_dtype(self, operands: Sequence[Any]) -> torch.dtype:
        """As torch promotes; a float type that is none of the program's is refused."""
        own = False
        for operand in operands:
            if type(operand) is Recorded:
                if operand.dtype is not self.dtype:
                    break
                own = True
        else:
            if own:
                return self.dtype
        kinds = [_example(x) for x in operands]
        dtype = kinds[0].dtype if len(kinds) == 1 and isinstance(kinds[0], Tensor) else None
        if dtype is None:
            example: Any = kinds[0]
            for other in kinds[1:]:
                example = torch.empty(
                    (0,) if _dims(example) or _dims(other) else (), dtype=torch.result_type(example, other)
                )
            dtype = example.dtype
        self.check_type(dtype)
        return dtype

    def check_type(self, dtype: torch.dtype) -> None:
        """Can values be of this type?"""
        if dtype.is_floating_point and dtype not in self.types:
            refuse(f"it mixes {dtype} with {self.dtype}")

    def convert(self, value: Recorded, dtype: torch.dtype) -> Recorded:
        """A value, said to be of another type of floats.

        What has the half precision of all arguments is rounded in the end, as all results are; by another one the function may
        want to round it here.
        """
        self.check_type(dtype)
        if value.dtype.is_floating_point and dtype not in (self.dtype, self.computed) and value.ids is not self.untyped:
            refuse(f"it rounds {value.dtype} to {dtype}")
        return Recorded(value.recorder, value.ids, value.lanes, dtype)


def autocast_around(device: torch.device, tensors: Iterable[Tensor]) -> Any:
    """Where autocast is on, and to which types: a program depends on it."""
    on = tuple([(kind, torch.get_autocast_dtype(kind)) for kind in _DEVICES if torch.is_autocast_enabled(kind)])
    if on and device.type != "cpu":
        refuse("autocast is on")
    for kind, dtype in on:
        if kind == "cpu" and any(tensor.dtype in HALF and tensor.dtype != dtype for tensor in tensors):
            refuse(f"autocast to {dtype} is on, which takes no other half precision")
    return on


def refuse_under_autocast(name: str) -> None:
    """For functions that autocast runs in other types than those of their arguments, unless these are float64."""
    if state.recorder.computed != torch.float64 and torch.is_autocast_enabled("cpu"):
        refuse(f"autocast is on, which changes torch's `{name}`")


def _example(operand: Any) -> Any:
    """Something that torch promotes alike."""
    if type(operand) is Recorded:
        return torch.empty((0,) if operand.dim() else (), dtype=operand.dtype)
    return operand


def _dims(operand: Any) -> int:
    return operand.dim() if isinstance(operand, TENSORS) else 0

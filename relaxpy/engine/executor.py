"""What runs a program: the vector machine, on the processor and with llvmlite; otherwise groups of torch operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from relaxpy.engine import objectcode
from relaxpy.engine.tape import Tape


class Executor(Protocol):
    """A program ready to run in one precision on one device; ``kind``: "llvmlite" or "torch", by what it runs.

    ``smooth``: does a gradient pass through each output? ``reached``: the inputs' rows on the tape to which one may come.
    ``pays``: would it take less time than so many operations of torch?

    ``forward`` gives the outputs, shape (outputs, lanes), and what ``backward`` needs, whose ``failed`` is the number of a check
    that fails in some lane, or 0.
    """

    kind: str
    dtype: torch.dtype
    device: torch.device
    smooth: list[bool]
    reached: frozenset[int]

    def pays(self, operations: int, lanes: int) -> bool: ...

    def forward(self, inputs: Tensor, uniform: Tensor | None = None) -> tuple[Tensor, Any]: ...

    def backward(self, run: Any, output_gradient: Tensor) -> tuple[Tensor, Tensor]: ...


def executor(tape: Tape, outputs: Sequence[int], dtype: torch.dtype, device: torch.device) -> Executor:
    """What computes these rows of a tape."""
    if device.type == "cpu" and objectcode.available():
        from relaxpy.engine.machine import Machine
        from relaxpy.engine.planner import plan

        return Machine(plan(tape, outputs), dtype)
    from relaxpy.engine.packed import Packed
    from relaxpy.engine.schedule import schedule

    return Packed(schedule(tape, outputs, device), dtype, device)

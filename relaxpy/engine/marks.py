"""Marks on instructions that go to those that depend on them, or that they need: by the kernel, or in Python without it."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from relaxpy.engine import objectcode
from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES

_PLACES = [PLACES[name] for name in ("flags", "sources", "starts")]
Flags = npt.NDArray[np.uint8]
Long = npt.NDArray[np.int64]


def spread(flags: Flags, sources: Long, starts: Long, backward: bool) -> None:
    """Mark, in place, all that depends on an instruction that is marked, or ``backward`` all that one needs.

    A flag is 1 for a mark, 2 for what is never to be marked; the operands of instruction k are written by the instructions
    ``sources[starts[k]:starts[k + 1]]`` (-1: by none).
    """
    if not objectcode.available():
        (_spread_backward if backward else _spread_forward)(flags, sources.tolist(), starts.tolist())
        return
    parameters = array("q", bytes(8 * len(PARAMETERS)))
    arrays: tuple[Any, ...] = (flags, sources, starts)
    for place, values in zip(_PLACES, arrays):
        parameters[place] = values.ctypes.data
    parameters[PLACES["count"]] = len(flags)
    functions = objectcode.some_kernel()
    (functions.spread_backward if backward else functions.spread_forward)(parameters.buffer_info()[0])


def _spread_forward(flags: Flags, sources: list[int], starts: list[int]) -> None:
    marks = [*flags.tolist(), 0]  # the last stands for what no instruction writes
    for k, mark in enumerate(marks[:-1]):
        if not mark:
            marks[k] = 1 in [marks[source] for source in sources[starts[k] : starts[k + 1]]]
    flags[:] = marks[:-1]


def _spread_backward(flags: Flags, sources: list[int], starts: list[int]) -> None:
    marks = [*flags.tolist(), 0]
    for k in range(len(flags) - 1, -1, -1):
        if marks[k] == 1:
            for source in sources[starts[k] : starts[k + 1]]:
                marks[source] = 1
    flags[:] = marks[:-1]

"""The values of a tape while it is recorded, for the program's decisions: worked out by the machine up to where someone looks.

Of many lanes a sample is looked at. A program checks what was taken for granted in all lanes, each time it runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from relaxpy.engine.instructions import WORDS
from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import kernel
from relaxpy.engine.recorded import refuse
from relaxpy.engine.tape import Tape

MOST_BYTES = 1 << 28
SAMPLE = 256
_WORD_BYTES = 4

# the first of some rows, and their values, shape (rows, lanes) or, where lanes share them, (rows, 1)
Inputs = list[tuple[int, Tensor]]


def sample_of(inputs: Inputs, lanes: int) -> Tensor | None:
    """Lanes that are likely to decide for all: the extremes of the inputs, and some from everywhere (None: all lanes)."""
    if lanes <= SAMPLE:
        return None
    extremes = [torch.cat([values.argmin(1), values.argmax(1)]) for _, values in inputs if values.shape[1] > 1]
    spread = torch.arange(0, lanes, -(-2 * lanes // SAMPLE))
    chosen: Tensor = torch.unique(torch.cat([*(places[: SAMPLE // 2] for places in extremes[:4]), spread]))
    return chosen


class Evaluation:
    """All rows of a tape, for some lanes."""

    def __init__(self, tape: Tape, inputs: Inputs, lanes: int, dtype: torch.dtype, sample: Tensor | None) -> None:
        self.tape = tape
        self._inputs = inputs
        self.sample = sample
        self.lanes = lanes if sample is None else len(sample)
        self.kernel = kernel(dtype == torch.float64)
        self.width = -(-self.lanes // self.kernel.width) * self.kernel.width
        # pages that nobody touches cost nothing
        rows = MOST_BYTES // max(1, self.width * dtype.itemsize)
        self.memory: npt.NDArray[Any] = torch.empty((rows, self.width), dtype=dtype).numpy()
        self._done = 0
        self._failed = np.zeros(1, np.int64)
        self._parameters = np.zeros(len(PARAMETERS), np.int64)
        known = {
            "local": self.memory.ctypes.data,
            "failed": self._failed.ctypes.data,
            "width": self.width,
            "groups": self.width // self.kernel.width,
        }
        for name, value in known.items():
            self._parameters[PLACES[name]] = value
        self._address = self._parameters.ctypes.data

    def row(self, row: int) -> npt.NDArray[Any]:
        """The values of a row, shape (lanes,)."""
        if len(self.tape.code) != self._done or self._inputs or self.tape.new_constants:
            self._run()
        values: npt.NDArray[Any] = self.memory[row, : self.lanes]
        return values

    def _run(self) -> None:
        tape = self.tape
        if tape.rows > len(self.memory):
            refuse("it decides by values, and is too long for so many lanes")
        for first, values in self._inputs:
            self._fill(first, values)
        self._inputs.clear()
        for row, value in tape.new_constants:
            self.memory[row] = value
        tape.new_constants.clear()
        code, words = tape.code.buffer_info()
        parameters = self._parameters
        parameters[_CODE] = code + _WORD_BYTES * self._done
        parameters[_COUNT] = (words - self._done) // WORDS
        parameters[_ARGUMENTS] = tape.arguments.buffer_info()[0]
        self.kernel.execute(self._address)
        self._done = words

    def _fill(self, first: int, values: Tensor) -> None:
        if self.sample is not None and values.shape[1] > 1:
            values = values[:, self.sample]
        block = self.memory[first : first + len(values)]
        block[:, : self.lanes] = values.numpy()
        block[:, self.lanes :] = block[:, self.lanes - 1 : self.lanes] if self.lanes else 0.0


_CODE, _COUNT, _ARGUMENTS = (PLACES[name] for name in ("code", "count", "arguments"))


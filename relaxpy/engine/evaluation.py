"""The values of a tape while it is recorded, for the program's decisions: worked out by the machine up to where someone looks.

Where there are too many for all lanes, some of them are looked at. A program checks what was taken for granted in all lanes
each time it runs; if lanes that nobody looked at differ, they are looked at when it is recorded again.
"""

from __future__ import annotations

import math
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
LEAST_ROWS = 1024  # for which there is room, however many lanes
FIRST_BYTES = 1 << 20  # to begin with
GROWTH = 4  # times as many rows, whenever there are too few
MANY = 1024  # lanes, of which few are looked at from the beginning
FEW = 256  # lanes that are looked at where all are too many
GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of which, modulo 1, leave no large gap
_WORD_BYTES = 4
_PAGE = 1 << 12

# the first of some rows, and their values, shape (rows, lanes) or, where lanes share them, (rows, 1)
Inputs = list[tuple[int, Tensor]]
Floats = npt.NDArray[Any]


def some_of(lanes: int) -> Tensor:
    """Few lanes, spread over all, at uneven steps: of the pixels of an image, even ones would only meet a few columns."""
    place = torch.arange(FEW, dtype=torch.float64)
    chosen: Tensor = torch.unique(((place + place * GOLDEN % 1.0) * (lanes / FEW)).long())
    return chosen


def narrower(lanes: int, all_lanes: int, sample: Tensor | None) -> Tensor:
    """Some of the lanes, to go on with where there is no room for the values of all."""
    if lanes <= FEW or sample is not None:
        refuse("it decides by values, and is too long for so many lanes")
    return some_of(all_lanes)


class Evaluation:
    """All rows of a tape, for all lanes or, by ``sample``, for some."""

    def __init__(self, tape: Tape, inputs: Inputs, lanes: int, dtype: torch.dtype, sample: Tensor | None) -> None:
        self.tape = tape
        self._inputs = inputs
        self._kind: Any = np.float64 if dtype == torch.float64 else np.float32
        self._all_lanes = lanes
        self.sample = sample if sample is not None or lanes <= MANY else some_of(lanes)
        self.kernel = kernel(dtype == torch.float64)
        self._done = 0
        self._rows = 0
        self._parameters = np.zeros(len(PARAMETERS), np.int64)
        self._address = self._parameters.ctypes.data
        self._begin(lanes if self.sample is None else len(self.sample))

    def _begin(self, lanes: int) -> None:
        """No rows yet, of so many lanes."""
        self.lanes = lanes
        self.width = -(-max(1, lanes) // self.kernel.width) * self.kernel.width
        self._most = max(MOST_BYTES // (self.width * np.dtype(self._kind).itemsize), LEAST_ROWS)
        self.memory: Floats = np.empty((0, self.width), self._kind)
        self._parameters[PLACES["width"]] = self.width
        self._parameters[PLACES["groups"]] = self.width // self.kernel.width

    def close(self) -> None:
        """Let the values go."""
        self.memory = np.empty((0, self.width), self._kind)

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows, and more; pages that nobody touches cost nothing."""
        before = self.memory
        size = self.width * before.itemsize
        rows = min(max(rows, FIRST_BYTES // size, GROWTH * len(before)), self._most)
        buffer = np.empty(rows * size + _PAGE, np.uint8)
        start = -buffer.ctypes.data % _PAGE
        self.memory = buffer[start : start + rows * size].view(self._kind).reshape(rows, self.width)
        self.memory[: len(before)] = before
        self._parameters[PLACES["local"]] = self.memory.ctypes.data

    def _narrow(self, rows: int) -> None:
        """Go on with some of the lanes."""
        before = self.memory
        self.sample = narrower(self.lanes, self._all_lanes, self.sample)
        self._begin(len(self.sample))
        self._reserve(rows)
        self.memory[:rows, : self.lanes] = before[:rows, self.sample.numpy()]
        self.memory[:rows, self.lanes :] = self.memory[:rows, self.lanes - 1 : self.lanes]

    def row(self, row: int) -> Floats:
        """The values of a row, shape (lanes,)."""
        tape = self.tape
        if len(tape.code) != self._done or self._inputs or tape.new_constants:
            self._run()
        values: Floats = self.memory[row, : self.lanes]
        return values

    def _run(self) -> None:
        tape = self.tape
        while tape.rows > self._most:
            self._narrow(self._rows)
        if tape.rows > len(self.memory):
            self._reserve(tape.rows)
        self._rows = tape.rows
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

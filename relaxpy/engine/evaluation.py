"""The values of a tape while it is recorded, for the program's decisions: worked out by the machine up to where someone looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine.instructions import WORDS
from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import kernel
from relaxpy.engine.recorded import refuse
from relaxpy.engine.tape import Tape

MOST_BYTES = 1 << 28


class Evaluation:
    """All rows of a tape, for all lanes."""

    def __init__(self, tape: Tape, inputs: list[tuple[int, Tensor]], lanes: int, dtype: torch.dtype) -> None:
        self.tape = tape
        self._inputs = inputs
        self.lanes = lanes
        self.dtype = dtype
        self.kernel = kernel(dtype == torch.float64)
        self.width = -(-lanes // self.kernel.width) * self.kernel.width
        self.memory = torch.empty((0, self.width), dtype=dtype)
        self._done = 0
        self._arguments = np.zeros(1024, np.int32)
        self._arguments_done = 0

    def row(self, row: int) -> Tensor:
        """The values of a row, shape (lanes,)."""
        self._run()
        return self.memory[row, : self.lanes]

    def _run(self) -> None:
        tape = self.tape
        self._grow(tape.rows)
        for row, values in self._inputs:
            self.memory[row, : self.lanes] = values.detach()
            self.memory[row, self.lanes :] = self.memory[row, self.lanes - 1] if self.lanes else 0.0
        self._inputs.clear()
        for row, value in tape.new_constants:
            self.memory[row] = value
        tape.new_constants.clear()
        count = len(tape.code)
        if count == self._done:
            return
        code = np.array(tape.code[self._done :], np.int32)
        self._take_arguments()
        failed = np.zeros(1, np.int64)
        parameters = np.zeros(len(PARAMETERS), np.int64)
        known: dict[str, Any] = {
            "code": code.ctypes.data,
            "count": len(code) // WORDS,
            "arguments": self._arguments.ctypes.data,
            "local": self.memory.data_ptr(),
            "failed": failed.ctypes.data,
            "width": self.width,
            "groups": self.width // self.kernel.width,
        }
        for name, value in known.items():
            parameters[PLACES[name]] = value
        self.kernel.execute(parameters.ctypes.data)
        self._done = count

    def _take_arguments(self) -> None:
        arguments, done = self.tape.arguments, self._arguments_done
        if len(arguments) > len(self._arguments):
            self._arguments = np.resize(self._arguments, 2 * len(arguments))
        self._arguments[done : len(arguments)] = np.array(arguments[done:], np.int32)
        self._arguments_done = len(arguments)

    def _grow(self, rows: int) -> None:
        have = self.memory.shape[0]
        if rows <= have:
            return
        more = max(rows, 2 * have, 1024)
        if more * self.width * self.memory.element_size() > MOST_BYTES:
            more = rows
            if more * self.width * self.memory.element_size() > MOST_BYTES:
                refuse("it decides by values, and is too long for so many lanes")
        grown = torch.empty((more, self.width), dtype=self.dtype)
        grown[:have] = self.memory
        self.memory = grown

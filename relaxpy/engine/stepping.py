"""The values of a tape while it is recorded, where there is no llvmlite: each new instruction is an operation of torch."""

from __future__ import annotations

import torch
from torch import Tensor

from relaxpy.engine.evaluation import LEAST_ROWS, MANY, MOST_BYTES, Floats, Inputs, narrower, some_of
from relaxpy.engine.replay import TorchMathematics, work_out
from relaxpy.engine.tape import Tape


class Stepping:
    """All rows of a tape, for all lanes or, by ``sample``, for some, as an `Evaluation` has them."""

    def __init__(self, tape: Tape, inputs: Inputs, lanes: int, dtype: torch.dtype, sample: Tensor | None) -> None:
        self.tape = tape
        self._inputs = inputs
        self._all_lanes = lanes
        self.sample = sample if sample is not None or lanes <= MANY else some_of(lanes)
        self.lanes = lanes if self.sample is None else len(self.sample)
        self._mathematics = TorchMathematics(dtype)
        self._values: dict[int, Tensor] = {}
        self._done = 0

    def row(self, row: int) -> Floats:
        """The values of a row, shape (lanes,)."""
        if len(self.tape.code) != self._done or self._inputs or self.tape.new_constants:
            self._run()
        values: Floats = self._values[row].numpy()
        return values

    @torch.no_grad()
    def _run(self) -> None:
        tape, dtype = self.tape, self._mathematics.dtype
        while tape.rows > max(MOST_BYTES // (max(1, self.lanes) * dtype.itemsize), LEAST_ROWS):
            self._narrow()
        for first, given in self._inputs:
            chosen = given[:, self.sample] if self.sample is not None and given.shape[1] > 1 else given
            self._values.update(enumerate(chosen.expand(-1, self.lanes).unbind(0), first))
        self._inputs.clear()
        for row, value in tape.new_constants:
            self._values[row] = torch.full((self.lanes,), value, dtype=dtype)
        tape.new_constants.clear()
        work_out(tape.code, tape.arguments, self._values, self._mathematics, self._done)
        self._done = len(tape.code)

    def _narrow(self) -> None:
        """Go on with some of the lanes."""
        self.sample = narrower(self.lanes, self._all_lanes, self.sample)
        self.lanes = len(self.sample)
        self._values = {row: values[self.sample] for row, values in self._values.items()}

    def close(self) -> None:
        """Nobody looks any more."""
        self._values.clear()

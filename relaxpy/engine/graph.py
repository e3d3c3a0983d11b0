"""The instructions of a tape as a graph: which one reads which, and the marks that spread along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from relaxpy.engine.instructions import CHECK, CODES, DOT, RULES, SOFTMAX, SUM, WORDS
from relaxpy.engine.marks import spread
from relaxpy.engine.tape import Tape

Truths = npt.NDArray[np.bool_]
Words = npt.NDArray[np.int32]
Long = npt.NDArray[np.int64]

_ARITY = np.array([*(rule.arity for rule in RULES), 0, 0, 0, 0], np.int64)
_SMOOTH = np.array([*(rule.reverse is not None for rule in RULES), True, True, True, False], np.bool_)
_LISTS = {CODES[SUM]: 1, CODES[DOT]: 2, CODES[SOFTMAX]: 1}


class Operands:
    """Which instruction reads which row, in order, and where in the code or the arguments it is named."""

    def __init__(self, code: Words, arguments: Words) -> None:
        operation = code[:, 0]
        instructions: list[Any] = []
        rows: list[Any] = []
        places: list[Any] = []  # in the code; in the arguments if negative
        for j in range(3):
            (found,) = np.nonzero(_ARITY[operation] > j)
            instructions.append(found)
            rows.append(code[found, 2 + j])
            places.append(found * WORDS + 2 + j)
        for name, word in ((CHECK, 1), (SOFTMAX, 4)):
            (found,) = np.nonzero(operation == CODES[name])
            instructions.append(found)
            rows.append(code[found, word])
            places.append(found * WORDS + word)
        for kind, factor in _LISTS.items():
            (found,) = np.nonzero(operation == kind)
            lengths = code[found, 3].astype(np.int64) * factor
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            index = np.repeat(code[found, 2].astype(np.int64), lengths) + within
            instructions.append(np.repeat(found, lengths))
            rows.append(arguments[index])
            places.append(-1 - index)
        self.instruction: Long = np.concatenate(instructions)
        order = np.argsort(self.instruction, kind="stable")
        self.instruction = self.instruction[order]
        self.row: Long = np.concatenate(rows).astype(np.int64)[order]
        self.place: Long = np.concatenate(places)[order]
        self.start: Long = np.searchsorted(self.instruction, np.arange(len(code) + 1)).astype(np.int64)


class Graph:
    """Which instruction needs which, for marks that spread along.

    ``widths``: rows that each writes; ``definer``: which writes each row (-1: none); ``sources``: which writes each operand.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.code: Words = np.array(tape.code, np.int32).reshape(-1, WORDS)
        self.arguments: Words = np.array(tape.arguments, np.int32)
        self.operands = Operands(self.code, self.arguments)
        self.operation = self.code[:, 0].copy()
        self.widths: Long = np.ones(len(self.code), np.int64)
        self.widths[self.operation == CODES[CHECK]] = 0
        softmax = self.operation == CODES[SOFTMAX]
        self.widths[softmax] = self.code[softmax, 3]
        places = np.array(tape.definers, np.int64)
        self.definer: Long = np.where(places < 0, -1, places // WORDS)
        self.sources: Long = np.ascontiguousarray(self.definer[self.operands.row])

    def needed(self, outputs: Sequence[int]) -> Truths:
        """The instructions that an output or a check depends on."""
        flags = (self.operation == CODES[CHECK]).astype(np.uint8)
        defined = self.definer[np.asarray(outputs, np.int64)]
        flags[defined[defined >= 0]] = 1
        return self._spread(flags, backward=True)

    def varying(self) -> Truths:
        """The instructions whose operands are not the same in all lanes."""
        if not self.tape.uniform_inputs:
            return np.ones(len(self.operation), np.bool_)
        return self._spread(self._reading(self.tape.lane_inputs))

    def smooth(self, outputs: Sequence[int]) -> list[bool]:
        """Which outputs depend on an input by a path that carries gradients?"""
        inputs = (*self.tape.lane_inputs, *self.tape.uniform_inputs)
        flags = self._reading(inputs)
        flags[~_SMOOTH[self.operation]] = 2
        marked = self._spread(flags)
        given = set(inputs)
        return [row in given or self.definer[row] >= 0 and bool(marked[self.definer[row]]) for row in outputs]

    def _reading(self, rows: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Marks on the instructions that read some of these rows."""
        chosen = np.zeros(self.tape.rows, np.bool_)
        chosen[list(rows)] = True
        flags = np.zeros(len(self.operation), np.uint8)
        flags[self.operands.instruction[chosen[self.operands.row]]] = 1
        return flags

    def _spread(self, flags: npt.NDArray[np.uint8], backward: bool = False) -> Truths:
        spread(flags, self.sources, self.operands.start, backward)
        marked: Truths = flags == 1
        return marked

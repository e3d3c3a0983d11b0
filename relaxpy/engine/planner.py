"""From a tape to a program of the vector machine: what is needed, in segments, with a place for every row.

Rows are local to a segment, or saved where a later segment or the caller reads them, or uniform where they are the same in all
lanes; those are worked out once, by a prologue. Everything is linear in the length of the tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relaxpy.engine.instructions import (
    CHECK,
    CODES,
    CONSTANT,
    DOT,
    LOCAL,
    RULES,
    SAVED,
    SOFTMAX,
    SPACE_SHIFT,
    SUM,
    UNIFORM,
    WORDS,
)
from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import Kernel, kernel
from relaxpy.engine.tape import Tape

Truths = npt.NDArray[np.bool_]
Words = npt.NDArray[np.int32]
Long = npt.NDArray[np.int64]

SEGMENT_ROWS = 768
_ARITY = np.array([*(rule.arity for rule in RULES), 0, 0, 0, 0], np.int64)
_SMOOTH = np.array([*(rule.reverse is not None for rule in RULES), True, True, True, False], np.bool_)
_LISTS = {CODES[SUM]: 1, CODES[DOT]: 2, CODES[SOFTMAX]: 1}


@dataclass(frozen=True)
class Program:
    """Instructions with places; ``segments`` are pairs of first instruction and number, ``outputs`` names of rows."""

    code: Words
    arguments: Words
    prologue: Words
    segments: Long
    outputs: Long
    constants: npt.NDArray[np.float64]
    input_count: int
    uniform_count: int
    local_rows: int
    saved_rows: int
    uniform_rows: int
    checks: int
    smooth: list[bool]  # of each output: does a gradient come to it?


class _Operands:
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


def plan(tape: Tape, outputs: Sequence[int], segment_rows: int = SEGMENT_ROWS) -> Program:
    """The program that computes these rows of a tape."""
    code: Words = np.array(tape.code, np.int32).reshape(-1, WORDS)
    arguments: Words = np.array(tape.arguments, np.int32)
    operands = _Operands(code, arguments)
    operation = code[:, 0]
    widths = np.ones(len(code), np.int64)
    widths[operation == CODES[CHECK]] = 0
    widths[operation == CODES[SOFTMAX]] = code[operation == CODES[SOFTMAX], 3]
    places = np.array(tape.definers, np.int64)
    definer: Long = np.where(places < 0, -1, places // WORDS)
    graph = _Graph(tape, operation, operands, definer, kernel(True))
    needed, varying = graph.needed(outputs), graph.varying()
    uniform, main = needed & ~varying, needed & varying
    names, segments, sizes = _places(tape, operands, code, definer, widths, main, uniform, outputs, segment_rows)
    _rename(code, arguments, operands, names, main | uniform, operation)
    return Program(
        code=np.ascontiguousarray(code[main]),
        arguments=arguments if len(arguments) else np.zeros(1, np.int32),
        prologue=np.ascontiguousarray(code[uniform]),
        segments=segments,
        outputs=names[np.asarray(outputs, np.int64)],
        constants=np.array(list(tape.constants.values()), np.float64),
        input_count=len(tape.lane_inputs),
        uniform_count=len(tape.uniform_inputs),
        local_rows=sizes[LOCAL],
        saved_rows=sizes[SAVED],
        uniform_rows=sizes[UNIFORM],
        checks=tape.checks,
        smooth=graph.smooth(outputs),
    )


class _Graph:
    """Which instruction needs which, for marks that spread along."""

    def __init__(self, tape: Tape, operation: Any, operands: _Operands, definer: Long, kernel: Kernel) -> None:
        self.tape = tape
        self.operation = operation
        self.operands = operands
        self.definer = definer
        self.sources: Long = np.ascontiguousarray(definer[operands.row])
        self.kernel = kernel

    def needed(self, outputs: Sequence[int]) -> Truths:
        """The instructions that an output or a check depends on."""
        flags = (self.operation == CODES[CHECK]).astype(np.uint8)
        defined = self.definer[np.asarray(outputs, np.int64)]
        flags[defined[defined >= 0]] = 1
        return self._spread(self.kernel.spread_backward, flags)

    def varying(self) -> Truths:
        """The instructions whose operands are not the same in all lanes."""
        if not self.tape.uniform_inputs:
            return np.ones(len(self.operation), np.bool_)
        return self._spread(self.kernel.spread_forward, self._reading(self.tape.lane_inputs))

    def smooth(self, outputs: Sequence[int]) -> list[bool]:
        """Which outputs depend on an input by a path that carries gradients?"""
        inputs = (*self.tape.lane_inputs, *self.tape.uniform_inputs)
        flags = self._reading(inputs)
        flags[~_SMOOTH[self.operation]] = 2
        marked = self._spread(self.kernel.spread_forward, flags)
        given = set(inputs)
        return [row in given or self.definer[row] >= 0 and bool(marked[self.definer[row]]) for row in outputs]

    def _reading(self, rows: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Marks on the instructions that read some of these rows."""
        chosen = np.zeros(self.tape.rows, np.bool_)
        chosen[list(rows)] = True
        flags = np.zeros(len(self.operation), np.uint8)
        flags[self.operands.instruction[chosen[self.operands.row]]] = 1
        return flags

    def _spread(self, function: Any, flags: npt.NDArray[np.uint8]) -> Truths:
        parameters = np.zeros(len(PARAMETERS), np.int64)
        arrays: dict[str, Any] = {"flags": flags, "sources": self.sources, "starts": self.operands.start}
        for name, values in arrays.items():
            parameters[PLACES[name]] = values.ctypes.data
        parameters[PLACES["count"]] = len(flags)
        function(parameters.ctypes.data)
        marked: Truths = flags == 1
        return marked


def _places(
    tape: Tape,
    operands: _Operands,
    code: Words,
    definer: Long,
    widths: Long,
    main: Truths,
    uniform: Truths,
    outputs: Sequence[int],
    segment_rows: int,
) -> tuple[Long, Long, tuple[int, int, int]]:
    """A name for every row; the segments; how many rows there are in the first three spaces."""
    end = np.cumsum(np.where(main, widths, 0))
    segment = np.maximum(end - 1, 0) // segment_rows
    saved = np.zeros(len(code), np.bool_)
    source = definer[operands.row] if len(operands.row) else np.zeros(0, np.int64)
    crossing = (source >= 0) & main[operands.instruction]
    crossing[crossing] = segment[source[crossing]] < segment[operands.instruction[crossing]]
    saved[source[crossing]] = True
    defined = definer[np.asarray(outputs, np.int64)]
    saved[defined[defined >= 0]] = True
    saved &= main
    local = main & ~saved
    place = np.zeros(len(code), np.int64)
    inputs = len(tape.lane_inputs)
    place[saved] = (SAVED << SPACE_SHIFT) + inputs + _before(widths[saved])
    place[uniform] = (UNIFORM << SPACE_SHIFT) + len(tape.uniform_inputs) + _before(widths[uniform])
    numbers = _before(np.where(local, widths, 0))
    kept = np.nonzero(main)[0]
    firsts, counts = np.unique(segment[kept], return_index=True, return_counts=True)[1:] if len(kept) else ([], [])
    segments = np.array([firsts, counts], np.int64).T
    local_rows = 0
    for first, count in segments.tolist():
        members = kept[first : first + count]
        base = numbers[members[0]]
        place[members] += np.where(local[members], numbers[members] - base, 0)
        last = members[-1]
        local_rows = max(local_rows, int(numbers[last] + (widths[last] if local[last] else 0) - base))
    names = np.zeros(tape.rows, np.int64)
    known = definer >= 0
    names[known] = place[definer[known]] + np.nonzero(known)[0] - code[definer[known], 1]
    names[tape.lane_inputs] = (SAVED << SPACE_SHIFT) + np.arange(inputs)
    names[tape.uniform_inputs] = (UNIFORM << SPACE_SHIFT) + np.arange(len(tape.uniform_inputs))
    names[list(tape.constants)] = (CONSTANT << SPACE_SHIFT) + np.arange(len(tape.constants))
    saved_rows = inputs + int(widths[saved].sum())
    uniform_rows = len(tape.uniform_inputs) + int(widths[uniform].sum())
    return names, np.ascontiguousarray(segments).reshape(-1, 2), (local_rows, saved_rows, uniform_rows)


def _before(widths: Long) -> Long:
    """The sum of all that come before each."""
    return np.cumsum(widths) - widths


def _rename(
    code: Words, arguments: Words, operands: _Operands, names: Long, kept: Truths, operation: Any
) -> None:
    """Write the names of rows into the instructions that are kept."""
    writes = kept & (operation != CODES[CHECK])
    code[writes, 1] = names[code[writes, 1]]
    chosen = kept[operands.instruction]
    place, name = operands.place[chosen], names[operands.row[chosen]]
    in_code = place >= 0
    code.reshape(-1)[place[in_code]] = name[in_code]
    arguments[-1 - place[~in_code]] = name[~in_code]

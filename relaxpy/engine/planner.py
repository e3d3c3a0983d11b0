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
from relaxpy.engine.tape import Tape

Words = npt.NDArray[np.int32]
Long = npt.NDArray[np.int64]

SEGMENT_ROWS = 768
_ARITY = np.array([*(rule.arity for rule in RULES), 0, 0, 0, 0], np.int64)
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
        (checks,) = np.nonzero(operation == CODES[CHECK])
        instructions.append(checks)
        rows.append(code[checks, 1])
        places.append(checks * WORDS + 1)
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
        self.start: Long = np.searchsorted(self.instruction, np.arange(len(code) + 1))


def plan(tape: Tape, outputs: Sequence[int], segment_rows: int = SEGMENT_ROWS) -> Program:
    """The program that computes these rows of a tape."""
    code: Words = np.array(tape.code, np.int32).reshape(-1, WORDS)
    arguments: Words = np.array(tape.arguments, np.int32)
    operands = _Operands(code, arguments)
    operation = code[:, 0]
    widths = np.ones(len(code), np.int64)
    widths[operation == CODES[CHECK]] = 0
    widths[operation == CODES[SOFTMAX]] = code[operation == CODES[SOFTMAX], 3]
    definer = np.full(tape.rows, -1, np.int64)
    for k in range(int(widths.max(initial=0))):
        wide = widths > k
        definer[code[wide, 1] + k] = np.nonzero(wide)[0]
    needed = _needed(operation, operands, definer, outputs)
    uniform = _uniform(tape, len(code), operands, definer) & needed
    main = needed & ~uniform
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
    )


def _needed(operation: Any, operands: _Operands, definer: Long, outputs: Sequence[int]) -> npt.NDArray[np.bool_]:
    """The instructions that an output or a check depends on."""
    needed = bytearray((operation == CODES[CHECK]).astype(np.uint8))
    defined = definer.tolist()
    for row in outputs:
        if defined[row] >= 0:
            needed[defined[row]] = 1
    sources = definer[operands.row].tolist() if len(operands.row) else []
    start = operands.start.tolist()
    for k in range(len(needed) - 1, -1, -1):
        if needed[k]:
            for source in sources[start[k] : start[k + 1]]:
                if source >= 0:
                    needed[source] = 1
    return np.frombuffer(needed, np.uint8).astype(np.bool_)


def _uniform(tape: Tape, count: int, operands: _Operands, definer: Long) -> npt.NDArray[np.bool_]:
    """The instructions whose operands are the same in all lanes."""
    varies = np.zeros(count, np.bool_)
    if not tape.uniform_inputs:
        return ~np.ones(count, np.bool_)
    lanes = np.zeros(tape.rows, np.bool_)
    lanes[tape.lane_inputs] = True
    varies[operands.instruction[lanes[operands.row]]] = True
    flags = bytearray(varies.astype(np.uint8))
    sources, start = definer[operands.row].tolist(), operands.start.tolist()
    for k in range(count):
        if not flags[k]:
            for source in sources[start[k] : start[k + 1]]:
                if source >= 0 and flags[source]:
                    flags[k] = 1
                    break
    return ~np.frombuffer(flags, np.uint8).astype(np.bool_)


def _places(
    tape: Tape,
    operands: _Operands,
    code: Words,
    definer: Long,
    widths: Long,
    main: npt.NDArray[np.bool_],
    uniform: npt.NDArray[np.bool_],
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
    code: Words, arguments: Words, operands: _Operands, names: Long, kept: npt.NDArray[np.bool_], operation: Any
) -> None:
    """Write the names of rows into the instructions that are kept."""
    writes = kept & (operation != CODES[CHECK])
    code[writes, 1] = names[code[writes, 1]]
    chosen = kept[operands.instruction]
    place, name = operands.place[chosen], names[operands.row[chosen]]
    in_code = place >= 0
    code.reshape(-1)[place[in_code]] = name[in_code]
    arguments[-1 - place[~in_code]] = name[~in_code]

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

from relaxpy.engine.graph import Graph, Long, Operands, Truths, Words
from relaxpy.engine.instructions import CHECK, CODES, CONSTANT, LOCAL, SAVED, SPACE_SHIFT, UNIFORM
from relaxpy.engine.tape import Tape

SEGMENT_ROWS = 768


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


def plan(tape: Tape, outputs: Sequence[int], segment_rows: int = SEGMENT_ROWS) -> Program:
    """The program that computes these rows of a tape."""
    graph = Graph(tape)
    code, arguments, operands = graph.code, graph.arguments, graph.operands
    needed, varying = graph.needed(outputs), graph.varying()
    uniform, main = needed & ~varying, needed & varying
    smooth = graph.smooth(outputs)
    names, segments, sizes = _places(
        tape, operands, code, graph.definer, graph.widths, main, uniform, outputs, segment_rows
    )
    _rename(code, arguments, operands, names, main | uniform, graph.operation)
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
        smooth=smooth,
    )


def _places(
    tape: Tape,
    operands: Operands,
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
    code: Words, arguments: Words, operands: Operands, names: Long, kept: Truths, operation: Any
) -> None:
    """Write the names of rows into the instructions that are kept."""
    writes = kept & (operation != CODES[CHECK])
    code[writes, 1] = names[code[writes, 1]]
    chosen = kept[operands.instruction]
    place, name = operands.place[chosen], names[operands.row[chosen]]
    in_code = place >= 0
    code.reshape(-1)[place[in_code]] = name[in_code]
    arguments[-1 - place[~in_code]] = name[~in_code]

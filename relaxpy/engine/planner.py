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
    smooth: list[bool]  # of each output: does a gradient pass through it?
    reached: frozenset[int]  # the inputs' rows on the tape to which a gradient may come


def plan(tape: Tape, outputs: Sequence[int], segment_rows: int = SEGMENT_ROWS) -> Program:
    """The program that computes these rows of a tape."""
    graph = Graph(tape)
    code, arguments, operands = graph.code, graph.arguments, graph.operands
    needed, varying = graph.needed(outputs), graph.varying()
    uniform, main = needed & ~varying, needed & varying
    smooth, reached = graph.smooth(outputs), graph.reached(outputs)
    names, segments, sizes = _places(
        tape, operands, code, graph.definer, graph.sources, graph.widths, main, uniform, outputs, segment_rows
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
        reached=reached,
    )


def _places(
    tape: Tape,
    operands: Operands,
    code: Words,
    definer: Long,
    sources: Long,
    widths: Long,
    main: Truths,
    uniform: Truths,
    outputs: Sequence[int],
    segment_rows: int,
) -> tuple[Long, Long, tuple[int, int, int]]:
    """A name for every row; the segments; how many rows there are in the first three spaces."""
    segment = np.maximum((widths * main).cumsum() - 1, 0) // segment_rows
    saved = np.zeros(len(code), np.bool_)
    inner = ((sources >= 0) & main[operands.instruction]).nonzero()[0]
    source = sources[inner]
    saved[source[segment[source] < segment[operands.instruction[inner]]]] = True
    defined = definer[np.asarray(outputs, np.int64)]
    saved[defined[defined >= 0]] = True
    saved &= main
    place = np.zeros(len(code), np.int64)
    inputs, uniform_inputs = len(tape.lane_inputs), len(tape.uniform_inputs)
    place[saved] = (SAVED << SPACE_SHIFT) + inputs + _before(widths[saved])
    if uniform_inputs:
        place[uniform] = (UNIFORM << SPACE_SHIFT) + uniform_inputs + _before(widths[uniform])
    segments, local_rows = _in_segments(main.nonzero()[0], segment, widths * ~saved, place)
    names = np.zeros(tape.rows, np.int64)
    known = (definer >= 0).nonzero()[0]
    by = definer[known]
    names[known] = place[by] + known - code[by, 1]
    names[tape.lane_inputs] = (SAVED << SPACE_SHIFT) + np.arange(inputs)
    if uniform_inputs:
        names[tape.uniform_inputs] = (UNIFORM << SPACE_SHIFT) + np.arange(uniform_inputs)
    names[list(tape.constants)] = (CONSTANT << SPACE_SHIFT) + np.arange(len(tape.constants))
    saved_rows = inputs + int(widths[saved].sum())
    uniform_rows = uniform_inputs + int(widths[uniform].sum())
    return names, segments, (local_rows, saved_rows, uniform_rows)


def _in_segments(kept: Long, segment: Long, widths: Long, place: Long) -> tuple[Long, int]:
    """The first instruction of each segment and their number, and the most local rows of one, whose places are set."""
    if not len(kept):
        return np.zeros((0, 2), np.int64), 0
    firsts = np.diff(segment[kept], prepend=-1).nonzero()[0]
    counts = np.diff(firsts, append=len(kept))
    ends = widths[kept].cumsum()
    begins = ends - widths[kept]
    local = widths[kept].nonzero()[0]
    place[kept[local]] = (begins - np.repeat(begins[firsts], counts))[local]
    most = int((ends[firsts + counts - 1] - begins[firsts]).max())
    return np.stack((firsts, counts), 1), most


def _before(widths: Long) -> Long:
    """The sum of all that come before each."""
    return widths.cumsum() - widths


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

"""From a tape to a program of the vector machine: what is needed, in segments, with a place for every row.

Rows are local to a segment, or saved where a later segment or the caller reads them, or uniform where they are the same in all
lanes; those are worked out once, by a prologue. Everything is linear in the length of the tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from relaxpy.engine.gradients import Gradients
from relaxpy.engine.graph import IS_MEAN, Graph, Long, Truths, Words
from relaxpy.engine.instructions import CHECK, CODES, CONSTANT, FRESH, LOCAL, SAVED, SPACE_SHIFT, UNIFORM
from relaxpy.engine.reversal import Reversal
from relaxpy.engine.tape import Tape

SEGMENT_ROWS = 768
MOST_COSTLY = 256  # results of a segment that are saved since it costs much to work them out again


@dataclass(frozen=True)
class Program:
    """Instructions with places, of the forward pass, of the prologue, and of the backward pass by segments.

    ``segments``: for each the first and the number of the instructions that are run ``again``, and of those that are reversed,
    ``back``, and whether the gradients of its local rows must be zero before. ``outputs``: names of rows. ``cleared_rows``: the
    first saved ones, whose gradients must be zero before.
    """

    code: Words
    arguments: Words
    prologue: Words
    again: Words
    back: Words
    segments: Long
    outputs: Long
    constants: npt.NDArray[np.float64]
    input_count: int
    uniform_count: int
    local_rows: int
    saved_rows: int
    cleared_rows: int
    uniform_rows: int
    checks: int
    smooth: list[bool]  # of each output: does a gradient pass through it?
    reached: frozenset[int]  # the inputs' rows on the tape to which a gradient may come


def plan(tape: Tape, outputs: Sequence[int], segment_rows: int = SEGMENT_ROWS) -> Program:
    """The program that computes these rows of a tape."""
    graph = Graph(tape)
    code, arguments = graph.code, graph.arguments
    needed, varying = graph.needed(outputs), graph.varying()
    uniform, main = needed & ~varying, needed & varying
    gradients = Gradients(graph, needed, outputs)
    defined = gradients.written[gradients.written >= 0]
    cut = _cut(graph, main, defined, segment_rows)
    reversal = Reversal(gradients, main)
    again = reversal.again(cut.local)
    costly = cut.few(again & IS_MEAN[graph.operation])
    if len(costly):
        cut = cut.with_saved(costly)
        again = reversal.again(cut.local)
    cleared = cut.saved & reversal.partial
    cleared[defined] = cut.saved[defined]
    places = _places(graph, cut, cleared, uniform)
    _rename(graph, places.names, main | uniform)
    back = _with_fresh(code, arguments, reversal.fresh((cut.local | cut.saved) & ~cleared))[reversal.back]
    arguments, moved = graph.used_arguments(main | uniform)
    counts = [cut.counts(chosen) for chosen in (again, reversal.back)]
    columns = [part for count in counts for part in (_before(count), count)]
    return Program(
        code=moved(code[main]),
        arguments=arguments if len(arguments) else np.zeros(1, np.int32),
        prologue=moved(code[uniform]),
        again=moved(code[again]),
        back=moved(back),
        segments=np.array([*columns, cut.counts(cut.local & reversal.partial) > 0], np.int64).T.copy(),
        outputs=places.names[np.asarray(outputs, np.int64)],
        constants=np.array(list(tape.constants.values()), np.float64),
        input_count=len(tape.lane_inputs),
        uniform_count=len(tape.uniform_inputs),
        local_rows=places.local_rows,
        saved_rows=places.saved_rows,
        cleared_rows=len(tape.lane_inputs) + int(graph.widths[cleared].sum()),
        uniform_rows=places.uniform_rows,
        checks=tape.checks,
        smooth=gradients.smooth(),
        reached=gradients.reached(),
    )


@dataclass(frozen=True)
class _Cut:
    """The segment of each instruction, how many segments there are, and which results are saved, which local."""

    segment: Long
    number: int
    saved: Truths
    local: Truths

    def few(self, chosen: Truths) -> Long:
        """The first of some instructions in each segment, so that what is saved is a part of all rows."""
        (found,) = chosen.nonzero()
        rank = np.arange(len(found)) - _before(self.counts(chosen))[self.segment[found]]
        return found[rank < MOST_COSTLY]

    def with_saved(self, instructions: Long) -> _Cut:
        saved = self.saved.copy()
        saved[instructions] = True
        return replace(self, saved=saved, local=self.local & ~saved)

    def counts(self, chosen: Truths) -> Long:
        """How many of some instructions there are in each segment."""
        return np.bincount(self.segment[chosen], minlength=self.number).astype(np.int64)


def _cut(graph: Graph, main: Truths, outputs: Long, segment_rows: int) -> _Cut:
    part = np.maximum((graph.widths * main).cumsum() - 1, 0) // segment_rows
    (kept,) = main.nonzero()
    begins = np.ones(len(kept), np.bool_)
    begins[1:] = part[kept[1:]] != part[kept[:-1]]
    segment = np.zeros(len(main), np.int64)
    segment[kept] = begins.cumsum() - 1
    saved = np.zeros(len(main), np.bool_)
    inner = ((graph.sources >= 0) & main[graph.operands.instruction]).nonzero()[0]
    source = graph.sources[inner]
    saved[source[segment[source] < segment[graph.operands.instruction[inner]]]] = True
    saved[outputs] = True
    saved &= main
    return _Cut(segment, int(begins.sum()), saved, main & ~saved)


@dataclass(frozen=True)
class _Places:
    """A name for every row of the tape, and how many rows there are in the first three spaces."""

    names: Long
    local_rows: int
    saved_rows: int
    uniform_rows: int


def _places(graph: Graph, cut: _Cut, cleared: Truths, uniform: Truths) -> _Places:
    tape, widths, definer = graph.tape, graph.widths, graph.definer
    place = np.zeros(len(graph.code), np.int64)
    saved_rows, uniform_rows = len(tape.lane_inputs), len(tape.uniform_inputs)
    for chosen in (cleared, cut.saved & ~cleared):
        place[chosen] = (SAVED << SPACE_SHIFT) + saved_rows + _before(widths[chosen])
        saved_rows += int(widths[chosen].sum())
    names = np.zeros(tape.rows, np.int64)
    if uniform_rows:
        names[tape.uniform_inputs] = (UNIFORM << SPACE_SHIFT) + np.arange(uniform_rows)
        place[uniform] = (UNIFORM << SPACE_SHIFT) + uniform_rows + _before(widths[uniform])
        uniform_rows += int(widths[uniform].sum())
    (local,) = cut.local.nonzero()
    rows = np.bincount(cut.segment[local], widths[local], cut.number).astype(np.int64)
    place[local] = (LOCAL << SPACE_SHIFT) + _before(widths[local]) - _before(rows)[cut.segment[local]]
    (known,) = (definer >= 0).nonzero()
    by = definer[known]
    names[known] = place[by] + known - graph.code[by, 1]
    names[tape.lane_inputs] = (SAVED << SPACE_SHIFT) + np.arange(len(tape.lane_inputs))
    names[list(tape.constants)] = (CONSTANT << SPACE_SHIFT) + np.arange(len(tape.constants))
    return _Places(names, int(rows.max(initial=0)), saved_rows, uniform_rows)


def _before(widths: Long) -> Long:
    """The sum of all that come before each."""
    before: Long = widths.cumsum() - widths
    return before


def _rename(graph: Graph, names: Long, kept: Truths) -> None:
    """Write the names of rows into the instructions that are kept."""
    code, operands = graph.code, graph.operands
    writes = kept & (graph.operation != CODES[CHECK])
    code[writes, 1] = names[code[writes, 1]]
    chosen = kept[operands.instruction]
    place, name = operands.place[chosen], names[operands.row[chosen]]
    in_code = place >= 0
    code.reshape(-1)[place[in_code]] = name[in_code]
    graph.arguments[-1 - place[~in_code]] = name[~in_code]


def _with_fresh(code: Words, arguments: Words, places: Long) -> Words:
    """The code with names marked at these places; the arguments are marked where they are, since nothing else reads the mark."""
    marked: Words = code.copy()
    in_code = places >= 0
    marked.reshape(-1)[places[in_code]] |= FRESH
    arguments[-1 - places[~in_code]] |= FRESH
    return marked

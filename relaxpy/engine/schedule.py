"""From a tape to the groups of a packed program, with a place for every row.

Rows that are the same in all lanes, and constants, are shared: they have a buffer of one lane of their own. What a group writes
are rows that follow one another, in the order of the tape, so that most operands of other groups are blocks of rows, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from relaxpy.engine.gradients import Gradients
from relaxpy.engine.graph import Graph, Long, Truths
from relaxpy.engine.grouping import Grouping, Places, levels
from relaxpy.engine.groups import CONSTANT, LANES, UNIFORM, Group
from relaxpy.engine.instructions import CHECK, CODES
from relaxpy.engine.tape import Tape


@dataclass(frozen=True)
class Schedule:
    """Lane rows: the inputs, copies of shared rows, and what ``groups`` write. Shared rows: the uniform inputs, the constants,
    and what the ``prologue`` writes."""

    groups: list[Group]
    prologue: list[Group]
    rows: int
    shared_rows: int
    input_count: int
    uniform_count: int
    constants: npt.NDArray[np.float64]
    copied: list[int]  # shared rows
    outputs: list[int]  # lane rows
    checks: list[int]  # lane rows that hold truths
    smooth: list[bool]  # of each output: does a gradient pass through it?
    reached: frozenset[int]  # the inputs' rows on the tape to which a gradient may come


def schedule(tape: Tape, outputs: Sequence[int], device: torch.device) -> Schedule:
    """The packed program that computes these rows of a tape."""
    graph = Graph(tape)
    needed, varying = graph.needed(outputs), graph.varying()
    uniform, main = needed & ~varying, needed & varying
    checks = graph.code[graph.operation == CODES[CHECK], 1]
    inputs, uniform_inputs, constants = tape.lane_inputs, tape.uniform_inputs, list(tape.constants)
    kind = _kinds(tape, graph, uniform)
    early, late = (Grouping(graph.code, _levels(graph, part), kind) for part in (uniform, main))
    shared = np.zeros(tape.rows, np.int64)
    shared[uniform_inputs + constants] = np.arange(len(uniform_inputs) + len(constants))
    shared_rows = early.lay_out(shared, graph.widths, len(uniform_inputs) + len(constants))
    copied = _copied(graph, main, kind, [*outputs, *checks.tolist()])
    own = shared.copy()
    own[inputs] = np.arange(len(inputs))
    rows = late.lay_out(own, graph.widths, len(inputs) + len(copied))
    listed = own.copy()
    listed[copied] = len(inputs) + np.arange(len(copied))
    gradients = Gradients(graph, needed, outputs)
    return Schedule(
        groups=late.groups(graph.arguments, Places(kind, own, listed), device),
        prologue=early.groups(graph.arguments, Places(kind, shared, shared), device),
        rows=rows,
        shared_rows=shared_rows,
        input_count=len(inputs),
        uniform_count=len(uniform_inputs),
        constants=np.array(list(tape.constants.values()), np.float64),
        copied=shared[copied].tolist(),
        outputs=listed[np.asarray(outputs, np.int64)].tolist(),
        checks=listed[checks].tolist(),
        smooth=gradients.smooth(),
        reached=gradients.reached(),
    )


def _kinds(tape: Tape, graph: Graph, uniform: Truths) -> Long:
    kind = np.full(tape.rows, LANES, np.int64)
    kind[tape.uniform_inputs] = UNIFORM
    kind[list(tape.constants)] = CONSTANT
    written = graph.definer >= 0
    kind[written] = np.where(uniform[graph.definer[written]], UNIFORM, LANES)
    return kind


def _levels(graph: Graph, part: Truths) -> Long:
    return levels(np.flatnonzero(part).tolist(), graph.sources.tolist(), graph.operands.start.tolist())


def _copied(graph: Graph, main: Truths, kind: Long, wanted: Sequence[int]) -> Long:
    """Shared rows that are needed in all lanes: as outputs and truths, and in lists."""
    operands = graph.operands
    listed = operands.row[(operands.place < 0) & main[operands.instruction]]
    rows: Long = np.unique(np.concatenate([listed, np.asarray(wanted, np.int64)]))
    copied: Long = rows[kind[rows] != LANES]
    return copied

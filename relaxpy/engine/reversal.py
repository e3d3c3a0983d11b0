"""What the backward pass of a program does: which instructions it reverses, and which values it works out again for them.

An instruction is reversed if a gradient comes to it, from an output, and goes on from it, to an input. A value is worked out
again if the reverse of an instruction reads it and it was not saved. What is first added to the gradient of a row in a pass is
stored instead, by the bit ``FRESH`` of the row's name, so that gradients need not be zeros before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from relaxpy.engine.gradients import Gradients
from relaxpy.engine.graph import Long, Truths
from relaxpy.engine.instructions import CODES, DOT, SOFTMAX

_DOT, _SOFTMAX = CODES[DOT], CODES[SOFTMAX]


class Reversal:
    """Of the instructions of the ``main`` program: ``back``, those that are reversed; ``partial``, those with results to which no
    gradient comes.
    """

    def __init__(self, gradients: Gradients, main: Truths) -> None:
        self._of = gradients
        graph, reader, source = gradients.graph, gradients.reader, gradients.source
        self.back: Truths = main & gradients.carrying
        self._of_dot: Long = np.nonzero(gradients.kind == _DOT)[0]
        self._passes: Truths = gradients.passes & self.back[reader]
        on = gradients.goes_on | (source >= 0) & gradients.carrying[source]
        self._useful: Truths = self._passes & on
        self._first = self._first_places()
        missing = graph.definer[self._first < 0]
        self.partial = np.zeros(len(graph.code), np.bool_)
        self.partial[missing[missing >= 0]] = True
        self.partial &= self.back
        self._wanted = self._values_wanted()

    def _first_places(self) -> Long:
        """For each row, the operand that its gradient first comes from; -1 if there is none."""
        graph, edges, reader = self._of.graph, self._of.edges, self._of.reader
        operands, rank = graph.operands, self._of.slot
        if len(self._of_dot):
            # the kernel goes through both lists of a dot product at once
            rank = rank.copy()
            slot = rank[self._of_dot]
            length = graph.code[reader[self._of_dot], 3].astype(np.int64)
            rank[self._of_dot] = np.where(slot < length, 2 * slot, 2 * (slot - length) + 1)
        backward = np.empty(len(operands.row), np.int64)
        backward[operands.start[reader + 1] - 1 - rank] = np.arange(len(edges))
        order = backward[edges]
        order = edges[order[self._passes[order]]]
        first = np.full(graph.tape.rows, -1, np.int64)
        first[operands.row[order]] = order  # the last one stays, which is run first
        return first

    def fresh(self, where: Truths) -> Long:
        """Where the code or the arguments name what takes the first part of the gradients of these instructions' results."""
        graph = self._of.graph
        chosen = self._first[(self._first >= 0) & (graph.definer >= 0) & where[graph.definer]]
        places: Long = graph.operands.place[chosen]
        return places

    def again(self, local: Truths) -> Truths:
        """The instructions with local results that are read by what is reversed, or by another one of these."""
        graph, source = self._of.graph, self._of.source
        inner = (source >= 0) & local[source]
        chosen = self.back & local & ((graph.operation == _SOFTMAX) | (self._wanted & 1 > 0))
        chosen[source[inner & self._read()]] = True
        sources = np.full(len(graph.operands.row), -1, np.int64)
        sources[self._of.edges[inner]] = source[inner]
        return local & graph.marked(np.nonzero(chosen)[0], sources, backward=True)

    def _values_wanted(self) -> npt.NDArray[np.uint8]:
        """For each instruction the bits of what gradients that go on depend on: its result (bit 0), its operands (1, 2, 3)."""
        wanted = np.zeros(len(self._of.graph.code), np.uint8)
        useful = self._useful & self._of.of_rule
        for operand in range(3):
            chosen = useful & (self._of.slot == operand)
            wanted[self._of.reader[chosen]] |= self._of.parts[chosen]
        return wanted

    def _read(self) -> Truths:
        """The operands whose values the reversed instructions read."""
        of, reader = self._of, self._of.reader
        bit = np.left_shift(2, np.minimum(of.slot, 2)).astype(np.uint8)
        read: Truths = of.of_rule & (self._wanted[reader] & bit > 0) | of.of_mean & self.back[reader]
        slot, length = of.slot[self._of_dot], of.graph.code[reader[self._of_dot], 3].astype(np.int64)
        read[self._of_dot] = self._useful[self._of_dot + np.where(slot < length, length, -length)]
        return read

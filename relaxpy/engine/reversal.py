"""What the backward pass of a program does: which instructions it reverses, and which values it works out again for them.

An instruction is reversed if a gradient comes to it, from an output, and goes on from it, to an input. A value is worked out
again if the reverse of an instruction reads it and it was not saved. What is first added to the gradient of a row in a pass is
stored instead, by the bit ``FRESH`` of the row's name, so that gradients need not be zeros before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from relaxpy.engine.graph import IS_MEAN, Graph, Long, Truths
from relaxpy.engine.instructions import CODES, DOT, RULES, SOFTMAX, Rule


class _Traced:
    """A value that stands for what it was made from; also `m` of the rules."""

    def __init__(self, sources: frozenset[int] = frozenset()) -> None:
        self.sources = sources

    def __getattr__(self, name: str) -> Any:
        return _mixed


def _mixed(*operands: Any) -> _Traced:
    return _Traced(frozenset[int]().union(*(value.sources for value in operands if isinstance(value, _Traced))))


for _name in "add radd sub rsub mul rmul truediv rtruediv neg".split():
    setattr(_Traced, f"__{_name}__", _mixed)


def _parts(rule: Rule) -> list[int]:
    """Of the gradient of each operand: the bits of what it depends on, the result (bit 0) and operands (1, 2, 3); ``PASSES``, if
    there is one.
    """
    found = [0, 0, 0]
    if rule.reverse is not None:
        values = [_Traced(frozenset([k])) for k in range(rule.arity + 1)]
        for operand, part in enumerate(rule.reverse(_Traced(), _Traced(), *values)):
            if part is not None:
                found[operand] = PASSES | sum(1 << source for source in part.sources)
    return found


PASSES = 1 << 4
_DOT, _SOFTMAX = CODES[DOT], CODES[SOFTMAX]
_PARTS = np.zeros((len(CODES), 3), np.uint8)
for _rule in RULES:
    _PARTS[CODES[_rule.name]] = _parts(_rule)


class Reversal:
    """Of the instructions of the ``main`` program: ``back``, those that are reversed; ``partial``, those with results to which no
    gradient comes.
    """

    def __init__(self, graph: Graph, main: Truths, outputs: Long) -> None:
        self.graph = graph
        operands, definer = graph.operands, graph.definer
        (self._edges,) = np.nonzero(main[operands.instruction])  # operands of the program
        self._reader: Long = operands.instruction[self._edges]
        self._source: Long = graph.sources[self._edges]
        self._slot: Long = self._edges - operands.start[self._reader]
        kind = graph.operation[self._reader]
        self._of_rule: Truths = kind < len(RULES)
        self._of_dot: Long = np.nonzero(kind == _DOT)[0]
        self._of_mean: Truths = IS_MEAN[kind]
        self._parts = _PARTS[kind, np.minimum(self._slot, 2)]
        # a scale comes first among the operands, and takes no gradient
        is_scale = (self._slot == 0) & ((kind == _SOFTMAX) | self._of_mean)
        passes = (self._parts >= PASSES) | ~self._of_rule & ~is_scale
        given = np.zeros(graph.tape.rows, np.bool_)
        given[[*graph.tape.lane_inputs, *graph.tape.uniform_inputs]] = True
        given[definer >= 0] = ~main[definer[definer >= 0]]  # of the prologue
        goes_on = given[operands.row[self._edges]]
        sources = np.full(len(operands.row), -1, np.int64)
        sources[self._edges[passes]] = self._source[passes]
        varied = graph.marked(self._reader[passes & goes_on], sources)
        self.back: Truths = main & graph.marked(outputs, sources, backward=True) & varied
        self._passes: Truths = passes & self.back[self._reader]
        self._useful: Truths = self._passes & (goes_on | (self._source >= 0) & self.back[self._source])
        self._first = self._first_places()
        missing = definer[self._first < 0]
        self.partial = np.zeros(len(graph.code), np.bool_)
        self.partial[missing[missing >= 0]] = True
        self.partial &= self.back
        self._wanted = self._values_wanted()

    def _first_places(self) -> Long:
        """For each row, the operand that its gradient first comes from; -1 if there is none."""
        graph, operands, edges = self.graph, self.graph.operands, self._edges
        rank = self._slot
        if len(self._of_dot):
            # the kernel goes through both lists of a dot product at once
            rank = rank.copy()
            slot = rank[self._of_dot]
            length = graph.code[self._reader[self._of_dot], 3].astype(np.int64)
            rank[self._of_dot] = np.where(slot < length, 2 * slot, 2 * (slot - length) + 1)
        backward = np.empty(len(operands.row), np.int64)
        backward[operands.start[self._reader + 1] - 1 - rank] = np.arange(len(edges))
        order = backward[edges]
        order = edges[order[self._passes[order]]]
        first = np.full(graph.tape.rows, -1, np.int64)
        first[operands.row[order]] = order  # the last one stays, which is run first
        return first

    def fresh(self, where: Truths) -> Long:
        """Where the code or the arguments name what takes the first part of the gradients of these instructions' results."""
        chosen = self._first[(self._first >= 0) & (self.graph.definer >= 0) & where[self.graph.definer]]
        places: Long = self.graph.operands.place[chosen]
        return places

    def again(self, local: Truths) -> Truths:
        """The instructions with local results that are read by what is reversed, or by another one of these."""
        graph = self.graph
        inner = (self._source >= 0) & local[self._source]
        chosen = self.back & local & ((graph.operation == _SOFTMAX) | (self._wanted & 1 > 0))
        chosen[self._source[inner & self._read()]] = True
        sources = np.full(len(graph.operands.row), -1, np.int64)
        sources[self._edges[inner]] = self._source[inner]
        return local & graph.marked(np.nonzero(chosen)[0], sources, backward=True)

    def _values_wanted(self) -> npt.NDArray[np.uint8]:
        """For each instruction the bits of what gradients that go on depend on: its result (bit 0), its operands (1, 2, 3)."""
        wanted = np.zeros(len(self.graph.code), np.uint8)
        useful = self._useful & self._of_rule
        for operand in range(3):
            chosen = useful & (self._slot == operand)
            wanted[self._reader[chosen]] |= self._parts[chosen]
        return wanted

    def _read(self) -> Truths:
        """The operands whose values the reversed instructions read."""
        bit = np.left_shift(2, np.minimum(self._slot, 2)).astype(np.uint8)
        read: Truths = self._of_rule & (self._wanted[self._reader] & bit > 0) | self._of_mean & self.back[self._reader]
        slot, length = self._slot[self._of_dot], self.graph.code[self._reader[self._of_dot], 3].astype(np.int64)
        read[self._of_dot] = self._useful[self._of_dot + np.where(slot < length, length, -length)]
        return read

"""Which operands the gradients of a program pass through: by the instructions' own rules, from the outputs to the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from relaxpy.engine.graph import IS_MEAN, SCALED, Graph, Long, Truths
from relaxpy.engine.instructions import CHECK, CODES, RULES, Rule

_CHECK = CODES[CHECK]


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
PARTS = np.zeros((len(CODES), 3), np.uint8)
for _rule in RULES:
    PARTS[CODES[_rule.name]] = _parts(_rule)


class Gradients:
    """Of the operands of instructions that are ``needed``: their places among those of the graph, and who reads and writes them.

    ``passes``: does the reader give them a gradient? ``goes_on``: are they inputs? ``varied`` are the instructions on which an
    input has a smooth influence, ``carrying`` those of them from which a gradient comes to an output.
    """

    def __init__(self, graph: Graph, needed: Truths, outputs: Sequence[int]) -> None:
        self.graph = graph
        self._outputs = np.asarray(outputs, np.int64)
        operands, tape = graph.operands, graph.tape
        self._inputs = np.array([*tape.lane_inputs, *tape.uniform_inputs], np.int64)
        (self.edges,) = np.nonzero(needed[operands.instruction])
        self.reader: Long = operands.instruction[self.edges]
        self.source: Long = graph.sources[self.edges]
        self.slot: Long = self.edges - operands.start[self.reader]
        self.kind = graph.operation[self.reader]
        self.of_rule: Truths = self.kind < len(RULES)
        self.of_mean: Truths = IS_MEAN[self.kind]
        self.parts = PARTS[self.kind, np.minimum(self.slot, 2)]
        # a scale comes first among the operands, and takes no gradient
        is_scale = (self.slot == 0) & SCALED[self.kind]
        self.passes: Truths = (self.parts >= PASSES) | ~self.of_rule & ~is_scale & (self.kind != _CHECK)
        given = np.zeros(tape.rows, np.bool_)
        given[self._inputs] = True
        self.goes_on: Truths = given[operands.row[self.edges]]
        sources = np.full(len(operands.row), -1, np.int64)
        sources[self.edges[self.passes]] = self.source[self.passes]
        self.varied = graph.marked(self.reader[self.passes & self.goes_on], sources)
        self.written: Long = graph.definer[self._outputs]  # the instructions that write the outputs, -1 for inputs and constants
        came = graph.marked(self.written[self.written >= 0], sources, backward=True)
        self.carrying: Truths = needed & came & self.varied

    def smooth(self) -> list[bool]:
        """Which outputs depend on an input by a path that carries gradients?"""
        given = set(self._inputs.tolist())
        varied = (self.written >= 0) & (self.varied[self.written] if len(self.varied) else False)
        return [row in given or vary for row, vary in zip(self._outputs.tolist(), varied.tolist())]

    def reached(self) -> frozenset[int]:
        """The rows of inputs to which a gradient of an output may come."""
        rows = np.zeros(self.graph.tape.rows, np.bool_)
        rows[self._outputs] = True
        rows[self.graph.operands.row[self.edges[self.passes & self.carrying[self.reader]]]] = True
        return frozenset(self._inputs[rows[self._inputs]].tolist())

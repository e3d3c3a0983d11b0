"""The instructions of a tape as a graph: which one reads which, and the marks that spread along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from relaxpy.engine.instructions import (
    CHECK,
    CODES,
    DOT,
    LISTS,
    NAMES,
    RULES,
    SOFTMAX,
    SOFTMAX_MEAN,
    SOFTMIN_MEAN,
    SUM,
    WORDS,
)
from relaxpy.engine.marks import spread
from relaxpy.engine.tape import Tape

Truths = npt.NDArray[np.bool_]
Words = npt.NDArray[np.int32]
Long = npt.NDArray[np.int64]

_CHECK, _SOFTMAX = CODES[CHECK], CODES[SOFTMAX]
# How many lists of rows an instruction reads, and which of its words are rows that it reads, by code.
LIST_COUNT = np.array([(name in LISTS) + (name == DOT) for name in NAMES], np.int64)
IS_MEAN = np.array([name in (SOFTMAX_MEAN, SOFTMIN_MEAN) for name in NAMES], np.bool_)
READS = np.zeros((len(NAMES), WORDS), np.bool_)
for _code, _rule in enumerate(RULES):
    READS[_code, 2 : 2 + _rule.arity] = True
READS[_CHECK, 1] = True
READS[[CODES[name] for name in LISTS if name not in (SUM, DOT)], 4] = True  # a scale
SCALED = READS[:, 4] & (LIST_COUNT > 0)
_READ_COUNT = READS.sum(1)


class Operands:
    """Which instruction reads which row, in order, and where in the code or the arguments it is named."""

    def __init__(self, code: Words, arguments: Words) -> None:
        operation = code[:, 0]
        self.place: Long = READS[operation].reshape(-1).nonzero()[0]  # in the code; in the arguments if negative
        self.row: Long = code.reshape(-1)[self.place].astype(np.int64)
        self.instruction: Long = self.place // WORDS
        counts = _READ_COUNT[operation]
        if len(arguments):
            self._add_lists(code, arguments, counts)
        self.start: Long = np.zeros(len(code) + 1, np.int64)
        np.cumsum(counts, out=self.start[1:])

    def _add_lists(self, code: Words, arguments: Words, counts: Long) -> None:
        lists = LIST_COUNT[code[:, 0]]
        found = lists.nonzero()[0]
        lengths = code[found, 3] * lists[found]
        counts[found] += lengths
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        index = np.repeat(code[found, 2].astype(np.int64), lengths) + within
        self.instruction = np.concatenate((self.instruction, np.repeat(found, lengths)))
        order = np.argsort(self.instruction, kind="stable")
        self.instruction = self.instruction[order]
        self.row = np.concatenate((self.row, arguments[index]))[order]
        self.place = np.concatenate((self.place, -1 - index))[order]


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
        self.widths[self.operation == _CHECK] = 0
        softmax = (self.operation == _SOFTMAX).nonzero()[0]
        self.widths[softmax] = self.code[softmax, 3]
        places = np.array(tape.definers, np.int64)
        self.definer: Long = places // WORDS  # where nothing defines a row, -1 // WORDS is -1
        self.sources: Long = np.ascontiguousarray(self.definer[self.operands.row])

    def used_arguments(self, chosen: Truths) -> tuple[Words, Callable[[Words], Words]]:
        """The arguments of these instructions alone, side by side; and what makes copies of some of them name these.

        Where they are most of all, they stay where they are.
        """
        lists = chosen & (LIST_COUNT[self.operation] > 0)
        starts = self.code[lists, 2].astype(np.int64)
        lengths = self.code[lists, 3].astype(np.int64) * LIST_COUNT[self.operation[lists]]
        if 2 * lengths.sum() >= len(self.arguments):
            return self.arguments, np.ascontiguousarray
        ends = np.cumsum(lengths)
        index = np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
        place = np.zeros(len(self.arguments), np.int32)
        place[starts] = ends - lengths

        def moved(code: Words) -> Words:
            found: Words = np.ascontiguousarray(code)
            lists = LIST_COUNT[found[:, 0]] > 0
            found[lists, 2] = place[found[lists, 2]]
            return found

        return self.arguments[index], moved

    def needed(self, outputs: Sequence[int]) -> Truths:
        """The instructions that an output or a check depends on."""
        flags = (self.operation == _CHECK).astype(np.uint8)
        defined = self.definer[np.asarray(outputs, np.int64)]
        flags[defined[defined >= 0]] = 1
        return self._spread(flags, backward=True)

    def varying(self) -> Truths:
        """The instructions whose operands are not the same in all lanes."""
        if not self.tape.uniform_inputs:
            return np.ones(len(self.operation), np.bool_)
        return self._spread(self._reading(self.tape.lane_inputs))

    def marked(self, instructions: Long, sources: Long, backward: bool = False) -> Truths:
        """All that depend on some instructions, or ``backward`` that they need; ``sources`` are those of the graph, or fewer."""
        flags = np.zeros(len(self.operation), np.uint8)
        flags[instructions] = 1
        spread(flags, np.ascontiguousarray(sources), self.operands.start, backward)
        found: Truths = flags == 1
        return found

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

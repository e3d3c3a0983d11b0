"""Which instructions run together: those of one kind on one level, none of which needs another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from relaxpy.engine.graph import LIST_COUNT, READS, Long, Words
from relaxpy.engine.groups import LANES, Group, Rows
from relaxpy.engine.instructions import CHECK, CODES, DOT, SOFTMAX

_DOT, _SOFTMAX, _CHECK = CODES[DOT], CODES[SOFTMAX], CODES[CHECK]
# which of its last three words name a row that an instruction reads, lists apart
_READ = READS[:, 2:]
_PLACES = [np.flatnonzero(places).tolist() for places in _READ]
_DIGITS = np.array([9, 3, 1])  # that make one number of three kinds


def levels(chosen: Sequence[int], sources: Sequence[int], starts: Sequence[int]) -> Long:
    """The level of each instruction, one more than those of the instructions that write its operands; 0: not chosen.

    The operands of instruction k are written by ``sources[starts[k]:starts[k + 1]]`` (-1: by none).
    """
    found = [0] * len(starts)  # the last stands for what no instruction writes
    for k in chosen:
        found[k] = 1 + max([found[source] for source in sources[starts[k] : starts[k + 1]]], default=0)
    return np.array(found[:-1], np.int64)


@dataclass(frozen=True)
class Places:
    """Where each row of a tape is: its kind and its number in that buffer; ``listed``: the same for operands in lists."""

    kind: Long
    own: Long
    listed: Long


class Grouping:
    """Instructions in the order in which they run; ``bounds``: where each group begins, and the end."""

    def __init__(self, code: Words, level: Long, kind: Long) -> None:
        members = np.flatnonzero((level > 0) & (code[:, 0] != _CHECK))
        code = code[members]
        operation = code[:, 0]
        length = np.where(LIST_COUNT[operation] > 0, code[:, 3], 0)
        rows = np.where(_READ[operation], code[:, 2:], 0)
        kinds = np.where(_READ[operation], kind[rows], 0) @ _DIGITS
        keys = np.stack([kinds, length, operation, level[members]])
        order = np.lexsort(keys)
        changes = np.flatnonzero((keys[:, order[1:]] != keys[:, order[:-1]]).any(0)) + 1
        self.bounds: list[int] = [0, *changes.tolist(), len(members)] if len(members) else [0]
        self.code, self._length, self._rows = code[order], length[order], rows[order]
        self.order = members[order]

    def lay_out(self, places: Long, widths: Long, first: int) -> int:
        """Places for the rows that the instructions write, one after the other from ``first`` on; the number after them."""
        width = widths[self.order]
        starts = first + np.cumsum(width) - width
        results = np.repeat(self.code[:, 1].astype(np.int64), width) + _within(width)
        places[results] = np.repeat(starts, width) + _within(width)
        return first + int(width.sum())

    def groups(self, arguments: Words, places: Places, device: torch.device) -> list[Group]:
        """The groups, in order; the row of a softmax's scale is a constant."""
        operation, length = self.code[:, 0].tolist(), self._length.tolist()
        targets = places.own[self.code[:, 1]].tolist()
        rows, kinds = places.own[self._rows].T.tolist(), places.kind[self._rows].T.tolist()
        found = []
        for start, end in zip(self.bounds, self.bounds[1:]):
            name, count, target = operation[start], length[start], targets[start:end]
            operands = []
            if count:
                lists = self.code[start:end, 2, None].astype(np.int64) + np.arange(count)
                for block in (lists, lists + count) if name == _DOT else (lists,):
                    operands.append(_block(LANES, places.listed[arguments[block]].ravel().tolist(), device, whole=True))
            if name == _SOFTMAX:
                target = [first + k for first in target for k in range(count)]
            operands += [_block(kinds[j][start], rows[j][start:end], device) for j in _PLACES[name]]
            found.append(Group(name, count, _block(LANES, target, device), tuple(operands)))
        return found


def _within(widths: Long) -> Long:
    """0, 1, ... within each of some ranges."""
    return np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)


def _block(kind: int, places: list[int], device: torch.device, whole: bool = False) -> Rows:
    """Rows of a buffer; ``whole``: as many as there are, also where they are all the same."""
    first, count = places[0], len(places)
    if count == 1:
        return Rows(kind, first, 1)
    step = places[1] - first
    if step > 0 and places == list(range(first, first + step * count, step)):
        return Rows(kind, first, count, step)
    if not whole and places.count(first) == count:
        return Rows(kind, first, 1)
    return Rows(kind, 0, count, places=torch.tensor(places, device=device))

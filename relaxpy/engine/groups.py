"""Groups of instructions of one kind, none of which needs another: each is a few torch operations on blocks of rows.

The rules are those of instructions.py, over torch's mathematics (replay.py); an operand is a block of shape (rows, lanes).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.instructions import CODES, DOT, NAMES, RULES, SOFTMAX, SOFTMIN_MEAN, SUM
from relaxpy.engine.replay import OWN, TorchMathematics

# Where the rows of an operand are: in the buffer that its group writes, or, of one lane for all, uniform ones or constants.
LANES, UNIFORM, CONSTANT = range(3)

_SERIAL = 1 << 14  # numbers, whose sum torch works out in one thread
MOST_MADE = 10_000  # groups whose views are kept from call to call
_FEW = 8192  # numbers, for which the general way to add to rows takes less time
_SUM, _DOT, _SOFTMAX, _SOFTMIN_MEAN = (CODES[name] for name in (SUM, DOT, SOFTMAX, SOFTMIN_MEAN))
_LOWEST = {torch.float64: -760.0, torch.float32: -110.0}  # exponents of what counts as zero
_OWN = [OWN.get(name) for name in NAMES]
_FORWARD = [rule.forward for rule in RULES]
_REVERSE: list[Any] = [*(rule.reverse for rule in RULES), *(True,) * (len(NAMES) - len(RULES))]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a buffer: ``size`` of them, every ``step``-th from ``first`` on, or those of ``places``.

    A single one stands for as many as are needed.
    """

    kind: int
    first: int
    size: int
    step: int = 1
    places: Tensor | None = None

    def view(self, buffer: Tensor) -> Tensor | None:
        """The rows without a copy."""
        return buffer[self.first : self.first + self.size * self.step : self.step] if self.places is None else None


@dataclass(frozen=True, slots=True)
class Group:
    """``length``: of the list of each of its instructions, where they have lists."""

    code: int
    length: int
    target: Rows
    operands: tuple[Rows, ...]


class Block:
    """Rows in a buffer. ``view``: those that follow one another, for a view costs as much to make as what is done with it.

    ``add`` adds what there is for each row, summed where one row or lane stands for several, in an order that does not depend on
    the number of threads.
    """

    __slots__ = ("_buffer", "_places", "add", "view")

    def __init__(self, rows: Rows, buffer: Tensor, size: int, lanes: int) -> None:
        """``size`` and ``lanes`` are those of the rows that the group writes."""
        self._places: Any = rows.places
        self._buffer = buffer
        self.view = rows.view(buffer)
        if rows.size < size:
            self._places = torch.full((size,), rows.first, device=buffer.device)
        self.add: Callable[[Tensor], Any]
        if buffer.shape[1] < lanes:
            self.add = self._add_lanes
        elif self._places is not None:
            self.add = self._add_by_number
        else:
            assert self.view is not None
            self.add = self.view.add_

    def read(self) -> Tensor:
        return self._buffer.index_select(0, self._places) if self.view is None else self.view

    def _add_by_number(self, values: Tensor) -> None:
        if values._is_view():
            values = values.clone()  # torch adds no rows of a buffer to others of it
        if values.numel() < _FEW or values.is_cuda:  # where it is also the one that is deterministic
            self._buffer.index_put_((self._places,), values, accumulate=True)
        else:
            self._buffer.index_add_(0, self._places, values)

    def _add_lanes(self, values: Tensor) -> None:
        pieces = [piece.sum(1, keepdim=True) for piece in torch.split(values, _SERIAL, 1)]
        total = functools.reduce(Tensor.add, pieces)
        if self._places is not None:
            self._add_by_number(total)
        elif self.view is not None:
            self.view.add_(total)


class Bound:
    """A group in its buffers; ``takers``: which of its operands take gradients, and how to add to them."""

    __slots__ = ("code", "length", "operands", "takers", "target")

    def __init__(self, group: Group, buffers: Sequence[Tensor]) -> None:
        self.code, self.length = group.code, group.length
        target: Any = group.target.view(buffers[LANES])
        self.target: Tensor = target
        size, lanes = target.shape
        self.operands = [Block(rows, buffers[rows.kind], size, lanes) for rows in group.operands]
        kinds = [rows.kind for rows in group.operands]
        self.takers = [(j, block.add) for j, block in enumerate(self.operands) if kinds[j] != CONSTANT]

    def read(self) -> list[Tensor]:
        return [block.read() if block.view is None else block.view for block in self.operands]


class Blocks:
    """Groups in their buffers, by kind; those of long programs are made anew each time, for they take more than the values."""

    def __init__(self, groups: Sequence[Group], buffers: Sequence[Tensor]) -> None:
        self._groups, self._buffers = groups, buffers
        self._made = [Bound(group, buffers) for group in groups] if len(groups) <= MOST_MADE else None

    def __iter__(self) -> Iterator[Bound]:
        return iter(self._made) if self._made is not None else (Bound(group, self._buffers) for group in self._groups)

    def __reversed__(self) -> Iterator[Bound]:
        if self._made is not None:
            return reversed(self._made)
        return (Bound(group, self._buffers) for group in reversed(self._groups))


def run(groups: Blocks, m: TorchMathematics) -> None:
    """Write the values of groups, one after the other."""
    for group in groups:
        own = _OWN[group.code]
        if own is not None:
            group.target.copy_(own(*group.read()))
        elif group.length:
            group.target.copy_(_listed(group, group.read()))
        else:
            group.target.copy_(_FORWARD[group.code](m, *group.read()))


def reverse(groups: Blocks, gradients: Blocks, m: TorchMathematics) -> None:
    """Add to the gradients of the operands of groups, the last group first."""
    for group, gradient in zip(reversed(groups), reversed(gradients)):
        rule = _REVERSE[group.code]
        if rule is None or not gradient.takers:
            continue
        if group.length:
            parts = _reverse_listed(group, gradient.target)
        else:
            parts = rule(m, gradient.target, group.target, *group.read())
        for j, add in gradient.takers:
            part = parts[j]
            if part is not None:
                add(part)


def _lists(group: Bound, block: Tensor) -> Tensor:
    """A block of shape (instructions, length, lanes)."""
    return block.reshape(block.shape[0] // group.length, group.length, block.shape[1])


def _total(block: Tensor) -> Tensor:
    """The sum of each list."""
    if block.numel() <= _SERIAL:
        return block.sum(1)
    total = block[:, 0].clone()
    for term in block.unbind(1)[1:]:
        total += term
    return total


def _listed(group: Bound, operands: Sequence[Tensor]) -> Tensor:
    block = _lists(group, operands[0])
    if group.code == _SUM:
        return _total(block)
    if group.code == _DOT:
        return _total(block * _lists(group, operands[1]))
    if group.code == _SOFTMAX:
        below = (block - block.amax(1, keepdim=True)) * operands[1].unsqueeze(1)
        return torch.softmax(below, 1).flatten(0, 1)
    weights, exponents = _weighted(group, block, operands[1])
    away = _total(weights * exponents) / operands[1]
    return block.amin(1) - away if group.code == _SOFTMIN_MEAN else block.amax(1) + away


def _weighted(group: Bound, block: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of a mean and their exponents (see means.py), which are bounded where the weights are zero."""
    if group.code == _SOFTMIN_MEAN:
        below = block.amin(1, keepdim=True) - block
    else:
        below = block - block.amax(1, keepdim=True)
    exponents = (below * scale.unsqueeze(1)).clamp(min=_LOWEST[block.dtype])
    return torch.softmax(exponents, 1), exponents


def _reverse_listed(group: Bound, gradient: Tensor) -> tuple[Tensor | None, ...]:
    if group.code == _SUM:
        return (gradient.repeat_interleave(group.length, 0),)
    operands = group.read()
    if group.code == _DOT:
        of_each = gradient.unsqueeze(1)
        first, second = (_lists(group, block) for block in operands)
        return (of_each * second).flatten(0, 1), (of_each * first).flatten(0, 1)
    if group.code != _SOFTMAX:
        return _reverse_mean(group, _lists(group, operands[0]), operands[1], gradient.unsqueeze(1)), None
    weights, of_weights = _lists(group, group.target), _lists(group, gradient)
    mean = _total(weights * of_weights).unsqueeze(1)
    return (weights * (of_weights - mean) * operands[1].unsqueeze(1)).flatten(0, 1), None


def _reverse_mean(group: Bound, block: Tensor, scale: Tensor, gradient: Tensor) -> Tensor:
    weights, exponents = _weighted(group, block, scale)
    mean = _total(weights * exponents).unsqueeze(1)
    return (gradient * weights * (1.0 + exponents - mean)).flatten(0, 1)

"""What the runtime looks at while a program is recorded: answered by values; the program relies on the answers, by checks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine import objectcode
from relaxpy.engine.evaluation import Evaluation, Inputs
from relaxpy.engine.instructions import CODES
from relaxpy.engine.precision import Typed
from relaxpy.engine.recorded import Recorded, lifted, refuse
from relaxpy.engine.stepping import Stepping
from relaxpy.engine.tape import Tape
from relaxpy.runtime.state import state

ROUNDED = 1.0 - 1e-6  # how much of a bound is sure to be left by other ways to round
HEAD_ROOM = 0.5  # how much smaller than now a bound that is looked at may become
MOST_INTEGERS = 256  # values of an integer that differs between lanes

_ISFINITE, _LE, _NOT = (CODES[name] for name in "isfinite le not".split())


@dataclass(frozen=True)
class Warned:
    """A loop that gave up: the rows that hold the mass left, and how to say so."""

    say: Callable[[float], None]
    row: int


class Looking(Typed):
    """A tape, and the answers to what is looked at; ``sample``: the lanes whose values decide (None: all)."""

    def __init__(self, types: frozenset[torch.dtype], caution: float, sample: Tensor | None) -> None:
        super().__init__(types)
        self.tape = Tape()
        self.emit = self.tape.emit
        self.caution = caution  # how far below the bound a mass must be to be left out
        self._sample = sample
        self.values: Inputs = []  # of inputs, until they are evaluated
        self.warned: list[Warned] = []
        self._finite: dict[int, bool] = {}
        self._ranges: dict[int, tuple[int, int]] = {}  # least and greatest integer of the arrays that rows were read from

    @functools.cached_property
    def lane_count(self) -> int:
        return 1 if state.lanes is None else state.lanes

    @functools.cached_property
    def shapes_of_lanes(self) -> tuple[torch.Size, torch.Size, torch.Size]:
        """The shapes of a scalar: without lanes, with all, with one for all."""
        return torch.Size(), torch.Size([self.lane_count]), torch.Size([1])

    @functools.cached_property
    def evaluation(self) -> Evaluation | Stepping:
        kind = Evaluation if objectcode.available() else Stepping
        return kind(self.tape, self.values, self.lane_count, self.computed, self._sample)

    @property
    def sample(self) -> Tensor | None:
        """The lanes by whose values decisions were made (None: all)."""
        return self.evaluation.sample if "evaluation" in self.__dict__ else None

    def close(self) -> None:
        """Nothing more is recorded, or looked at: most of the memory can go before the program is planned."""
        self.tape.close()
        if "evaluation" in self.__dict__:
            self.evaluation.close()

    def at_most(self, value: Recorded, bound: float) -> bool:
        """Is a mass at most ``bound`` in every lane? Where it is, the program relies on that; where not, on nothing."""
        rows = value.rows()
        limit = bound * self.caution
        if not all(self._largest(row) <= limit for row in rows):
            return False
        self._rely_on_at_most(rows, bound)
        return True

    def exceeds(self, value: Recorded, bound: float) -> bool:
        """Is a mass above ``bound`` in any lane? A program relies on it that it is not; if it is, there is none."""
        rows = value.rows()
        if not all(self._largest(row) <= bound for row in rows):
            refuse("it may raise an error that depends on values")
        self._rely_on_at_most(rows, bound)
        return False

    def _rely_on_at_most(self, rows: list[int], bound: float) -> None:
        edge = self.tape.constant(bound)
        for row in rows:
            self.tape.check(self.tape.emit(_LE, row, edge))

    def give_up(self, why: str) -> NoReturn:
        """For the runtime: what goes on here cannot be recorded."""
        refuse(why)

    def _largest(self, row: int) -> float:
        known = self.tape.constants.get(row)
        if known is not None:
            return known
        largest = float(self.evaluation.row(row).max())
        return math.inf if largest != largest else largest

    def largest(self, value: Recorded) -> float:
        """For looking only: nothing may rely on it but which of several negligible paths stands for all."""
        return max(map(self._largest, value.rows()), default=0.0)

    def all_finite(self, value: Recorded) -> bool:
        """Are all values finite? Where they are, the program relies on that; the other path is right for both."""
        rows = dict.fromkeys(value.rows())
        for row in rows:
            known = self._finite.get(row)
            if known is None:
                constant = self.tape.constants.get(row)
                if constant is not None:
                    known = math.isfinite(constant)
                else:
                    known = bool(np.isfinite(self.evaluation.row(row)).all())
                self._finite[row] = known
            if not known:
                return False
        for row in rows:
            self.tape.check(self.tape.emit(_ISFINITE, row))
        return True

    def least(self, value: Recorded) -> float:
        """A bound below all positive values, with room for smaller ones once one was too high; the program relies on it."""
        room = ROUNDED if self.caution == 1.0 else HEAD_ROOM
        rows = value.rows()
        known = [self.tape.constants.get(row) for row in rows]
        found = [float(self.evaluation.row(row).min()) if own is None else own for row, own in zip(rows, known)]
        bound = min(low if own is not None else low * room for low, own in zip(found, known))
        if not bound > 0.0:
            return 0.0
        edge = self.tape.constant(bound)
        for row, own in zip(rows, known):
            if own is None:
                self.tape.check(self.tape.emit(_LE, edge, row))
        return bound

    def integers(self, value: Recorded) -> list[int]:
        """From the least to the greatest of all lanes, or of the array that they are from; the program relies on that."""
        if type(value.ids) is not int:
            refuse("it asks for the distribution of an array of integers")
        low, high = self._ranges.get(value.ids) or self._range(value.ids)
        if high - low >= MOST_INTEGERS:
            refuse("integers that differ between lanes have many values")
        edges = (self.tape.constant(float(edge)) for edge in (low, high))
        self.tape.check(self.tape.emit(_LE, next(edges), value.ids))
        self.tape.check(self.tape.emit(_LE, value.ids, next(edges)))
        return list(range(low, high + 1))

    def _range(self, row: int) -> tuple[int, int]:
        values = self.evaluation.row(row)
        return int(values.min()), int(values.max())

    def verdict(self, rows: list[int], every: bool) -> bool:
        """Does a truth hold in all rows and lanes, or in any? The program relies on the answer."""
        for row in rows:
            values = self.evaluation.row(row) if row not in self.tape.constants else None
            constant = self.tape.constants.get(row, 0.0)
            holds = bool((values != 0).all() if every else (values != 0).any()) if values is not None else constant != 0
            if holds != every:
                if values is None:
                    return holds
                refuse("it decides by what some lanes are like")
        for row in rows:
            self.tape.check(row if every else self.tape.emit(_NOT, row))
        return every

    def gave_up(self, left: Any, say: Callable[[float], None]) -> None:
        """A loop was stopped; the program says so whenever it runs."""
        value = lifted(left) if not isinstance(left, (int, float)) else None
        row = self.tape.constant(float(left)) if value is None else value.ids
        if type(row) is not int:
            refuse("the mass of a loop is an array")
        self.warned.append(Warned(say, row))

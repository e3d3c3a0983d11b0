"""A recorded program: instructions in single assignment form, each expression once, expressions of constants worked out."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Sequence

from relaxpy.engine.arithmetic import FLOATS
from relaxpy.engine.instructions import (
    CHECK,
    CODES,
    DOT,
    LONGEST_LIST,
    SOFTMAX,
    SOFTMAX_MEAN,
    SOFTMIN_MEAN,
    SUM,
    WORDS,
)
from relaxpy.engine.recorded import refuse

LONGEST = 4_000_000  # rows
SCALES = (1e-10, 1e10)  # of means, which multiply and divide by them

_ADD, _SUB, _MUL, _DIV, _NEG, _WHERE, _SIGMOID, _RAMP, _MAXIMUM, _DETACH = (
    CODES[name] for name in "add sub mul div neg where sigmoid ramp maximum detach".split()
)
_COMMUTATIVE = frozenset(CODES[name] for name in "add mul eq ne and or".split())
_AND, _OR = CODES["and"], CODES["or"]
_WITH_CONSTANT = frozenset({_MUL, _DIV, _SUB, _WHERE, _AND, _OR, _RAMP})
_SUM, _DOT, _SOFTMAX, _SOFTMAX_MEAN, _SOFTMIN_MEAN, _CHECK = (
    CODES[name] for name in (SUM, DOT, SOFTMAX, SOFTMAX_MEAN, SOFTMIN_MEAN, CHECK)
)
# functions of constants and how many they take, by code
_FOLDED: dict[int, tuple[Callable[..., float], int]] = {
    CODES[name]: (function, function.__code__.co_argcount) for name, function in FLOATS.items()
}
_packed = struct.Struct(f"{WORDS}i").pack


class Tape:
    """Rows are numbered in order; ``code`` is flat, five numbers an instruction (see instructions.py)."""

    def __init__(self) -> None:
        self.code = array("i")
        self.arguments = array("i")
        self.definers = array("i")  # where in the code each row is computed, -1 for inputs and constants
        self.lane_inputs: list[int] = []
        self.uniform_inputs: list[int] = []
        self.constants: dict[int, float] = {}
        self.new_constants: list[tuple[int, float]] = []  # those that an evaluation has not seen
        self.checks = 0
        self.longest = LONGEST
        self._known: dict[tuple[int, ...], int] = {}
        self._constant_rows: dict[tuple[float, float], int] = {}

    def close(self) -> None:
        """Nothing more is recorded: what finds expressions again takes more memory than all else."""
        self._known.clear()
        self._constant_rows.clear()

    @property
    def rows(self) -> int:
        return len(self.definers)

    def _row(self) -> int:
        """A row that no instruction computes."""
        row = len(self.definers)
        self.definers.append(-1)
        return row

    def lane_input(self) -> int:
        """A row that the caller fills, lane by lane."""
        row = self._row()
        self.lane_inputs.append(row)
        return row

    def uniform_input(self) -> int:
        """A number of the caller, the same in all lanes."""
        row = self._row()
        self.uniform_inputs.append(row)
        return row

    def constant(self, value: float) -> int:
        # the sign tells 0.0 from -0.0; NaN is a key by identity
        key = (value, math.copysign(1.0, value))
        row = self._constant_rows.get(key)
        if row is None:
            row = self._constant_rows[key] = self._row()
            self.constants[row] = value
            self.new_constants.append((row, value))
        return row

    def emit(self, code: int, a: int, b: int = 0, c: int = 0) -> int:
        """The row of an expression of up to three rows."""
        if b < a and code in _COMMUTATIVE:
            a, b = b, a
        known, definers = self._known, self.definers
        key, new = (code, a, b, c), len(definers)
        row = known.setdefault(key, new)
        if row != new:
            return row
        constants = self.constants
        if a in constants or b in constants or c in constants and code != _RAMP or code == _SIGMOID:
            del known[key]
            simple = self._simplified(code, a, b, c)
            new = len(definers)
            known[key] = new if simple is None else simple
            if simple is not None:
                return simple
        if new > self.longest:
            refuse(f"its program is longer than {self.longest} operations")
        definers.append(len(self.code))
        self.code.frombytes(_packed(code, new, a, b, c))
        return new

    def _simplified(self, code: int, a: int, b: int, c: int) -> int | None:
        """The row of an expression of constants, of one that is one of its operands, or that has an instruction of its own."""
        constants = self.constants
        if code == _SIGMOID and a not in constants:
            return self._ramp(a)
        if a in constants and code in _FOLDED:
            folded, count = _FOLDED[code]
            if count == 1 or b in constants and (count == 2 or c in constants):
                return self.constant(folded(*[constants[row] for row in (a, b, c)[:count]]))
        return self._with_constant(code, a, b, c) if code in _WITH_CONSTANT else None

    def _operands_of(self, row: int, code: int) -> tuple[int, int] | None:
        """The two operands of a row, if that instruction computes it."""
        place = self.definers[row]
        if place < 0 or self.code[place] != code:
            return None
        return self.code[place + 2], self.code[place + 3]

    def _ramp(self, row: int) -> int | None:
        """sigmoid((a - b) * c) in one instruction, as which a comparison is recorded."""
        factors = self._operands_of(row, _MUL)
        if factors is not None:
            for difference, factor in (factors, factors[::-1]):
                ends = self._operands_of(difference, _SUB)
                if ends is not None:
                    return self.emit(_RAMP, *ends, factor)
        return None

    def _with_constant(self, code: int, a: int, b: int, c: int) -> int | None:
        """An expression that is a shorter one, exactly, also for infinities and NaN."""
        constants = self.constants
        if code == _MUL:
            if constants.get(a) == 1:
                return b
            if constants.get(b) == 1:
                return a
        elif code == _DIV and constants.get(b) == 1 or code == _SUB and _is_zero(constants.get(b)):
            return a
        elif code == _RAMP:
            ends = self._operands_of(a, _SUB) if _is_zero(constants.get(b)) else None
            return None if ends is None else self.emit(_RAMP, *ends, c)
        elif code == _WHERE and a in constants:
            return b if constants[a] != 0 else c
        elif code in (_AND, _OR):  # of truths, which are 0 or 1
            known, other = (a, b) if a in constants else (b, a)
            if (constants[known] != 0) == (code == _AND):
                return other
            return self.constant(float(code == _OR))
        return None

    def total(self, rows: Sequence[int]) -> int:
        """The sum of rows; of products a dot product. Many are added up in parts, in which less is lost by rounding."""
        if len(rows) > LONGEST_LIST:
            parts = [self.total(rows[k : k + LONGEST_LIST]) for k in range(0, len(rows), LONGEST_LIST)]
            return self.total(parts)
        if len(rows) == 1:
            return rows[0]
        if len(rows) == 2:
            return self.emit(_ADD, rows[0], rows[1])
        if not rows:
            return self.constant(0.0)
        products = [self._operands_of(row, _MUL) for row in rows]
        if all(product is not None for product in products):
            first = [product[0] for product in products if product is not None]
            second = [product[1] for product in products if product is not None]
            mean = self._mean(first, second)
            return self._listed(_DOT, [*first, *second], len(rows), 1) if mean is None else mean
        return self._listed(_SUM, rows, len(rows), 1)

    def _mean(self, rows: list[int], weights: list[int]) -> int | None:
        """The mean of rows by their own softmax or softmin, in one instruction; None if these are other weights."""
        place, count = self.definers[weights[0]], len(weights)
        if place < 0 or self.code[place] != _SOFTMAX or weights != list(range(weights[0], weights[0] + count)):
            return None
        _, first, offset, length, scale = self.code[place : place + WORDS]
        if first != weights[0] or length != count or not SCALES[0] <= self.constants[scale] <= SCALES[1]:
            return None
        chosen = self.arguments[offset : offset + count].tolist()
        if chosen == rows:
            return self._listed(_SOFTMAX_MEAN, rows, count, 1, scale)
        negative = [self._operands_of(row, _NEG) for row in chosen]
        if [each and each[0] for each in negative] == rows:
            return self._listed(_SOFTMIN_MEAN, rows, count, 1, scale)
        return None

    def softmax(self, rows: Sequence[int]) -> list[int]:
        scale, rows = self._scaled(rows)
        return self.scaled_softmax(rows, scale)

    def scaled_softmax(self, rows: Sequence[int], scale: int) -> list[int]:
        """softmax(c x) of rows x and a positive constant c."""
        first = self._listed(_SOFTMAX, rows, len(rows), len(rows), scale)
        return list(range(first, first + len(rows)))

    def _scaled(self, rows: Sequence[int]) -> tuple[int, Sequence[int]]:
        """softmax((x - max(x)) * c) is how choices are recorded; the instruction itself takes off the largest, and scales."""
        one = self.constant(1.0)
        factor, differences = one, list(rows)
        products = [self._operands_of(row, _MUL) for row in rows]
        if all(product is not None for product in products):
            common = set.intersection(*(set(product) for product in products if product is not None)) & self.constants.keys()
            if len(common) != 1 or not 0 < self.constants[min(common)] < math.inf:
                return one, rows
            (factor,) = common
            differences = [a if b == factor else b for a, b in filter(None, products)]
        ends = [self._operands_of(row, _SUB) for row in differences]
        if all(end is not None for end in ends):
            starts, taken_off = zip(*filter(None, ends))
            if len(set(taken_off)) == 1 and self._is_largest(taken_off[0], set(starts)):
                return factor, starts
        return one, rows

    def _is_largest(self, row: int, of: set[int]) -> bool:
        """Is a row the maximum of these, by which no gradient passes?"""
        place = self.definers[row]
        if place < 0 or self.code[place] != _DETACH:
            return False
        pending, found = [self.code[place + 2]], set[int]()
        while pending:
            row = pending.pop()
            if row in of:
                found.add(row)
                continue
            operands = self._operands_of(row, _MAXIMUM)
            if operands is None:
                return False
            pending += operands
        return found == of

    def _listed(self, code: int, rows: Sequence[int], count: int, results: int, scale: int = 0) -> int:
        key = (code, -1, scale, *rows)
        first = self._known.get(key)
        if first is None:
            first = self._known[key] = len(self.definers)
            self.definers.extend([len(self.code)] * results)
            self.code.frombytes(_packed(code, first, len(self.arguments), count, scale))
            self.arguments.extend(rows)
        return first

    def check(self, row: int) -> int | None:
        """The program holds only where this truth does, in every lane; the number of the check."""
        if row in self.constants:
            return None
        key = (_CHECK, row)
        number = self._known.get(key)
        if number is None:
            self.checks += 1
            number = self._known[key] = self.checks
            self.code.frombytes(_packed(_CHECK, row, number, 0, 0))
        return number


def _is_zero(value: float | None) -> bool:
    return value is not None and value == 0 and math.copysign(1.0, value) > 0

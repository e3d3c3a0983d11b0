"""Numbers, truths and integers whose tests draw a decision of the current run."""

from __future__ import annotations

import dis
import math
import operator
import sys
from collections.abc import Callable
from typing import Any, Union

import torch
from torch import Tensor

from tests.oracle.paths import current_run

Operand = Union["Number", "Integer", int, float]
Binary = Callable[[Any, Any], Any]


def wrap(values: Tensor) -> Any:
    """(lanes,) gives a number, (lanes, n, ...) nested lists of numbers."""
    return Number(values) if values.dim() == 1 else [wrap(row) for row in values.unbind(1)]


class Number:
    """A real in each lane."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, lanes: Tensor) -> None:
        self.lanes = lanes

    def expected(self) -> Tensor:
        return self.lanes

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __neg__(self) -> Number:
        return Number(-self.lanes)

    def __lt__(self, other: Operand) -> Truth:
        return _less(self.lanes, _operand(other))

    def __gt__(self, other: Operand) -> Truth:
        return _less(_operand(other), self.lanes)

    __le__ = __lt__
    __ge__ = __gt__

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        return _equal(self.lanes, _operand(other))

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        return Truth(1 - _equal(self.lanes, _operand(other)).probability)


class Integer:
    """An integer drawn anew wherever it is used as an index or compared; in arithmetic with reals, its expectation."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, weights: dict[int, Tensor]) -> None:
        self.weights = weights

    def expected(self) -> Tensor:
        return sum((value * weight for value, weight in self.weights.items()), torch.zeros(()))

    def __neg__(self) -> Integer:
        return Integer({-value: weight for value, weight in self.weights.items()})

    def __index__(self) -> int:
        return list(self.weights)[current_run().decide(list(self.weights.values()))]

    def __bool__(self) -> bool:
        return self.__index__() != 0

    def _chance(self, test: Binary, other: Any) -> Truth:
        pairs = [(p * q, test(k, j)) for k, p in self.weights.items() for j, q in _weights(other).items()]
        zero = torch.zeros_like(next(iter(self.weights.values())))
        return Truth(sum((p for p, holds in pairs if holds), zero))

    def __lt__(self, other: Any) -> Truth:
        return self._chance(operator.lt, other)

    def __le__(self, other: Any) -> Truth:
        return self._chance(operator.le, other)

    def __gt__(self, other: Any) -> Truth:
        return self._chance(operator.gt, other)

    def __ge__(self, other: Any) -> Truth:
        return self._chance(operator.ge, other)

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        return self._chance(operator.eq, other)

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        return self._chance(operator.ne, other)


class Truth(Integer):
    """A bool drawn where it is tested, anew for each test; an integer over {0, 1} otherwise."""

    def __init__(self, probability: Tensor) -> None:
        super().__init__({1: probability, 0: 1 - probability})
        self.probability = probability

    def __bool__(self) -> bool:
        drawn = current_run().decide([self.probability, 1 - self.probability]) == 0
        if _value_is_kept():
            self.__init__(torch.full_like(self.probability, float(drawn)))  # type: ignore[misc]
        return drawn


def _value_is_kept() -> bool:
    """Whether the test that is under way leaves the tested truth behind as the value of an ``and``, ``or`` or chain.

    Then it has been drawn, and what is left behind is the outcome. Python hands out the tested object itself, so only
    the instruction can tell: one that jumps or pops (3.10, 3.11), or a test of a copy (3.12 and later).
    """
    frame = sys._getframe(2)
    code, at = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[at]]
    if name.startswith("JUMP_IF_"):
        return True
    at -= 2
    while at > 0 and dis.opname[code[at]] == "EXTENDED_ARG":
        at -= 2
    tests = name.startswith("POP_JUMP_IF_") or name == "TO_BOOL"
    return tests and dis.opname[code[at]] == "COPY" and code[at + 1] == 1


def _operand(value: object) -> Any:
    return value.expected() if isinstance(value, (Number, Integer)) else value


def _weights(value: Any) -> dict[int, Any]:
    if isinstance(value, Integer):
        return dict(value.weights)
    if isinstance(value, int):
        return {int(value): 1.0}
    raise TypeError(f"an integer of the oracle meets {type(value).__name__}")


def _less(left: Any, right: Any) -> Truth:
    lanes = left if isinstance(left, Tensor) else right
    for value, sign in ((left, 1.0), (right, -1.0)):
        if isinstance(value, float) and math.isinf(value):
            return Truth(torch.full_like(lanes, float(sign * value < 0)))
    run = current_run()
    return Truth(run.chance(torch.sigmoid(run.beta * (right - left)), left < right))


def _equal(left: Any, right: Any) -> Truth:
    run = current_run()
    return Truth(run.chance(1 / torch.cosh(run.beta * (left - right) / 2) ** 2, left == right))


def _real(operation: Binary, *, swapped: bool) -> Callable[[Any, Operand], Number]:
    def apply(self: Any, other: Operand) -> Number:
        left, right = self.expected(), _operand(other)
        return Number(operation(right, left) if swapped else operation(left, right))

    return apply


def _whole(operation: Binary, *, swapped: bool) -> Callable[[Integer, Any], Any]:
    """Integers stay integers with integers; two that are drawn are independent."""
    real = _real(operation, swapped=swapped)

    def apply(self: Integer, other: Any) -> Any:
        if not isinstance(other, (int, Integer)):
            return real(self, other)
        weights: dict[int, Tensor] = {}
        for k, p in self.weights.items():
            for j, q in _weights(other).items():
                value = operation(j, k) if swapped else operation(k, j)
                weights[value] = weights[value] + p * q if value in weights else p * q
        return Integer(weights)

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow"):
    for _swapped, _method in ((False, f"__{_name}__"), (True, f"__r{_name}__")):
        setattr(Number, _method, _real(getattr(operator, _name), swapped=_swapped))
        setattr(Integer, _method, _real(getattr(operator, _name), swapped=_swapped))
for _name in ("add", "sub", "mul", "mod", "floordiv"):
    for _swapped, _method in ((False, f"__{_name}__"), (True, f"__r{_name}__")):
        setattr(Integer, _method, _whole(getattr(operator, _name), swapped=_swapped))

"""`isinstance`, `type` and class patterns ask what a soft value is in the original: a float, an int, a bool, a list."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from relaxpy import SoftValueError, relax
from tests.laws.support import array, number

X = number(0.4)


def whole_number(x: Any) -> Any:
    return 1 if x > 0 else 2


def truth(x: Any) -> Any:
    return x > 0


def either(x: Any) -> Any:
    return 1 if x > 0 else 2.5


def same(x: Any) -> Any:
    return x


MADE = {"number": same, "integer": whole_number, "truth": truth}
ASKED: list[Callable[[Any], Any]] = [
    lambda k: isinstance(k, float),
    lambda k: isinstance(k, int),
    lambda k: isinstance(k, bool),
    lambda k: isinstance(k, (str, int)),
    lambda k: isinstance(k, int | float),
    lambda k: isinstance(k, (list, (tuple, numbers.Real))),
    lambda k: isinstance(k, numbers.Integral),
    lambda k: isinstance(k, str),
    lambda k: isinstance(k, object),
    lambda k: type(k) is float,
    lambda k: type(k) is int,
    lambda k: type(k) in (bool, str),
]


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("asked", range(len(ASKED)))
def test_soft_scalars_are_what_they_are_in_the_original(made: str, asked: int) -> None:
    make, ask = MADE[made], ASKED[asked]

    def program(x: Any) -> Any:
        return 1.0 if ask(make(x)) else 2.0

    assert relax(program)(X) == program(0.4) == program(-0.4)


def test_tensors_are_tensors_and_lists() -> None:
    def program(x: Any, a: Any) -> Any:
        kinds = (torch.Tensor, list, Sequence, tuple, dict)
        return [isinstance(x, torch.Tensor), *(isinstance(a, kind) for kind in kinds)]

    assert relax(program)(X, array(1.0, 2.0)) == [True, True, True, True, False, False]
    with pytest.raises(SoftValueError, match="the `type` of a soft array, which is a list for some and a tensor for others"):
        relax(type_of)(array(1.0, 2.0))


def type_of(x: Any) -> Any:
    return type(x) is list


@pytest.mark.parametrize("ask", [lambda k: isinstance(k, int), lambda k: isinstance(k, float), lambda k: type(k) is int])
def test_an_int_on_one_side_and_a_float_on_the_other(ask: Callable[[Any], Any]) -> None:
    def program(x: Any) -> Any:
        return 1.0 if ask(either(x)) else 2.0

    with pytest.raises(SoftValueError, match="of a number that is an int on one side of a soft condition and a float on the"):
        relax(program)(X)
    assert relax(program)(0.4) == program(0.4)


def test_where_both_types_are_asked_for_it_does_not_matter() -> None:
    def program(x: Any) -> Any:
        return [isinstance(either(x), (int, float)), isinstance(either(x), (str, list)), isinstance(either(x), numbers.Real)]

    assert relax(program)(X) == program(0.4) == program(-0.4)


def by_pattern(value: Any) -> Any:
    match value:
        case bool():
            return "bool"
        case int(0) | str():
            return "zero or text"
        case int(k):
            return "int"
        case float() | list():
            return "float or list"
        case [float(x), int() as k, *_]:
            return "sequence" if x is not k else "twice"
        case _:
            return "other"


def test_class_patterns() -> None:
    def program(x: Any) -> Any:
        return [by_pattern(make(x)) for make in (same, whole_number, truth)] + [by_pattern((x, 1 if x > 0 else 2))]

    assert relax(program)(X) == program(0.4) == ["float or list", "int", "bool", "sequence"]
    assert relax(by_pattern)(array(1.0, 2.0)) == by_pattern([1.0, 2.0]) == "float or list"
    for value in (True, 0, 3, "a", 0.5, [1.0], (1.0, 2, 3), None):
        assert relax(by_pattern)(value) == by_pattern(value)

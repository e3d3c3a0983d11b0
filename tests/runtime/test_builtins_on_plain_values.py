"""Law 1 for builtins: on plain values their results, exceptions and messages are Python's own, while soft values are about."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st

from relaxpy import relax
from relaxpy.runtime import softbuiltins
from relaxpy.runtime.state import calls


class Odd:
    """Compares with itself only, and says what is done with it."""

    def __init__(self, value: int, log: list[str]) -> None:
        self.value = value
        self.log = log

    def __lt__(self, other: Odd) -> bool:
        self.log.append(f"{self.value}<{other.value}")
        return self.value < other.value

    def __gt__(self, other: Odd) -> bool:
        self.log.append(f"{self.value}>{other.value}")
        return self.value > other.value

    def __bool__(self) -> bool:
        self.log.append(f"bool {self.value}")
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        self.log.append(f"{self.value}==")
        return isinstance(other, Odd) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]


def odds(log: list[str], *values: int) -> list[Odd]:
    return [Odd(value, log) for value in values]


def counting(items: Any, log: list[Any]) -> Iterator[Any]:
    for item in items:
        log.append(item)
        yield item


def failing(items: Any) -> Iterator[Any]:
    yield from items
    raise KeyError("late")


def sorted_in_place(items: list[Any], **options: Any) -> list[Any]:
    items.sort(**options)
    return items


CASES: list[Callable[[], Any]] = [
    lambda: min(3, 1, 2),
    lambda: max(3, 1, 2.0),
    lambda: min(2, 2.0),
    lambda: max(1, True),
    lambda: min([]),
    lambda: max((), default=None),
    lambda: min([], default=7, key=len),
    lambda: min(1, 2, default=3),  # type: ignore[call-overload]
    lambda: min(),  # type: ignore[call-overload]
    lambda: min(5),  # type: ignore[call-overload]
    lambda: max(1, "a"),
    lambda: max([1, "a"]),  # type: ignore[type-var]
    lambda: max("abc", "abd"),
    lambda: min("cab"),
    lambda: min({3: 1, 2: 5}),
    lambda: max(["aa", "b", "cc"], key=len),
    lambda: min(["aa", "b", "c"], key=len),
    lambda: min([1], key=3),  # type: ignore[call-overload]
    lambda: min(1, 2, wrong=1),  # type: ignore[call-overload]
    lambda: max(math.nan, 1.0),
    lambda: max(1.0, math.nan),
    lambda: max(failing([1, 2])),
    lambda: min([[2, 1], [1, 5], [1, 4]]),
    lambda: min(Fraction(1, 3), Decimal("0.5"), 0.4),
    lambda: sum([1, 2, 3]),
    lambda: sum([0.1] * 10),
    lambda: sum([1e16, 1.0, -1e16]),
    lambda: sum([[1], [2]], []),  # noqa: RUF017
    lambda: sum(["a"]),
    lambda: sum(["a"], ""),
    lambda: sum(3),  # type: ignore[call-overload]
    lambda: sum([1], 2, 3),  # type: ignore[call-overload]
    lambda: sum([1], start=5),
    lambda: sum(failing([1])),
    lambda: sum(x for x in range(4)),
    lambda: any([0, "", None, 3]),
    lambda: any([]),
    lambda: any(3),  # type: ignore[arg-type]
    lambda: any([], []),  # type: ignore[call-arg]
    lambda: any(failing([1])),
    lambda: any(failing([0])),
    lambda: all([1, "a", 0]),
    lambda: all([]),
    lambda: all(failing([0])),
    lambda: abs(-3),
    lambda: abs(-3j),
    lambda: abs("a"),  # type: ignore[arg-type]
    lambda: int("12"),
    lambda: int("z", 36),
    lambda: int(),  # noqa: UP018
    lambda: int("x"),
    lambda: int(3.9),
    lambda: int(math.inf),
    lambda: int(base=3),  # type: ignore[call-overload]
    lambda: float("1e3"),
    lambda: float("x"),
    lambda: float([]),  # type: ignore[arg-type]
    lambda: bool([]),
    lambda: bool(),  # noqa: UP018
    lambda: complex(1, 2),
    lambda: complex("1+j"),
    lambda: round(2.5),
    lambda: round(2.675, 2),
    lambda: round(1234, -2),
    lambda: round(number=1.5, ndigits=None),
    lambda: round("a"),  # type: ignore[call-overload]
    lambda: divmod(7, -2),
    lambda: divmod(7, 0),
    lambda: divmod(7.5, 2),
    lambda: pow(2, 10, 1000),
    lambda: pow(base=2, exp=-1),
    lambda: pow(2, -1, 4),
    lambda: pow(2.0, 2, 3),  # type: ignore[misc]
    lambda: list("ab"),
    lambda: tuple(),  # noqa: C408
    lambda: list(5),  # type: ignore[call-overload]
    lambda: sorted([3, 1, 2]),
    lambda: sorted("hello", reverse=True),
    lambda: sorted(["b", "A", "a", "B"], key=str.lower),
    lambda: sorted(["b", "A", "a", "B"], key=str.lower, reverse=True),
    lambda: sorted([1, "a"]),
    lambda: sorted([1], [2]),  # type: ignore[call-overload]
    lambda: sorted([2, 1], reverse="x"),  # type: ignore[call-overload]
    lambda: sorted(failing([1])),
    lambda: sorted([[2], [1, 5], [1]]),
    lambda: sorted([3, 1, 2], key=lambda x: -x),
    lambda: sorted_in_place([3, 1, 2]),
    lambda: sorted_in_place([3, 1, 2], key=lambda x: -x),
    lambda: sorted_in_place(["b", "A", "a"], key=str.lower, reverse=True),
    lambda: [1, 2, 3].index(2),
    lambda: [1, 2, 1].index(1, 1),
    lambda: [1, 2].index(5),
    lambda: (1, 2).index(5),
    lambda: [1, 2, 1].count(1),
    lambda: (1, 2, 1).count(1.0),
    lambda: list.index([4, 5], 5),
    lambda: list.count([4, 5, 4], 4),
    lambda: {1: 2}.get(1),
    lambda: {1: 2}.get(3, "x"),
    lambda: {1: 2}.get([]),  # type: ignore[call-overload]
    lambda: list(map(str, [1, 2])),
    lambda: list(map(lambda a, b: a + b, [1, 2], [3, 4, 5])),
    lambda: map(),  # type: ignore[call-overload]
    lambda: list(map(None, [1])),  # type: ignore[call-overload]
    lambda: list(filter(None, [0, 1, "", "a"])),
    lambda: list(filter(lambda x: x > 1, [1, 2, 3])),
    lambda: functools.reduce(lambda a, b: a * b, [1, 2, 3]),
    lambda: functools.reduce(lambda a, b: a * b, []),
    lambda: list(itertools.accumulate([1, 2, 3], max)),
    lambda: list(itertools.accumulate([1, 2, 3], func=lambda a, b: a * b, initial=5)),
    lambda: [(k, list(v)) for k, v in itertools.groupby([1, 1, 2], key=lambda x: x % 2)],
    lambda: list(itertools.takewhile(lambda x: x < 2, [1, 2, 1])),
    lambda: list(itertools.starmap(pow, [(2, 3), (3, 2)])),
    lambda: list(enumerate("ab", 1)),
    lambda: list(zip([1, 2], "ab", strict=True)),
    lambda: list(zip([1, 2], "a", strict=True)),
    lambda: list(reversed([1, 2])),
    lambda: len(5),  # type: ignore[arg-type]
    lambda: range(2.0),  # type: ignore[call-overload]
    lambda: operator.lt(1, 2),
    lambda: operator.lt(1, "a"),
    lambda: operator.not_([]),
    lambda: operator.truth([1]),
    lambda: operator.getitem([1, 2], 5),
    lambda: operator.contains([1], 1),
]


def outcome(call: Callable[[], Any]) -> Any:
    """The result with its type, or the exception with its message."""
    try:
        result = call()
    except Exception as error:
        return type(error), str(error)
    return type(result), repr(result)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_results_and_exceptions(number: int) -> None:
    call = CASES[number]

    def program(x: Any) -> Any:
        return call()

    expected = outcome(call)
    assert outcome(lambda: relax(program)(torch.tensor(0.3))) == expected
    assert outcome(lambda: relax(program)(0.3)) == expected


MATH = [getattr(math, name) for name in sorted(vars(math)) if callable(getattr(math, name))]
ARGUMENTS: list[tuple[Any, ...]] = [
    (),
    (0.5,),
    (-0.5,),
    (0,),
    (3,),
    (2, 5),
    (-7.5, 2),
    (1.5, 0.0),
    (math.inf,),
    (math.nan, 1.0),
    ("a",),
    ([0.5, 2.0],),
    ([1.0, 2.0], [3.0, 5.0]),
    ([1.0], [3.0, 5.0]),
    (1e308, 1e308),
    (10**400,),
    (Fraction(1, 3),),
    (1, 2, 3),
]


@pytest.mark.parametrize("function", MATH, ids=[function.__name__ for function in MATH])
def test_all_of_math(function: Callable[..., Any]) -> None:
    def program(x: Any, arguments: Any) -> Any:
        return function(*arguments)

    for arguments in ARGUMENTS:
        expected = outcome(lambda arguments=arguments: function(*arguments))  # type: ignore[misc]
        found = outcome(lambda arguments=arguments: relax(program)(torch.tensor(0.3), arguments))  # type: ignore[misc]
        assert found == expected, arguments


def test_nothing_is_compared_or_consumed_that_python_would_not() -> None:
    def program(x: Any, log: list[Any]) -> Any:
        three = odds(log, 2, 1, 3)
        lowest = min(three)
        highest = max(three[0], three[1], three[2])
        found = any(three), all(odds(log, 1, 0, 2))
        ordered = sorted(three)
        place = three.index(three[2]), three.count(three[1])
        by_key = min(three, key=lambda each: (log.append("key"), each)[1])  # type: ignore[func-returns-value]
        left = any(counting([0, 5, 6], log)), all(counting([1, 0, 6], log))
        return lowest.value, highest.value, found, [each.value for each in ordered], place, by_key.value, left

    plain: list[Any] = []
    expected = program(0.3, plain)
    for x in (0.3, torch.tensor(0.3)):
        log: list[Any] = []
        assert relax(program, hard=("log",))(x, log) == expected
        assert log == plain


def test_identity_and_aliases() -> None:
    def program(x: Any) -> Any:
        items = [[3], [1], [2]]
        smallest = min(items)
        alias = items
        items.sort()
        return smallest is items[0], alias is items, max(items, key=len) is items[0], sorted(items)[2] is items[2]

    assert relax(program)(torch.tensor(0.3)) == (True, True, True, True)


def test_plain_values_do_not_reach_the_table() -> None:
    assert not calls
    assert softbuiltins.relaxed(print) is None
    assert softbuiltins.relaxed([].append) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())), st.booleans())
def test_sorting_is_stable(pairs: list[tuple[int, int]], reverse: bool) -> None:
    def program(x: Any, pairs: Any) -> Any:
        copy = list(pairs)
        copy.sort(key=lambda pair: pair[0], reverse=reverse)
        return sorted(pairs, key=lambda pair: pair[0], reverse=reverse), copy

    expected = sorted(pairs, key=lambda pair: pair[0], reverse=reverse)
    assert relax(program)(torch.tensor(0.3), pairs) == (expected, expected)

"""Dataclasses compare softly by their fields, as the tuples that the generated methods would compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from relaxpy import relax, soft
from tests.laws.support import FINE, above, assert_same, equal, number


@dataclass(order=True)
class Point:
    x: Any
    y: Any = 0.0
    name: str = field(default="", compare=False)


class Named(Point):
    """Inherits what was generated for its base."""


@dataclass
class Near:
    x: Any

    def __eq__(self, other: object) -> Any:
        return isinstance(other, Near) and self.x > other.x - 1.0

    __hash__ = None  # type: ignore[assignment]


@dataclass(eq=False)
class Plain:
    x: Any


def _tuple_order(x: Any, y: Any, last: Any) -> Any:
    """P((x, y) < (0.1, 0.2)), lexicographically, with the probability of the last comparison given."""
    return _either(above(0.1, x), equal(x, 0.1) * last)


def _either(p: Any, q: Any) -> Any:
    return p + q - p * q


CASES: list[tuple[str, Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = [
    ("==", lambda a, b: a == b, lambda x, y: equal(x, 0.1) * equal(y, 0.2)),
    ("!=", lambda a, b: a != b, lambda x, y: 1 - equal(x, 0.1) * equal(y, 0.2)),
    ("<", lambda a, b: a < b, lambda x, y: _tuple_order(x, y, above(0.2, y))),
    ("<=", lambda a, b: a <= b, lambda x, y: _tuple_order(x, y, _either(above(0.2, y), equal(y, 0.2)))),
    ("in", lambda a, b: a in [b], lambda x, y: equal(x, 0.1) * equal(y, 0.2)),
    ("in a list", lambda a, b: [a, 1] == [b, 1], lambda x, y: equal(x, 0.1) * equal(y, 0.2)),
    ("in a field", lambda a, b: Point(a, 1) == Point(b, 1), lambda x, y: equal(x, 0.1) * equal(y, 0.2)),
]


@pytest.mark.parametrize("kind", [Point, Named])
@pytest.mark.parametrize(("compare", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_generated_comparison(compare: Any, expected: Any, kind: type) -> None:
    def program(x: Any, y: Any) -> Any:
        return 1.0 if compare(kind(x, y, "a"), kind(0.1, 0.2, "b")) else 0.0

    x, y = number(0.4), number(-0.2)
    assert_same(relax(program, **FINE)(x, y), expected(x, y), [x, y])
    assert relax(program)(0.4, -0.2) == program(0.4, -0.2)
    assert relax(program)(0.1, 0.2) == program(0.1, 0.2)


def test_a_method_of_its_own_is_relaxed_itself() -> None:
    def program(x: Any) -> Any:
        return 1.0 if Near(x) == Near(0.2) else 0.0

    x = number(0.4)
    assert_same(relax(program, **FINE)(x), above(x, -0.8), [x])


def test_what_python_would_not_compare_is_not_compared() -> None:
    def program(x: Any) -> Any:
        return (1, Near(x)) < (2, Near(x)), (x, 1, None) < (x + 1.0, 2, Near(x)), [Point(1.0)] < [Point(2.0)]

    x = number(0.4)
    p, q = above(x + 1.0, x), equal(x + 1.0, x)
    assert_same(relax(program, **FINE)(x), [True, _either(p, q), True], [x])
    assert relax(program)(0.4) == program(0.4)


def test_what_compares_by_identity_does() -> None:
    def program(x: Any) -> Any:
        a = Plain(x)
        return a == a, a == Plain(x), a in [Plain(x), a], Point(x) == Named(x)

    assert relax(program)(number(0.4)) == program(0.4) == (True, False, True, False)


def test_a_number_that_is_made_soft_has_the_precision_of_the_arguments() -> None:
    def program(x: Any) -> Any:
        level = soft(0.2)
        return level, 1.0 if x > level else 0.0

    x = number(0.4)
    assert_same(relax(program, **FINE)(x), [0.2, above(x, 0.2)], [x])
    assert relax(program)(x.float().detach())[0].dtype == x.float().dtype

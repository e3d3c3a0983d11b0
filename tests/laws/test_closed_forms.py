"""Sequential and nested conditionals of paper section 3, and conditions of section 3.1, against their closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from tests.laws.support import FINE, above, assert_same, equal, number


def f(x: Any) -> Any:
    return x - 1.0


def g(x: Any) -> Any:
    return 2.0 * x + 1.0


def ternaries(i: Any, x: Any) -> Any:
    a = f(x) if i < 0 else g(x)
    b = 0 if a < 0 else a**2
    return a, b


def blocks(i: Any, x: Any) -> Any:
    if i < 0:
        a = f(x)
    else:
        a = g(x)
    if a < 0:
        b = 0
    else:
        b = a**2
    return a, b


@pytest.mark.parametrize("program", [ternaries, blocks])
def test_sequential_blocks_merge(program: Any) -> None:
    """The paper's own example: the second block sees the blend that the first one left."""
    i, x = number(0.2), number(0.3)
    p = above(0.0, i)
    a = p * (x - 1) + (1 - p) * (2 * x + 1)
    b = (1 - above(0.0, a)) * a**2
    assert_same(relax(program, **FINE)(i, x), (a, b), [i, x])


def test_nested_blocks_are_exact() -> None:
    def nested(x: Any, y: Any) -> Any:
        if x > 0:
            y = y + 1.0
            if y > x:
                return_value = y * 2.0
            else:
                return_value = x
        elif y < 0.5:
            return_value = x * y
        else:
            return_value = -1.0
        return return_value, y

    x, y = number(0.3), number(-0.6)
    p, q, r = above(x), above(y + 1, x), above(0.5, y)
    value = p * (q * (y + 1) * 2 + (1 - q) * x) + (1 - p) * (r * x * y + (1 - r) * -1.0)
    assert_same(relax(nested, **FINE)(x, y), (value, p * (y + 1) + (1 - p) * y), [x, y])


def test_blocks_in_a_row_cost_in_proportion_to_their_number() -> None:
    calls = 0

    def count(value: Any) -> Any:
        nonlocal calls
        calls += 1
        return value * 0.5

    def row(x: Any) -> Any:
        for _ in range(12):
            if x > 0:
                x = count(x)
        return x

    relaxed = relax(row, **FINE)
    x = number(0.5)
    expected: Tensor = x
    for _ in range(12):
        p = above(expected)
        expected = p * expected * 0.5 + (1 - p) * expected
    assert_same(relaxed(x), expected, [x])


CONDITIONS = [
    ("x > y", lambda x, y: above(x, y)),
    ("x >= y", lambda x, y: above(x, y)),
    ("x < y", lambda x, y: above(y, x)),
    ("x <= y", lambda x, y: above(y, x)),
    ("x == y", lambda x, y: equal(x, y)),
    ("x != y", lambda x, y: 1 - equal(x, y)),
    ("not x > y", lambda x, y: 1 - above(x, y)),
    ("x > 0 and y > 0", lambda x, y: above(x) * above(y)),
    ("x > 0 or y > 0", lambda x, y: above(x) + above(y) - above(x) * above(y)),
    ("not (x > 0 and not y > 0)", lambda x, y: 1 - above(x) * (1 - above(y))),
    ("0 < x < y", lambda x, y: above(x) * above(y, x)),
    ("0 < x < y < 1", lambda x, y: above(x) * above(y, x) * above(1.0, y)),
    ("x > 0 and y > 0 and x < y", lambda x, y: above(x) * above(y) * above(y, x)),
    ("x > 0 or y > 0 or x < y", lambda x, y: 1 - (1 - above(x)) * (1 - above(y)) * (1 - above(y, x))),
    ("x > 0 and True", lambda x, y: above(x)),
    ("False or y > 0", lambda x, y: above(y)),
    ("x > 0 if y > 0 else x < y", lambda x, y: above(y) * above(x) + (1 - above(y)) * above(y, x)),
    ("x", lambda x, y: 1 - equal(x, 0.0)),
    ("x and y > 0", lambda x, y: (1 - equal(x, 0.0)) * above(y)),
    ("x or y > 0", lambda x, y: 1 - equal(x, 0.0) * (1 - above(y))),
    ("x or y", lambda x, y: 1 - equal(x, 0.0) * equal(y, 0.0)),
    ("not (x and y)", lambda x, y: 1 - (1 - equal(x, 0.0)) * (1 - equal(y, 0.0))),
    ("x if y > 0 else y", lambda x, y: above(y) * (1 - equal(x, 0.0)) + (1 - above(y)) * (1 - equal(y, 0.0))),
    ("(x or y) and (x or 0.0)", lambda x, y: (1 - equal(x, 0.0) * equal(y, 0.0)) * (1 - equal(x, 0.0))),
    ("x > 0 and [x]", lambda x, y: above(x)),
    ("x > 0 and ()", lambda x, y: 0.0 * x),
    ("x > 0 and 2", lambda x, y: above(x)),
    ("x < 0 or 'text'", lambda x, y: 1.0 + 0.0 * x),
    ("x > 0 and (y > 0 and (len('') or None))", lambda x, y: 0.0 * x),
    ("x > 0 and (callable(x) or [x])", lambda x, y: above(x)),
]


@pytest.mark.parametrize(("text", "probability"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_conditions(text: str, probability: Any) -> None:
    x, y = number(0.4), number(0.15)
    source = f"def program(x, y):\n    if {text}:\n        return 3.0\n    return 1.0\n"
    expected = 1.0 + 2.0 * probability(x, y)
    assert_same(relax(_compiled(source), **FINE)(x, y), expected, [x, y])


VALUES = [
    ("x > 0 and y > 0", lambda x, y: above(x) * above(y)),
    ("x > 0 or y > 0", lambda x, y: above(x) + above(y) - above(x) * above(y)),
    ("x > 0 and x", lambda x, y: above(x) * x),
    ("x > 0 or y", lambda x, y: above(x) + (1 - above(x)) * y),
    ("x or y", lambda x, y: (1 - equal(x, 0.0)) * x + equal(x, 0.0) * y),
    ("x and y", lambda x, y: (1 - equal(x, 0.0)) * y + equal(x, 0.0) * x),
    ("not x > 0", lambda x, y: 1 - above(x)),
    ("0 < x < y", lambda x, y: above(x) * above(y, x)),
    ("(x > 0) + (y > 0) * 2.0", lambda x, y: above(x) + 2 * above(y)),
    ("(x if x > 0 else y) * 2.0", lambda x, y: 2 * (above(x) * x + (1 - above(x)) * y)),
    ("[v if v > 0 else -v for v in (x, y)][1]", lambda x, y: above(y) * y - (1 - above(y)) * y),
    ("(lambda v: v if v > 0 else 0.0)(x)", lambda x, y: above(x) * x),
]


def test_the_operands_of_a_condition_are_tested_once_and_on_their_path() -> None:
    tested: list[str] = []

    class Watched:
        def __init__(self, name: str, truth: bool) -> None:
            self.name, self.truth = name, truth

        @relaxpy.hard  # so that what it notes stays, whatever the path
        def __bool__(self) -> bool:
            tested.append(self.name)
            return self.truth

    def program(x: Any, a: Any, b: Any, c: Any) -> Any:
        count = 0.0
        while x > 0 and (a or b) and c and count < 1.0:
            count = count + 1.0
        return count

    a, b, c = Watched("a", False), Watched("b", True), Watched("c", True)
    x = number(0.4)
    soft = relax(program, beta=2.0, epsilon=1e-4, max_iter=2)(x, a, b, c)
    assert tested == ["a", "b", "c", "a", "b", "c"]
    tested.clear()
    assert relax(program)(0.4, a, b, c) == program(0.4, a, b, c) == 1.0
    assert tested == ["a", "b", "c", "a", "b", "c"] * 2
    assert_same(soft, above(x), [x])


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_values_of_expressions(text: str, value: Any) -> None:
    x, y = number(0.4), number(0.15)
    relaxed = relax(_compiled(f"def program(x, y):\n    return {text}\n"), **FINE)
    assert_same(relaxed(x, y), value(x, y), [x, y])


def test_an_unperturbed_tie_is_one_half() -> None:
    x = number(0.7)
    assert_same(relax(lambda x: 1.0 if x < x else 0.0, **FINE)(x), torch.tensor(0.5))


def test_beta_has_a_gradient() -> None:
    beta = number(1.5)
    x = torch.tensor(0.4, dtype=torch.float64)
    relaxed = relax(lambda x: 2.0 if x > 0 else 1.0, beta=beta, epsilon=1e-14)
    assert_same(relaxed(x), 1 + torch.sigmoid(beta * x), [beta])


def _compiled(source: str) -> Any:
    from tests.fuzz.program import Program

    return Program(source, name=f"<law {source}>").load()["program"]

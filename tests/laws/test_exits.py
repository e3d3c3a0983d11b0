"""Exits under soft conditions carry their mass and state to where they lead. Each expectation is derived by hand."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from relaxpy import relax
from tests.laws.support import BETA, FINE, above, array, assert_same, mixture, number


def test_return_before_the_end() -> None:
    def early(x: Any) -> Any:
        if x > 0:
            return x * 3.0
        return 1.0

    x = number(0.2)
    p = above(x)
    assert_same(relax(early, **FINE)(x), p * 3 * x + (1 - p), [x])


def test_linear_search_returns_from_inside_a_loop() -> None:
    def first_above(values: Any, bound: Any) -> Any:
        for i in range(len(values)):
            if values[i] > bound:
                return values[i], i
        return -1.0, len(values)

    values, bound = array(0.1, 0.6, -0.2), number(0.3)
    p = [above(v, bound) for v in values]
    q = [1 - each for each in p]
    expected = mixture(
        (p[0], (values[0], 0)),
        (q[0] * p[1], (values[1], 1)),
        (q[0] * q[1] * p[2], (values[2], 2)),
        (q[0] * q[1] * q[2], (-1.0, 3)),
    )
    assert_same(relax(first_above, **FINE)(values, bound), expected, [values, bound])


def test_return_inside_a_loop_inside_nested_branches() -> None:
    def program(x: Any, y: Any) -> Any:
        total = 0.0
        if x > 0:
            total = 1.0
            for i in range(2):
                total = total + x
                if y > i:
                    total = total * 2.0
                    return total
                total = total + 10.0
            total = total + 0.5
        else:
            total = y
        return total + 100.0

    x, y = number(0.3), number(0.4)
    p, q0, q1 = above(x), above(y, 0), above(y, 1)
    expected = mixture(
        (p * q0, 2.0 * (1.0 + x)),
        (p * (1 - q0) * q1, 2.0 * (11.0 + 2.0 * x)),
        (p * (1 - q0) * (1 - q1), 121.5 + 2.0 * x),
        (1 - p, y + 100.0),
    )
    assert_same(relax(program, **FINE)(x, y), expected, [x, y])


def test_break_keeps_the_state_at_the_break() -> None:
    def program(values: Any) -> Any:
        total = 0.0
        seen = [0.0]
        for v in values:
            total = total + v
            if v > 0.25:
                seen[0] = v
                break
            seen[0] = seen[0] + 1.0
        return total, seen

    values = array(0.3, -0.1)
    a, b = values.unbind()
    p, q = above(a, 0.25), above(b, 0.25)
    expected = mixture(
        (p, (a, [a])),
        ((1 - p) * q, (a + b, [b])),
        ((1 - p) * (1 - q), (a + b, [2.0])),
    )
    assert_same(relax(program, **FINE)(values), expected, [values])


def test_continue_skips_the_rest_of_the_body() -> None:
    def program(values: Any) -> Any:
        total = 1.0
        for v in values:
            if v > 0:
                total = total + v
                continue
            total = total * 0.5
        return total

    values = array(0.3, -0.1)
    a, b = values.unbind()
    p, q = above(a), above(b)
    first = p * (1.0 + a) + (1 - p) * 0.5
    assert_same(relax(program, **FINE)(values), q * (first + b) + (1 - q) * first * 0.5, [values])


def test_else_of_a_loop_sees_only_the_exits_by_condition() -> None:
    def program(values: Any) -> Any:
        total = 0.0
        for v in values:
            if v > 0:
                break
            total = total + 1.0
        else:
            total = total + 100.0
        return total

    values = array(0.2, 0.4)
    p, q = (above(v) for v in values)
    expected = mixture((p, 0.0), ((1 - p) * q, 1.0), ((1 - p) * (1 - q), 102.0))
    assert_same(relax(program, **FINE)(values), expected, [values])


def test_return_in_the_else_of_a_while() -> None:
    def program(x: Any, y: Any) -> Any:
        k = 0
        while k < 2:
            k += 1
            if x > k:
                break
        else:
            if y > 0:
                return y
            k = k + 10
        return k

    x, y = number(1.3), number(0.2)
    p1, p2, q = above(x, 1), above(x, 2), above(y)
    rest = (1 - p1) * (1 - p2)
    expected = mixture((p1, 1.0), ((1 - p1) * p2, 2.0), (rest * q, y), (rest * (1 - q), 12.0))
    assert_same(relax(program, **FINE)(x, y), expected, [x, y])


def test_break_continue_and_return_together() -> None:
    def program(x: Any, y: Any, z: Any) -> Any:
        state = [0.0, 0.0]
        for i in range(2):
            if x > i:
                state[0] = state[0] + 1.0
                if y > 0:
                    state[1] = state[1] + x
                    break
                if z > 0:
                    continue
                state[0] = state[0] + 5.0
                return state[0], state[1]
            state[1] = state[1] + 0.25
        else:
            state[1] = state[1] + 100.0
        return state[0], state[1] * 2.0

    x, y, z = number(0.6), number(-0.2), number(0.3)
    q, r = above(y), above(z)
    expected_paths: list[Any] = []

    def walk(i: int, mass: Any, s0: Any, s1: Any) -> None:
        if i == 2:
            expected_paths.append((mass, (s0, (s1 + 100.0) * 2.0)))
            return
        p = above(x, i)
        expected_paths.append((mass * p * q, (s0 + 1.0, (s1 + x) * 2.0)))
        walk(i + 1, mass * p * (1 - q) * r, s0 + 1.0, s1)
        expected_paths.append((mass * p * (1 - q) * (1 - r), (s0 + 6.0, s1)))
        walk(i + 1, mass * (1 - p), s0, s1 + 0.25)

    walk(0, number(1.0).detach(), 0.0, 0.0)
    assert len(expected_paths) == 10
    assert_same(relax(program, **FINE)(x, y, z), mixture(*expected_paths), [x, y, z])


def test_a_soft_while_with_a_break() -> None:
    def program(x: Any, y: Any) -> Any:
        k = 0
        total = 0.0
        while x > k:
            k += 1
            total = total + y
            if y > 0:
                total = total + 10.0
                break
        else:
            total = total + 1.0
        return total, k

    x, y = number(0.8), number(0.1)
    q = above(y)
    paths: list[Any] = []
    mass, total = number(1.0).detach(), 0.0 * y
    for k in range(60):
        p = above(x, k)
        paths.append((mass * (1 - p), (total + 1.0, k)))
        paths.append((mass * p * q, (total + y + 10.0, k + 1)))
        mass, total = mass * p * (1 - q), total + y
    assert_same(relax(program, **FINE)(x, y), mixture(*paths), [x, y])


def test_exits_that_cross_an_inner_loop() -> None:
    def program(x: Any, y: Any) -> Any:
        out = [0.0, 0.0]
        for i in range(2):
            for j in range(2):
                out[0] = out[0] + 1.0
                if x > i + j:
                    return out[0], out[1]
                if y > j:
                    break
            else:
                out[1] = out[1] + 10.0
                continue
            out[1] = out[1] + x
        return out[0] * 3.0, out[1]

    x, y = number(0.7), number(0.4)
    paths: list[Any] = []

    def outer(i: int, mass: Any, a: Any, b: Any) -> None:
        if i == 2:
            paths.append((mass, (a * 3.0, b)))
            return
        inner(i, 0, mass, a, b)

    def inner(i: int, j: int, mass: Any, a: Any, b: Any) -> None:
        if j == 2:
            outer(i + 1, mass, a, b + 10.0)
            return
        p, q = above(x, i + j), above(y, j)
        paths.append((mass * p, (a + 1.0, b)))
        outer(i + 1, mass * (1 - p) * q, a + 1.0, b + x)
        inner(i, j + 1, mass * (1 - p) * (1 - q), a + 1.0, b)

    outer(0, number(1.0).detach(), 0.0, 0.0)
    assert_same(relax(program, **FINE)(x, y), mixture(*paths), [x, y])


def test_while_true_with_soft_exits_only() -> None:
    def program(x: Any) -> Any:
        k = 0
        while True:
            k += 1
            if x < k:
                return k
            if k == 3:
                break
        return -1.0

    x = number(1.2)
    p = [above(k, x) for k in (1, 2, 3)]
    expected = mixture(
        (p[0], 1.0),
        ((1 - p[0]) * p[1], 2.0),
        ((1 - p[0]) * (1 - p[1]) * p[2], 3.0),
        ((1 - p[0]) * (1 - p[1]) * (1 - p[2]), -1.0),
    )
    assert_same(relax(program, **FINE)(x), expected, [x])


def test_both_sides_leave() -> None:
    def program(x: Any, y: Any) -> Any:
        out = [1.0]
        for _ in range(3):
            if x > 0:
                out[0] = x
                break
            else:
                out[0] = 2.0
                if y > 0:
                    return out[0]
                else:
                    return y
            out[0] = 99.0
        return out[0] + 7.0

    x, y = number(0.2), number(-0.3)
    p, q = above(x), above(y)
    expected = p * (x + 7.0) + (1 - p) * (q * 2.0 + (1 - q) * y)
    assert_same(relax(program, **FINE)(x, y), expected, [x, y])


def test_an_exit_after_a_store_leaves_the_store_on_its_path_only() -> None:
    def program(x: Any, values: Any) -> Any:
        if x > 0:
            values[0] = x
            return values[1]
        values[1] = values[0] * 2.0
        return values[1]

    x = number(0.4)
    a, b = number(1.5), number(2.5)
    values = [a, b]
    p = above(x)
    result = relax(program, **FINE)(x, values)
    assert_same(result, mixture((p, b), (1 - p, 2.0 * a)), [x, a, b])
    assert_same(values, mixture((p, [x, b]), (1 - p, [a, 2.0 * a])), [x, a, b])


def test_recursion_ends_by_mass() -> None:
    def steps(x: Any) -> Any:
        return 1 + steps(x - 1.0) if x > 0 else 0

    x = number(1.3)
    expected, mass = 0.0 * x, number(1.0).detach()
    for k in range(40):
        mass = mass * above(x - k)
        expected = expected + mass
    assert_same(relax(steps, **FINE)(x), expected, [x])


def exits_first(x: Any) -> Any:
    if x < 0:
        return 0
    return exits_first(x) + 1


def exits_last(x: Any) -> Any:
    if x > 0:
        return exits_last(x) + 1
    return 0


def exits_in_an_expression(x: Any) -> Any:
    return exits_in_an_expression(x) + 1 if x > 0 else 0


@pytest.mark.parametrize("value", [0.9, 0.4, -0.4])
@pytest.mark.parametrize("program", [exits_first, exits_last, exits_in_an_expression])
def test_recursion_that_goes_on_with_one_probability_ends_by_mass(program: Any, value: float) -> None:
    x = number(value)
    p = above(x)
    assert_same(relax(program, beta=BETA, epsilon=1e-9)(x), p / (1 - p), [x], tolerance=1e-5)


def test_recursion_of_several_calls_ends_by_mass() -> None:
    def leaves(x: Any) -> Any:
        return leaves(x) + leaves(x) if x > 0 else 1.0

    x = number(-0.7)
    p = above(x)
    # n = 2 p n + (1 - p)
    assert_same(relax(leaves, beta=BETA, epsilon=1e-7)(x), (1 - p) / (1 - 2 * p), [x], tolerance=1e-3)


def test_the_note_of_a_long_path_is_short() -> None:
    def endless(x: Any) -> Any:
        return endless(x) + 1 if x > 0 else 0

    with pytest.raises(RecursionError) as caught:
        relax(endless, beta=20.0)(number(1.0))
    if sys.version_info >= (3, 11):
        (note,) = caught.value.__notes__
        assert note.count("endless(x) + 1 if x > 0") == 16
        assert "more ..." in note


def test_a_predicate_with_early_returns() -> None:
    def holds(values: Any) -> Any:
        for v in values:
            if v > 0:
                return True
        return len(values) > 5

    def program(values: Any) -> Any:
        return 1.0 if holds(values) and not holds([-v for v in values]) else 0.0

    values = array(0.2, -0.4)
    some = 1 - (1 - above(values[0])) * (1 - above(values[1]))
    some_negative = 1 - (1 - above(-values[0])) * (1 - above(-values[1]))
    assert_same(relax(program, **FINE)(values), some * (1 - some_negative), [values])

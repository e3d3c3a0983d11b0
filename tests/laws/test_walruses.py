"""A name that a walrus binds on one side of a soft expression is the expectation over both, when the expression has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from relaxpy import relax
from tests.laws.support import FINE, above, assert_same, mixture, number


def right_of_and(x: Any, y: Any) -> Any:
    n = 0.0
    held = x > 0 and (n := 5.0) > 1
    return n, held


def right_of_or(x: Any, y: Any) -> Any:
    n = 5.0
    if x > 0 or (n := 0.0) > 1:
        held = True
    else:
        held = False
    return n, held


def then_side(x: Any, y: Any) -> Any:
    n = 0.0
    held = (n := 5.0) > 1 if x > 0 else False
    return n, held


def else_side(x: Any, y: Any) -> Any:
    n = 5.0
    held = True if x > 0 else (n := 0.0) > 1
    return n, held


def both_sides(x: Any, y: Any) -> Any:
    n = 3.0
    held = ((n := n + 2.0) > 1) if x > 0 else ((n := n - 3.0) > 1)
    return n, held


def condition_of_a_loop(x: Any, y: Any) -> Any:
    n, held = 0.0, False
    while not held and x > 0 and (n := n + 5.0) > 1:
        held = True
    return n, held


def end_of_a_chain(x: Any, y: Any) -> Any:
    n = 0.0
    0 < x < (n := 5.0)  # noqa: B015
    return n, x > 0


@pytest.mark.parametrize("value", [0.4, -0.9])
@pytest.mark.parametrize("options", [{}, {"estimator": "exact"}])
@pytest.mark.parametrize(
    "program", [right_of_and, right_of_or, then_side, else_side, both_sides, condition_of_a_loop, end_of_a_chain]
)
def test_one_side_binds(program: Callable[..., Any], options: dict[str, Any], value: float) -> None:
    x = number(value)
    p = above(x)
    assert_same(relax(program, **FINE, **options)(x, x), mixture((p, (5.0, True)), (1 - p, (0.0, False))), [x])
    for mode in ("hard", "straight-through"):
        n, held = relax(program, mode=mode)(x, x)
        assert (float(n), bool(held)) == program(value, value)


def nested(x: Any, y: Any) -> Any:
    n = 0.0
    held = x > 0 and (n := 1.0) > 0 and (y > 0 or (n := 7.0) > 0)
    return n, held


def test_nested_expressions() -> None:
    x, y = number(0.4), number(-0.3)
    p, q = above(x), above(y)
    expected = mixture((p * q, (1.0, True)), (p * (1 - q), (7.0, True)), (1 - p, (0.0, False)))
    assert_same(relax(nested, **FINE)(x, y), expected, [x, y])


def test_a_name_that_had_no_value_keeps_the_new_one() -> None:
    def program(x: Any) -> Any:
        if x > 0 and (n := 2.0 * x) > 0:
            return n
        return 0.0 * x

    x = number(0.4)
    p = above(x)
    held = p * above(2.0 * x)
    assert_same(relax(program, **FINE)(x), held * 2.0 * x, [x])


def test_in_a_batch_each_lane_has_its_own() -> None:
    x = torch.tensor([0.4, -0.9, 3.0], dtype=torch.float64)
    n, held = relax(both_sides, batch=True, **FINE)(x, x)
    assert_same((n, held), (5.0 * above(x), above(x)))


def test_what_cannot_be_blended_raises_when_it_is_read() -> None:
    def program(x: Any, read: Any) -> Any:
        n: Any = None
        held = x > 0 and (n := 5.0) > 1
        return n + 1.0 if read else held

    x = number(0.4)
    assert_same(relax(program, **FINE)(x, False), above(x), [x])
    with pytest.raises(Exception, match=r"a name that a walrus binds is 5\.0 and None"):
        relax(program, **FINE)(x, True)

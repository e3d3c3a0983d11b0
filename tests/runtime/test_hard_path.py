"""Decisions on plain values: one call each, and nothing allocated."""

from __future__ import annotations

import itertools
import operator
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from relaxpy.runtime import control

COMPARISONS: dict[Callable[[Any, Any], Any], Callable[[Any, Any], bool]] = {
    control.if_lt: operator.lt,
    control.if_le: operator.le,
    control.if_gt: operator.gt,
    control.if_ge: operator.ge,
    control.if_eq: operator.eq,
    control.if_ne: operator.ne,
}
VALUES = [1, 2.0, float("nan"), True, 2**70, -0.0]


@pytest.mark.parametrize("branch", COMPARISONS, ids=lambda branch: branch.__name__)
def test_a_plain_comparison_gives_one_of_two_objects(branch: Callable[[Any, Any], Any]) -> None:
    for a, b in itertools.product(VALUES, repeat=2):
        taken = branch(a, b)
        assert taken is (control.TAKEN if COMPARISONS[branch](a, b) else control.SKIPPED)
        assert (taken.then, taken.orelse, taken.soft) == (taken is control.TAKEN, taken is control.SKIPPED, False)


@pytest.mark.parametrize("branch", [*COMPARISONS, lambda a, b: control.if_(a is b)])
def test_a_plain_branch_allocates_nothing(branch: Callable[[Any, Any], Any]) -> None:
    repeats = itertools.repeat((0.5, 1.5), 1000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for a, b in repeats:
            branch(a, b)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 200  # no more than the loop itself needs

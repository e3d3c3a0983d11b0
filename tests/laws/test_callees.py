"""What relaxed code calls: relaxed functions, its own callees, iterators, and how deep recursion goes."""

from __future__ import annotations

import collections
import enum
import itertools
import linecache
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import RelaxError, algorithms, hard, relax
from relaxpy.runtime import callees
from tests.laws.support import FINE, above, assert_same, number


def depth(n: Any) -> Any:
    return 0 if n == 0 else 1 + depth(n - 1)


@relax
def relaxed_depth(n: Any) -> Any:
    return 0 if n == 0 else 1 + relaxed_depth(n - 1)


@relax(beta=3.0, max_iter=7)
def depth_with_options(n: Any) -> Any:
    return 0 if n == 0 else 1 + depth_with_options(n - 1)


@relax(batch=True)
def depth_of_a_batch(n: Any, x: Any) -> Any:
    return x if n == 0 else depth_of_a_batch(n - 1, x) + 1.0


class Counter:
    @relax
    def depth(self, n: Any) -> Any:
        return 0 if n == 0 else 1 + self.depth(n - 1)

    @classmethod
    @relax
    def depth_of_class(cls, n: Any) -> Any:
        return 0 if n == 0 else 1 + cls.depth_of_class(n - 1)


def deepest(function: Callable[[int], Any]) -> int:
    """The deepest recursion in steps of 10."""
    n = 10
    while True:
        try:
            function(n)
        except RecursionError:
            return n
        n += 10


@pytest.mark.parametrize(
    "function",
    [relaxed_depth, depth_with_options, Counter().depth, Counter.depth_of_class, relax(depth)],
    ids=["bare", "options", "method", "class method", "undecorated inside"],
)
def test_recursion_goes_nearly_as_deep_as_undecorated(function: Any) -> None:
    assert deepest(function) >= deepest(depth) - 30
    assert function(300) == 300


def test_recursion_on_soft_values_goes_as_deep() -> None:
    x = number(0.5)
    rows = x.reshape(1).repeat(3)
    limit = sys.getrecursionlimit()
    assert limit >= 1000
    assert_same(depth_of_a_batch(600, rows), rows + 600.0, [x])


def test_recursion_through_a_soft_ternary_goes_as_deep() -> None:
    def program(x: Any, n: Any) -> Any:
        return program(x, n - 1) if n > 0 and x > -5.0 else x

    x = number(0.5)
    assert_same(relax(program, epsilon=0.0)(x, 600), x, [x])


def test_a_relaxed_callee_keeps_options_of_its_own_at_every_depth() -> None:
    @relax(beta=4.0)
    def sharper(x: Any, n: Any) -> Any:
        return (1.0 if x > 0 else 0.0) + (softer(x, n - 1) if n else 0.0)

    @relax(beta=1.5)
    def softer(x: Any, n: Any) -> Any:
        return (1.0 if x > 0 else 0.0) + (sharper(x, n - 1) if n else 0.0)

    x = number(0.3)
    assert_same(sharper(x, 3), 2 * above(x, beta=4.0) + 2 * above(x, beta=1.5), [x])


def test_a_relaxed_callee_takes_its_marks_away() -> None:
    @relax(hard=("bound",))
    def inner(x: Any, bound: Any) -> Any:
        return x if bound > 0 else -x

    def program(x: Any) -> Any:
        return inner(x, x) + inner(x, hard(x))

    x = number(0.3)
    assert_same(relax(program, **FINE)(x), 2 * x, [x])


def test_the_machinery_is_never_relaxed_and_the_algorithms_are() -> None:
    seen: dict[str, Any] = {}

    def program(x: Any) -> Any:
        seen["root"] = [callees.is_user_function(each) for each in functions]
        return x

    from relaxpy import errors
    from relaxpy.algorithms.sorting import swap

    functions = [errors.did_you_mean, relaxpy.soft, swap]
    relaxed = relax(program)
    program.__module__ = algorithms.__name__
    relaxed = relax(program)
    assert relaxed(0.5) == 0.5
    assert seen["root"] == [False, False, True]


class Ticks:
    """An iterator of the user's own."""

    def __init__(self) -> None:
        self.at = 0.0

    def __iter__(self) -> Ticks:
        return self

    def __next__(self) -> float:
        self.at = self.at + 1.0
        return self.at


def each(values: Any) -> Iterator[Any]:
    yield from values


def test_iterators_made_on_a_soft_path_are_its_own() -> None:
    def program(x: Any) -> Any:
        y = 0.0
        if x > 0:
            it = iter([1.0, 2.0])
            y = next(it) + next(it) + next(v for v in (4.0, 5.0)) + next(iter(()), 8.0)
            for k, value in enumerate([1.0, 2.0]):
                if x > value:
                    y = y + k
            for value in each([16.0]):
                y = y + value
            for first, _ in itertools.product([32.0], [1.0]):
                y = y + first
            y = y + next(each([64.0])) + next(zip([128.0]))[0]
        return y

    x = number(0.3)
    assert_same(relax(program, **FINE)(x), above(x) * (255.0 + above(x, 2.0)), [x])
    assert relax(program)(0.3) == program(0.3) == 255.0


def test_an_iterator_of_the_users_own_moves_on_softly() -> None:
    def program(x: Any) -> Any:
        ticks = Ticks()
        y = next(ticks) if x > 0 else 7.0
        z = next(ticks)
        return y, z, next(Ticks(), None)

    x = number(0.3)
    p = above(x)
    assert_same(relax(program, **FINE)(x), (p + 7 * (1 - p), 1 + p, 1.0), [x])
    assert relax(program)(0.3) == program(0.3) == (1.0, 2.0, 1.0)


def compiled(text: str, filename: str, kept: str | None = None) -> Any:
    """The function ``f`` of a text, as if of this module; another text may have taken its place in `linecache`."""
    if kept is not None:
        linecache.cache[filename] = (len(kept), None, kept.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(text, filename, "exec"), namespace)
    return namespace["f"]


@pytest.mark.parametrize(
    "kept", [None, "def f(x):\n    return 0.0 if x > 0 else 7.0\n"], ids=["no text", "another text"]
)
def test_a_callee_without_its_text_is_an_error_only_where_it_meets_soft_values(kept: str | None) -> None:
    helper = compiled("def f(x):\n    return 1.0 if x > 0 else 2.0\n", f"<made at run time, {kept}>", kept)

    @relax
    def program(x: Any) -> Any:
        return helper(x)

    assert program(0.5) == 1.0
    with pytest.raises(RelaxError, match=r"the source of `f` (is not available|has changed since it was imported)"):
        program(torch.tensor(0.5))
    assert program(-0.5) == 2.0


def test_classes_that_library_code_makes_are_of_the_module_that_asks_for_them() -> None:
    def program(x: Any) -> Any:
        pair = collections.namedtuple("pair", "first second")
        kind = enum.Enum("kind", ["A", "B"])
        return pair.__module__, kind.__module__, pair(x, 1.0).first

    x = number(0.4)
    assert relax(program)(x) == (__name__, __name__, x)

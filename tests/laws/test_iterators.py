"""Iterators on soft paths: whatever advances one that was made outside is an error; those that are made inside are free."""

from __future__ import annotations

import collections
import functools
import heapq
import io
import itertools
import linecache
import math
import operator
import textwrap
from typing import Any

import pytest

from relaxpy import relax
from relaxpy.errors import SoftValueError
from tests.laws.support import FINE, above, assert_same, mixture, number

SCOPE = {
    each.__name__: each for each in (collections, functools, heapq, io, itertools, math, operator)
}  # what the programs name


def program(text: str) -> Any:
    source = f"def take(it): return next(it)\ndef star(*a): return a[0]\n\ndef f(x):\n{textwrap.indent(text, '    ')}\n"
    name = f"<{text}>".replace("\n", "; ")
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": __name__, **SCOPE}
    exec(compile(source, name, "exec"), scope)
    return scope["f"]


MAKERS = {"iterator": "iter([1.0, 2.0, 3.0])", "generator": "(v for v in [1.0, 2.0, 3.0])", "map": "map(float, '123')"}

# ways to advance `it`, all of which take its first value
WAYS = [
    "y = next(it)",
    "y = it.__next__()",
    "y = it.__iter__().__next__()",
    "for y in it: break",
    "y, *rest = it",
    "[y, *rest] = it",
    "y = [*it][0]",
    "y = (*it,)[0]",
    "y = star(*it)",
    "y = take(it)",
    "print(*it, end=''); y = 1.0",
    "y = (lambda: (yield from it))().__next__()",
    "y = [v for v in it][0]",
    "y = [v for k in [0] for v in it][0]",
    "y = next(iter({v: 1 for v in it}))",
    "y = list(v for v in it)[0]",
    "y = list(it)[0]",
    "y = tuple(it)[0]",
    "y = sorted(it)[0]",
    "y = min(it)",
    "y = sum(it) - 5.0",
    "y = math.fsum(it) - 5.0",
    "y = 1.0 if any(it) else 0.0",
    "y = 1.0 if 1.0 in it else 0.0",
    "y = 1.0 if operator.contains(it, 1.0) else 0.0",
    "y = [v for _, v in enumerate(it)][0]",
    "y = [v for _, v in zip([0], it)][0]",
    "y = list(map(float, it))[0]",
    "y = list(map(next, [it]))[0]",
    "y = functools.partial(next, it)()",
    "y = functools.reduce(min, it)",
    "y = next(itertools.islice(it, 1))",
    "y = next(itertools.tee(it)[0])",
    "y = next(heapq.merge(it))",
    "y = collections.deque(it)[0]",
    "s = []; s.extend(it); y = s[0]",
    "s = []; s += it; y = s[0]",
    "s = []; s[:] = it; y = s[0]",
    "y = next(it) if x > 1 else 1.0",
]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("way", WAYS)
def test_advanced_from_outside(way: str, make: str) -> None:
    soft = program(f"it = {make}\ny = 0.0\nif x > 0:\n    {way}\nreturn y, len(list(it))")
    with pytest.raises(SoftValueError, match="was advanced under a soft condition") as caught:
        relax(soft)(number(0.3))
    line = "def take(it): return next(it)" if "take" in way else way
    assert f"    {line}\n  remedy: loop over the values themselves" in str(caught.value)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("way", WAYS[:-1])
def test_made_and_advanced_on_the_same_side(way: str, make: str) -> None:
    soft = program(f"y = 0.0\nif x > 0:\n    it = {make}\n    {way}\nreturn y * x")
    x = number(0.3)
    assert_same(relax(soft, **FINE)(x), mixture((above(x), 1.0 * x), (1 - above(x), 0.0)), [x])


@pytest.mark.parametrize("way", ["f.readline()", "f.read(1)", "next(f)", "list(f)", "[*f]", "f.readlines()"])
def test_files_are_read_under_no_soft_condition(way: str) -> None:
    soft = program(f"f = io.StringIO('1\\n2\\n')\nif x > 0:\n    {way}\nreturn f.read()")
    with pytest.raises(SoftValueError, match="a StringIO was advanced under a soft condition"):
        relax(soft)(number(0.3))


@pytest.mark.parametrize("way", ["it.send(2.0)", "it.close()", "it.throw(ValueError())"])
def test_generators_are_resumed_under_no_soft_condition(way: str) -> None:
    soft = program(f"def g():\n    yield 1.0\n    yield 2.0\nit = g()\nnext(it)\nif x > 0:\n    {way}\nreturn x")
    with pytest.raises(SoftValueError, match="a generator was advanced under a soft condition"):
        relax(soft)(number(0.3))


def test_an_iterator_may_be_looked_at_and_kept() -> None:
    soft = program(
        "it = iter([1.0, 2.0])\ns = [0.0]\nk = 0\nif x > 0:\n    k = 1 if hasattr(it, '__next__') and iter(it) is it else 2\n"
        "    s = [it]\n    s = [1.0]\nreturn s, k, list(it)"
    )
    x = number(0.3)
    sides = ([1.0], 1.0, [1.0, 2.0]), ([0.0], 0.0, [1.0, 2.0])
    assert_same(relax(soft, **FINE)(x), mixture((above(x), sides[0]), (1 - above(x), sides[1])), [x])


def test_an_iterator_that_an_object_gives_out() -> None:
    soft = program(
        "class W:\n    def __init__(self, it): self.it = it\n    def __iter__(self): return self.it\n"
        "w = W(iter([1.0, 2.0]))\ny = 0.0\nif x > 0:\n    y = list(w)[0]\nreturn y, len(list(w))"
    )
    with pytest.raises(SoftValueError, match="a list_iterator was advanced under a soft condition"):
        relax(soft)(number(0.3))
    soft = program(
        "class W:\n    def __init__(self, s): self.s = s\n    def __iter__(self): return iter(self.s)\n"
        "w = W([1.0, 2.0])\ny = 0.0\nif x > 0:\n    y = list(w)[0]\nreturn y * len(list(w))"
    )
    x = number(0.3)
    assert_same(relax(soft, **FINE)(x), mixture((above(x), 2.0), (1 - above(x), 0.0)), [x])

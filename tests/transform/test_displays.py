from __future__ import annotations

import pytest

from relaxpy.transform import rewrite

MADE = [
    ("z = [x]", "z = _rt.made([x])"),
    ("z = {'k': [x], 'm': {x}}", "z = _rt.made({'k': [x], 'm': {x}})"),
    ("z = [[0.0] * n for i in 'ab']", "z = _rt.made([_rt.made([0.0] * n) for i in 'ab'])"),
    ("z = [0.0] * n", "z = _rt.made([0.0] * n)"),
    ("z = xs + [x] + ys", "z = _rt.made(xs + [x] + ys)"),
    ("z = xs[1:]", "z = _rt.made(xs[1:])"),
    ("z = ([x], 1)", "z = (_rt.made([x]), 1)"),
    ("z = w = {}", "z = w = _rt.made({})"),
    ("g([x])", "_rt.callee(g)(_rt.made([x]))"),
    ("g(key=[])", "_rt.callee(g)(key=_rt.made([]))"),
]
LOOKED_AT = [
    ("z = sum([x, 1])", "z = _rt.callee(sum)([x, 1])"),
    ("z = x in [1, 2]", "z = _rt.in_(x, [1, 2])"),
    ("a, b = [x, n]", "a, b = [x, n]"),
    ("z = [x, n][0]", "z = [x, n][0]"),
    ("z = [v for v in [x, n]]", "z = _rt.made([v for v in [x, n]])"),
]


@pytest.mark.parametrize(("before", "after"), MADE + LOOKED_AT)
def test_in_functions_that_are_rewritten(before: str, after: str) -> None:
    source = "def f(x, n, xs, ys, g):\n    {}\n    {}\n"
    rewritten = rewrite(source.format("if x: pass", before)).text.splitlines()
    assert rewritten[-1].strip() == after


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return [x, {'k': x}, {x}]\n",
        "def f(x, n):\n    z = [0.0] * n  # zeros\n    return z[1:], [v for v in z]\n",
        "f = lambda x: [x]\n",
        "class A:\n    items = [1, 2]\n    def f(self, default=[]):\n        return [default]\n",
        "table = {'a': [1]}\n",
    ],
)
def test_functions_with_nothing_else_stay(source: str) -> None:
    rewritten = rewrite(source)
    assert rewritten.text == source
    assert not rewritten.changed

"""`f.sites`: where something may be decided softly, and options of its own for each such place."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from relaxpy.runtime import decisions, softcompare, softindex
from tests.algorithms.pool import POOL, Case
from tests.algorithms.test_laws import to_tensor

D = torch.float64


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=D, requires_grad=True)


def every_kind(a, b, rows, i):  # type: ignore[no-untyped-def]
    if a > b:
        a = a + 1
    elif a < b and not a == 0:  # noqa: SIM201
        a = 1.0 if a >= 0 else 2.0
    while a < 3 or b != 2:
        a += 1
        if rows[i] in rows:
            break
    for row in rows:
        rows[i] += row
    assert a < b < 3
    near = a <= b
    total = sum(x for x in rows if x > 2)
    match a:
        case 1:
            return near
    rows[0], rows[i] = rows[1], total
    later = lambda v: v if v < 2 else rows[v]  # noqa: E731
    with relaxpy.options(beta=2.0):
        if a:
            return later(rows[i:])
    for k in range(3):
        if k < 2:
            rows[k] = rows[k + 1]
    return rows[k] is rows[0]


SITES = """\
1 if a > b
1 compare a > b
3 if a < b and not a == 0
3 and a < b and not a == 0
3 compare a < b
3 not not a == 0
3 compare a == 0
4 ternary 1.0 if a >= 0 else 2.0
4 compare a >= 0
5 or a < 3 or b != 2
5 while a < 3 or b != 2
5 compare a < 3
5 compare b != 2
7 if rows[i] in rows
7 index rows[i]
7 compare rows[i] in rows
8 break break
9 for rows
10 store rows[i]
11 assert a < b < 3
11 compare a < b < 3
12 compare a <= b
13 compare x > 2
13 filter x > 2
14 match a
16 return return near
17 store rows[0]
17 store rows[i]
18 ternary v if v < 2 else rows[v]
18 compare v < 2
18 index rows[v]
20 if a
21 return return later(rows[i:])
21 index rows[i:]
24 store rows[k]
25 index rows[k]
25 return return rows[k] is rows[0]
"""


def test_every_place_is_listed_with_its_line() -> None:
    """And none that is provably plain, such as `k < 2` and `rows[k + 1]` for the variable of a range, or `is`."""
    first = every_kind.__code__.co_firstlineno
    found = sorted(f"{site.line - first} {site.kind} {site.text}" for site in relax(every_kind).sites)
    assert found == sorted(SITES.splitlines())
    lines = inspect.getsource(every_kind).splitlines()
    for site in relax(every_kind).sites:
        assert lines[site.line - first][site.column :].startswith(site.text)


CONDITIONS = (ast.If, ast.While, ast.IfExp, ast.Assert)


@pytest.mark.parametrize("case", POOL, ids=lambda case: case.name)
def test_conditions_comparisons_and_indices_are_sites_or_literal(case: Case) -> None:
    """Of every algorithm of the pool: what is no site stands in the rewritten code as it was written.

    But for `_rt.whole`, by which a dict is asked whether its keys surely exist.
    """
    relaxed = relax(case.function)
    tree = ast.parse(inspect.getsource(case.function))
    first = case.function.__code__.co_firstlineno
    places = {(site.line - first + 1, site.column) for site in relaxed.sites}
    rewritten = ast.parse(relaxed.source.replace("_rt.whole", ""))
    kept = {ast.unparse(node) for node in ast.walk(rewritten) if isinstance(node, (ast.Compare, ast.Subscript))}
    for node in ast.walk(tree):
        tested = node.test if isinstance(node, CONDITIONS) else node
        if isinstance(tested, (ast.Compare, ast.Subscript)) and not _in_annotation(node, tree):
            assert (tested.lineno, tested.col_offset) in places or ast.unparse(tested) in kept, ast.unparse(tested)


def _in_annotation(node: ast.AST, tree: ast.AST) -> bool:
    notes = [each.annotation for each in ast.walk(tree) if isinstance(each, (ast.arg, ast.AnnAssign)) and each.annotation]
    notes += [each.returns for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.returns]
    return any(node is inner for note in notes for inner in ast.walk(note))


WATCHED = [(decisions, "decide"), (softcompare, "real_order"), (softcompare, "real_equality"), (softindex, "weights_over")]


@pytest.mark.filterwarnings("ignore::relaxpy.errors.RelaxWarning")
@pytest.mark.parametrize("case", POOL, ids=lambda case: case.name)
def test_whatever_is_decided_in_a_run_is_a_site(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    file = case.function.__code__.co_filename

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            while frame.f_code.co_filename != file and frame.f_back is not None:
                frame = frame.f_back
            seen.add(frame.f_lineno)
            return original(*args, **kwargs)

        return call

    for module, name in WATCHED:
        monkeypatch.setattr(module, name, watched(getattr(module, name)))
    relax(case.function, beta=case.beta, max_iter=20)(*map(to_tensor, case.draw(1)[0]))
    module_ = inspect.getmodule(case.function)
    found = [value for value in vars(module_).values() if inspect.getmodule(value) is module_]
    methods = [method for kind in found if inspect.isclass(kind) for method in vars(kind).values()]
    lines = {site.line for each in [*found, *methods] if inspect.isfunction(each) for site in relax(each).sites}
    assert seen <= lines


def above(difference: Tensor, beta: float) -> Tensor:
    return torch.sigmoid(beta * difference)


def test_every_kind_of_site_takes_options_of_its_own() -> None:
    """A branch, a loop, a comparison, an index and a builtin, each in a region of its own; the next is not concerned."""

    def program(x: Any, y: Any, a: Any) -> Any:
        with relaxpy.options(beta=1.0):
            if x > y:
                branch = 1.0
            else:
                branch = 0.0
        with relaxpy.options(beta=2.0, max_iter=2):
            turns = 0.0
            while turns * x < y:
                turns += 1.0
        with relaxpy.options(distribution="cauchy", beta=3.0):
            near = x > y
        with relaxpy.options(beta=4.0, distribution="gudermannian"):
            element = a[x]
        with relaxpy.options(beta=5.0):
            smallest = min(x, y)
        with relaxpy.options(t_norm="minimum"):
            both = x > y and y > 0
        with relaxpy.options(mode="hard"):
            hard = 1.0 if x > y else 0.0
        return branch, turns, near, element, smallest, both, hard, x > y

    x, y, a = number(0.6), number(0.9), torch.tensor([1.0, 5.0, 2.0], dtype=D)
    with pytest.warns(relaxpy.RelaxWarning, match="max_iter=2"):
        found = relax(program, epsilon=0.0)(x, y, a)
    first = above(y, 2.0)
    density = 1 / torch.cosh(4.0 * (torch.arange(3) - x))
    p = above(x - y, 5.0)
    expected = (
        above(x - y, 1.0),
        first,  # what is left after two tests goes to the last state
        torch.atan(3.0 * (x - y)) / torch.pi + 0.5,
        density @ a / density.sum().detach(),
        p * y + (1 - p) * x,
        torch.minimum(above(x - y, 10.0), above(y, 10.0)),
        torch.tensor(0.0, dtype=D),
        above(x - y, 10.0),
    )
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(ours, dtype=D), theirs)


def test_sites_of_what_is_kept_and_read_again() -> None:
    """Methods, lambdas and variants with other options list the same places."""

    class Gate:
        @relax
        def above(self, x: Any) -> Any:
            return 1.0 if x > 0 else 0.0

    line = Gate.above.__wrapped__.__code__.co_firstlineno + 2
    assert {(site.kind, site.line) for site in Gate().above.sites} == {
        ("ternary", line),
        ("compare", line),
    }
    f = relax(lambda x: x if x > 0 else -x)
    assert f.sites == f.with_options(beta=2.0).sites == f.batch().sites
    assert [site.kind for site in f.sites] == ["ternary", "compare"]
    assert relax(lambda x: x + 1).sites == ()

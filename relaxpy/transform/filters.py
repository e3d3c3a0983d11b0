"""``sum(f(x) for x in xs if c)``: each term of `sum`, `any` and `all` counts with the probability of its filter.

The filters of the comprehension become loops over one object, which says whether the term is evaluated and weighs it:
``sum(_keep1.of(f(x)) for x in xs for _keep1 in (_rt.filtered(c),) if _keep1.then)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from relaxpy.transform.comprehensions import known_counters
from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import children, comprehension_fors, stored_parts

__all__ = ["is_weighed", "weighed"]

_WEIGHING = frozenset({"sum", "any", "all"})
_STAYING = (cst.NamedExpr, cst.Await, cst.Yield)  # not allowed in the iterable of a comprehension


def is_weighed(rewriter: Rewriter, node: Any) -> bool:
    """Is this a call of `sum`, `any` or `all` with a comprehension whose filters may be soft?"""
    if rewriter.function is None or rewriter.iterating or rewriter.hardness.builtin(node) not in _WEIGHING or not node.args:
        return False
    comprehension = node.args[0].value
    if node.args[0].star or not isinstance(comprehension, (cst.GeneratorExp, cst.ListComp)):
        return False
    clauses = list(comprehension_fors(comprehension))
    filters = [condition.test for clause in clauses for condition in clause.ifs]
    known = known_counters(rewriter, clauses)[1]
    return (
        not all(rewriter.hardness.is_condition(test, known) for test in filters)
        and not any(clause.asynchronous is not None or any(stored_parts(clause.target)) for clause in clauses)
        and not _stays(filters)
    )


def _stays(nodes: Iterable[cst.CSTNode]) -> bool:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, _STAYING):
            return True
        pending += children(node)
    return False


def weighed(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """The comprehension, with its brackets."""
    saved = rewriter.walrus, rewriter.counters, rewriter.iterating
    rewriter.walrus = False
    clauses = list(comprehension_fors(node))
    known, inner = known_counters(rewriter, clauses)
    keeps = {id(condition): rewriter.fresh("keep") for clause in clauses for condition in clause.ifs}
    start, end = rewriter.whole[id(node)]
    is_generator = type(node) is cst.GeneratorExp
    if is_generator:
        out.new(f"{rewriter.rt('made')}(", start)
    element_start, element_end = rewriter.whole[id(node.elt)]
    out.copy(start, element_start)
    out.new("".join(f"{name}.of(" for name in keeps.values()), element_start)
    rewriter.counters = inner
    rewriter.argument(node.elt, out)
    out.new(")" * len(keeps), element_end - 1)
    start = element_end
    rewriter.iterating = True
    around = ""
    for clause in clauses:
        iter_start, iter_end = rewriter.whole[id(clause.iter)]
        out.copy(start, iter_start)
        rewriter.counters = saved[1] if clause is clauses[0] else known[id(clause)]
        if around:
            out.new(f"{around}.over(", iter_start)
        rewriter.runs_over(clause.iter)
        rewriter.argument(clause.iter, out)
        if around:
            out.new(")", iter_end - 1)
        start = iter_end
        rewriter.counters = known[id(clause)]
        before = ""
        for condition in clause.ifs:
            around = keeps[id(condition)]
            test_start, test_end = rewriter.whole[id(condition.test)]
            rewriter.site("filter", condition.test)
            rewriter.between(start, test_start, f" for {around} in ({rewriter.rt('filtered')}(", out)
            rewriter.argument(condition.test, out)
            out.new(f"{before}),) if {around}.then", test_end - 1)
            before = f", {around}"
            start = test_end
    rewriter.walrus, rewriter.counters, rewriter.iterating = saved
    out.copy(start, end)
    if is_generator:
        out.new(")", end - 1)

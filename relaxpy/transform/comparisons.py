"""Comparisons: ``a < b`` becomes ``_rt.lt(a, b)``; a chain evaluates each operand once and short-circuits."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import DEEPEST, Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.temporaries import bound_later, bound_on_side, held

__all__ = ["BRANCHES", "comparison", "operator_name"]

_OPERATORS: dict[type, str] = {
    cst.LessThan: "lt",
    cst.LessThanEqual: "le",
    cst.GreaterThan: "gt",
    cst.GreaterThanEqual: "ge",
    cst.Equal: "eq",
    cst.NotEqual: "ne",
    cst.In: "in_",
    cst.NotIn: "not_in",
    cst.Is: "is",
    cst.IsNot: "is_not",
}
# Comparisons that `if` has a function of its own for.
BRANCHES = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})


def operator_name(link: Any) -> str:
    return _OPERATORS[type(link.operator)]


def comparison(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    links = node.comparisons
    names = [operator_name(link) for link in links]
    rewriter.look_at(node.left, *(link.comparator for link in links))
    literal = (
        len(links) == 1 and names[0] in ("is", "is_not") or rewriter.hardness.is_condition(node, rewriter.counters)
    )
    if literal or len(links) > 1 and (len(links) > DEEPEST or not bound_later(rewriter, [node])):
        rewriter.literal(node, out)
        return
    rewriter.site("compare", node)
    start = rewriter.opened(node, out)
    rewriter.depth += 1
    if len(links) == 1:
        out.new(f"{rewriter.rt(names[0])}(", start)
        operands(rewriter, node.left, links[0].comparator, out)
        out.new(")", rewriter.inner[id(node)][1] - 1)
    else:
        _chain(rewriter, node, names, out)
    rewriter.depth -= 1
    rewriter.closed(node, out)


def operands(rewriter: Rewriter, left: cst.BaseExpression, right: cst.BaseExpression, out: Pieces) -> None:
    """Two operands as arguments."""
    rewriter.expression(left, out)
    rewriter.gap(left, right, ", ", out)
    rewriter.expression(right, out)


def _chain(rewriter: Rewriter, node: Any, names: list[str], out: Pieces) -> None:
    """``a < b < c``: each link but the last holds its right operand for the next one."""
    links = node.comparisons
    start, end = rewriter.inner[id(node)]
    link = rewriter.pieces()
    link.new(f"{rewriter.rt('chain_' + names[0].rstrip('_'))}(", start)
    operands(rewriter, node.left, links[0].comparator, link)
    link.new(")", end - 1)
    _rest(rewriter, node, names, 1, link, out)


def _rest(rewriter: Rewriter, node: Any, names: list[str], at: int, link: Pieces, out: Pieces) -> None:
    """The links from ``at`` on, after the one that was written into ``link``."""
    links = node.comparisons
    place = rewriter.inner[id(node)][1] - 1
    name = rewriter.fresh("chain")
    walruses = bound_on_side(rewriter, [each.comparator for each in links[at:]], name)
    body = rewriter.pieces()
    previous, current = links[at - 1].comparator, links[at].comparator
    if at == len(links) - 1:
        if names[at] in ("is", "is_not"):
            body.new(f"{name}.right", place)
            body.copy(rewriter.whole[id(previous)][1], rewriter.whole[id(current)][0])
            rewriter.expression(current, body)
        else:
            _link(rewriter, f"{rewriter.rt(names[at])}({name}.right", previous, current, body)
    else:
        following = rewriter.pieces()
        _link(rewriter, f"{rewriter.rt('chain_' + names[at].rstrip('_'))}({name}.right", previous, current, following)
        _rest(rewriter, node, names, at + 1, following, body)
    body.new(f" if {name}.then else {rewriter.rt('SKIP')}", place)
    held(rewriter, name, link, [body], node, out, walruses)


def _link(rewriter: Rewriter, text: str, previous: Any, current: Any, out: Pieces) -> None:
    out.new(text, rewriter.whole[id(previous)][1] - 1)
    rewriter.gap(previous, current, ", ", out)
    rewriter.expression(current, out)
    out.new(")", rewriter.whole[id(current)][1] - 1)

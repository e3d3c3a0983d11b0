"""Statements that stay statements, with their expressions rewritten."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.blocks import header
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.scopes import is_outer
from relaxpy.transform.stores import released, stored_name

__all__ = ["assert_", "declaration", "expression", "import_", "raise_", "unchanged"]


def unchanged(rewriter: Rewriter, node: cst.CSTNode) -> list[Row]:
    row = Row(rewriter.pieces())
    row.pieces.copy(*rewriter.inner[id(node)])
    return [row]


def declaration(rewriter: Rewriter, node: cst.CSTNode) -> list[Row]:
    """`global` and `nonlocal` hold for the whole function, and may not follow a use of the name."""
    if rewriter.function is not None and rewriter.function.again:
        return [rewriter.row("pass", rewriter.inner[id(node)][0])]
    return unchanged(rewriter, node)


def expression(rewriter: Rewriter, node: cst.Expr) -> list[Row]:
    row = Row(rewriter.pieces())
    start, end = rewriter.inner[id(node)]
    header(rewriter, start, (node.value,), end, row.pieces)
    return [row]


def raise_(rewriter: Rewriter, node: cst.Raise) -> list[Row]:
    parts: list[cst.BaseExpression] = [] if node.exc is None else [node.exc]
    if node.cause is not None:
        parts.append(node.cause.item)
    row = Row(rewriter.pieces())
    start, end = rewriter.inner[id(node)]
    out = row.pieces
    if parts:
        raised_start, raised_end = rewriter.whole[id(parts[0])]
        out.copy(start, raised_start)
        out.new(f"{rewriter.rt('raised')}(", raised_start)
        rewriter.argument(parts[0], out)
        out.new(")", raised_end - 1)
        start = raised_end
    header(rewriter, start, parts[1:], end, out)
    return [row]


def assert_(rewriter: Rewriter, node: cst.Assert) -> list[Row]:
    """``assert c, m``: Python's own where c is plain; a soft one fails on a part of the mass."""
    if rewriter.plain_asserts:
        return unchanged(rewriter, node)
    row = Row(rewriter.pieces())
    start, end = rewriter.inner[id(node)]
    test_start, test_end = rewriter.whole[id(node.test)]
    message = () if node.msg is None else (node.msg,)
    out = row.pieces
    out.copy(start, test_start)
    if rewriter.hardness.is_condition(node.test, rewriter.counters):
        rewriter.expression(node.test, out)
        header(rewriter, test_end, message, end, out)
        return [row]
    rewriter.site("assert", node.test)
    rewriter.decides(node.test)
    name = rewriter.fresh("assert")
    out.new(f"({name} := {rewriter.rt('asserted')}(", test_start)
    rewriter.argument(node.test, out)
    out.new(")).holds", test_end - 1)
    header(rewriter, test_end, message, end, out)
    # where Python leaves out assertions, it leaves out this, too
    failure = rewriter.row(f"if __debug__ and {name}.soft: {name}.fails(", end - 1, simple=False)
    for part in message:
        rewriter.argument(part, failure.pieces)
    failure.pieces.new(")", end - 1)
    return [row, failure]


def import_(rewriter: Rewriter, node: Any) -> list[Row]:
    """An import; names of other scopes are stored through the runtime (but for `import a.b`, which only adds to them)."""
    start, end = rewriter.inner[id(node)]
    row = Row(rewriter.pieces())
    rows = [row]
    for alias in () if isinstance(node.names, cst.ImportStar) else node.names:
        bound: Any = alias.name if alias.asname is None else alias.asname.name
        if type(bound) is not cst.Name or not is_outer(rewriter, bound.value):
            continue
        name = rewriter.fresh("t")
        bound_start, bound_end = rewriter.whole[id(bound)]
        if alias.asname is None:
            row.pieces.copy(start, bound_end)
            row.pieces.new(f" as {name}", bound_end - 1)
        else:
            row.pieces.copy(start, bound_start)
            row.pieces.new(name, bound_start)
        start = bound_end
        rows += stored_name(rewriter, bound, name, bound_start)
        rows += released(rewriter, [name], bound_start)
    row.pieces.copy(start, end)
    return rows

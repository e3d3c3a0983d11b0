"""`try`, `with` and `match`: the statements stay, their bodies are rewritten."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.blocks import begin, header, live, margin, new_lines, suite
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.steps import Step
from relaxpy.transform.stores import is_own_target, released, stored_name

__all__ = ["match", "try_", "with_"]


def try_(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    """``try``: scopes that an exception crosses are ended where it is caught."""
    start = begin(rewriter, node, indent, out)
    name = ""
    guard = None
    if rewriter.function is not None:
        step = rewriter.step_of(node)
        if not all(map(_is_harmless, step.body)):
            name = rewriter.fresh("try")
            out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('try_')}(){rewriter.newline}", start)
        if any(inner.leaves for inner in step.body):
            guard = live(rewriter)
    margin(rewriter, indent, start, out)
    out.copy(start, rewriter.whole[id(node.body)][0])
    suite(rewriter, node.body, indent, out)
    for handler in node.handlers:
        parts = () if handler.type is None else (handler.type,)
        rows = [rewriter.row(f"{name}.caught()", rewriter.inner[id(handler)][0])] if name else []
        _clause(rewriter, handler, parts, rows, [], indent, out)
    if node.orelse is not None:
        _clause(rewriter, node.orelse, (), [], [], indent, out, guard)
    if node.finalbody is not None:
        statements = node.finalbody.body.body
        first = [rewriter.row(f"{name}.cleanup()", rewriter.inner[id(statements[0])][0])] if name else []
        last = [rewriter.row(f"{name}.resume()", rewriter.inner[id(statements[-1])][0])] if name else []
        _clause(rewriter, node.finalbody, (), first, last, indent, out)


def _is_harmless(step: Step) -> bool:
    """Can nothing soft happen in this statement: is it an import, `pass` or a docstring?"""
    return isinstance(step.node, (cst.Import, cst.ImportFrom, cst.Pass, cst.Global, cst.Nonlocal)) or (
        type(step.node) is cst.Expr and isinstance(step.node.value, cst.SimpleString)
    )


def _clause(
    rewriter: Rewriter,
    node: Any,
    parts: tuple[cst.CSTNode, ...],
    prologue: list[Row],
    epilogue: list[Row],
    indent: str,
    out: Pieces,
    guard: str | None = None,
) -> None:
    start = begin(rewriter, node, indent, out)
    margin(rewriter, indent, start, out)
    header(rewriter, start, parts, rewriter.whole[id(node.body)][0], out)
    suite(rewriter, node.body, indent, out, prologue, epilogue, guard)


def with_(rewriter: Rewriter, node: cst.With, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    margin(rewriter, indent, start, out)
    targets = [item.asname.name for item in node.items[:-1] if item.asname is not None]
    if rewriter.function is not None and not all(is_own_target(rewriter, target) for target in targets):
        _nested(rewriter, node, start, indent, out)
        return
    rows: list[Row] = []
    for item in node.items:
        rows, start = _item(rewriter, item, start, out)
    out.copy(start, rewriter.whole[id(node.body)][0])
    suite(rewriter, node.body, indent, out, prologue=rows)


def _nested(rewriter: Rewriter, node: cst.With, start: int, indent: str, out: Pieces) -> None:
    """One `with` for each item: Python stores the target of one before it enters the next."""
    deeper = len(rewriter.shifts)
    for item in node.items:
        out.new("async with " if node.asynchronous is not None else "with ", start)
        rows, end = _item(rewriter, item, rewriter.whole[id(item.item)][0], out)
        out.new(":", end - 1)
        if item is node.items[-1]:
            break
        start = rewriter.whole[id(item)][1]
        comment = rewriter.source[end:start].partition("#")[2].partition("\n")[0].rstrip("\r")
        out.new((f"  #{comment}" if comment else "") + rewriter.newline, start - 1)
        rewriter.shifts.append((len(indent), rewriter.step))
        new_lines(rewriter, rows, indent, end - 1, out)
        out.new(rewriter.indent(indent), start)
    suite(rewriter, node.body, indent, out, prologue=rows)
    del rewriter.shifts[deeper:]


def _item(rewriter: Rewriter, item: cst.WithItem, at: int, out: Pieces) -> tuple[list[Row], int]:
    """Write the source from a place to the end of an item; the rows that store its target, and where it ends."""
    start = rewriter.whole[id(item.item)][1]
    header(rewriter, at, (item.item,), start, out)
    target: Any = None if item.asname is None else item.asname.name
    if target is None:
        return [], start
    target_start, target_end = rewriter.whole[id(target)]
    out.copy(start, target_start)
    if rewriter.function is None:
        rewriter.expression(target, out)
    elif is_own_target(rewriter, target):
        out.copy(target_start, target_end)
    else:
        name = rewriter.fresh("t")
        out.new(name, target_start)
        rows = stored_name(rewriter, target, name, target_start)
        return [*rows, *released(rewriter, [name], target_start)], target_end
    return [], target_end


def match(rewriter: Rewriter, node: cst.Match, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    margin(rewriter, indent, start, out)
    first = rewriter.whole[id(node.cases[0])][0]
    header(rewriter, start, (node.subject,), first, out)
    inside = indent + (rewriter.step if node.indent is None else node.indent)
    for case in node.cases:
        start = begin(rewriter, case, inside, out)
        margin(rewriter, inside, start, out)
        parts = () if case.guard is None else (case.guard,)
        for guard in parts:
            rewriter.decides(guard)
        header(rewriter, start, parts, rewriter.whole[id(case.body)][0], out)
        suite(rewriter, case.body, inside, out)
    out.copy(rewriter.whole[id(node.cases[-1])][1], rewriter.whole[id(node)][1])

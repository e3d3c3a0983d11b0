"""`def` and `class`: the analyses of a function run here, one after the other, and its body is rewritten by what they found."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.assigned import find_assigned
from relaxpy.transform.blocks import begin, block, header, margin, suite
from relaxpy.transform.context import Function, Rewriter, Row
from relaxpy.transform.exits import find_exits
from relaxpy.transform.liveness import find_live
from relaxpy.transform.names import FreshNames
from relaxpy.transform.optout import is_marked
from relaxpy.transform.outline import Outline
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import may_raise
from relaxpy.transform.scopes import is_outer, outer_store
from relaxpy.transform.tree import parameters, small_statements, stored_parts

__all__ = ["class_", "function", "module"]


def analysed(rewriter: Rewriter, outline: Outline) -> Function:
    """The function with all that is known about it before its text is written."""
    fresh = FreshNames(rewriter.taken)
    rewriter.hardness.judge(outline)
    frame = fresh.plain("frame") if find_exits(outline) else None
    find_live(outline)
    find_assigned(outline)
    return Function(outline, fresh, frame)


def function(rewriter: Rewriter, node: cst.FunctionDef, indent: str, out: Pieces) -> None:
    start = _head(rewriter, node, indent, out)
    defaults = [p.default for p in parameters(node.params) if p.default is not None and node.type_parameters is None]
    header(rewriter, start, defaults, rewriter.whole[id(node.body)][0], out)
    if rewriter.as_written or is_marked(node, rewriter.hard_marks):
        _as_written(rewriter, node, indent, out)
        return
    inner = analysed(rewriter, rewriter.outlines.of(node))
    inner.is_async_generator = node.asynchronous is not None and inner.outline.yields
    prologue: list[Row] = []
    epilogue: list[Row] = []
    place = rewriter.inner[id(node)][0]
    if inner.frame is not None:
        prologue = [rewriter.row(f"{inner.frame} = {rewriter.rt('frame')}()", place)]
        word = "" if inner.is_async_generator else "return "
        epilogue = [rewriter.row(f"{word}{inner.frame}.finish()", place)]
    depth, rewriter.depth = rewriter.depth, 0
    before, body = rewriter.displays, rewriter.pieces()
    with rewriter.within(inner):
        boundary = inner.frame if may_raise(inner.outline.body) else None
        suite(rewriter, node.body, indent, body, prologue, epilogue, docstring=True, boundary=boundary)
    rewriter.unless_displays_only(body, node.body, before, out)
    rewriter.depth = depth


def _as_written(rewriter: Rewriter, node: cst.FunctionDef, indent: str, out: Pieces) -> None:
    """The body of a hard function, with all that is defined in it."""
    outer, rewriter.as_written = rewriter.as_written, True
    with rewriter.within(None):
        rewriter.expressions = {}
        suite(rewriter, node.body, indent, out)
    rewriter.as_written = outer


def class_(rewriter: Rewriter, node: cst.ClassDef, indent: str, out: Pieces) -> None:
    """In the body of a class only the functions are rewritten, and in a function's class what it calls."""
    in_function = rewriter.function is not None or rewriter.expressions is rewriter.tables.classes
    if in_function and stores_in_body(node):
        place = rewriter.inner[id(node)][0]
        out.new(f"{rewriter.indent(indent)}{rewriter.rt('class_body')}({node.name.value!r}){rewriter.newline}", place)
    start = _head(rewriter, node, indent, out)
    bases = [argument.value for argument in (*node.bases, *node.keywords) if node.type_parameters is None]
    header(rewriter, start, bases, rewriter.whole[id(node.body)][0], out)
    with rewriter.within(None, node.name.value):
        if rewriter.as_written:
            rewriter.expressions = {}
        elif in_function:
            rewriter.expressions = rewriter.tables.classes
        suite(rewriter, node.body, indent, out)


def stores_in_body(node: Any) -> bool:
    """Does a class body store to what is not its own: elements, attributes, names of the function or the module?"""
    pending = list(small_statements(node.body))
    while pending:
        statement = pending.pop()
        if isinstance(statement, (cst.Global, cst.Nonlocal)):
            return True
        if any(next(iter(stored_parts(target)), None) is not None for target in _targets(statement)):
            return True
        if isinstance(statement, (cst.If, cst.For, cst.While, cst.With, cst.Try, cst.TryStar, cst.ClassDef)):
            pending += small_statements(statement.body)
        for clause in ("orelse", "finalbody"):
            following = getattr(statement, clause, None)
            if following is not None:
                pending += [following] if isinstance(following, cst.If) else small_statements(following.body)
        for handler in getattr(statement, "handlers", ()):
            pending += small_statements(handler.body)
    return False


def _targets(statement: Any) -> list[Any]:
    if isinstance(statement, cst.Assign):
        return [target.target for target in statement.targets]
    if isinstance(statement, cst.With):
        return [item.asname.name for item in statement.items if item.asname is not None]
    target = getattr(statement, "target", None)
    return [] if target is None else [target]


def _head(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> int:
    """The decorators; returns where `def` or `class` begins."""
    if node is rewriter.bare:
        return rewriter.inner[id(node)][0]
    start = begin(rewriter, node, indent, out, node.decorators[0] if node.decorators else None)
    name = node.name.value
    if is_outer(rewriter, name):
        # The definition itself stays, so that its qualified name does; the outermost decorator does the store.
        before, after = outer_store(rewriter, name)
        made = rewriter.fresh("t")
        text = f"@(lambda {made}: {before}{made}{after})"
        out.new(rewriter.indent(indent) + text + rewriter.newline, start)
    for decorator in node.decorators:
        if decorator is not node.decorators[0]:
            begin(rewriter, decorator, indent, out)
        start = rewriter.inner[id(decorator)][0]
        margin(rewriter, indent, start, out)
        header(rewriter, start, (decorator.decorator,), rewriter.whole[id(decorator)][1], out)
    if node.decorators:
        last = rewriter.whole[id(node.decorators[-1])][1]
        start = rewriter.inner[id(node)][0]
        out.copy(last, start - len(indent))
    margin(rewriter, indent, start, out)
    return start


def module(rewriter: Rewriter, node: cst.Module, out: Pieces) -> None:
    """All functions of a module; its own statements stay as they are."""
    if not node.body:
        out.copy(0, len(rewriter.source))
        return
    out.copy(0, rewriter.whole[id(node.body[0])][0])
    block(rewriter, node.body, "", out)
    out.copy(rewriter.whole[id(node.body[-1])][1], len(rewriter.source))

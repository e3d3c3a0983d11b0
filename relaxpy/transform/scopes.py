"""Expressions with scopes of their own, and walruses: lambdas, f-strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import header
from relaxpy.transform.context import Function, Rewriter
from relaxpy.transform.names import FreshNames
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import parameters

__all__ = ["formatted", "is_outer", "lambda_", "outer_store", "strings", "walrus"]


def lambda_(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """A lambda is a function: its defaults belong to the code around it, its body has names of its own."""
    start, end = rewriter.whole[id(node)]
    defaults = [parameter.default for parameter in parameters(node.params) if parameter.default is not None]
    body_start, body_end = rewriter.whole[id(node.body)]
    header(rewriter, start, defaults, body_start, out)
    with rewriter.within(Function(rewriter.outlines.of(node), FreshNames(rewriter.taken), None)):
        before, body = rewriter.displays, rewriter.pieces()
        rewriter.expression(node.body, body)
        rewriter.unless_displays_only(body, node.body, before, out)
    out.copy(body_end, end)


def walrus(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``(name := value)``; a name of an enclosing scope is stored through the runtime."""
    name = node.target.value
    if id(node) in rewriter.bound_on:
        _on_a_side(rewriter, node, name, out)
        return
    if not is_outer(rewriter, name):
        rewriter.literal(node, out)
        return
    start, end = rewriter.inner[id(node)]
    rewriter.opened(node, out)
    before, after = outer_store(rewriter, name)
    out.new(before, start)
    rewriter.argument(node.value, out)
    out.new(after, end - 1)
    rewriter.closed(node, out)


def _on_a_side(rewriter: Rewriter, node: Any, name: str, out: Pieces) -> None:
    """``(name := _rt.bound(value, 'name', _rt.maybe(locals(), 'name'), _and1))``"""
    end = rewriter.inner[id(node)][1]
    place = rewriter.whole[id(node.value)][0]
    rewriter.opened(node, out)
    rewriter.expression(node.target, out)
    out.new(f" := {rewriter.rt('bound')}(", place)
    rewriter.argument(node.value, out)
    before = f"{rewriter.rt('maybe')}({rewriter.builtin('locals')}(), {rewriter.mangled(name)!r})"
    out.new(f", {name!r}, {before}, {', '.join(rewriter.bound_on[id(node)])})", end - 1)
    rewriter.closed(node, out)


def is_outer(rewriter: Rewriter, name: str) -> bool:
    """Is this name declared `global` or `nonlocal` in the function?"""
    function = rewriter.function
    return function is not None and (name in function.outline.globals or name in function.outline.nonlocals)


def outer_store(rewriter: Rewriter, name: str) -> tuple[str, str]:
    """The text around a value that is stored in a global name or a name of an enclosing function."""
    if rewriter.function is not None and name in rewriter.function.outline.globals:
        names = rewriter.builtin("globals")
        return f"{rewriter.rt('store_global')}(", f", {names}(), {rewriter.mangled(name)!r})"
    return f"{rewriter.rt('store_cell')}(", f", lambda: {name})"


def formatted(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """An f-string, except where it shows the text of an expression (`f"{x = }"`)."""
    start, end = rewriter.whole[id(node)]
    header(rewriter, start, _safe_parts(node.parts), end, out)


def _safe_parts(parts: Any) -> Iterator[cst.CSTNode]:
    for part in parts:
        if type(part) is cst.FormattedStringExpression:
            if part.equal is None:
                yield part.expression
            yield from _safe_parts(part.format_spec or ())


def strings(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """Strings one after the other."""
    start, end = rewriter.whole[id(node)]
    while type(node) is cst.ConcatenatedString:
        start = _string(rewriter, node.left, start, out)
        node = node.right
    out.copy(_string(rewriter, node, start, out), end)


def _string(rewriter: Rewriter, node: Any, start: int, out: Pieces) -> int:
    if type(node) is cst.SimpleString:
        return start
    node_start, node_end = rewriter.whole[id(node)]
    out.copy(start, node_start)
    rewriter.expression(node, out)
    return node_end

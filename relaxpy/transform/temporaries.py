"""Expressions that hold a value under a name while the rest of them is evaluated.

In functions that is ``(_and1 := _rt.and_(a)).end(...)``; inside a comprehension, where such a name would leak or is not
allowed, ``(lambda _and1: _and1.end(...))(_rt.and_(a))``, unless the rest means something else inside a lambda.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import children

__all__ = ["bound_later", "held"]

# What means something else inside a lambda than around it.
_BOUND_TO_THE_FUNCTION = (cst.Await, cst.Yield, cst.NamedExpr)
_SEEING_THE_FUNCTION = frozenset({"super", "locals", "vars", "dir", "eval", "exec", "__class__"})


def bound_later(rewriter: Rewriter, operands: Iterable[cst.CSTNode]) -> bool:
    """Can a value be held while these operands are evaluated?"""
    if rewriter.function is None:
        return False
    return rewriter.walrus or not rewriter.iterating or not _tied(operands)


def _tied(operands: Iterable[cst.CSTNode]) -> bool:
    pending = list(operands)
    while pending:
        node = pending.pop()
        if isinstance(node, _BOUND_TO_THE_FUNCTION):
            return True
        if type(node) is cst.Name and node.value in _SEEING_THE_FUNCTION:
            return True
        clause = getattr(node, "for_in", None)
        while clause is not None:
            if clause.asynchronous is not None:
                return True
            clause = clause.inner_for_in
        pending += children(node)
    return False


def held(rewriter: Rewriter, name: str, value: Pieces, arguments: list[Pieces], node: Any, out: Pieces) -> None:
    """``value.end(arguments)``, with the value held under the name for the arguments to use."""
    start, end = rewriter.inner[id(node)]
    walrus = rewriter.walrus or not rewriter.iterating and _tied([node])
    if walrus:
        out.new(f"({name} := ", start)
        out.extend(value)
        out.new(").end(", start)
    else:
        out.new(f"(lambda {name}: {name}.end(", start)
    for number, argument in enumerate(arguments):
        if number:
            out.new(", ", start)
        out.extend(argument)
    if walrus:
        out.new(")", end - 1)
    else:
        out.new("))(", end - 1)
        out.extend(value)
        out.new(")", end - 1)

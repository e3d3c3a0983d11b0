"""Expressions that hold a value under a name while the rest of them is evaluated.

In functions that is ``(_and1 := _rt.and_(a)).end(...)``; inside a comprehension, where such a name would leak or is not
allowed, ``(lambda _and1: _and1.end(...))(_rt.and_(a))``, unless the rest means something else inside a lambda.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import COMPREHENSIONS, children

__all__ = ["bound_later", "bound_on_side", "held", "rebound"]

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


def bound_on_side(rewriter: Rewriter, operands: Iterable[Any], name: str) -> list[str]:
    """The local names that walruses bind in operands of which ``name`` decides whether they run."""
    if rewriter.function is None or not rewriter.walrus:
        return []
    outline = rewriter.function.outline
    names: dict[str, None] = {}
    pending = list(operands)
    while pending:
        node = pending.pop()
        if isinstance(node, (cst.Lambda, *COMPREHENSIONS)):
            continue
        if type(node) is cst.NamedExpr:
            target = node.target.value  # type: ignore[attr-defined]
            if target not in outline.globals and target not in outline.nonlocals:
                names[target] = None
                rewriter.bound_on.setdefault(id(node), []).append(name)
        pending += children(node)
    return list(names)


def rebound(rewriter: Rewriter, name: str, names: Iterable[str], method: str) -> str:
    """``(n := _and1.rebound('n', n)) if _and1.binds('n') else None``, for each of the names."""
    return ", ".join(f"({n} := {name}.{method}({n!r}, {n})) if {name}.binds({n!r}) else None" for n in names)


def held(
    rewriter: Rewriter, name: str, value: Pieces, arguments: list[Pieces], node: Any, out: Pieces, names: Sequence[str] = ()
) -> None:
    """``value.end(arguments)``, with the value held under the name for the arguments to use.

    ``names``: what walruses bind in the arguments; they are mixed when the value has ended.
    """
    start, end = rewriter.inner[id(node)]
    if names:
        out.new(f"{rewriter.rt('first')}(", start)
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
    if names:
        out.new(f", {rebound(rewriter, name, names, 'rebound')})", end - 1)

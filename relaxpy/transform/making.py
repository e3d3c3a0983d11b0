"""Expressions that make a new object, which the runtime is told of: ``_rt.made(...)``."""

from __future__ import annotations

from typing import Any

from relaxpy.transform.context import Handler, Rewriter
from relaxpy.transform.pieces import Pieces

__all__ = ["made"]


def made(rewriter: Rewriter, node: Any, write: Handler, out: Pieces) -> None:
    """Write an expression with the words around it that say that its value is new."""
    start, end = rewriter.whole[id(node)]
    rewriter.depth += 1
    rewriter.displays += 2
    out.new(f"{rewriter.rt('made')}(", start)
    write(rewriter, node, out)
    out.new(")", end - 1)
    rewriter.depth -= 1

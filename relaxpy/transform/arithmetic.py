"""Arithmetic stays as it is; long chains are walked without recursion."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces

__all__ = ["binary", "links_of"]


def links_of(node: Any) -> list[Any]:
    """The operations of a chain `a + b + c`, the last one first."""
    chain = [node]
    while type(chain[-1].left) is cst.BinaryOperation:
        chain.append(chain[-1].left)
    return chain


def binary(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    chain = links_of(node)
    at = rewriter.whole[id(node)][0]
    innermost = chain[-1].left
    out.copy(at, rewriter.whole[id(innermost)][0])
    rewriter.expression(innermost, out)
    at = rewriter.whole[id(innermost)][1]
    for link in reversed(chain):
        start, end = rewriter.whole[id(link.right)]
        out.copy(at, start)
        rewriter.expression(link.right, out)
        at = end
        out.copy(at, rewriter.whole[id(link)][1])
        at = rewriter.whole[id(link)][1]

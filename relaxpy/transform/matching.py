"""`match`: the statement stays, its guards and bodies are rewritten."""

from __future__ import annotations

import libcst as cst

from relaxpy.transform.blocks import begin, header, margin, suite
from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces

__all__ = ["match"]


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

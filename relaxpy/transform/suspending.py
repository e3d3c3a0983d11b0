"""`yield` and `await`: where a soft condition may be open around them, the runtime looks before the function is suspended."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces

__all__ = ["suspension"]


def suspension(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``yield x`` under conditions: ``yield _rt.suspending(x, _if1, _loop1)``."""
    if isinstance(node, cst.Yield) and isinstance(node.value, cst.From):
        rewriter.runs_over(node.value.item)
    around = [] if rewriter.function is None else rewriter.function.around
    if not around:
        rewriter.literal(node, out)
        return
    start, end = rewriter.whole[id(node)]
    value = node.expression if isinstance(node, cst.Await) else node.value
    if isinstance(value, cst.From):
        value = value.item
    objects = "".join(f", {name}" for name in around)
    if value is None:
        out.copy(start, rewriter.inner[id(node)][1])
        out.new(f" {rewriter.rt('suspending')}(None{objects})", rewriter.inner[id(node)][1] - 1)
        out.copy(rewriter.inner[id(node)][1], end)
        return
    value_start, value_end = rewriter.whole[id(value)]
    out.copy(start, value_start)
    out.new(f"{rewriter.rt('suspending')}(", value_start)
    rewriter.argument(value, out)
    out.new(f"{objects})", value_end - 1)
    out.copy(value_end, end)

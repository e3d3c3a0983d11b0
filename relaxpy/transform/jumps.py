"""`break`, `continue` and `return`: plain jumps on plain paths; on a soft one the mass is noted and the path is dead."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Function, Rewriter, Row
from relaxpy.transform.loops import loop_names
from relaxpy.transform.saving import arguments

__all__ = ["jump", "return_"]


def jump(rewriter: Rewriter, node: Any) -> list[Row]:
    """`break` or `continue`."""
    start, end = rewriter.inner[id(node)]
    step = rewriter.step_of(node)
    word = rewriter.source[start:end]
    name = None
    if rewriter.function is not None and step.loop is not None:
        name = next((name for loop, name in reversed(rewriter.function.loops) if loop is step.loop), None)
    if name is None or step.loop is None or rewriter.function is None:
        row = Row(rewriter.pieces())
        row.pieces.copy(start, end)
        return [row]
    rewriter.site(word, node)
    method = "brk" if word == "break" else "cont"
    state = arguments(rewriter, loop_names(rewriter, step.loop), step.assigned)
    inside = rewriter.function.loops[[loop for loop, _ in rewriter.function.loops].index(step.loop) + 1 :]
    crossed = [name for around, name in inside if around.kind in ("try", "with")]
    state = ", ".join([*crossed, state] if state else crossed)
    # Looking names up costs more than the jump: only where something is soft. `else` wants to know of each break.
    cheaply = f"not {rewriter.rt('paths')} or " if rewriter.rt("maybe") in state else ""
    if method == "brk" and step.loop.orelse:
        cheaply = ""
    row = rewriter.row(f"if {cheaply}{name}.{method}({state}): ", start, simple=False)
    row.pieces.copy(start, end)
    return [row]


def return_(rewriter: Rewriter, node: cst.Return) -> list[Row]:
    start, end = rewriter.inner[id(node)]
    function = rewriter.function
    if function is None or function.frame is None:
        row = Row(rewriter.pieces())
        if node.value is None:
            row.pieces.copy(start, end)
        else:
            value_start, value_end = rewriter.whole[id(node.value)]
            row.pieces.copy(start, value_start)
            rewriter.expression(node.value, row.pieces)
            row.pieces.copy(value_end, end)
        return [row]
    rewriter.site("return", node)
    row = rewriter.row(f"if {function.frame}.leave(", start, simple=False)
    if node.value is None:
        row.pieces.new("None", start)
    else:
        rewriter.argument(node.value, row.pieces)
    crossed = "".join(f", {name}" for _, name in function.loops)
    row.pieces.new(f"{crossed}): {_result(function)}", end - 1)
    return [row]


def _result(function: Function) -> str:
    return "return" if function.is_async_generator else f"return {function.frame}.result"

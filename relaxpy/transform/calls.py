"""Calls: ``f(x)`` becomes ``_rt.callee(f)(x)``, which lets the runtime relax what is called.

A call that is a whole side of a ternary, `and` or `or` is ``_rt.on_side(_pick1, f)(x)``: what it raises is caught there.
Builtins that look at the frame which calls them, and those that cannot meet a decision, are called as they are.
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.blocks import header
from relaxpy.transform.context import Rewriter
from relaxpy.transform.filters import is_weighed, weighed
from relaxpy.transform.pieces import Pieces

__all__ = ["arguments", "call", "call_of"]

_FRAME_SENSITIVE = frozenset({"super", "locals", "globals", "vars", "dir", "eval", "exec", "__import__", "breakpoint"})
_UNDECIDED = frozenset({"len", "issubclass", "callable", "id", "repr", "print"})
# Builtins that look at a container, or copy it.
_LOOKING = frozenset(
    "all any bytes dict enumerate filter frozenset len list map max min print repr reversed set sorted str sum tuple zip".split()
)
_LITERAL = _FRAME_SENSITIVE | _UNDECIDED


def call(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    name = rewriter.hardness.builtin(node)
    if name in _LOOKING:
        rewriter.look_at(*(argument.value for argument in node.args))
    if name == "next" and node.args and type(node.args[0].value) is cst.GeneratorExp:
        rewriter.literal(node, out)  # this iterator is its own
        return
    _stars(rewriter, node)
    if name == "len":
        rewriter.takes_all_of(*(argument.value for argument in node.args))
    makes_class = name == "type" and len(node.args) != 1  # in the module that calls
    if name in _LITERAL or makes_class or type(node.func) is cst.Name and node.func.value == "super":
        if name in ("locals", "vars", "dir") and not node.args and rewriter.function is not None:
            _local_names(rewriter, node, str(name), out)
        elif name in ("exec", "eval") and node.args and not node.args[0].star:
            _executed(rewriter, node, str(name), out)
        else:
            rewriter.literal(node, out)
        return
    rewriter.opened(node, out)
    side = rewriter.sides.get(id(node))
    before = f"{rewriter.rt('callee')}(" if side is None else f"{rewriter.rt('on_side')}({side}, "
    call_of(rewriter, node, before, ")", out)
    rewriter.closed(node, out)


def _stars(rewriter: Rewriter, node: Any) -> None:
    rewriter.runs_over(*(argument.value for argument in node.args if argument.star == "*"))
    rewriter.takes_all_of(*(argument.value for argument in node.args if argument.star == "**"))


def _executed(rewriter: Rewriter, node: Any, name: str, out: Pieces) -> None:
    """``exec(_rt.executed("exec", code))``: nobody sees what the code does."""
    start, end = rewriter.whole[id(node)]
    code_start, code_end = rewriter.whole[id(node.args[0].value)]
    out.copy(start, code_start)
    out.new(f"{rewriter.rt('executed')}({name!r}, ", code_start)
    rewriter.argument(node.args[0].value, out)
    out.new(")", code_end - 1)
    header(rewriter, code_end, [argument.value for argument in node.args[1:]], end, out)


def call_of(rewriter: Rewriter, node: Any, before: str, after: str, out: Pieces) -> None:
    """A call (without brackets around it) of what the function's name is turned into."""
    rewriter.depth += 1
    function_start, function_end = rewriter.whole[id(node.func)]
    out.new(before, function_start)
    rewriter.expression(node.func, out)
    out.new(after, function_end - 1)
    arguments(rewriter, node, out)
    rewriter.depth -= 1


def arguments(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """The brackets of a call with what is in them."""
    _stars(rewriter, node)
    values = [argument.value for argument in node.args]
    start, end = rewriter.whole[id(node.func)][1], rewriter.inner[id(node)][1]
    if is_weighed(rewriter, node):
        first_start, first_end = rewriter.whole[id(values[0])]
        out.copy(start, first_start)
        weighed(rewriter, values[0], out)
        start, values = first_end, values[1:]
    header(rewriter, start, values, end, out)


def _local_names(rewriter: Rewriter, node: Any, name: str, out: Pieces) -> None:
    """``locals()`` and the like do not show what the rewriter added."""
    start, end = rewriter.inner[id(node)]
    rewriter.opened(node, out)
    visible = rewriter.rt("visible")
    if name == "dir":
        out.new(f"{rewriter.builtin('sorted')}({visible}({rewriter.builtin('locals')}()))", start)
    else:
        out.new(f"{visible}(", start)
        out.copy(start, end)
        out.new(")", end - 1)
    rewriter.closed(node, out)

"""`and`, `or`, `not` and the ternary: the operands stay where they are, a small object decides which of them run.

Where nothing but the truth counts (`if x or y:`), each operand is tested where it stands and the truths are combined; so
a number is never blended first and then tested.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import header
from relaxpy.transform.context import DEEPEST, Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import while_open
from relaxpy.transform.temporaries import bound_later, bound_on_side, held, rebound

__all__ = ["boolean", "ternary", "unary"]


def unary(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    if type(node.operator) is not cst.Not or rewriter.hardness.is_condition(node.expression, rewriter.counters):
        rewriter.literal(node, out)
        return
    rewriter.site("not", node)
    rewriter.decides(node.expression)
    start = rewriter.opened(node, out)
    rewriter.depth += 1
    out.new(f"{rewriter.rt('not_')}(", start)
    rewriter.expression(node.expression, out)
    out.new(")", rewriter.inner[id(node)][1] - 1)
    rewriter.depth -= 1
    rewriter.closed(node, out)


def boolean(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``A and B and C``: nested to the right; plain operands at its head stay literal."""
    kind = type(node.operator)
    parts: list[Any] = [node.right]
    left = node.left
    while type(left) is cst.BooleanOperation and type(left.operator) is kind and not left.lpar:
        parts.append(left.right)
        left = left.left
    parts.append(left)
    parts.reverse()
    plain = 0
    while plain < len(parts) - 1 and rewriter.hardness.is_condition(parts[plain], rewriter.counters):
        plain += 1
    soft = parts[plain:]
    if len(soft) == 1 or len(soft) > DEEPEST or not bound_later(rewriter, soft):
        _joined(rewriter, node, parts, out)
        return
    rewriter.opened(node, out)
    for part, following in itertools.pairwise(parts[: plain + 1]):
        rewriter.expression(part, out)
        out.copy(rewriter.whole[id(part)][1], rewriter.whole[id(following)][0])
    rewriter.site("and" if kind is cst.And else "or", node)
    depth = rewriter.depth
    _operation(rewriter, node, soft, kind is cst.And, out)
    rewriter.depth = depth
    rewriter.closed(node, out)


def _joined(rewriter: Rewriter, node: Any, parts: list[Any], out: Pieces) -> None:
    """The operands with their own operators between them."""
    start, end = rewriter.whole[id(node)]
    header(rewriter, start, parts, end, out)


def _operation(rewriter: Rewriter, node: Any, parts: list[Any], is_and: bool, out: Pieces) -> None:
    stem = "and" if is_and else "or"
    first, second = parts[0], parts[1]
    place = rewriter.whole[id(first)][0]
    name = rewriter.fresh(stem)
    names = bound_on_side(rewriter, parts[1:], name)
    rewriter.depth += 2
    value = rewriter.pieces()
    value.new(f"{rewriter.rt(stem + '_')}(", place)
    if not _tested(rewriter, first, value):
        rewriter.argument(first, value)
    value.new(")", rewriter.whole[id(first)][1] - 1)
    rest = rewriter.pieces()
    if not is_and:
        rest.new(f"{rewriter.rt('SKIP')} if {name}.then else ", place)
    _comments(rewriter, first, second, rest)
    with while_open(rewriter, name):
        if len(parts) == 2:
            _operand(rewriter, second, name, rest)
        else:
            _operation(rewriter, node, parts[1:], is_and, rest)
    if is_and:
        rest.new(f" if {name}.then else {rewriter.rt('SKIP')}", rewriter.whole[id(parts[-1])][1] - 1)
    held(rewriter, name, value, [rest], node, out, names)


def _operand(rewriter: Rewriter, node: Any, around: str, out: Pieces) -> None:
    if type(node) is cst.Call:
        rewriter.sides[id(node)] = around
    if not _tested(rewriter, node, out):
        rewriter.expression(node, out)


def _tested(rewriter: Rewriter, node: Any, out: Pieces) -> bool:
    """Write ``_rt.tested(x)`` for an operand of a condition, if it is not a truth already."""
    if id(node) not in rewriter.conditions or _is_truth(rewriter, node):
        return False
    start, end = rewriter.whole[id(node)]
    out.new(f"{rewriter.rt('tested')}(", start)
    rewriter.depth += 1
    rewriter.argument(node, out)
    rewriter.depth -= 1
    out.new(")", end - 1)
    return True


def _is_truth(rewriter: Rewriter, node: Any) -> bool:
    """Does the operand give a bool, soft or plain, or an int, so that there is nothing to convert?"""
    kind = type(node)
    if kind is cst.BooleanOperation or kind is cst.IfExp:
        return not rewriter.hardness.is_condition(node, rewriter.counters)  # then its own operands are tested
    if kind is cst.Comparison or kind is cst.UnaryOperation and type(node.operator) is cst.Not:
        return True
    if kind is cst.Name and node.value in ("True", "False") or rewriter.hardness.is_int(node, rewriter.counters):
        return True
    return kind is cst.Call and rewriter.hardness.is_condition(node, rewriter.counters)


def _comments(rewriter: Rewriter, before: Any, after: Any, out: Pieces) -> None:
    """The comments and line breaks between two operands."""
    start, end = rewriter.whole[id(before)][1], rewriter.whole[id(after)][0]
    old = rewriter.source[start:end]
    if "#" in old or "\n" in old or "\r" in old:
        rewriter.between(start, end, "", out)


def ternary(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``A if c else B``: c first, then the sides that run."""
    if _stays_ternary(rewriter, node):
        rewriter.literal(node, out)
        return
    rewriter.site("ternary", node)
    start = rewriter.opened(node, out)
    name = rewriter.fresh("pick")
    by_then = bound_on_side(rewriter, (node.body,), name)
    names = list(dict.fromkeys(by_then + bound_on_side(rewriter, (node.orelse,), name)))
    rewriter.depth += 2
    condition = rewriter.pieces()
    rewriter.decides(node.test)
    condition.new(f"{rewriter.rt('pick')}(", start)
    rewriter.expression(node.test, condition)
    condition.new(")", rewriter.whole[id(node.test)][1] - 1)
    skip = rewriter.rt("SKIP")
    then, orelse = rewriter.pieces(), rewriter.pieces()
    open_ = ExitStack()
    open_.enter_context(while_open(rewriter, name))
    _operand(rewriter, node.body, name, then)
    then.new(f" if {name}.begin() else {skip}", rewriter.whole[id(node.body)][1] - 1)
    bare = not node.orelse.lpar and (type(node.orelse) is cst.Lambda or _stays_ternary(rewriter, node.orelse))
    if bare:
        orelse.new("(", rewriter.whole[id(node.orelse)][0])
    _operand(rewriter, node.orelse, name, orelse)
    open_.close()
    if bare:
        orelse.new(")", rewriter.whole[id(node.orelse)][1] - 1)
    turned = f" and {rewriter.rt('first')}(True, {rebound(rewriter, name, by_then, 'turn')})" if by_then else ""
    orelse.new(f" if {name}.mid(){turned} else {skip}", rewriter.whole[id(node.orelse)][1] - 1)
    held(rewriter, name, condition, [then, orelse], node, out, names)
    rewriter.depth -= 2
    rewriter.closed(node, out)


def _stays_ternary(rewriter: Rewriter, node: Any) -> bool:
    if type(node) is not cst.IfExp:
        return False
    is_plain = rewriter.hardness.is_condition(node.test, rewriter.counters)
    too_deep = rewriter.depth > DEEPEST
    return is_plain or too_deep or not bound_later(rewriter, (node.test, node.body, node.orelse))

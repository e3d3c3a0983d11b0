"""Subscripts: ``a[i]`` becomes ``_rt.load(a, i)`` unless every index is provably plain."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.making import made
from relaxpy.transform.pieces import Pieces

__all__ = ["index", "is_repeatable_index", "subscript"]


def subscript(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    rewriter.look_at(node.value)
    if rewriter.hardness.is_index(node.slice, rewriter.counters):
        if rewriter.function is None or id(node) in rewriter.looked_at or not _has_slice(node):
            rewriter.literal(node, out)
        else:
            made(rewriter, node, Rewriter.literal, out)
        return
    rewriter.site("index", node)
    start = rewriter.opened(node, out)
    rewriter.depth += 1
    out.new(f"{rewriter.rt('load')}(", start)
    rewriter.expression(node.value, out)
    rewriter.between(rewriter.whole[id(node.value)][1], rewriter.whole[id(node.slice[0])][0], ", ", out)
    index(rewriter, node, out)
    rewriter.between(rewriter.whole[id(node.slice[-1])][1], rewriter.inner[id(node)][1], ")", out, closing=True)
    rewriter.depth -= 1
    rewriter.closed(node, out)


def _has_slice(node: Any) -> bool:
    return any(type(element.slice) is cst.Slice for element in node.slice)


def index(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """What stands between the brackets, as an argument: an index, ``_rt.slice_(...)``, or a tuple of these."""
    elements = node.slice
    is_tuple = len(elements) > 1 or isinstance(elements[0].comma, cst.Comma) or _is_starred(elements[0])
    if is_tuple:
        out.new("(", rewriter.whole[id(elements[0])][0])
    for number, element in enumerate(elements):
        if number:
            before = elements[number - 1].slice
            rewriter.between(rewriter.whole[id(before)][1], rewriter.whole[id(element)][0], ", ", out)
        _element(rewriter, element.slice, out)
    if is_tuple:
        out.new(",)" if len(elements) == 1 else ")", rewriter.whole[id(elements[-1])][1] - 1)


def _is_starred(element: Any) -> bool:
    return type(element.slice) is cst.Index and element.slice.star is not None


def _element(rewriter: Rewriter, part: Any, out: Pieces) -> None:
    start, end = rewriter.whole[id(part)]
    if type(part) is cst.Index:
        out.copy(start, rewriter.whole[id(part.value)][0])
        rewriter.expression(part.value, out)
        return
    out.new(f"{rewriter.rt('slice_')}(", start)
    at = start
    for number, bound in enumerate((part.lower, part.upper, part.step)):
        if number:
            out.new(", ", at)
        if bound is None:
            out.new("None", at)
        else:
            rewriter.argument(bound, out)
            at = rewriter.whole[id(bound)][1] - 1
    out.new(")", end - 1)


def is_repeatable_index(rewriter: Rewriter, node: Any) -> bool:
    """Can the index be evaluated twice without a difference: is it one plain constant?"""
    elements = node.slice
    if len(elements) != 1 or type(elements[0].slice) is not cst.Index or isinstance(elements[0].comma, cst.Comma):
        return False
    value = elements[0].slice.value
    return (
        elements[0].slice.star is None
        and type(value) is not cst.Name
        and rewriter.hardness.is_plain(value, frozenset())
    )

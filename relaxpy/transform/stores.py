"""Stores: assignments to subscripts, attributes and names of other scopes go through the runtime, which journals them.

The order of evaluation is Python's: the value, then for each target from left to right its container, its index, the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.scopes import is_outer, outer_store
from relaxpy.transform.subscripts import index
from relaxpy.transform.tree import stored_parts, target_names

__all__ = ["annotated", "assign", "delete", "is_own_target", "place_of", "released", "stored", "stored_name"]


def is_own_target(rewriter: Rewriter, target: Any) -> bool:
    """Does this target bind nothing but the function's own names?"""
    return next(iter(stored_parts(target)), None) is None and not any(
        is_outer(rewriter, name) for name in target_names(target)
    )


def place_of(rewriter: Rewriter, node: cst.CSTNode) -> int:
    return rewriter.whole[id(node)][0]


def stored_name(rewriter: Rewriter, target: Any, name: str, place: int) -> list[Row]:
    """The rows that store what a temporary holds."""
    value = rewriter.pieces()
    value.new(name, place)
    return stored(rewriter, target, value, place)


def released(rewriter: Rewriter, names: Sequence[str], place: int) -> list[Row]:
    """The row that unbinds temporaries: an object must not live longer than in the original."""
    return [rewriter.row(f"del {', '.join(names)}", place)] if names else []


def stored(rewriter: Rewriter, target: Any, value: Pieces, place: int) -> list[Row]:
    """The rows that store a value in a target."""
    kind = type(target)
    if kind is cst.Tuple or kind is cst.List:
        return _unpacked(rewriter, target.elements, value, place)
    row = Row(rewriter.pieces())
    out = row.pieces
    if kind is cst.Name:
        if is_outer(rewriter, target.value):
            before, after = outer_store(rewriter, target.value)
            out.new(before, place)
            out.extend(value)
            out.new(after, place)
        else:
            out.new(f"{target.value} = ", place)
            out.extend(value)
        return [row]
    rewriter.site("store", target)
    if kind is cst.Subscript:
        out.new(f"{rewriter.rt('store')}(", place)
        out.extend(value)
        out.new(", ", place_of(rewriter, target))
        subscript_parts(rewriter, target, out)
    else:
        out.new(f"{rewriter.rt('store_attr')}(", place)
        out.extend(value)
        out.new(", ", place_of(rewriter, target))
        rewriter.expression(target.value, out)
        out.new(f", {rewriter.mangled(target.attr.value)!r}", rewriter.whole[id(target)][1] - 1)
    out.new(")", rewriter.whole[id(target)][1] - 1)
    return [row]


def subscript_parts(rewriter: Rewriter, target: Any, out: Pieces) -> None:
    """Container and index of a subscript, as two arguments."""
    rewriter.expression(target.value, out)
    out.new(", ", place_of(rewriter, target))
    index(rewriter, target, out)


def _unpacked(rewriter: Rewriter, elements: Sequence[Any], value: Pieces, place: int) -> list[Row]:
    """``a, b[i] = value``: own names at the head are bound at once, the rest by way of temporaries."""
    out = rewriter.pieces()
    later: list[Row] = []
    names: list[str] = []
    for number, element in enumerate(elements):
        target = element.value
        if number:
            out.new(", ", place)
        if type(element) is cst.StarredElement:
            out.new("*", place)
        if not later and type(target) is cst.Name and not is_outer(rewriter, target.value):
            out.new(target.value, place)
        else:
            names.append(rewriter.fresh("t"))
            out.new(names[-1], place)
            later += stored_name(rewriter, target, names[-1], place)
    out.new(", = " if len(elements) == 1 else " = ", place)
    out.extend(value)
    return [Row(out), *later, *released(rewriter, names, place)]


def assign(rewriter: Rewriter, node: cst.Assign) -> list[Row]:
    targets: list[Any] = [target.target for target in node.targets]
    if all(isinstance(target, (cst.Tuple, cst.List)) for target in targets):
        rewriter.look_at(node.value)
    if any(isinstance(target, (cst.Tuple, cst.List)) for target in targets):
        rewriter.runs_over(node.value)
    start, end = rewriter.inner[id(node)]
    if all(is_own_target(rewriter, target) for target in targets):
        out = rewriter.pieces()
        out.copy(start, rewriter.whole[id(node.value)][0])
        rewriter.expression(node.value, out)
        out.copy(rewriter.whole[id(node.value)][1], end)
        return [Row(out)]
    value = rewriter.pieces()
    if len(targets) == 1:
        if isinstance(targets[0], (cst.Tuple, cst.List)):
            rewriter.expression(node.value, value)
        else:
            rewriter.argument(node.value, value)
        return stored(rewriter, targets[0], value, start)
    name = rewriter.fresh("t")
    rewriter.expression(node.value, value)
    rows = [rewriter.row(f"{name} = ", start)]
    rows[0].pieces.extend(value)
    for target in targets:
        rows += stored_name(rewriter, target, name, place_of(rewriter, target))
    return [*rows, *released(rewriter, [name], start)]


def annotated(rewriter: Rewriter, node: cst.AnnAssign) -> list[Row]:
    start, end = rewriter.inner[id(node)]
    target: Any = node.target
    if node.value is not None and not is_own_target(rewriter, target):
        # Python never evaluates the annotation of such a target in a function.
        value = rewriter.pieces()
        rewriter.argument(node.value, value)
        return stored(rewriter, target, value, start)
    out = rewriter.pieces()
    if node.value is None:
        out.copy(start, end)
    else:
        value_start, value_end = rewriter.whole[id(node.value)]
        out.copy(start, value_start)
        rewriter.expression(node.value, out)
        out.copy(value_end, end)
    return [Row(out)]


def delete(rewriter: Rewriter, node: cst.Del) -> list[Row]:
    start, end = rewriter.inner[id(node)]
    if is_own_target(rewriter, node.target):
        out = rewriter.pieces()
        out.copy(start, end)
        return [Row(out)]
    return [row for target in _single(node.target) for row in _deleted(rewriter, target, start)]


def _single(target: Any) -> list[Any]:
    if isinstance(target, (cst.Tuple, cst.List)):
        return [single for element in target.elements for single in _single(element.value)]
    return [target]


def _deleted(rewriter: Rewriter, target: Any, place: int) -> list[Row]:
    if type(target) is cst.Name:
        name = target.value
        if not is_outer(rewriter, name):
            return [rewriter.row(f"del {name}", place)]
        if rewriter.function is not None and name in rewriter.function.outline.globals:
            where = f"{rewriter.builtin('globals')}(), {rewriter.mangled(name)!r}"
            return [rewriter.row(f"{rewriter.rt('delete_global')}({where})", place)]
        return [rewriter.row(f"{rewriter.rt('delete_cell')}(lambda: {name})", place)]
    rewriter.site("delete", target)
    end = rewriter.whole[id(target)][1] - 1
    if type(target) is cst.Subscript:
        row = rewriter.row(f"{rewriter.rt('delete')}(", place)
        subscript_parts(rewriter, target, row.pieces)
    else:
        row = rewriter.row(f"{rewriter.rt('delete_attr')}(", place)
        rewriter.expression(target.value, row.pieces)
        row.pieces.new(f", {rewriter.mangled(target.attr.value)!r}", end)
    row.pieces.new(")", end)
    return [row]

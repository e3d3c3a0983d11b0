"""Augmented assignment: ``x += v``; each part of the target is evaluated once."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.scopes import is_outer
from relaxpy.transform.stores import place_of, released, stored
from relaxpy.transform.subscripts import index, is_repeatable_index
from relaxpy.transform.tree import children, target_names

__all__ = ["augmented"]

_FUNCTIONS: dict[type, str] = {
    cst.AddAssign: "iadd",
    cst.SubtractAssign: "isub",
    cst.MultiplyAssign: "imul",
    cst.MatrixMultiplyAssign: "imatmul",
    cst.DivideAssign: "itruediv",
    cst.FloorDivideAssign: "ifloordiv",
    cst.ModuloAssign: "imod",
    cst.PowerAssign: "ipow",
    cst.LeftShiftAssign: "ilshift",
    cst.RightShiftAssign: "irshift",
    cst.BitAndAssign: "iand",
    cst.BitXorAssign: "ixor",
    cst.BitOrAssign: "ior",
}
_NUMBERS = (cst.Integer, cst.Float, cst.Imaginary)


def augmented(rewriter: Rewriter, node: cst.AugAssign) -> list[Row]:
    target: Any = node.target
    start, end = rewriter.inner[id(node)]
    function = rewriter.rt(_FUNCTIONS[type(node.operator)])
    if type(target) is cst.Name:
        if isinstance(node.value, _NUMBERS) and not is_outer(rewriter, target.value):
            return _number(rewriter, node, target.value, function)
        loaded = rewriter.pieces()
        loaded.new(target.value, start)
        return stored(rewriter, target, _changed(rewriter, node, function, loaded), start)
    rows: list[Row] = []
    names: list[str] = []
    container = _once(rewriter, node, target.value, rows, names)
    if type(target) is cst.Attribute:
        loaded = rewriter.pieces()
        loaded.extend(container)
        loaded.new(f".{target.attr.value}", start)
        value = _changed(rewriter, node, function, loaded)
        row = rewriter.row(f"{rewriter.rt('store_attr')}(", start)
        row.pieces.extend(value)
        row.pieces.new(", ", start)
        row.pieces.extend(container)
        row.pieces.new(f", {rewriter.mangled(target.attr.value)!r})", end - 1)
    else:
        where = _index_once(rewriter, node, rows, names)
        loaded = rewriter.pieces()
        loaded.new(f"{rewriter.rt('load')}(", start)
        for part in (container, where):
            loaded.extend(part)
            loaded.new(", " if part is container else ")", start)
        row = rewriter.row(f"{rewriter.rt('store')}(", start)
        row.pieces.extend(_changed(rewriter, node, function, loaded))
        for part in (container, where):
            row.pieces.new(", ", start)
            row.pieces.extend(part)
        row.pieces.new(")", end - 1)
    rewriter.site("store", target)
    return [*rows, row, *released(rewriter, names, start)]


def _number(rewriter: Rewriter, node: cst.AugAssign, name: str, function: str) -> list[Row]:
    """``x += 1``: worth a line of its own for plain values."""
    start, end = rewriter.inner[id(node)]
    soft = rewriter.row(f"if {rewriter.rt('paths')}: {name} = {function}({name}, ", start, simple=False)
    soft.pieces.copy(*rewriter.whole[id(node.value)])
    soft.pieces.new(")", end - 1)
    hard = rewriter.row("else: ", start, simple=False)
    hard.pieces.copy(start, end)
    return [soft, hard]


def _changed(rewriter: Rewriter, node: cst.AugAssign, function: str, loaded: Pieces) -> Pieces:
    """``_rt.iadd(loaded, value)``"""
    start, end = rewriter.inner[id(node)]
    out = rewriter.pieces()
    out.new(f"{function}(", start)
    out.extend(loaded)
    out.new(", ", start)
    rewriter.argument(node.value, out)
    out.new(")", end - 1)
    return out


def _once(rewriter: Rewriter, node: cst.AugAssign, part: Any, rows: list[Row], names: list[str]) -> Pieces:
    """Text that can stand twice for a part of the target."""
    out = rewriter.pieces()
    if type(part) is cst.Name and _is_steady(rewriter, part.value, node.value):
        out.copy(*rewriter.inner[id(part)])
        return out
    name = rewriter.fresh("t")
    names.append(name)
    place = place_of(rewriter, part)
    row = rewriter.row(f"{name} = ", place)
    rewriter.expression(part, row.pieces)
    rows.append(row)
    out.new(name, place)
    return out


def _index_once(rewriter: Rewriter, node: cst.AugAssign, rows: list[Row], names: list[str]) -> Pieces:
    """The index, likewise."""
    target: Any = node.target
    only = target.slice[0].slice
    is_single = len(target.slice) == 1 and type(only) is cst.Index and not isinstance(target.slice[0].comma, cst.Comma)
    out = rewriter.pieces()
    if is_repeatable_index(rewriter, target):
        index(rewriter, target, out)
        return out
    if is_single and only.star is None and type(only.value) is cst.Name:
        return _once(rewriter, node, only.value, rows, names)
    name = rewriter.fresh("t")
    names.append(name)
    place = place_of(rewriter, target)
    row = rewriter.row(f"{name} = ", place)
    if is_single and only.star is None:
        rewriter.expression(only.value, row.pieces)
    else:
        index(rewriter, target, row.pieces)
    rows.append(row)
    out.new(name, place)
    return out


def _is_steady(rewriter: Rewriter, name: str, value: cst.BaseExpression) -> bool:
    """Does a name surely mean the same before and after the value is evaluated?"""
    function = rewriter.function
    if function is None:
        return False
    free_to_change = not function.outline.is_local(name) or name in function.outline.stored_inside
    pending: list[Any] = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.NamedExpr) and name in target_names(node.target):
            return False
        if free_to_change and isinstance(node, (cst.Call, cst.Await, cst.Yield)):
            return False
        pending += children(node)
    return True

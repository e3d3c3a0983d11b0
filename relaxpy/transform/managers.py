"""`with`: an object for each item holds the soft exits that cross it; what `contextlib.suppress` swallows is mixed at the end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import begin, margin, new_lines, suite
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import arguments, restored, saved, while_open
from relaxpy.transform.stores import is_own_target, released, stored_name

__all__ = ["with_"]


def with_(rewriter: Rewriter, node: cst.With, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    suppresses = rewriter.function is not None and rewriter.step_of(node).catches
    names: list[str] = []
    if rewriter.function is not None and node.asynchronous is None:
        names = [rewriter.fresh("try" if suppresses else "with") for _ in node.items]
    for name in names:
        made = rewriter.rt("suppressor" if suppresses else "with_")
        out.new(f"{rewriter.indent(indent)}{name} = {made}(){rewriter.newline}", start)
    margin(rewriter, indent, start, out)
    around = [] if rewriter.function is None else rewriter.function.loops
    before = len(around)
    with ExitStack() as open_:
        for name in names:
            open_.enter_context(while_open(rewriter, name))
            if not suppresses:
                around.append((rewriter.step_of(node), name))
        _statement(rewriter, node, names, start, indent, out)
    del around[before:]
    if suppresses:
        _mixed(rewriter, node, names[0], start, indent, out)


def _statement(rewriter: Rewriter, node: cst.With, names: list[str], start: int, indent: str, out: Pieces) -> None:
    targets = [item.asname.name for item in node.items[:-1] if item.asname is not None]
    if rewriter.function is not None and not all(is_own_target(rewriter, target) for target in targets):
        _nested(rewriter, node, names, start, indent, out)
        return
    rows: list[Row] = []
    for number, item in enumerate(node.items):
        rows, start = _item(rewriter, item, names[number] if names else "", start, out)
    out.copy(start, rewriter.whole[id(node.body)][0])
    suite(rewriter, node.body, indent, out, prologue=rows)


def _nested(rewriter: Rewriter, node: cst.With, names: list[str], start: int, indent: str, out: Pieces) -> None:
    """One `with` for each item: Python stores the target of one before it enters the next."""
    deeper = len(rewriter.shifts)
    for number, item in enumerate(node.items):
        out.new("async with " if node.asynchronous is not None else "with ", start)
        name = names[number] if names else ""
        rows, end = _item(rewriter, item, name, rewriter.whole[id(item.item)][0], out)
        out.new(":", end - 1)
        if item is node.items[-1]:
            break
        start = rewriter.whole[id(item)][1]
        comment = rewriter.source[end:start].partition("#")[2].partition("\n")[0].rstrip("\r")
        out.new((f"  #{comment}" if comment else "") + rewriter.newline, start - 1)
        rewriter.shifts.append((len(indent), rewriter.step))
        new_lines(rewriter, rows, indent, end - 1, out)
        out.new(rewriter.indent(indent), start)
    suite(rewriter, node.body, indent, out, prologue=rows)
    del rewriter.shifts[deeper:]


def _item(rewriter: Rewriter, item: cst.WithItem, name: str, at: int, out: Pieces) -> tuple[list[Row], int]:
    """Write the source from a place to the end of an item; the rows that store its target, and where it ends."""
    first, start = rewriter.whole[id(item.item)]
    out.copy(at, first)
    if name:
        out.new(f"{name}(", first)
        rewriter.argument(item.item, out)
        out.new(")", start - 1)
    else:
        rewriter.expression(item.item, out)
    target: Any = None if item.asname is None else item.asname.name
    if target is None:
        return [], start
    target_start, target_end = rewriter.whole[id(target)]
    out.copy(start, target_start)
    if rewriter.function is None:
        rewriter.expression(target, out)
    elif is_own_target(rewriter, target):
        out.copy(target_start, target_end)
    else:
        made = rewriter.fresh("t")
        out.new(made, target_start)
        rows = stored_name(rewriter, target, made, target_start)
        return [*rows, *released(rewriter, [made], target_start)], target_end
    return [], target_end


def _mixed(rewriter: Rewriter, node: cst.With, name: str, place: int, indent: str, out: Pieces) -> None:
    """The paths that came to the end of ``with suppress(...)``, and those that were suppressed."""
    step = rewriter.step_of(node)
    names = saved(rewriter, step.all_binds() & step.live_after)
    known = step.assigned & ~step.all_deletes()
    call = f"{name}.passed({arguments(rewriter, names, known)})"
    new_lines(rewriter, restored(rewriter, f"if {name}.soft", call, names, known, place), indent, place, out)

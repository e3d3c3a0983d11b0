"""`if`: an object decides which sides run; on a soft path both do, from the same state, and their names are blended."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import begin, header, leading, margin, new_lines, suite
from relaxpy.transform.comparisons import BRANCHES, operands, operator_name
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import arguments, deletes, holds_work, may_raise, restored, saved, while_open
from relaxpy.transform.steps import Step, block_binds

__all__ = ["if_"]

# Longer chains of `elif` are not nested but laid out flat: Python allows 100 levels of indentation.
_LONGEST_NEST = 8


def if_(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    if rewriter.function is not None and not rewriter.step_of(node).hard:
        begin(rewriter, node, indent, out)
        _soft(rewriter, node, indent, out)
    else:
        _plain(rewriter, node, indent, out)


def _plain(rewriter: Rewriter, node: Any, indent: str, out: Pieces, first: bool = True) -> None:
    """A chain whose conditions are plain stays a chain; ``first``: it begins with `if`, whatever it began with."""
    while True:
        start = begin(rewriter, node, indent, out)
        margin(rewriter, indent, start, out)
        if first and rewriter.source.startswith("elif", start):
            out.new("if", start)
            start += len("elif")
        first = False
        header(rewriter, start, (node.test,), rewriter.whole[id(node.body)][0], out)
        suite(rewriter, node.body, indent, out)
        following = node.orelse
        if type(following) is not cst.If:
            break
        if rewriter.function is not None and not rewriter.step_of(following).hard:
            place = rewriter.inner[id(following)][0]
            out.new(f"{rewriter.indent(indent)}else:{rewriter.newline}", place)
            _nested(rewriter, following, indent, out)
            return
        node = following
    if following is not None:
        start = begin(rewriter, following, indent, out)
        margin(rewriter, indent, start, out)
        out.copy(start, rewriter.whole[id(following.body)][0])
        suite(rewriter, following.body, indent, out)


def _nested(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    """The rest of a chain, one step further in."""
    rewriter.shifts.append((len(indent), rewriter.step))
    if rewriter.step_of(node).hard:
        _plain(rewriter, node, indent, out)
    else:
        begin(rewriter, node, indent, out)
        _soft(rewriter, node, indent, out)
    rewriter.shifts.pop()


def _chain_length(node: Any) -> int:
    length = 0
    while type(node) is cst.If:
        length += 1
        node = node.orelse
    return length


def _soft(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    if _chain_length(node) > _LONGEST_NEST:
        _flat(rewriter, node, indent, out)
        return
    step = rewriter.step_of(node)
    place = rewriter.inner[id(node)][0]
    name = rewriter.fresh("if")
    names = _names(rewriter, step)
    _condition(rewriter, node, name, "", indent, out)
    _then(rewriter, node, name, name, names, indent, out)
    if node.orelse is not None:
        _swap(rewriter, step, name, name, names, indent, place, out)
        if type(node.orelse) is cst.If:
            out.new(f"{rewriter.indent(indent)}if {name}.orelse:{rewriter.newline}", rewriter.inner[id(node.orelse)][0])
            with while_open(rewriter, name):
                _nested(rewriter, node.orelse, indent, out)
        else:
            _else(rewriter, node.orelse, f"if {name}.orelse:", step.orelse, name, indent, out)
    new_lines(rewriter, _close(rewriter, step, name, name, names, place), indent, place, out)


def _flat(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    """A long chain: each condition is asked only where the one before did not hold, without nesting."""
    closing: list[Row] = []
    open_ = ExitStack()
    place = rewriter.inner[id(node)][0]
    name = guard = ""
    while True:
        step = rewriter.step_of(node)
        names = _names(rewriter, step)
        condition = f"{guard}.orelse" if guard else ""
        name = rewriter.fresh("if")
        _condition(rewriter, node, name, condition, indent, out)
        guard = f"{name} and {name}" if guard else name
        _then(rewriter, node, name, guard, names, indent, out)
        closing[:0] = _close(rewriter, step, name, guard, names, place)
        if node.orelse is None:
            break
        _swap(rewriter, step, name, guard, names, indent, place, out)
        if type(node.orelse) is not cst.If:
            _else(rewriter, node.orelse, f"if {guard}.orelse:", step.orelse, name, indent, out)
            break
        node = node.orelse
        open_.enter_context(while_open(rewriter, name))
        begin(rewriter, node, indent, out)
    open_.close()
    new_lines(rewriter, closing, indent, place, out)


def _names(rewriter: Rewriter, step: Step) -> list[str]:
    """What either side binds and something later may read."""
    bound = block_binds(step.body) | block_binds(step.orelse)
    return saved(rewriter, bound & (step.live_orelse | step.live_after))


def _condition(rewriter: Rewriter, node: Any, name: str, asked: str, indent: str, out: Pieces) -> None:
    """``_if1 = _rt.if_lt(a, b)``; in a flat chain only where ``asked`` holds."""
    place = rewriter.inner[id(node)][0]
    rewriter.site("if", node.test)
    out.new(f"{rewriter.indent(indent)}{name} = ", place)
    test = node.test
    rewriter.decides(test)
    relation = operator_name(test.comparisons[0]) if type(test) is cst.Comparison and len(test.comparisons) == 1 else ""
    if relation in BRANCHES and _bare(rewriter, test):
        rewriter.site("compare", test)
        out.new(f"{rewriter.rt('if_' + relation)}(", place)
        operands(rewriter, test.left, test.comparisons[0].comparator, out)
    else:
        out.new(f"{rewriter.rt('if_')}(", place)
        rewriter.argument(test, out)
    end = rewriter.whole[id(test)][1] - 1
    out.new(")", end)
    if asked:
        out.new(f" if {asked} else None", end)
    out.new(rewriter.newline, end)


def _bare(rewriter: Rewriter, test: Any) -> bool:
    """Are the brackets around a condition nothing but brackets?"""
    (start, end), (inner_start, inner_end) = rewriter.whole[id(test)], rewriter.inner[id(test)]
    around = rewriter.source[start:inner_start] + rewriter.source[inner_end:end]
    return not around.strip("() ")


def _then(rewriter: Rewriter, node: Any, name: str, guard: str, names: list[str], indent: str, out: Pieces) -> None:
    step = rewriter.step_of(node)
    place = rewriter.inner[id(node)][0]
    inside = step.assigned | step.binds
    opening = f"{name}.open({arguments(rewriter, names, inside, holds_work(step.body))})"
    new_lines(rewriter, [rewriter.row(f"if {guard}.soft: {opening}", place)], indent, place, out)
    out.new(f"{rewriter.indent(indent)}if {guard}.then:", place)
    with while_open(rewriter, name):
        suite(rewriter, node.body, indent, out, boundary=_boundary(step.body, name))


def _boundary(side: list[Step], name: str) -> str | None:
    """A side that an exception may leave asks the branch what that means for the other side."""
    return name if may_raise(side) else None


def _known(side: list[Step], before: int, after: int) -> int:
    """The names that are surely bound at the end of a side: fewer where an exception may end it anywhere."""
    return before & (after & ~deletes(side) if may_raise(side) else after)


def _swap(
    rewriter: Rewriter, step: Step, name: str, guard: str, names: list[str], indent: str, place: int, out: Pieces
) -> None:
    before = step.assigned | step.binds
    look = holds_work(step.orelse)
    call = f"{name}.swap({arguments(rewriter, names, _known(step.body, before, step.assigned_body), look)})"
    new_lines(rewriter, restored(rewriter, f"if {guard}.soft", call, names, before, place), indent, place, out)


def _else(rewriter: Rewriter, node: Any, text: str, side: list[Step], name: str, indent: str, out: Pieces) -> None:
    start = rewriter.inner[id(node)][0]
    leading(rewriter, rewriter.whole[id(node)][0], start - len(indent), out)
    out.new(rewriter.indent(indent) + text, start)
    with while_open(rewriter, name):
        suite(rewriter, node.body, indent, out, boundary=_boundary(side, name))


def _close(rewriter: Rewriter, step: Step, name: str, guard: str, names: list[str], place: int) -> list[Row]:
    before = step.assigned | step.binds
    last, after = (step.body, step.assigned_body)
    if step.node.orelse is not None:
        last, after = step.orelse, step.assigned_orelse
    here = _known(last, before, after)
    call = f"{name}.close({arguments(rewriter, names, here)})"
    return restored(rewriter, f"if {guard}.soft", call, names, step.assigned_body & step.assigned_orelse, place)

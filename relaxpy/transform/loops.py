"""`while` and `for`: an object counts the mass of what goes on and keeps the states in which it ended."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.blocks import begin, header, live, margin, new_lines, suite
from relaxpy.transform.calls import arguments as call_arguments
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import arguments, deletes, may_raise, outline_of, restored, saved, while_open
from relaxpy.transform.steps import Step, block_binds
from relaxpy.transform.stores import is_own_target, released, stored_name

__all__ = ["for_", "loop_names", "while_"]


def while_(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    if rewriter.function is None or not rewriter.step_of(node).is_object:
        margin(rewriter, indent, start, out)
        header(rewriter, start, (node.test,), rewriter.whole[id(node.body)][0], out)
        suite(rewriter, node.body, indent, out)
        _plain_else(rewriter, node, indent, out)
        return
    rewriter.site("while", node.test)
    rewriter.decides(node.test)
    step = rewriter.step_of(node)
    name = rewriter.fresh("loop")
    out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('while_')}(){rewriter.newline}", start)
    margin(rewriter, indent, start, out)
    test_start, test_end = rewriter.whole[id(node.test)]
    out.copy(start, test_start)
    out.new(f"{name}.test(", test_start)
    if type(node.test) is cst.Call:
        rewriter.sides[id(node.test)] = name
    rewriter.argument(node.test, out)
    out.new(")", test_end - 1)
    out.copy(test_end, rewriter.whole[id(node.body)][0])
    tested = step.assigned_orelse | step.binds
    _body(rewriter, node, step, name, tested, [], indent, out)
    _end(rewriter, node, step, name, tested & ~deletes(step.body), indent, out)


def for_(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    first = rewriter.inner[id(node)][0]
    rewriter.look_at(node.iter)
    start = begin(rewriter, node, indent, out)
    if rewriter.function is None:
        margin(rewriter, indent, start, out)
        header(rewriter, start, (node.target, node.iter), rewriter.whole[id(node.body)][0], out)
        suite(rewriter, node.body, indent, out)
        _plain_else(rewriter, node, indent, out)
        return
    step = rewriter.step_of(node)
    target, assigns = _target(rewriter, node, step)
    name = ""
    if step.is_object:
        rewriter.site("for", node.iter)
        name = rewriter.fresh("loop")
        out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('for_')}(){rewriter.newline}", first)
    margin(rewriter, indent, start, out)
    target_start, target_end = rewriter.whole[id(node.target)]
    out.copy(start, target_start)
    if target is None:
        out.copy(target_start, target_end)
    else:
        out.new(target, target_start)
    _iterable(rewriter, node, name, target_end, out)
    if name:
        bound = 0 if target is not None else step.target
        _body(rewriter, node, step, name, step.assigned_orelse | bound, assigns, indent, out)
        _end(rewriter, node, step, name, step.assigned_orelse, indent, out)
        return
    saved_counters, rewriter.counters = rewriter.counters, step.counters
    suite(rewriter, node.body, indent, out, prologue=assigns)
    rewriter.counters = saved_counters
    _plain_else(rewriter, node, indent, out)


def _iterable(rewriter: Rewriter, node: Any, name: str, at: int, out: Pieces) -> None:
    start, end = rewriter.whole[id(node.iter)]
    out.copy(at, start)
    if name:
        out.new(f"{name}.over(", start)
    if rewriter.hardness.builtin(node.iter) == "range":
        if rewriter.hardness.is_iterable(node.iter, rewriter.counters):
            rewriter.literal(node.iter, out)
        else:
            rewriter.opened(node.iter, out)
            _soft_range(rewriter, node.iter, out)
            rewriter.closed(node.iter, out)
    else:
        rewriter.argument(node.iter, out)
    if name:
        out.new(")", end - 1)
    out.copy(end, rewriter.whole[id(node.body)][0])


def _soft_range(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``range(n)`` that may be soft: ``_rt.range_(n)``."""
    out.new(rewriter.rt("range_"), rewriter.whole[id(node.func)][0])
    call_arguments(rewriter, node, out)


def _target(rewriter: Rewriter, node: Any, step: Step) -> tuple[str | None, list[Row]]:
    """A temporary in place of a target that the loop's state needs or that is stored through the runtime."""
    place = rewriter.whole[id(node.target)][0]
    own = is_own_target(rewriter, node.target)
    live_later = step.target & (step.live_head | step.live_after | step.live_orelse) & outline_of(rewriter).bound
    if own and not (step.is_object and live_later):
        return None, []
    name = rewriter.fresh("t")
    if own:
        pieces = rewriter.pieces()
        pieces.copy(*rewriter.whole[id(node.target)])
        pieces.new(f" = {name}", place)
        rows = [Row(pieces)]
    else:
        rows = stored_name(rewriter, node.target, name, place)
    return name, [*rows, *released(rewriter, [name], place)]


def loop_names(rewriter: Rewriter, step: Step) -> list[str]:
    """The loop's state: what it binds and something may read when it is tested again or has ended."""
    bound = block_binds(step.body) | step.binds | step.target
    if step.orelse and step.has_break:
        bound |= block_binds(step.orelse)
    return saved(rewriter, bound & (step.live_head | step.live_after | step.live_orelse))


def _body(
    rewriter: Rewriter,
    node: Any,
    step: Step,
    name: str,
    tested: int,
    assigns: list[Row],
    indent: str,
    out: Pieces,
) -> None:
    """The body, from its colon: the state as at the test first, the merging of what continued last."""
    place = rewriter.inner[id(node)][0]
    names = loop_names(rewriter, step)
    keep = rewriter.row(f"if {name}.soft: {name}.keep({arguments(rewriter, names, tested)})", place, simple=False)
    epilogue: list[Row] = []
    raises = may_raise(step.body)
    if step.soft_exits or raises:
        known = tested & (~deletes(step.body) if raises else step.assigned_body)
        call = f"{name}.next({arguments(rewriter, names, known)})"
        done = f"if {name}.done: break"
        epilogue = restored(rewriter, f"if {name}.soft", call, names, step.assigned_orelse, place, done)
    loops = outline_loops(rewriter)
    loops.append((step, name))
    saved_counters, rewriter.counters = rewriter.counters, step.counters
    boundary = name if raises else None
    with while_open(rewriter, name):
        suite(rewriter, node.body, indent, out, prologue=[keep, *assigns], epilogue=epilogue, boundary=boundary)
    rewriter.counters = saved_counters
    loops.pop()


def outline_loops(rewriter: Rewriter) -> list[tuple[Step, str]]:
    if rewriter.function is None:
        raise TypeError("loops are objects only in functions")
    return rewriter.function.loops


def _end(rewriter: Rewriter, node: Any, step: Step, name: str, tested: int, indent: str, out: Pieces) -> None:
    """What follows the body: `else`, and the mixing of all states in which the loop ended."""
    place = rewriter.inner[id(node)][0]
    names = loop_names(rewriter, step)
    test = f"if {name}.soft"
    after = tested
    if node.orelse is not None and step.has_break:
        call = f"{name}.orelse({arguments(rewriter, names, tested)})"
        new_lines(rewriter, restored(rewriter, test, call, names, tested, place), indent, place, out)
        with while_open(rewriter, name):
            _else(rewriter, node.orelse, f"if {name}.fell:", indent, out)
        after = tested & step.assigned_after
    call = f"{name}.exit({arguments(rewriter, names, after)})"
    new_lines(rewriter, restored(rewriter, test, call, names, after, place), indent, place, out)
    if node.orelse is not None and not step.has_break:
        _else(rewriter, node.orelse, live(rewriter) if step.leaves else f"if {name}.fell:", indent, out)


def _else(rewriter: Rewriter, node: Any, text: str, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    out.new(rewriter.indent(indent) + text, start)
    suite(rewriter, node.body, indent, out)


def _plain_else(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    if node.orelse is not None:
        start = begin(rewriter, node.orelse, indent, out)
        margin(rewriter, indent, start, out)
        out.copy(start, rewriter.whole[id(node.orelse.body)][0])
        suite(rewriter, node.orelse.body, indent, out)

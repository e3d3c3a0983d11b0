"""`try`: clean-ups hold the soft exits that cross them, and handlers are written a second time, for soft raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import attempted, begin, header, live, margin, new_lines, suite
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import arguments, may_raise, restored, saved, while_open
from relaxpy.transform.steps import Step

__all__ = ["try_"]

_NAME = re.compile(r"[^\W\d]\w*")


def try_(rewriter: Rewriter, node: Any, indent: str, out: Pieces) -> None:
    """``try``: soft exits that cross a `finally` wait for it, and soft raises go to the handlers, which follow a second time."""
    if rewriter.function is None or all(map(_is_harmless, rewriter.step_of(node).body)):
        start = begin(rewriter, node, indent, out)
        _body(rewriter, node, start, indent, out)
        for clause in (*node.handlers, *_present(node.orelse, node.finalbody)):
            _clause(rewriter, clause, begin(rewriter, clause, indent, out), indent, out)
        return
    step = rewriter.step_of(node)
    start = begin(rewriter, node, indent, out)
    if node.finalbody is None or not (step.soft_exits or step.may_raise()):
        _with_handlers(rewriter, node, node.finalbody, start, indent, out)
    else:
        _with_cleanup(rewriter, node, start, indent, out)


def _present(*nodes: Any) -> list[Any]:
    return [node for node in nodes if node is not None]


def _body(rewriter: Rewriter, node: Any, start: int, indent: str, out: Pieces) -> None:
    margin(rewriter, indent, start, out)
    out.copy(start, rewriter.whole[id(node.body)][0])
    suite(rewriter, node.body, indent, out)


def _with_cleanup(rewriter: Rewriter, node: Any, start: int, indent: str, out: Pieces) -> None:
    """``finally``: an object holds the exits that cross it, and the rest of the statement stands inside."""
    step = rewriter.step_of(node)
    name = rewriter.fresh("finally")
    out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('finally_')}(){rewriter.newline}", start)
    loops = [] if rewriter.function is None else rewriter.function.loops
    loops.append((step, name))
    if node.handlers:
        out.new(f"{rewriter.indent(indent)}try:{rewriter.newline}", start)
        rewriter.shifts.append((len(indent), rewriter.step))
        with while_open(rewriter, name):
            _with_handlers(rewriter, node, None, start, indent, out)
        rewriter.shifts.pop()
    else:
        with while_open(rewriter, name):
            _body(rewriter, node, start, indent, out)
    loops.pop()
    # what `finally` leaves goes where the exits lead, too
    names = saved(rewriter, step.all_binds() & (step.live_orelse | step.final[-1].live_after))
    known = step.assigned & ~step.all_deletes()
    given = arguments(rewriter, names, known)
    statements = node.finalbody.body.body
    first, last = (rewriter.inner[id(statements[at])][0] for at in (0, -1))
    before = [rewriter.row(f"{name}.over()", first)]
    before += restored(rewriter, f"if {name}.soft", f"{name}.gather({given})", names, known, first)
    after = restored(rewriter, f"if {name}.soft", f"{name}.resume({given})", names, known, last)
    _clause(rewriter, node.finalbody, begin(rewriter, node.finalbody, indent, out), indent, out, before, after)


def _with_handlers(rewriter: Rewriter, node: Any, cleanup: Any, start: int, indent: str, out: Pieces) -> None:
    """The body, the handlers and `else`; then the handlers once more, for paths that were raised out of soft blocks.

    ``cleanup``: a `finally` that nothing soft can meet.
    """
    if not node.handlers:
        _body(rewriter, node, start, indent, out)
        _clause(rewriter, cleanup, begin(rewriter, cleanup, indent, out), indent, out)
        return
    step = rewriter.step_of(node)
    name = rewriter.fresh("try")
    caught = [repr(_caught(rewriter, handler)) for handler in node.handlers]
    made = ", ".join(caught if step.catches else [*caught, "relaxed=False"])
    around = ExitStack()
    around.enter_context(while_open(rewriter, name))
    out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('try_')}({made}){rewriter.newline}", start)
    _body(rewriter, node, start, indent, out)
    for number, handler in enumerate(node.handlers):
        at = begin(rewriter, handler, indent, out)
        if step.catches:
            _clause(rewriter, handler, at, indent, out, guard=f"if {name}.caught({number}):")
        else:
            row = rewriter.row(f"{name}.caught({number})", rewriter.inner[id(handler)][0])
            _clause(rewriter, handler, at, indent, out, [row])
    last = rewriter.inner[id(node.handlers[-1])][0]
    if step.catches and node.handlers[-1].type is not None:
        new_lines(rewriter, [rewriter.row(f"except {name}.raised(): pass", last)], indent, last, out)
    if node.orelse is not None:
        at = begin(rewriter, node.orelse, indent, out)
        guard = live(rewriter) if any(inner.leaves for inner in step.body) else None
        boundary = name if step.catches and may_raise(step.orelse) else None
        row = rewriter.row(f"{name}.over()", at)
        _clause(rewriter, node.orelse, at, indent, out, [row], guard=guard, boundary=boundary)
    over = rewriter.row(f"{name}.over()", last)
    if cleanup is None:
        over.depth = 1
        new_lines(rewriter, [rewriter.row("finally:", last), over], indent, last, out)
    else:
        _clause(rewriter, cleanup, begin(rewriter, cleanup, indent, out), indent, out, [over])
    if step.catches:
        _again(rewriter, node, name, indent, out)
    around.close()


def _caught(rewriter: Rewriter, handler: Any) -> str:
    """The text of what a handler catches, to be evaluated when something is raised on a soft path."""
    if handler.type is None:
        return ""
    start, end = rewriter.whole[id(handler.type)]
    return _NAME.sub(lambda name: rewriter.mangled(name[0]), " ".join(rewriter.source[start:end].split()))


def _again(rewriter: Rewriter, node: Any, name: str, indent: str, out: Pieces) -> None:
    """The handlers for the paths that have arrived, and the mixing of all paths at the end."""
    step = rewriter.step_of(node)
    names = saved(rewriter, step.all_binds() & (step.live_head | step.live_after))
    known = step.assigned & ~step.all_deletes()
    given = arguments(rewriter, names, known)
    shift = rewriter.step
    place = rewriter.inner[id(node.handlers[0])][0]
    new_lines(rewriter, [rewriter.row(f"if {name}.soft:", place)], indent, place, out)
    rewriter.shifts.append((len(indent), shift))
    for number, handler in enumerate(node.handlers):
        at = rewriter.inner[id(handler)][0]
        arguments_ = f"{number}, {given}" if given else str(number)
        new_lines(rewriter, [rewriter.row(f"if {name}.takes({arguments_}):", at)], indent, at, out)
        rewriter.shifts.append((len(indent), shift))
        with attempted(rewriter, name, indent, at, out):
            rewriter_rows = [rewriter.row("try:", at), rewriter.row(f"{name}.throw()", at, depth=1)]
            new_lines(rewriter, rewriter_rows, indent, at, out)
            rows = restored(rewriter, "", f"{name}.enter({given})", names, known, at)
            if handler.name is not None:
                rows.append(rewriter.row(f"{handler.name.name.value} = {name}.error()", at))
            with _once_more(rewriter):
                _clause(rewriter, handler, at, indent, out, rows)
        new_lines(rewriter, [rewriter.row(f"{name}.handled({given})", at)], indent, at, out)
        rewriter.shifts.pop()
    new_lines(rewriter, restored(rewriter, "", f"{name}.exit({given})", names, known, place), indent, place, out)
    rewriter.shifts.pop()


@contextmanager
def _once_more(rewriter: Rewriter) -> Iterator[None]:
    """What stands in the function already is written another time."""
    function = rewriter.function
    if function is None:
        raise TypeError("handlers are written twice only in functions")
    before, function.again = function.again, True
    yield
    function.again = before


def _is_harmless(step: Step) -> bool:
    """Can nothing soft happen in this statement: is it an import, `pass` or a docstring?"""
    return isinstance(step.node, (cst.Import, cst.ImportFrom, cst.Pass, cst.Global, cst.Nonlocal)) or (
        type(step.node) is cst.Expr and isinstance(step.node.value, cst.SimpleString)
    )


def _clause(
    rewriter: Rewriter,
    node: Any,
    start: int,
    indent: str,
    out: Pieces,
    prologue: Sequence[Row] = (),
    epilogue: Sequence[Row] = (),
    guard: str | None = None,
    boundary: str | None = None,
) -> None:
    parts = [] if getattr(node, "type", None) is None else [node.type]
    margin(rewriter, indent, start, out)
    header(rewriter, start, parts, rewriter.whole[id(node.body)][0], out)
    suite(rewriter, node.body, indent, out, prologue, epilogue, guard, boundary=boundary)

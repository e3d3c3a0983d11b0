"""Lines and blocks: indentation, comments, what follows a statement that may leave, suites on one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.pieces import Pieces, lines_of

__all__ = ["attempted", "begin", "block", "header", "leading", "lines", "new_lines", "suite"]


def live(rewriter: Rewriter) -> str:
    """The guard of what stands after a statement that may leave."""
    return f"if not {rewriter.rt('paths')} or {rewriter.rt('live')}():"


def leading(rewriter: Rewriter, start: int, end: int, out: Pieces) -> None:
    """Blank lines and comments."""
    if not rewriter.shifts:
        out.copy(start, end)
        return
    deepest = max(length for length, _ in rewriter.shifts)
    for line in lines_of(rewriter.source[start:end]):
        margin = len(line) - len(line.lstrip())
        if line.strip() and margin >= deepest:
            out.new(rewriter.indent(line[:margin]), start + margin)
            out.copy(start + margin, start + len(line))
        else:
            out.copy(start, start + len(line))
        start += len(line)


def begin(rewriter: Rewriter, node: Any, indent: str, out: Pieces, first: cst.CSTNode | None = None) -> int:
    """What stands above a statement; returns where the statement begins. ``first``: its first line (a decorator)."""
    start = rewriter.inner[id(first or node)][0]
    leading(rewriter, rewriter.whole[id(node)][0], start - len(indent), out)
    return start


def margin(rewriter: Rewriter, indent: str, place: int, out: Pieces) -> None:
    """The indentation of a line of the source that begins at a place."""
    if rewriter.shifts:
        out.new(rewriter.indent(indent), place)
    else:
        out.copy(place - len(indent), place)


def header(rewriter: Rewriter, start: int, parts: Iterable[cst.CSTNode], end: int, out: Pieces) -> None:
    """The source from start to end, with these expressions in it rewritten."""
    for part in parts:
        part_start, part_end = rewriter.whole[id(part)]
        out.copy(start, part_start)
        rewriter.expression(part, out)
        start = part_end
    out.copy(start, end)


def new_lines(rewriter: Rewriter, rows: Iterable[Row], indent: str, place: int, out: Pieces) -> None:
    """Lines of their own."""
    for row in rows:
        out.new(rewriter.indent(indent) + rewriter.step * row.depth, place)
        out.extend(row.pieces)
        out.new(rewriter.newline, place)


def small_rows(rewriter: Rewriter, statements: Sequence[Any]) -> list[Row]:
    """Statements that share a line, as the lines that they become."""
    result: list[Row] = []
    depth = 0
    end = -1
    for statement in statements:
        start = rewriter.inner[id(statement)][0]
        rows = rewriter.tables.small[type(statement)](rewriter, statement) if rewriter.function else None
        if rows is None:
            rows = [_literal(rewriter, statement)]
        for number, row in enumerate(rows):
            row.depth += depth
            if row.simple and result and result[-1].simple and result[-1].depth == row.depth:
                if number == 0:
                    result[-1].pieces.copy(end, start)
                else:
                    result[-1].pieces.new("; ", start)
                result[-1].pieces.extend(row.pieces)
            else:
                result.append(row)
        end = rewriter.inner[id(statement)][1]
        if statement is not statements[-1] and leaves_always(rewriter, statement):
            result.append(rewriter.row("if False:", start, simple=False, depth=depth))
            depth += 1
    return result


def _literal(rewriter: Rewriter, statement: Any) -> Row:
    """A small statement outside of functions."""
    pieces = rewriter.pieces()
    start, end = rewriter.inner[id(statement)]
    header(rewriter, start, _values(statement), end, pieces)
    return Row(pieces)


def _values(statement: Any) -> list[cst.CSTNode]:
    """The values in a statement outside of functions, where lambdas may be."""
    kind = type(statement)
    if kind is cst.Expr:
        return [statement.value]
    if kind is cst.Assign:
        return [*(target.target for target in statement.targets), statement.value]
    if kind is cst.AnnAssign:
        return [statement.target] if statement.value is None else [statement.target, statement.value]
    if kind is cst.AugAssign:
        return [statement.target, statement.value]
    if kind is cst.Assert:
        return [statement.test] if statement.msg is None else [statement.test, statement.msg]
    if kind is cst.Raise:
        parts = [] if statement.exc is None else [statement.exc]
        return parts if statement.cause is None else [*parts, statement.cause.item]
    return []


def lines(rewriter: Rewriter, node: cst.SimpleStatementLine, indent: str, out: Pieces) -> None:
    """A line of small statements."""
    start = begin(rewriter, node, indent, out)
    rows = small_rows(rewriter, node.body)
    end = rewriter.inner[id(node.body[-1])][1]
    margin(rewriter, indent, start, out)
    _written(rewriter, rows, rewriter.indent(indent), end, rewriter.whole[id(node)][1], out)


def _written(rewriter: Rewriter, rows: list[Row], indent: str, end: int, tail: int, out: Pieces) -> None:
    """Lines whose first one has its indentation, and whose last one has the end of the source's line."""
    for number, row in enumerate(rows):
        if number:
            out.new(rewriter.newline, end - 1)
            out.new(indent + rewriter.step * row.depth, end - 1)
        out.extend(row.pieces)
    out.copy(end, tail)


def leaves_always(rewriter: Rewriter, statement: Any) -> bool:
    """Is this an exit that may fall through, so that its path is dead then?"""
    if rewriter.function is None or not isinstance(statement, (cst.Return, cst.Break, cst.Continue)):
        return False
    return rewriter.step_of(statement).leaves


def _guard_after(rewriter: Rewriter, statement: Any) -> str | None:
    """The guard that the statements after this one in its block need."""
    if rewriter.function is None:
        return None
    if type(statement) is cst.SimpleStatementLine:
        return "if False:" if any(leaves_always(rewriter, small) for small in statement.body) else None
    return live(rewriter) if rewriter.step_of(statement).leaves else None


def block(rewriter: Rewriter, statements: Sequence[Any], indent: str, out: Pieces, guard: str | None = None) -> None:
    """Statements one below the other; after one that may leave, the rest stands under a guard."""
    guarded = unreachable = False
    for statement in statements:
        if guard is not None:
            if guarded:
                rewriter.shifts.pop()
            _open_guard(rewriter, statement, indent, guard, out)
            guarded, unreachable = True, guard == "if False:"
        if type(statement) is cst.SimpleStatementLine:
            lines(rewriter, statement, indent, out)
        else:
            rewriter.tables.compound[type(statement)](rewriter, statement, indent, out)
        guard = None if unreachable else _guard_after(rewriter, statement)
    if guarded:
        rewriter.shifts.pop()


def _open_guard(rewriter: Rewriter, statement: Any, indent: str, guard: str, out: Pieces) -> None:
    """The guard; blank lines stay above it, comments move under it."""
    start, end = rewriter.whole[id(statement)]
    for line in lines_of(rewriter.source[start:end]):
        if line.strip():
            break
        out.copy(start, start + len(line))
        start += len(line)
    rewriter.whole[id(statement)] = (start, end)
    decorators = getattr(statement, "decorators", None) or (statement,)
    out.new(rewriter.indent(indent) + guard + rewriter.newline, rewriter.inner[id(decorators[0])][0])
    rewriter.shifts.append((len(indent), rewriter.step))


def suite(
    rewriter: Rewriter,
    body: Any,
    indent: str,
    out: Pieces,
    prologue: Sequence[Row] = (),
    epilogue: Sequence[Row] = (),
    guard: str | None = None,
    docstring: bool = False,
    boundary: str | None = None,
) -> None:
    """The body of a compound statement, from after its colon, with lines before and after its own.

    ``docstring``: the first statement stays first if it is a string. ``boundary``: the object that is asked about exceptions
    which would leave the body; where it takes one, what follows the body goes on.
    """
    start, end = rewriter.whole[id(body)]
    if isinstance(body, cst.SimpleStatementSuite):
        _suite_on_line(rewriter, body, indent, out, prologue, epilogue, guard, boundary)
        return
    inside = indent + (rewriter.step if body.indent is None else body.indent)
    statements = list(body.body)
    out.copy(start, rewriter.whole[id(statements[0])][0])
    if docstring and prologue and is_docstring(statements[0]):
        block(rewriter, statements[:1], inside, out)
        statements = statements[1:]
    place = rewriter.inner[id(body.body[0])][0]
    new_lines(rewriter, prologue, inside, place, out)
    if boundary is None or not statements:
        block(rewriter, statements, inside, out, guard)
    else:
        with attempted(rewriter, boundary, inside, rewriter.inner[id(statements[0])][0], out):
            block(rewriter, statements, inside, out, guard)
    last = rewriter.whole[id(body.body[-1])][1]
    new_lines(rewriter, epilogue, inside, rewriter.inner[id(body.body[-1])][0], out)
    leading(rewriter, last, end, out)


@contextmanager
def attempted(rewriter: Rewriter, boundary: str, indent: str, place: int, out: Pieces) -> Iterator[None]:
    """Lines under a `try` that asks an object what it catches."""
    new_lines(rewriter, [rewriter.row("try:", place)], indent, place, out)
    rewriter.shifts.append((len(indent), rewriter.step))
    yield
    rewriter.shifts.pop()
    new_lines(rewriter, [rewriter.row(f"except {boundary}.raised(): pass", place)], indent, place, out)


def is_docstring(statement: Any) -> bool:
    if type(statement) is not cst.SimpleStatementLine or type(statement.body[0]) is not cst.Expr:
        return False
    return isinstance(statement.body[0].value, (cst.SimpleString, cst.ConcatenatedString))


def _suite_on_line(
    rewriter: Rewriter,
    body: cst.SimpleStatementSuite,
    indent: str,
    out: Pieces,
    prologue: Sequence[Row],
    epilogue: Sequence[Row],
    guard: str | None,
    boundary: str | None,
) -> None:
    rows = small_rows(rewriter, body.body)
    start, tail = rewriter.whole[id(body)]
    first, end = rewriter.inner[id(body.body[0])][0], rewriter.inner[id(body.body[-1])][1]
    if guard is not None:
        for row in rows:
            row.depth += 1
        rows.insert(0, rewriter.row(guard, first, simple=False))
    if boundary is not None:
        for row in rows:
            row.depth += 1
        rows.insert(0, rewriter.row("try:", first, simple=False))
        rows.append(rewriter.row(f"except {boundary}.raised(): pass", first, simple=False))
    if len(rows) == 1 and rows[0].simple and not prologue and not epilogue:
        out.copy(start, first)
        out.extend(rows[0].pieces)
        out.copy(end, tail)
        return
    rows = [*prologue, *rows, *epilogue]
    inside = rewriter.indent(indent) + rewriter.step
    out.new(rewriter.newline + inside + rewriter.step * rows[0].depth, first)
    _written(rewriter, rows, inside, end, tail, out)

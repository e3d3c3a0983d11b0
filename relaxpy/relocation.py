"""Places: every node of rewritten text gets the place in the user's file that it came from."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from relaxpy.definitions import FunctionSource

__all__ = ["Text", "nodes_of", "relocate"]


class Text(Protocol):
    """Text that was made from other text, and knows from where; `relaxpy.transform.Rewritten` above all."""

    @property
    def text(self) -> str: ...
    @property
    def runtime_name(self) -> str: ...
    def origin(self, line: int, column: int, /) -> tuple[int, int, bool]: ...


def relocate(tree: ast.AST, source: FunctionSource, rewritten: Text) -> None:
    """Give every node the place in the user's file that it came from.

    Columns are kept where the text is the user's own; elsewhere there are none, so that tracebacks draw no carets under
    the wrong words. Plumbing between statements that cannot raise gets no line at all, so that debuggers and coverage are
    told of the lines that the original would run, and of no others.
    """
    lines = rewritten.text.split("\n")

    @functools.cache  # an expression begins where its first part does
    def to_file(line: int, column: int) -> tuple[int, int, bool]:
        text = lines[line - 1]
        at, where, exact = rewritten.origin(line, column if text.isascii() else len(text.encode()[:column].decode()))
        file_line, file_column = source.place(at, where)
        text = source.line(file_line)
        width = min(file_column, len(text)) if text.isascii() else len(text[:file_column].encode())
        return file_line, width, exact

    nodes = nodes_of(tree)
    made = [n for n in nodes if isinstance(n, ast.stmt) and not to_file(n.lineno, n.col_offset)[2]]
    for node in nodes:
        if isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.alias, ast.excepthandler, ast.pattern)):
            _move(node, to_file)
    for statement in made:
        for part in _plumbing(statement):
            _put(part, -1)
    for node in nodes:
        if isinstance(node, ast.Try) and node.handlers and _calls(node.handlers[-1].type, "raised"):
            _put_all(node.handlers[-1], _line_of_passing_on(node))
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _place_frame(node.body, made)


def nodes_of(root: ast.AST) -> list[ast.AST]:
    """The nodes that `ast.walk` gives, in less time."""
    found = [root]
    for node in found:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found.extend(part for part in value if isinstance(part, ast.AST))
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def _move(node: Any, to_file: Callable[[int, int], tuple[int, int, bool]]) -> None:
    line, column, exact = to_file(node.lineno, node.col_offset)
    end_line, end_column, end_exact = to_file(node.end_lineno, node.end_col_offset)
    if exact and end_exact and (line, column) <= (end_line, end_column):
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = line, column, end_line, end_column
    else:
        node.lineno, node.end_lineno = line, max(line, end_line)
        node.col_offset = node.end_col_offset = -1


def _put(node: Any, line: int) -> None:
    node.lineno = node.end_lineno = line
    node.col_offset = node.end_col_offset = -1


def _plumbing(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement of the rewriter's that run on every path and cannot raise."""
    if isinstance(statement, ast.If) and _asks(statement.test):
        yield statement
        yield from _expressions(statement.test)
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.IfExp) and _asks(statement.value.test):
        # _if2 = _rt.if_(...) if _if1.orelse else None
        yield statement
        yield statement.value
        for part in (*statement.targets, statement.value.test, statement.value.orelse):
            yield from _expressions(part)
    elif isinstance(statement, ast.Try):
        yield statement
    elif isinstance(statement, (ast.Expr, ast.Assign)) and (
        _calls(statement.value, "over") or _calls(statement.value, "case")
    ):
        yield statement
        yield from _expressions(statement.value)


def _asks(test: ast.expr) -> bool:
    """Whether this is `_if1.then`, `_case1 is _match1` or another question to an object of the runtime."""
    if isinstance(test, ast.BoolOp):
        test = test.values[-1]
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and isinstance(test.comparators[0], ast.Name)
    return isinstance(test, ast.Attribute) and test.attr in ("soft", "then", "orelse", "fell", "done", "plain")


def _calls(value: ast.expr | None, method: str) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == method


def _expressions(root: ast.expr) -> Iterator[ast.expr]:
    return (node for node in ast.walk(root) if isinstance(node, ast.expr))


def _place_frame(body: list[ast.stmt], made: list[ast.stmt]) -> None:
    """Let `_frame = _rt.frame()` stand on the line of the first statement, and `return _frame.finish()` on the line that a
    function was on last when it falls off its end."""
    last = body[-1]
    if len(body) < 2 or last not in made or not (isinstance(last, ast.Return) and _calls(last.value, "finish")):
        return
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.Assign) and _calls(statement.value, "frame") and statement in made:
            if isinstance(following, ast.Try) and following in made:
                following = following.body[0]
            _put_all(statement, following.lineno)
            break
    before = body[-2]
    while (
        isinstance(before, ast.Try)
        and before in made
        or isinstance(before, ast.If)
        and isinstance(before.test, ast.BoolOp)
    ):
        before = before.body[-1]  # try: or if not _rt.paths or _rt.live():
    if isinstance(before, ast.If) and before.lineno == -1:  # if _if1.soft: _if1.close()
        before = before.body[-1]
    _put_all(last, before.lineno)


def _line_of_passing_on(attempt: ast.Try) -> int:
    """Where the frame is when it passes on what `except _if1.raised(): pass` does not take: on the handler before, or on the
    first statement of the body, which has been run in any case, so that coverage stays right."""
    if len(attempt.handlers) > 1:
        return attempt.handlers[-2].lineno
    inner = (node for statement in attempt.body for node in ast.walk(statement))
    return next(node.lineno for node in inner if isinstance(node, ast.stmt) and node.lineno > 0)


def _put_all(root: ast.stmt | ast.excepthandler, line: int) -> None:
    for node in ast.walk(root):
        if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler)):
            _put(node, line)

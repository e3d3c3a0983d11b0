"""Places: every node of rewritten text gets the place in the user's file that it came from."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Protocol

from relaxpy.source import FunctionSource

__all__ = ["Text", "relocate"]


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
    the wrong words. Plumbing between statements that cannot raise gets no line at all: a debugger steps over it.
    """
    lines = rewritten.text.splitlines(keepends=True)

    def to_file(line: int, column: int) -> tuple[int, int, bool]:
        at, where, exact = rewritten.origin(line, len(lines[line - 1].encode()[:column].decode()))
        file_line, file_column = source.place(at, where)
        return file_line, len(source.line(file_line)[:file_column].encode()), exact

    plumbing = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _is_plumbing(node, to_file)]
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.alias, ast.excepthandler, ast.pattern)):
            _move(node, to_file)
    for node in plumbing:
        node.lineno = node.end_lineno = node.col_offset = node.end_col_offset = -1
        for part in ast.walk(node.test):
            if isinstance(part, ast.expr):
                part.lineno = part.end_lineno = part.col_offset = part.end_col_offset = -1


def _move(node: Any, to_file: Callable[[int, int], tuple[int, int, bool]]) -> None:
    line, column, exact = to_file(node.lineno, node.col_offset)
    end_line, end_column, end_exact = to_file(node.end_lineno, node.end_col_offset)
    if exact and end_exact and (line, column) <= (end_line, end_column):
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = line, column, end_line, end_column
    else:
        node.lineno, node.end_lineno = line, max(line, end_line)
        node.col_offset = node.end_col_offset = -1


def _is_plumbing(node: ast.If, to_file: Callable[[int, int], tuple[int, int, bool]]) -> bool:
    """Whether this is `if _if1.soft:` and the like, which the rewriter wrote."""
    test = node.test
    return (
        isinstance(test, ast.Attribute)
        and isinstance(test.value, ast.Name)
        and test.attr in ("soft", "then", "orelse", "fell", "done")
        and not to_file(node.lineno, node.col_offset)[2]
    )

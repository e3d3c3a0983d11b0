"""What runs first: Python itself says what is wrong with a source, and what cannot be relaxed is refused, with its place.

Every error shows the user's own line and a caret, and says what to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

import libcst as cst

from relaxpy.errors import RelaxSyntaxError
from relaxpy.syntax import check_python, line_of, parsed_quietly

__all__ = ["parsed"]

_PLACE = re.compile(r"error at (\d+):(\d+)")
_FREE = re.compile(r"no binding for nonlocal")


def parsed(source: str, filename: str, first_line: int) -> cst.Module:
    """The tree of a source that this Python can run."""
    _check(source, filename, first_line)
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        line, column = error.raw_line, error.raw_column
        place = _PLACE.search(str(error.message))
        if place:
            line = int(place[1])
            column = _token_start(source, line, int(place[2]) - 1)
        raise RelaxSyntaxError(
            "valid Python that libcst, which relaxpy reads source with, cannot parse",
            remedy=_other_way(source, line),
            file=filename,
            line=line + first_line - 1,
            column=column,
            text=line_of(source, line),
        ) from error


def _other_way(source: str, line: int) -> str:
    """How to write what libcst cannot parse; of what it is known not to, in particular."""
    for node in ast.walk(parsed_quietly(source)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.simple:
            if node.lineno <= line <= (node.end_lineno or line):
                return "leave out the parentheses around the name, or the annotation"
    return "write this statement in another way"


def _check(source: str, filename: str, first_line: int) -> None:
    try:
        check_python(
            source,
            filename,
            first_line=first_line,
            flags=_awaiting(source),
            remedy="make it valid Python first",
        )
    except RelaxSyntaxError as wrong:
        if not _FREE.match(wrong.message):  # the functions around a definition have it
            raise


def _awaiting(source: str) -> int:
    """Cells of notebooks may await at their top level."""
    return ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if "await" in source or "async" in source else 0


def _token_start(source: str, line: int, end: int) -> int:
    """The column at which a token begins; libcst names where it ends."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.end == (line, end):
            return token.start[1]
        if token.start[0] > line:
            break
    return end

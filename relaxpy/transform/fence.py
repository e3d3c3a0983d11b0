"""What runs first: Python itself says what is wrong with a source, and what cannot be relaxed is refused, with its place.

Every error shows the user's own line and a caret, and says what to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

import libcst as cst

from relaxpy.errors import RelaxSyntaxError
from relaxpy.transform.pieces import lines_of

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
            remedy="write this statement in another way",
            file=filename,
            line=line + first_line - 1,
            column=column,
            text=_line(source, line),
        ) from error


def _check(source: str, filename: str, first_line: int) -> None:
    """Refuse what Python refuses, in Python's words: also syntax that is too new for it, which libcst would read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python gives them when it compiles the original
        try:
            compile(source, filename, "exec", _awaiting(source), dont_inherit=True)
        except SyntaxError as wrong:
            if _FREE.match(wrong.msg):  # the functions around a definition have it
                return
            message, line, column = wrong.msg, wrong.lineno or 1, (wrong.offset or 1) - 1
        except ValueError as wrong:  # null bytes, in older versions
            message, line, column = str(wrong), 1, 0
        else:
            return
    raise RelaxSyntaxError(
        message,
        remedy="make it valid Python first",
        file=filename,
        line=line + first_line - 1,
        column=column,
        text=_line(source, line),
    )


def _awaiting(source: str) -> int:
    """Cells of notebooks may await at their top level."""
    return ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if "await" in source or "async" in source else 0


def _line(source: str, line: int) -> str:
    lines = lines_of(source)
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _token_start(source: str, line: int, end: int) -> int:
    """The column at which a token begins; libcst names where it ends."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.end == (line, end):
            return token.start[1]
        if token.start[0] > line:
            break
    return end

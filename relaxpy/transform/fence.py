"""What runs first: the source is parsed, and what cannot be relaxed is refused, with its place and a remedy."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import libcst as cst

from relaxpy.errors import RelaxSyntaxError
from relaxpy.transform.pieces import lines_of

__all__ = ["parsed"]

_PLACE = re.compile(r"error at (\d+):(\d+)")


def parsed(source: str, filename: str, first_line: int) -> cst.Module:
    """The tree of a source; an error shows the user's own line."""
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise _refusal(source, filename, first_line, error) from error


def _refusal(source: str, filename: str, first_line: int, error: cst.ParserSyntaxError) -> RelaxSyntaxError:
    """What is wrong, in Python's own words if Python does not understand it either."""
    try:
        ast.parse(source)
    except SyntaxError as wrong:
        message, line, column = wrong.msg, wrong.lineno or 1, (wrong.offset or 1) - 1
        remedy = "make it valid Python first"
    else:
        place = _PLACE.search(str(error.message))
        line, column = (error.raw_line, error.raw_column)
        if place:
            line = int(place[1])
            column = _token_start(source, line, int(place[2]) - 1)
        message = "valid Python that libcst, which relaxpy reads source with, cannot parse"
        remedy = "write this statement in another way"
    lines = lines_of(source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return RelaxSyntaxError(message, remedy=remedy, file=filename, line=line + first_line - 1, column=column, text=text)


def _token_start(source: str, line: int, end: int) -> int:
    """The column at which a token begins; libcst names where it ends."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.end == (line, end):
            return token.start[1]
        if token.start[0] > line:
            break
    return end

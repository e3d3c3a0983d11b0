"""What runs first: the source is parsed, and what cannot be relaxed is refused, with its place and a remedy."""

from __future__ import annotations

import ast
import re

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
        line, column = (int(place[1]), int(place[2]) - 1) if place else (error.raw_line, error.raw_column)
        message = "valid Python that libcst, which relaxpy reads source with, cannot parse"
        remedy = "write this statement in another way"
    lines = lines_of(source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return RelaxSyntaxError(message, remedy=remedy, file=filename, line=line + first_line - 1, column=column, text=text)

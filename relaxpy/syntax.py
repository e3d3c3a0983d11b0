"""Whether a text is Python at all, in Python's own words."""

from __future__ import annotations

import ast
import warnings

from relaxpy.deep import with_room
from relaxpy.errors import RelaxSyntaxError

__all__ = ["check_python", "line_of", "parsed_quietly", "python_tree"]


def check_python(text: str, filename: str, *, first_line: int = 1, flags: int = 0, remedy: str = "") -> None:
    """Refuse what this Python refuses, also syntax that is too new for it; errors show the line, counted from ``first_line``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, filename, "exec", flags, dont_inherit=True)
        except SyntaxError as wrong:
            message, line, column = wrong.msg, wrong.lineno or 1, (wrong.offset or 1) - 1
        except ValueError as wrong:  # null bytes, in older versions
            message, line, column = str(wrong), 1, 0
        else:
            return
    raise RelaxSyntaxError(
        message,
        remedy=remedy,
        file=filename,
        line=line + first_line - 1,
        column=column,
        text=line_of(text, line),
    )


def python_tree(text: str, filename: str) -> ast.Module:
    """The tree of a module's text; what this Python would not compile is an error as in `check_python`."""
    try:
        check_python(text, filename)
    except (RecursionError, MemoryError) as error:
        raise RelaxSyntaxError("nested too deeply for Python's own compiler", file=filename) from error
    return parsed_quietly(text, filename)


def parsed_quietly(text: str, filename: str = "<string>") -> ast.Module:
    """The tree of valid Python, with no warnings: Python gives them when it compiles the original."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return with_room(ast.parse, text, filename)


def line_of(text: str, line: int) -> str:
    """A line as Python counts them: form feeds and the like end none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[line - 1] if 0 < line <= len(lines) else ""

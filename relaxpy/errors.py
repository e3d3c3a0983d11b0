"""What can go wrong, and what to write instead.

>>> raise RelaxError("`x` is a string on one side and a number on the other", remedy="give it a number on both")
Traceback (most recent call last):
relaxpy.errors.RelaxError: `x` is a string on one side and a number on the other
  remedy: give it a number on both
"""

from __future__ import annotations

import difflib
import functools
import linecache
import sys
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "BlendError",
    "RelaxError",
    "RelaxIndexError",
    "RelaxSyntaxError",
    "RelaxWarning",
    "SoftValueError",
    "did_you_mean",
    "is_users",
    "user_line",
    "user_place",
]

# Modules of relaxpy's that are code of the user's kind.
_INNER = ("relaxpy", "torch")
_USERLIKE = ("relaxpy.algorithms", "relaxpy.experiments")


class RelaxError(Exception):
    """The root of all errors of relaxpy.

    >>> error = RelaxError("nothing to do", remedy="do something", file="algorithm.py", line=3)
    >>> print(error)
    nothing to do
      File "algorithm.py", line 3
      remedy: do something

    ``line`` counts from 1, ``column`` counts characters from 0; with both, the line is shown with a caret.
    """

    # Would the original have gone on? Then no handler of the program's may take it for an error of its own.
    is_only_ours = True

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.file = file
        self.line = line
        self.column = column

    @classmethod
    def here(cls, message: str, *, remedy: str = "") -> Self:
        """The error, placed at the line of the user's that is running."""
        file, line = user_place() or (None, None)
        return cls(message, remedy=remedy, file=file, line=line)

    def __str__(self) -> str:
        parts = [self.message]
        if self.file is not None:
            parts.append(f'  File "{self.file}"' + (f", line {self.line}" if self.line is not None else ""))
            parts.extend(self._caret())
        if self.remedy:
            parts.append(f"  remedy: {self.remedy}")
        return "\n".join(parts)

    def _caret(self) -> list[str]:
        if self.file is None or self.line is None:
            return []
        text = linecache.getline(self.file, self.line).rstrip()
        shown = text.lstrip()
        if not shown:
            return []
        if self.column is None:
            return [f"    {shown}"]
        before = text[len(text) - len(shown) : self.column]
        return [f"    {shown}", "    " + "".join(c if c == "\t" else " " for c in before) + "^"]

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from `args` alone, which would lose the keywords.
        keywords = {name: getattr(self, name) for name in ("remedy", "file", "line", "column")}
        return functools.partial(type(self), **keywords), (self.message,), self.__dict__


class RelaxSyntaxError(RelaxError, SyntaxError):
    """Source that cannot be relaxed, shown by Python as its own syntax errors are: file, line, caret.

    >>> raise RelaxSyntaxError("`goto` cannot be relaxed", remedy="use a loop", file="a.py", line=2, column=4,
    ...                        text="    goto 10")
    Traceback (most recent call last):
      File "a.py", line 2
        goto 10
        ^
    relaxpy.errors.RelaxSyntaxError: `goto` cannot be relaxed
      remedy: use a loop
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        text: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, file=file, line=line, column=column)
        self.msg = message + (f"\n  remedy: {remedy}" if remedy else "")
        self.filename = file
        self.lineno = line
        if column is not None:
            self.offset, self.end_lineno, self.end_offset = column + 1, line, column + 2
        if text is None and file is not None and line is not None:
            text = linecache.getline(file, line)
        self.text = text or None

    def _caret(self) -> list[str]:
        if self.text is None:
            return []
        text = self.text.rstrip()
        shown = text.lstrip()
        if self.offset is None:
            return [f"    {shown}"]
        return [f"    {shown}", "    " + " " * (self.offset - 1 - (len(text) - len(shown))) + "^"]

    def __reduce__(self) -> tuple[object, ...]:
        keywords = {name: getattr(self, name) for name in ("remedy", "file", "line", "column", "text")}
        return functools.partial(type(self), **keywords), (self.message,), self.__dict__


class BlendError(RelaxError):
    """Two values that no weighted mean can make one of: ``None`` and a number, two strings, different lengths."""


class SoftValueError(RelaxError, TypeError):
    """A soft value where only a plain one can be: ``bool(x)``, ``float(x)``, a dict key, a numpy array."""

    is_only_ours = False  # some are the original's: a number has no elements, and is not ordered against a text


class RelaxIndexError(RelaxError, IndexError):
    """An index whose mass outside the axis is not negligible."""


class RelaxWarning(UserWarning):
    """Something was approximated more than usual; the message says what, where and by how much."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that ends an error message, or nothing.

    >>> did_you_mean("colour", ["beta"]), did_you_mean("betta", ["beta", "epsilon"])
    ('', 'did you mean `beta`?')
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else ""


def is_users(module: str) -> bool:
    """Is the code of a module the user's own, and not relaxpy's or torch's?"""
    return module.partition(".")[0] not in _INNER or module.startswith(_USERLIKE)


def user_place() -> tuple[str, int] | None:
    """File and line of the innermost frame that is the user's; None if there is none.

    Code objects of rewritten functions carry the user's own file and lines, so this needs no map.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if is_users(name):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def user_line() -> str:
    """The text of the line at which the user's code is."""
    place = user_place()
    return linecache.getline(*place) if place else ""

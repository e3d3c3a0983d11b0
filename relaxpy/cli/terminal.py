"""What the commands print with: colours on a terminal, plain text in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["UsageError", "beside", "coloured", "print_beside", "print_code", "styled", "write_out"]

_STYLES = {"bold": "1", "dim": "2", "red": "31"}


class UsageError(Exception):
    """The command was called with something that is not there; the message says what would be."""


def coloured() -> bool:
    """Whether standard output is a terminal whose user wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str) -> str:
    """A word or two in a style, where that can be seen."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if coloured() else text


def print_code(text: str, language: str = "python") -> None:
    """Print source text, highlighted where that can be seen."""
    if not coloured():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    Console().print(Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True))


def beside(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Two columns with a bar between them.

    >>> list(beside([("1 x = 1", "x = 1"), ("", "y = 2")]))
    ['1 x = 1 | x = 1', '        | y = 2']
    """
    width = max((len(left) for left, _ in rows), default=0)
    return (f"{left:{width}} | {right}".rstrip() for left, right in rows)


def print_beside(rows: Sequence[tuple[str, str]]) -> None:
    """Print two columns, the left one dimmed where that can be seen."""
    for row, (left, _) in zip(beside(rows), rows):
        bar = row.index("|", len(left)) + 1
        print(styled(row[:bar], "dim") + row[bar:])


def write_out(file: Path, text: str, source: Path) -> None:
    """Write a result to the file that ``--out`` names, which is not the one that it was made from."""
    try:
        if file.exists() and source.exists() and file.samefile(source):
            raise UsageError(f"{file} is the source itself, which would be lost\n  name another file after --out")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error

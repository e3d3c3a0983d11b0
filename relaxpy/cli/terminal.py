"""What the commands print with: colours on a terminal, plain text in a pipe."""

from __future__ import annotations

import os
import sys

__all__ = ["UsageError", "coloured", "print_code"]


class UsageError(Exception):
    """The command was called with something that is not there; the message says what would be."""


def coloured() -> bool:
    """Whether standard output is a terminal whose user wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_code(text: str, language: str = "python") -> None:
    """Print source text, highlighted where that can be seen."""
    if not coloured():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    Console().print(Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True))

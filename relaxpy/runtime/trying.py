"""`try` statements: scopes that an exception crosses end as if certain (SEMANTICS, section 5)."""

from __future__ import annotations

from relaxpy.runtime import scopes
from relaxpy.runtime.state import state


class Try:
    """One `try` statement; remembers how many scopes were open when it began."""

    __slots__ = ("depth",)

    def __init__(self) -> None:
        self.depth = len(state.scopes)

    def caught(self) -> None:
        """First thing in a handler."""
        scopes.unwind(self.depth)

    def cleanup(self) -> None:
        """First thing in `finally`."""

    def resume(self) -> None:
        """Last thing in `finally`."""


def try_() -> Try:
    return Try()

"""Code objects and what is nested in them."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

__all__ = ["codes"]


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are nested in it, outermost first."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)

"""Which code objects are rewritten code, so that nothing is rewritten twice."""

from __future__ import annotations

from types import CodeType

_rewritten: dict[int, CodeType] = {}


def mark(code: CodeType) -> None:
    """Remember a code object and all that it holds as rewritten."""
    _rewritten[id(code)] = code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            mark(constant)


def is_rewritten(code: CodeType) -> bool:
    return _rewritten.get(id(code)) is code

"""Functions that stay as they are written: those that a module decorates with `relaxpy.hard`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

__all__ = ["hard_marks", "is_marked"]


def hard_marks(tree: cst.Module, source: str) -> frozenset[str]:
    """The names by which a module calls `relaxpy.hard`, dotted ones too; its imports say which.

    A name that is bound in another way is met when the module runs, see `relaxpy.programs.as_written`.
    """
    if "hard" not in source:
        return frozenset()
    return frozenset(_names(tree))


def _names(node: Any) -> Iterator[str]:
    """The imports outside of functions and classes."""
    for child in node.children:
        if isinstance(child, cst.ImportFrom):
            if (
                _dotted(child.module) == "relaxpy"
                and not child.relative
                and not isinstance(child.names, cst.ImportStar)
            ):
                yield from (_bound(alias) for alias in child.names if _dotted(alias.name) == "hard")
        elif isinstance(child, cst.Import):
            yield from (f"{_bound(alias)}.hard" for alias in child.names if _dotted(alias.name) == "relaxpy")
        elif not isinstance(child, (cst.FunctionDef, cst.ClassDef, cst.BaseExpression)):
            yield from _names(child)


def _bound(alias: cst.ImportAlias) -> str:
    return _dotted(alias.name if alias.asname is None else alias.asname.name)


def is_marked(node: cst.FunctionDef, marks: frozenset[str]) -> bool:
    return bool(marks) and any(_dotted(decorator.decorator) in marks for decorator in node.decorators)


def _dotted(node: Any) -> str:
    """``a.b`` of an expression that is such a name, or nothing."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr.value}" if owner else ""
    return ""

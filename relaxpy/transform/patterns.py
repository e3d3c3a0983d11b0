"""Patterns of `match` for soft subjects: their structure stays Python's, what they compare becomes a condition.

``case (0, x)`` becomes ``case (_t1, _t2)`` with the condition ``_rt.eq(_t1, 0)``, and binds ``x`` to ``_t2`` where it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces

__all__ = ["Loose", "loosened"]


@dataclass
class Loose:
    """A pattern without comparisons: its text, the conditions, and the names that it binds with what holds their values."""

    text: Pieces
    conditions: list[Pieces] = field(default_factory=list)
    binds: list[tuple[Any, str]] = field(default_factory=list)


def loosened(rewriter: Rewriter, pattern: Any) -> Loose:
    loose = Loose(rewriter.pieces())
    _write(rewriter, pattern, loose)
    return loose


def _write(rewriter: Rewriter, node: Any, loose: Loose) -> None:
    start, end = rewriter.whole[id(node)]
    kind = type(node)
    if kind is cst.MatchClass and _is_type(node) and len(node.patterns) == 1:  # float(x)
        _of_type(rewriter, node, loose)
    elif _is_value(node) or _is_choice(node) or _is_type(node):
        name = rewriter.fresh("t")
        loose.text.new(name, start)
        condition = rewriter.pieces()
        _compared(rewriter, node, name, condition)
        loose.conditions.append(condition)
    elif kind is cst.MatchAs and node.name is not None:
        name = rewriter.fresh("t")
        loose.binds.append((node.name, name))
        if node.pattern is None:
            loose.text.new(name, start)
        else:
            name_start, name_end = rewriter.whole[id(node.name)]
            _parts(rewriter, [node.pattern], start, name_start, loose)
            loose.text.new(name, name_start)
            loose.text.copy(name_end, end)
    elif kind is cst.MatchStar and node.name is not None or kind is cst.MatchMapping and node.rest is not None:
        bound = node.name if kind is cst.MatchStar else node.rest
        name = rewriter.fresh("t")
        loose.binds.append((bound, name))
        name_start, name_end = rewriter.whole[id(bound)]
        _parts(rewriter, _children(node), start, name_start, loose)
        loose.text.new(name, name_start)
        loose.text.copy(name_end, end)
    elif kind is cst.MatchOr:
        loose.text.copy(start, end)  # alternatives of different structure compare as Python does
        loose.binds += [(name, name.value) for name in _names(node)]
    else:
        _parts(rewriter, _children(node), start, end, loose)


def _is_value(node: Any) -> bool:
    return type(node) is cst.MatchValue or type(node) is cst.MatchSingleton and node.value.value != "None"


def _is_type(node: Any) -> bool:
    """Is this ``int()`` or ``float(x)``: a type that a soft value may be in the original?"""
    names = ("bool", "float", "int", "list")
    return type(node) is cst.MatchClass and not node.kwds and type(node.cls) is cst.Name and node.cls.value in names


def _of_type(rewriter: Rewriter, node: Any, loose: Loose) -> None:
    """``float(pattern)`` is ``pattern as t`` with a condition on t."""
    start, end = rewriter.whole[id(node)]
    name, inner = rewriter.fresh("t"), node.patterns[0].value
    loose.text.new("(", start)
    _parts(rewriter, [inner], *rewriter.whole[id(inner)], loose)
    loose.text.new(f") as {name}", end - 1)
    condition = rewriter.pieces()
    _compared(rewriter, node, name, condition)
    loose.conditions.append(condition)


def _parts(rewriter: Rewriter, parts: list[Any], start: int, end: int, loose: Loose) -> None:
    for part in parts:
        part_start, part_end = rewriter.whole[id(part)]
        loose.text.copy(start, part_start)
        _write(rewriter, part, loose)
        start = part_end
    loose.text.copy(start, end)


def _children(node: Any) -> list[Any]:
    """The patterns in a pattern."""
    if isinstance(node, (cst.MatchList, cst.MatchTuple)):
        return [part.value if isinstance(part, cst.MatchSequenceElement) else part for part in node.patterns]
    if isinstance(node, cst.MatchMapping):
        return [element.pattern for element in node.elements]
    if isinstance(node, cst.MatchClass):
        return [*(part.value for part in node.patterns), *(part.pattern for part in node.kwds)]
    if isinstance(node, cst.MatchOr):
        return [part.pattern for part in node.patterns]
    if isinstance(node, cst.MatchAs) and node.pattern is not None:
        return [node.pattern]
    return []


def _is_choice(node: Any) -> bool:
    """Is this ``1 | 2 | A.b``: alternatives that are all values?"""
    return isinstance(node, cst.MatchOr) and all(
        isinstance(part, (cst.MatchValue, cst.MatchSingleton)) or _is_choice(part) or _is_type(part) and not part.patterns
        for part in _children(node)
    )


def _names(node: Any) -> list[Any]:
    """The names that alternatives bind; each binds the same ones."""
    first = _children(node)[0]
    found: list[Any] = []
    pending = [first]
    while pending:
        part = pending.pop()
        bound = getattr(part, "name", None) or getattr(part, "rest", None)
        found += [bound] if isinstance(bound, cst.Name) else []
        pending += _children(part)[:1] if isinstance(part, cst.MatchOr) else _children(part)
    return found


def _compared(rewriter: Rewriter, node: Any, name: str, out: Pieces) -> None:
    start, end = rewriter.whole[id(node)]
    if isinstance(node, cst.MatchOr):
        out.new(f"{rewriter.rt('any_of')}(", start)
        for number, part in enumerate(_children(node)):
            out.new(", " if number else "", start)
            _compared(rewriter, part, name, out)
        out.new(")", end - 1)
    elif type(node) is cst.MatchClass:
        called = f"{rewriter.rt('callee')}({rewriter.builtin('isinstance')})"
        out.new(f"{called}({name}, ", start)
        out.copy(*rewriter.whole[id(node.cls)])
        out.new(")", end - 1)
    elif isinstance(node, cst.MatchSingleton):
        out.new(f"{rewriter.rt('is_same')}({name}, {node.value.value})", start)
    else:
        out.new(f"{rewriter.rt('eq')}({name}, ", start)
        rewriter.expression(node.value, out)
        out.new(")", end - 1)

"""Expressions with scopes of their own, and walruses: lambdas, comprehensions, f-strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import header
from relaxpy.transform.context import Function, Rewriter
from relaxpy.transform.names import FreshNames
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import comprehension_fors, parameters, target_names

__all__ = ["comprehension", "formatted", "is_outer", "known_counters", "lambda_", "outer_store", "strings", "walrus"]


def lambda_(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """A lambda is a function: its defaults belong to the code around it, its body has names of its own."""
    start, end = rewriter.whole[id(node)]
    defaults = [parameter.default for parameter in parameters(node.params) if parameter.default is not None]
    body_start, body_end = rewriter.whole[id(node.body)]
    header(rewriter, start, defaults, body_start, out)
    with rewriter.within(Function(rewriter.outlines.of(node), FreshNames(rewriter.taken), None)):
        before, body = rewriter.displays, rewriter.pieces()
        rewriter.expression(node.body, body)
        rewriter.unless_displays_only(body, node.body, before, out)
    out.copy(body_end, end)


def comprehension(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """A comprehension stays; in its parts no walrus is written, and ints that run over a range are known."""
    saved = rewriter.walrus, rewriter.counters, rewriter.iterating
    rewriter.walrus = False
    clauses = list(comprehension_fors(node))
    counters = saved[1]
    found, inner = known_counters(rewriter, clauses)
    start, end = rewriter.whole[id(node)]
    rewriter.look_at(*(clause.iter for clause in clauses))
    for part, known in _parts(rewriter, node, clauses, counters, inner, found):
        part_start, part_end = rewriter.whole[id(part)]
        out.copy(start, part_start)
        rewriter.counters = known
        rewriter.iterating = saved[2] or any(part is clause.iter for clause in clauses)
        rewriter.expression(part, out)
        start = part_end
    rewriter.walrus, rewriter.counters, rewriter.iterating = saved
    out.copy(start, end)


def known_counters(rewriter: Rewriter, clauses: list[Any]) -> tuple[dict[int, frozenset[str]], frozenset[str]]:
    """The plain ints that are known after each `for` of a comprehension, and in its element."""
    counters = rewriter.counters
    bound = [name for clause in clauses for name in target_names(clause.target)]
    found: dict[int, frozenset[str]] = {}
    inner = counters - set(bound)
    for clause in clauses:
        new = rewriter.hardness.counters_of(clause.target, clause.iter, counters if clause is clauses[0] else inner)
        inner |= {name for name in new if bound.count(name) == 1}
        found[id(clause)] = inner
    return found, inner


def _parts(
    rewriter: Rewriter,
    node: Any,
    clauses: list[Any],
    outer: frozenset[str],
    inner: frozenset[str],
    found: dict[int, frozenset[str]],
) -> list[tuple[Any, frozenset[str]]]:
    """The parts of a comprehension that are evaluated, with the plain ints that are known in each."""
    elements = [node.key, node.value] if type(node) is cst.DictComp else [node.elt]
    parts = [(element, inner) for element in elements]
    known = outer
    for clause in clauses:
        parts.append((clause.iter, known))
        known = found[id(clause)]
        for condition in clause.ifs:
            rewriter.decides(condition.test)
            parts.append((condition.test, known))
    return parts


def walrus(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``(name := value)``; a name of an enclosing scope is stored through the runtime."""
    name = node.target.value
    if not is_outer(rewriter, name):
        rewriter.literal(node, out)
        return
    start, end = rewriter.inner[id(node)]
    rewriter.opened(node, out)
    before, after = outer_store(rewriter, name)
    out.new(before, start)
    rewriter.argument(node.value, out)
    out.new(after, end - 1)
    rewriter.closed(node, out)


def is_outer(rewriter: Rewriter, name: str) -> bool:
    """Is this name declared `global` or `nonlocal` in the function?"""
    function = rewriter.function
    return function is not None and (name in function.outline.globals or name in function.outline.nonlocals)


def outer_store(rewriter: Rewriter, name: str) -> tuple[str, str]:
    """The text around a value that is stored in a global name or a name of an enclosing function."""
    if rewriter.function is not None and name in rewriter.function.outline.globals:
        names = rewriter.builtin("globals")
        return f"{rewriter.rt('store_global')}(", f", {names}(), {rewriter.mangled(name)!r})"
    return f"{rewriter.rt('store_cell')}(", f", lambda: {name})"


def formatted(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """An f-string, except where it shows the text of an expression (`f"{x = }"`)."""
    start, end = rewriter.whole[id(node)]
    header(rewriter, start, _safe_parts(node.parts), end, out)


def _safe_parts(parts: Any) -> Iterator[cst.CSTNode]:
    for part in parts:
        if type(part) is cst.FormattedStringExpression:
            if part.equal is None:
                yield part.expression
            yield from _safe_parts(part.format_spec or ())


def strings(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """Strings one after the other."""
    start, end = rewriter.whole[id(node)]
    while type(node) is cst.ConcatenatedString:
        start = _string(rewriter, node.left, start, out)
        node = node.right
    out.copy(_string(rewriter, node, start, out), end)


def _string(rewriter: Rewriter, node: Any, start: int, out: Pieces) -> int:
    if type(node) is cst.SimpleString:
        return start
    node_start, node_end = rewriter.whole[id(node)]
    out.copy(start, node_start)
    rewriter.expression(node, out)
    return node_end

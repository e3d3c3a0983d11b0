"""Comprehensions and generator expressions: they stay, with their parts rewritten."""

from __future__ import annotations

from typing import Any

import libcst as cst

from relaxpy.transform.context import Rewriter
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.stores import stored_name
from relaxpy.transform.tree import comprehension_fors, stored_parts, target_names

__all__ = ["comprehension", "known_counters"]


def comprehension(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """A comprehension stays; in its parts no walrus is written, and ints that run over a range are known."""
    saved = rewriter.walrus, rewriter.counters, rewriter.iterating
    rewriter.walrus = False
    clauses = list(comprehension_fors(node))
    counters = saved[1]
    found, inner = known_counters(rewriter, clauses)
    start, end = rewriter.whole[id(node)]
    rewriter.look_at(*(clause.iter for clause in clauses))
    rewriter.runs_over(*(clause.iter for clause in clauses if clause.asynchronous is None))
    storing = {} if rewriter.function is None else {id(c.iter): c.target for c in clauses if any(stored_parts(c.target))}
    for part, known in _parts(rewriter, node, clauses, counters, inner, found):
        part_start, part_end = rewriter.whole[id(part)]
        target = storing.get(id(part))
        stores = rewriter.pieces()
        if target is not None:
            start = _storing_target(rewriter, target, start, out, stores)
        out.copy(start, part_start)
        rewriter.counters = known
        rewriter.iterating = saved[2] or any(part is clause.iter for clause in clauses)
        rewriter.expression(part, out)
        if target is not None:
            out.new(f" for {rewriter.fresh('t')} in ((", part_end - 1)
            out.extend(stores)
            out.new("),)", part_end - 1)
        start = part_end
    rewriter.walrus, rewriter.counters, rewriter.iterating = saved
    out.copy(start, end)


def _storing_target(rewriter: Rewriter, target: Any, start: int, out: Pieces, stores: Pieces) -> int:
    """``for s[0], n in xs``: the target takes temporaries, which a clause after it stores; returns where the target ends."""
    for part in stored_parts(target):
        part_start, part_end = rewriter.whole[id(part)]
        name = rewriter.fresh("t")
        out.copy(start, part_start)
        out.new(name, part_start)
        for row in stored_name(rewriter, part, name, part_start):
            stores.extend(row.pieces)
        stores.new(", ", part_end - 1)
        start = part_end
    return start


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

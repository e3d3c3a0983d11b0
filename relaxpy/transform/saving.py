"""Local names that travel through branches and loops: in by keywords, out by a tuple, and only on soft paths."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.outline import Outline
from relaxpy.transform.steps import Step

__all__ = ["arguments", "deletes", "holds_work", "may_raise", "outline_of", "restored", "saved", "while_open"]


_WORK = frozenset({"while", "for", "return", "break", "continue", "raise", "with", "try", "match"})


def while_open(rewriter: Rewriter, name: str) -> AbstractContextManager[None]:
    """Inside a construct of the function that may be soft."""
    if rewriter.function is None:
        raise TypeError("constructs are soft only in functions")
    return rewriter.function.inside(name)


def outline_of(rewriter: Rewriter) -> Outline:
    if rewriter.function is None:
        raise TypeError("names are saved only in functions")
    return rewriter.function.outline


def saved(rewriter: Rewriter, mask: int) -> list[str]:
    """The names of a set that are the function's own: others are stored through the journal."""
    outline = outline_of(rewriter)
    return outline.bits.names(mask & outline.bound)


def arguments(rewriter: Rewriter, names: Sequence[str], assigned: int, look: bool = False) -> str:
    """``True, s=s, t=_rt.maybe(locals(), 't')``: what may be unbound is looked up with care."""
    bits = outline_of(rewriter).bits
    parts = ["True"] if look else []
    for name in names:
        if bits[name] & assigned:
            parts.append(f"{name}={name}")
        else:
            found = f"{rewriter.builtin('locals')}(), {rewriter.mangled(name)!r}"
            parts.append(f"{name}={rewriter.rt('maybe')}({found})")
    return ", ".join(parts)


def restored(
    rewriter: Rewriter, test: str, call: str, names: Sequence[str], certain: int, place: int, *more: str
) -> list[Row]:
    """``if _if1.soft: s, = _if1.close(...)``, and what came back undefined is unbound again.

    ``certain``: the names that are surely bound in what comes back; ``more``: further statements under the same test;
    without a ``test`` they stand alone.
    """
    bits = outline_of(rewriter).bits
    inside = [f"{', '.join(names)}{',' if len(names) == 1 else ''} = {call}" if names else call]
    undefined = rewriter.rt("UNDEFINED")
    inside += [f"if {name} is {undefined}: del {name}" for name in names if not bits[name] & certain]
    inside += more
    if not test:
        return [rewriter.row(text, place, simple=False) for text in inside]
    if len(inside) == 1:
        return [rewriter.row(f"{test}: {inside[0]}", place, simple=False)]
    rows = [rewriter.row(f"{test}:", place, simple=False)]
    rows += [rewriter.row(text, place, simple=False, depth=1) for text in inside]
    return rows


def may_raise(block: Sequence[Step]) -> bool:
    """Can a block raise something on purpose, so that it ends anywhere?"""
    return any(step.may_raise() for step in block)


def deletes(block: Sequence[Step]) -> int:
    """Names that a block may unbind."""
    mask = 0
    for step in block:
        mask |= step.all_deletes()
    return mask


def holds_work(block: Sequence[Step]) -> bool:
    """Is a side worth a look at its mass before it runs: does it hold a call, a loop, an exit or an error?"""
    pending = list(block)
    while pending:
        step = pending.pop()
        if step.calls or step.kind in _WORK:
            return True
        for case in step.cases:
            if case.calls:
                return True
        for inner in step.blocks():
            pending += inner
    return False

"""Rewriting: source text in, source text out, in which conditions may be soft.

>>> print(rewrite("def f(x):\\n    return x if x > 0 else -x\\n").text)
def f(x):
    return (_pick1 := _rt.pick(_rt.gt(x, 0))).end(x if _pick1.begin() else _rt.SKIP, -x if _pick1.mid() else _rt.SKIP)
<BLANKLINE>

Comments, layout and all that needs no rewriting survive byte for byte. This package imports no torch.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import libcst as cst

from relaxpy.deep import with_room
from relaxpy.transform.already import runtime_in
from relaxpy.transform.context import Rewriter, Site, describe
from relaxpy.transform.fence import parsed
from relaxpy.transform.functions import module
from relaxpy.transform.names import identifiers, runtime_name
from relaxpy.transform.optout import hard_marks
from relaxpy.transform.outline import Outlines
from relaxpy.transform.pieces import Assembled, Pieces, line_starts
from relaxpy.transform.positions import positions_of
from relaxpy.transform.rules import TABLES

__all__ = ["Rewritten", "Site", "rewrite"]


@dataclass(frozen=True)
class Rewritten:
    """The rewritten source; ``sites`` are the places in it where something is decided."""

    text: str
    runtime_name: str
    sites: tuple[Site, ...]
    changed: bool
    _assembled: Assembled = field(repr=False)
    _lines: list[int] = field(repr=False)
    _source_lines: list[int] = field(repr=False)

    def origin(self, line: int, column: int) -> tuple[int, int, bool]:
        """Line and column in the source of a place in ``text``; False where the text there is new.

        Lines count from 1, columns count characters from 0.
        """
        line = min(max(line, 1), len(self._lines))
        offset, exact = self._assembled.origin(self._lines[line - 1] + column)
        number = bisect.bisect_right(self._source_lines, offset)
        return number, offset - self._source_lines[number - 1], exact


def rewrite(
    source: str,
    *,
    filename: str = "<string>",
    first_line: int = 1,
    class_name: str | None = None,
    free_variables: frozenset[str] = frozenset(),
    strip_decorators: bool = False,
    plain_asserts: bool = False,
    others: frozenset[str] = frozenset(),
) -> Rewritten:
    """Rewrite a module, or one definition that stands at the left margin; what is rewritten already comes back as it is.

    ``class_name`` and ``free_variables`` say where a definition came from: the class around it, and the names that it takes
    from functions around it. ``strip_decorators`` leaves out the decorators of the first definition. With ``plain_asserts``
    assertions stay as they are, so that others can explain them; a soft condition is then an error. ``others`` are globals
    that a definition may use and that are not the runtime, whatever their names. Lines in errors and sites count from
    ``first_line``, in `Rewritten.origin` from 1.
    """
    not_runtime = free_variables | others
    return with_room(
        _rewrite, source, filename, first_line, class_name, free_variables, strip_decorators, plain_asserts, not_runtime
    )


def _rewrite(
    source: str,
    filename: str,
    first_line: int,
    class_name: str | None,
    free_variables: frozenset[str],
    strip_decorators: bool,
    plain_asserts: bool,
    not_runtime: frozenset[str],
) -> Rewritten:
    """The passes: parse, place, outline (who binds what), and then the text, function by function."""
    ended = source.endswith(("\n", "\r"))
    tree = parsed(source if ended else source + "\n", filename, first_line)
    positions = positions_of(tree)
    text = positions.source
    outlines = Outlines(free_variables)
    outlines.of(tree)
    taken = identifiers(text) | free_variables
    already = runtime_in(source, not_runtime)
    runtime = already or runtime_name(taken)
    rewriter = Rewriter(
        positions, outlines, taken, runtime, class_name, TABLES, tree.default_indent, tree.default_newline
    )
    rewriter.plain_asserts = plain_asserts
    rewriter.hard_marks = hard_marks(tree, source)
    if strip_decorators:
        rewriter.bare = next((node for node in tree.body if isinstance(node, (cst.FunctionDef, cst.ClassDef))), None)
    out = Pieces(text)
    if already is None:
        module(rewriter, tree, out)
    else:
        out.copy(0, len(text))
    return _finished(rewriter, out, source, ended, first_line)


def _finished(rewriter: Rewriter, out: Pieces, source: str, ended: bool, first_line: int) -> Rewritten:
    assembled = out.assemble()
    text = assembled.text
    if not ended:
        # The line end that was added to the source, and any that the rewriter wrote after it.
        text = text.removesuffix("\n").removesuffix("\r")
    source_lines = line_starts(rewriter.source)

    def place(offset: int) -> tuple[int, int]:
        number = bisect.bisect_right(source_lines, offset)
        return number, offset - source_lines[number - 1]

    sites = tuple(
        describe(site, rewriter.source, place, first_line) for site in sorted(set(rewriter.sites), key=_by_place)
    )
    return Rewritten(text, rewriter.runtime, sites, text != source, assembled, line_starts(text), source_lines)


def _by_place(site: tuple[str, int, int]) -> tuple[int, int]:
    return site[1], -site[2]

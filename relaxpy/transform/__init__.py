"""The rewriter: source text in, rewritten text out. Imports libcst, never torch."""

from __future__ import annotations

import bisect
import functools
import io
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import libcst as cst

from relaxpy.errors import RelaxSyntaxError
from relaxpy.transform.base import Site
from relaxpy.transform.bindings import binds, parameters_of
from relaxpy.transform.loops import Loops
from relaxpy.transform.pieces import Assembled, Pieces, assemble
from relaxpy.transform.positions import Positions
from relaxpy.transform.tree import walk

__all__ = ["Rewritten", "Site", "rewrite"]

_DEPTH = 20_000


@dataclass(frozen=True)
class Rewritten:
    """Rewritten text, with the place in the source of each of its places."""

    text: str
    runtime_name: str
    sites: tuple[Site, ...]
    changed: bool
    _assembled: Assembled
    _source: str

    @functools.cached_property
    def _text_lines(self) -> list[int]:
        return _line_starts(self.text)

    @functools.cached_property
    def _source_lines(self) -> list[int]:
        return _line_starts(self._source)

    def origin(self, line: int, column: int) -> tuple[int, int, bool]:
        """(line, column, whether exactly) in the source of a place in the text; lines from 1, columns from 0."""
        offset = self._text_lines[line - 1] + column
        place, own = self._assembled.source_of(offset)
        if not own and offset:
            before, own_before = self._assembled.source_of(offset - 1)
            if own_before:
                return *_line_column(self._source_lines, before + 1), True
        return *_line_column(self._source_lines, place), own


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text, newline=""):
        starts.append(starts[-1] + len(line))
    return starts


def _line_column(starts: list[int], offset: int) -> tuple[int, int]:
    line = bisect.bisect_right(starts, offset) - 1
    if line == len(starts) - 1 and line > 0 and starts[line] == offset:
        line -= 1
    return line + 1, offset - starts[line]


def rewrite(
    source: str,
    *,
    filename: str = "<string>",
    first_line: int = 1,
    class_name: str | None = None,
    free_variables: frozenset[str] = frozenset(),
    strip_decorators: bool = False,
) -> Rewritten:
    """Rewrite a module's text, or that of one dedented function.

    >>> rewrite("def f(x):\\n    return x > 0\\n").text
    'def f(x):\\n    return _rt.gt(x, 0)\\n'

    Raises RelaxSyntaxError with file, line and column. Line numbers of the result are those of ``source``.
    """
    with _deep_recursion():
        module = _parsed(source, filename, first_line)
        positions = Positions(module)
        names = {node.value for node in walk(module) if isinstance(node, cst.Name)}
        rewriter = Loops(
            source, positions, _runtime_name(names), frozenset(names), _bound_names(module) | free_variables
        )
        rewriter.indent = module.default_indent
        rewriter.newline = module.default_newline
        rewriter.class_name = class_name
        pieces = _module(rewriter, module, strip_decorators)
    assembled = assemble(source, pieces)
    starts = _line_starts(source)
    sites = tuple(
        Site(kind, *_line_column(starts, start), text=source[start:end].splitlines()[0])
        for kind, start, end in sorted(rewriter.site_ranges, key=lambda site: site[1:])
    )
    return Rewritten(assembled.text, rewriter.rt, sites, assembled.text != source, assembled, source)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _parsed(source: str, filename: str, first_line: int) -> cst.Module:
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise RelaxSyntaxError(
            f"the source cannot be parsed: {error.message}",
            remedy="correct the syntax",
            file=filename,
            line=error.raw_line + first_line - 1,
            column=error.raw_column,
            text=source.splitlines()[error.raw_line - 1] if source.splitlines()[error.raw_line - 1 :] else None,
        ) from None
    except tokenize.TokenError as error:
        raise RelaxSyntaxError(f"the source cannot be parsed: {error}", file=filename, line=first_line) from None


def _runtime_name(names: set[str]) -> str:
    name = "_rt"
    k = 2
    while name in names:
        name, k = f"_rt_{k}", k + 1
    return name


def _bound_names(module: cst.Module) -> frozenset[str]:
    """All names that anything in the source binds, in whatever scope."""
    bound: set[str] = binds(module.body)
    for node in walk(module):
        if isinstance(node, (cst.FunctionDef, cst.Lambda)):
            bound.update(parameter.name.value for parameter in parameters_of(node.params))
            bound |= binds([node.body])
        elif isinstance(node, cst.ClassDef):
            bound |= binds([node.body])
        elif isinstance(node, cst.CompFor):
            from relaxpy.transform.bindings import target_names

            bound.update(target_names(node.target))
    return frozenset(bound)


def _module(rewriter: Loops, module: cst.Module, strip_decorators: bool) -> Pieces:
    pieces: Pieces = [rewriter.positions.of(line) for line in module.header]
    for statement in module.body:
        if strip_decorators and isinstance(statement, cst.FunctionDef) and statement.decorators:
            start = rewriter.positions.inner(statement)[0]
            end = rewriter._header_place(statement)
            pieces.append("\n" * rewriter.source.count("\n", rewriter.positions.of(statement)[0], end))
            del start
            statement = _Undecorated.of(statement, rewriter)
        pieces += rewriter.statement(statement, "", None)
    pieces += [rewriter.positions.of(line) for line in module.footer]
    return pieces


class _Undecorated:
    """A function without its decorators, whose lines stay."""

    @staticmethod
    def of(node: cst.FunctionDef, rewriter: Loops) -> cst.FunctionDef:
        bare = node.with_changes(decorators=(), leading_lines=(), lines_after_decorators=())
        place = rewriter._header_place(node)
        end = rewriter.positions.of(node)[1]
        rewriter.positions._ranges[id(bare)] = (place, end)
        rewriter.positions._inner[id(bare)] = (place, end)
        return bare

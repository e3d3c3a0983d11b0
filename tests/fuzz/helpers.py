"""Functions and methods that a program calls. They change what they are given, and may leave early."""

from __future__ import annotations

from tests.fuzz.expressions import affine, threshold, untouched
from tests.fuzz.statements import block
from tests.fuzz.writer import Helper, Scope, Writer

__all__ = ["CALLS", "HELPERS", "PREDICATES", "TICK"]


def _body(writer: Writer, cells: tuple[str, ...], result: str) -> None:
    """A short body with exits, of a function of ``c`` and cells."""
    budget, writer.decisions = writer.decisions, 2.0
    scope = Scope(("c",), cells, cells, result, depth=2)
    block(writer, scope)
    writer.line(f"return {affine(writer, scope)}")
    writer.decisions = budget


def _method(writer: Writer) -> None:
    with writer.block("class Box:"):
        with writer.block("def __init__(self, v):"):
            writer.line("self.v = v")
            writer.line("self.log = [0.0, 0.0]")
        with writer.block("def add(self, c, v):"):
            _body(writer, ("v", "self.v", "self.log[0]", "self.log[1]"), "self.v")


def _changes_list(writer: Writer) -> None:
    with writer.block("def settle(seq, c, v):"):
        _body(writer, ("v", "seq[0]", "seq[1]"), "seq[0]")


def _counts_globally(writer: Writer) -> None:
    with writer.block("def note(c, v):"):
        writer.line("global TOTAL")
        _body(writer, ("v", "TOTAL"), "TOTAL")


def _closure(writer: Writer) -> None:
    with writer.block("def tick(c, v):"):
        writer.line("nonlocal u")
        _body(writer, ("v", "u"), "u")


def _recursive(writer: Writer) -> None:
    with writer.block("def descend(c, v, depth):"):
        with writer.block(f"if depth == 0 or c > {threshold(writer)}:"):
            writer.line("return v")
        writer.line(f"return descend(c + 0.5, {affine(writer, Scope(('c',), ('v',), ()), 2)}, depth - 1) + 0.25")


def _position(writer: Writer) -> None:
    with writer.block("def position(seq):"):
        with writer.block("for i in range(2):"), writer.block(f"if seq[i] > {threshold(writer)}:"):
            writer.line("return i")
        writer.line("return 2")


def _predicate(writer: Writer) -> None:
    with writer.block("def above(c):"):
        with writer.block(f"if c > {threshold(writer)}:"):
            writer.line(writer.choose(("return True", "return c < 0.6025", "return 1")))
        writer.line(writer.choose(("return False", "return c == 0.1025", "return not c > -0.4025")))


def _any_of(writer: Writer) -> None:
    with writer.block("def holds(*values):"):
        with writer.block("for value in values:"), writer.block(f"if value > {threshold(writer)}:"):
            writer.line("return True")
        writer.line("return False")


def _settles(writer: Writer, scope: Scope) -> str:
    values = writer.choose(("s", "r", "q", "a", "o.log"))
    return f"settle({values}, {untouched(writer, scope)}, {affine(writer, scope, 2)})"


def _adds(writer: Writer, scope: Scope) -> str:
    return f"{writer.choose(('o', 'p'))}.add({untouched(writer, scope)}, {affine(writer, scope, 2)})"


def _positions(writer: Writer, scope: Scope) -> str:
    return writer.choose(("position(x)", "x[position(x)]", "[0.5, 1.5, -1.0][position(x)]"))


PREDICATES = (
    Helper("above", _predicate, lambda w, s: f"above({untouched(w, s)})", 2.0),
    Helper("holds", _any_of, lambda w, s: f"holds({untouched(w, s)}, {untouched(w, s)})", 2.0),
)
TICK = Helper("tick", _closure, lambda w, s: f"tick({untouched(w, s)}, {affine(w, s, 2)})", 1.5)
CALLS = (
    Helper("Box", _method, _adds, 1.5),
    Helper("settle", _changes_list, _settles, 1.5),
    Helper("note", _counts_globally, lambda w, s: f"note({untouched(w, s)}, {affine(w, s, 2)})", 1.5),
    Helper("descend", _recursive, lambda w, s: f"descend({untouched(w, s)}, {affine(w, s, 2)}, 2)", 2.0),
    Helper("position", _position, _positions, 2.0),
)
HELPERS = (*PREDICATES, *CALLS)

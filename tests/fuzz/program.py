"""Whole programs: a module with a class, helpers that change what they are given, and a function that uses them."""

from __future__ import annotations

import linecache
import random
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz.expressions import affine, threshold, untouched
from tests.fuzz.guards import GUARD
from tests.fuzz.statements import block
from tests.fuzz.writer import Helper, Scope, Writer

RESULTS = (
    "t, u, n, s, g, d, o, a, TOTAL, r is s",
    "(t, u, n, s[0], s[1], s[2], g[0][1], q[0], d['p'], o.v, o.log[1], a[0], a[2])",
    "{'t': t, 'u': u, 's': list(s), 'g': g[1], 'o': p, 'a': (a[0], a[1], b[2])}",
)


@dataclass(frozen=True)
class Program:
    """The text of a module that defines ``program(x, y, a)``; with ``hazards`` some path of it may raise."""

    source: str
    hazards: bool = False
    name: str = "<fuzz>"

    def load(self) -> dict[str, Any]:
        """Runs the module, and lets ``inspect`` find its source."""
        linecache.cache[self.name] = (len(self.source), None, self.source.splitlines(keepends=True), self.name)
        namespace: dict[str, Any] = {"__name__": "fuzzed"}
        exec(compile(self.source, self.name, "exec"), namespace)
        return namespace


def enclosed(program: Program) -> Program:
    """The same program with its global, and the helper that assigns it, inside the function: nothing outlives a call."""
    above, _, body = program.source.partition("def program(x, y, a):\n")
    before, _, rest = above.partition("def note(c, v):\n")
    lines = rest.splitlines()
    end = next(k for k, line in enumerate(lines) if not line.startswith(" "))
    note = ["    def note(c, v):", *(f"    {line}" for line in lines[:end])]
    body = body.replace("    global TOTAL\n", "", 1)
    outside = [*before.splitlines(), *lines[end:]]
    source = "\n".join([*outside, "def program(x, y, a):", *note, body])
    return replace(program, source=source.replace("global TOTAL", "nonlocal TOTAL"))


def generate(seed: int, *, guards: bool = False) -> Program:
    """The program of this seed; with ``guards`` it holds `try`, `raise`, `with` and `match` as well."""
    chosen = random.Random(seed)
    hazards = chosen.random() < 0.15
    writer = Writer(chosen, decisions=chosen.choice((3.0, 6.0, 9.0, 12.0)), hazards=False)
    writer.line("TOTAL = 0.0")
    writer.lines += GUARD.splitlines() if guards else []
    predicates = (_predicate(writer), _any_of(writer))
    calls = (_method(writer), _changes_list(writer), _counts_globally(writer), _recursive(writer), _position(writer))
    writer.hazards, writer.guards = hazards, guards
    _main(writer, calls, predicates)
    return Program("\n".join(writer.lines) + "\n", hazards, f"<fuzz {seed}>")


def _main(writer: Writer, calls: tuple[Helper, ...], predicates: tuple[Helper, ...]) -> None:
    result = writer.choose(RESULTS)
    cells = ("t", "u", "n", "s[0]", "s[1]", "r[2]", "g[0][1]", "q[0]", "d['p']", "o.v", "o.log[1]", "a[0]", "b[-1]")
    targets = ("t", "t", "u", "s[0]", "s[-1]", "r[1]", "g[0][1]", "g[1][0]", "q[1]", "d['p']", "d['q']", "o.v", "p.v")
    scope = Scope(
        inputs=("x[0]", "x[1]", "x[2]", "x[3]", "y"),
        cells=cells,
        targets=(*targets, "o.log[0]", "a[0]", "a[1]", "b[2]"),
        result=result,
        lists=("s", "q", "o.log"),
        arrays=("x",),
        calls=calls,
        predicates=predicates,
    )
    with writer.block("def program(x, y, a):"):
        for line in (
            "global TOTAL",
            "TOTAL = 0.0",
            "t = 0.5",
            "u = 1.0",
            "n = 0",
            "s = [1.0, 2.0, 3.0]",
            "r = s",
            "g = [[0.5, 1.5], [2.5, 3.5]]",
            "q = g[1]",
            "d = {'p': 1.0, 'q': -1.0}",
            "o = Box(0.75)",
            "p = o",
            "b = a",
        ):
            writer.line(line)
        tick = _closure(writer)
        for _ in range(2):
            block(writer, replace(scope, calls=(*calls, tick)))
            _count(writer, scope)
        writer.line(f"return {result}")


def _count(writer: Writer, scope: Scope) -> None:
    form = writer.choose(("n += 1", "n = n - 2", "n = 3", "n += {}", "n = 2 * n + 1"))
    if not writer.afford(scope):
        return
    test = f"{untouched(writer, scope)} > {threshold(writer)}"
    if "{}" in form:
        writer.line(form.format(f"{test}"))
    else:
        with writer.block(f"if {test}:"):
            writer.line(form)


def _body(writer: Writer, cells: tuple[str, ...], result: str) -> float:
    """A short body with exits, of a function of ``c`` and cells; gives the decisions that it takes."""
    budget, writer.decisions = writer.decisions, 2.0
    scope = Scope(("c",), cells, cells, result, depth=2)
    block(writer, scope)
    writer.line(f"return {affine(writer, scope)}")
    spent, writer.decisions = 2.0 - writer.decisions, budget
    return max(spent, 0.25)


def _method(writer: Writer) -> Helper:
    with writer.block("class Box:"):
        with writer.block("def __init__(self, v):"):
            writer.line("self.v = v")
            writer.line("self.log = [0.0, 0.0]")
        with writer.block("def add(self, c, v):"):
            cells = ("v", "self.v", "self.log[0]", "self.log[1]")
            cost = _body(writer, cells, "self.v")
    return Helper(lambda w, s: f"{w.choose(('o', 'p'))}.add({untouched(w, s)}, {affine(w, s, 2)})", cost)


def _changes_list(writer: Writer) -> Helper:
    with writer.block("def settle(seq, c, v):"):
        cost = _body(writer, ("v", "seq[0]", "seq[1]"), "seq[0]")
    lists = ("s", "r", "q", "a", "o.log")
    return Helper(lambda w, s: f"settle({w.choose(lists)}, {untouched(w, s)}, {affine(w, s, 2)})", cost)


def _counts_globally(writer: Writer) -> Helper:
    with writer.block("def note(c, v):"):
        writer.line("global TOTAL")
        cost = _body(writer, ("v", "TOTAL"), "TOTAL")
    return Helper(lambda w, s: f"note({untouched(w, s)}, {affine(w, s, 2)})", cost)


def _recursive(writer: Writer) -> Helper:
    with writer.block("def descend(c, v, depth):"):
        with writer.block(f"if depth == 0 or c > {threshold(writer)}:"):
            writer.line("return v")
        writer.line(f"return descend(c + 0.5, {affine(writer, Scope(('c',), ('v',), ()), 2)}, depth - 1) + 0.25")
    return Helper(lambda w, s: f"descend({untouched(w, s)}, {affine(w, s, 2)}, 2)", 2.0)


def _position(writer: Writer) -> Helper:
    with writer.block("def position(seq):"):
        with writer.block("for i in range(2):"), writer.block(f"if seq[i] > {threshold(writer)}:"):
            writer.line("return i")
        writer.line("return 2")
    return Helper(lambda w, s: w.choose(("position(x)", "x[position(x)]", "[0.5, 1.5, -1.0][position(x)]")), 2.0)


def _closure(writer: Writer) -> Helper:
    with writer.block("def tick(c, v):"):
        writer.line("nonlocal u")
        cost = _body(writer, ("v", "u"), "u")
    return Helper(lambda w, s: f"tick({untouched(w, s)}, {affine(w, s, 2)})", cost)


def _predicate(writer: Writer) -> Helper:
    with writer.block("def above(c):"):
        with writer.block(f"if c > {threshold(writer)}:"):
            writer.line(writer.choose(("return True", "return c < 0.6025", "return 1")))
        writer.line(writer.choose(("return False", "return c == 0.1025", "return not c > -0.4025")))
    return Helper(lambda w, s: f"above({untouched(w, s)})", 2.0)


def _any_of(writer: Writer) -> Helper:
    with writer.block("def holds(*values):"):
        with writer.block("for value in values:"), writer.block(f"if value > {threshold(writer)}:"):
            writer.line("return True")
        writer.line("return False")
    return Helper(lambda w, s: f"holds({untouched(w, s)}, {untouched(w, s)})", 2.0)

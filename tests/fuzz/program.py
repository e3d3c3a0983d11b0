"""Whole programs: a module with a class, helpers that change what they are given, and a function that uses them."""

from __future__ import annotations

import linecache
import random
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz.expressions import threshold, untouched
from tests.fuzz.guards import GUARD
from tests.fuzz.helpers import CALLS, HELPERS, PREDICATES, TICK
from tests.fuzz.statements import block
from tests.fuzz.writer import Scope, Writer

RESULTS = (
    "t, u, n, s, g, d, o, a, TOTAL, r is s",
    "(t, u, n, s[0], s[1], s[2], g[0][1], q[0], d['p'], o.v, o.log[1], a[0], a[2])",
    "{'t': t, 'u': u, 's': list(s), 'g': g[1], 'o': p, 'a': (a[0], a[1], b[2])}",
)


@dataclass(frozen=True)
class Program:
    """The text of a module that defines ``program(x, y, a)``.

    With ``hazards`` some path of it may raise. ``entangled``: conditions or clean-ups read what other decisions have
    touched, so that the relaxation, which merges paths, need not equal the expectation over them.
    """

    source: str
    hazards: bool = False
    entangled: bool = False
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
    before, note, rest = above.partition("def note(c, v):\n")
    lines = rest.splitlines()
    end = next((k for k, line in enumerate(lines) if not line.startswith(" ")), len(lines))
    inside = [f"    {line}" for line in (*note.splitlines(), *lines[:end])]
    body = body.replace("    global TOTAL\n", "", 1)
    outside = [*before.splitlines(), *lines[end:]]
    source = "\n".join([*outside, "def program(x, y, a):", *inside, body])
    return replace(program, source=source.replace("global TOTAL", "nonlocal TOTAL"))


def generate(seed: int, *, guards: bool = False) -> Program:
    """The program of this seed; with ``guards`` it holds `try`, `raise`, `with` and `match` as well."""
    chosen = random.Random(seed)
    return written(chosen, f"<fuzz {seed}>", hazards=chosen.random() < 0.15, guards=guards)


def written(chosen: random.Random, name: str, *, hazards: bool, guards: bool, entangled: bool = False) -> Program:
    """The program that these choices give."""
    writer = Writer(chosen, chosen.choice((3.0, 6.0, 9.0, 12.0)), hazards, guards, free=entangled, entangled=entangled)
    _main(writer)
    main = writer.taken()
    writer.line("TOTAL = 0.0")
    writer.lines += GUARD.splitlines() if guards else []
    writer.hazards = writer.guards = False
    for helper in HELPERS:
        if helper.called_in(main):
            helper.define(writer)
    return Program("\n".join([*writer.lines, *main]) + "\n", hazards, writer.entangled, name)


def _main(writer: Writer) -> None:
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
        calls=(*CALLS, TICK),
        predicates=PREDICATES,
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
        above = writer.taken()
        for _ in range(2):
            block(writer, scope)
            _count(writer, scope)
        writer.line(f"return {result}")
        body = writer.taken()
        writer.lines = above
        if TICK.called_in(body):
            TICK.define(writer)
        writer.lines += body


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

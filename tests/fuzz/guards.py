"""Statements around statements: clean-up, handlers, context managers, `match`. Exits and soft errors cross them.

A clean-up runs once for all paths that cross it, on what they bring along, mixed: they merge there, and part again. So
what it reads and changes is entangled with where the paths go.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.expressions import affine, condition
from tests.fuzz.writer import Scope, Writer

Block = Callable[[Writer, Scope], None]

GUARD = """\
class Guard:
    def __init__(self, box):
        self.box = box
    def __enter__(self):
        self.box.v += 0.5
        return self.box
    def __exit__(self, kind, error, traceback):
        self.box.v *= 0.5
        return False
"""


def guarded(writer: Writer, scope: Scope, block: Block) -> None:
    writer.choose((cleanup, handler, context, match))(writer, scope, block)


def change(writer: Writer, scope: Scope) -> None:
    writer.line(f"{writer.choose(scope.targets)} = {affine(writer, scope)}")


def cleanup(writer: Writer, scope: Scope, block: Block) -> None:
    with writer.block("try:"):
        block(writer, scope.inside())
    _clean(writer, scope)


def _clean(writer: Writer, scope: Scope) -> None:
    writer.entangled = True
    with writer.block("finally:"):
        change(writer, scope)


def handler(writer: Writer, scope: Scope, block: Block) -> None:
    """A soft error is an exit to its handler."""
    test = condition(writer, scope)
    if test is None:
        return change(writer, scope)
    inner = scope.inside()
    with writer.block("try:"):
        if writer.chance(0.5):
            block(writer, inner)
        with writer.block(f"if {test}:"):
            change(writer, scope)
            writer.line("raise ValueError('soft')")
        block(writer, inner)
    with writer.block("except ValueError as error:"):
        change(writer, scope)
        if writer.chance(0.3) and scope.result is not None:
            writer.line(f"return {scope.result}")
    if writer.chance(0.4):
        with writer.block("else:"):
            change(writer, scope)
    if writer.chance(0.4):
        _clean(writer, scope)


def context(writer: Writer, scope: Scope, block: Block) -> None:
    if "o.v" not in scope.cells:
        return cleanup(writer, scope, block)
    writer.entangled = True
    name = writer.fresh("z")
    with writer.block(f"with Guard(o) as {name}:"):
        writer.line(f"{name}.v = {affine(writer, scope)}")
        block(writer, scope.inside())


def match(writer: Writer, scope: Scope, block: Block) -> None:
    soft = writer.chance(0.5) and writer.afford(scope, 2)
    subject = writer.choose(scope.inputs if soft or not scope.counters else scope.counters)
    literals = ("0.1025", "-0.2075") if subject in scope.inputs else ("0", "1 | 2")
    with writer.block(f"match {subject}:"):
        for literal in literals:
            with writer.block(f"case {literal}:"):
                block(writer, scope.inside(in_branch=True))
        if writer.chance(0.7):
            with writer.block("case _:"):
                change(writer, scope)

"""Loops of every kind. Their counters are the same on all paths that reach a test, so conditions may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fuzz.expressions import affine, condition, threshold
from tests.fuzz.writer import Scope, Writer


def loop(writer: Writer, scope: Scope) -> None:
    if scope.weight > 6:
        writer.line(f"{writer.choose(scope.targets)} = {affine(writer, scope)}")
        return
    kinds = (over_range, over_range, over_array, soft_while, soft_while, counted_while, endless_while)
    writer.choose(kinds)(writer, scope)


@contextmanager
def body(writer: Writer, scope: Scope, header: str, times: float, counter: str = "", item: str = "") -> Iterator[Scope]:
    """The loop with this header, then perhaps its ``else``."""
    from tests.fuzz.statements import block

    inputs = (*scope.inputs, item) if item else scope.inputs
    counters = (*scope.counters, counter) if counter else scope.counters
    inner = scope.inside(inputs=inputs, counters=counters, weight=scope.weight * times, in_loop=True, in_branch=False)
    with writer.block(header):
        yield inner
        block(writer, inner)
    if writer.chance(0.4):
        with writer.block("else:"):
            block(writer, scope.inside())
    if counter and writer.chance(0.3):
        writer.line(f"{writer.choose(scope.targets)} += 0.25 * {counter}")


def over_range(writer: Writer, scope: Scope) -> None:
    counter, times = writer.fresh("i"), writer.random.randint(1, 3)
    item = f"{writer.choose(scope.arrays)}[{counter}]" if scope.arrays else ""
    with body(writer, scope, f"for {counter} in range({times}):", times, counter, item):
        pass


def over_array(writer: Writer, scope: Scope) -> None:
    if not scope.arrays:
        return over_range(writer, scope)
    item, counter, array = writer.fresh("v"), writer.fresh("i"), writer.choose(scope.arrays)
    kind = writer.random.random()
    if kind < 0.3:
        with body(writer, scope, f"for {counter}, {item} in enumerate({array}[1:3]):", 2, counter, item):
            pass
    elif kind < 0.5:
        with body(writer, scope, f"for {item}, {item}_b in zip({array}, (0.5, 1.5)):", 2, item=item):
            pass
    elif kind < 0.65:
        with body(writer, scope, f"for {item} in reversed({array}[:2]):", 2, item=item):
            pass
    else:
        with body(writer, scope, f"for {item} in {array}:", 4, item=item):
            pass


def soft_while(writer: Writer, scope: Scope) -> None:
    if not writer.afford(scope, 3):
        return over_range(writer, scope)
    counter = writer.fresh("j")
    writer.line(f"{counter} = 0")
    test = f"{writer.choose(scope.inputs)} > 1.25 * {counter} + {threshold(writer)}"
    if writer.chance(0.25):
        test = f"{counter} < 3 and {test}"
    with body(writer, scope, f"while {test}:", 1.5, counter):
        writer.line(f"{counter} += 1")


def counted_while(writer: Writer, scope: Scope) -> None:
    counter = writer.fresh("j")
    writer.line(f"{counter} = 0")
    with body(writer, scope, f"while {counter} < 2:", 2, counter):
        writer.line(f"{counter} += 1")


def endless_while(writer: Writer, scope: Scope) -> None:
    counter = writer.fresh("j")
    writer.line(f"{counter} = 0")
    with body(writer, scope, "while True:", 2, counter) as inner:
        writer.line(f"{counter} += 1")
        test = condition(writer, inner)
        with writer.block(f"if {counter} > 2" + (f" or {test}:" if test else ":")):
            if writer.chance(0.4):
                writer.line(f"{writer.choose(scope.targets)} += {affine(writer, scope)}")
            writer.line("break")

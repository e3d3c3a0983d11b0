"""Statements, one function a kind. Each writes itself, or gives way to an assignment where the budget is spent."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.expressions import affine, condition, constant, single_comparison, threshold, untouched
from tests.fuzz.guards import guarded
from tests.fuzz.loops import loop
from tests.fuzz.writer import Scope, Writer

Production = Callable[[Writer, Scope], None]


def block(writer: Writer, scope: Scope) -> None:
    """Some statements, perhaps ending in an exit."""
    for _ in range(writer.random.randint(1, 4 if scope.depth < 2 else 2)):
        weights = [weight for weight, _, deepest in PRODUCTIONS if scope.depth < deepest]
        options = [production for _, production, deepest in PRODUCTIONS if scope.depth < deepest]
        if writer.guards and scope.depth < 3 and writer.chance(0.25):
            guarded(writer, scope, block)
        else:
            writer.random.choices(options, weights)[0](writer, scope)
        if writer.hazards and writer.chance(0.08):
            writer.line(writer.choose(HAZARDS))
    if scope.in_branch and writer.chance(0.5):
        leave(writer, scope)


def leave(writer: Writer, scope: Scope) -> None:
    ways = [way for way, allowed in (("break", scope.in_loop), ("continue", scope.in_loop)) if allowed]
    if scope.result is not None:
        ways.append(f"return {scope.result}")
    if ways:
        writer.line(writer.choose(ways))
        if writer.chance(0.1):
            assign(writer, scope)


def branch(writer: Writer, scope: Scope) -> None:
    test = condition(writer, scope)
    if test is None:
        return assign(writer, scope)
    inner = scope.inside(in_branch=True)
    if writer.chance(0.08):
        name = writer.fresh("w")
        test = f"({name} := {untouched(writer, scope)}) > {threshold(writer)}"
        inner = inner.inside(inputs=(*inner.inputs, name))
    with writer.block(f"if {test}:"):
        block(writer, inner)
    inner = scope.inside(in_branch=True)
    if writer.chance(0.2) and (other := condition(writer, scope)):
        with writer.block(f"elif {other}:"):
            block(writer, inner)
    if writer.chance(0.5):
        with writer.block("else:"):
            block(writer, inner)


def named_truth(writer: Writer, scope: Scope) -> None:
    """A comparison under a name is drawn anew at each test."""
    test = single_comparison(writer, scope)
    if test is None or not writer.afford(scope, 1):
        return assign(writer, scope)
    name = writer.fresh("c")
    writer.line(f"{name} = {test}")
    for _ in range(2):
        with writer.block(f"if {writer.choose(('', 'not '))}{name}:"):
            assign(writer, scope)
    writer.line(f"{writer.choose(scope.targets)} = {affine(writer, scope)} + {name}")


def assign(writer: Writer, scope: Scope) -> None:
    writer.line(f"{writer.choose(scope.targets)} = {affine(writer, scope)}")


def augmented(writer: Writer, scope: Scope) -> None:
    target = writer.choose(scope.targets)
    if writer.chance(0.3):
        writer.line(f"{target} *= {writer.choose((constant(writer), writer.choose(scope.inputs)))}")
    else:
        writer.line(f"{target} {writer.choose(('+', '-'))}= {affine(writer, scope)}")


def several_targets(writer: Writer, scope: Scope) -> None:
    first, second = writer.choose(scope.targets), writer.choose(scope.targets)
    kind = writer.random.random()
    if kind < 0.4:
        writer.line(f"{first}, {second} = {second}, {first}")
    elif kind < 0.7:
        writer.line(f"{first}, {second} = {affine(writer, scope)}, {affine(writer, scope)}")
    else:
        writer.line(f"{first} = {second} = {affine(writer, scope)}")


def grow_and_shrink(writer: Writer, scope: Scope) -> None:
    if not scope.lists:
        return assign(writer, scope)
    values = writer.choose(scope.lists)
    item = affine(writer, scope)
    forms = (
        f"{values}.append({item}); {values}.pop(0)",
        f"{values}.insert(0, {item}); {writer.choose(scope.targets)} = {values}.pop()",
        f"{values}.append({item}); del {values}[1]",
        f"{values}.reverse()",
        f"{values}[0:2] = [{item}, {affine(writer, scope)}]",
        f"{values}[:] = [{constant(writer)} * e + {affine(writer, scope)} for e in {values}]",
    )
    for part in writer.choose(forms).split("; "):
        writer.line(part)


def temporary(writer: Writer, scope: Scope) -> None:
    """Objects made, changed and read in one block, among them aliases that only this block has."""
    name = writer.fresh("z")
    target = writer.choose(scope.targets)
    kind = writer.random.random()
    if kind < 0.3 and scope.lists:
        writer.line(f"{name} = {writer.choose(scope.lists)}")
        writer.line(f"{name}[{writer.random.randint(-1, 1)}] = {affine(writer, scope)}")
    elif kind < 0.5:
        writer.line(f"{name} = {{'k': {affine(writer, scope)}}}")
        writer.line(f"{name}['m'] = {affine(writer, scope)}")
        writer.line(f"{target} = {name}.pop('k') + {name}['m']")
    elif kind < 0.7 and scope.lists:
        writer.line(f"{name}, *{name}_rest = {writer.choose(scope.lists)}")
        writer.line(f"{target} = {name} - {name}_rest[0]")
    else:
        test = condition(writer, scope, 1) or "True"
        writer.line(f"{name} = lambda v: v if {test} else 0.5 * v")
        writer.line(f"{target} = {name}({affine(writer, scope)})")


def call(writer: Writer, scope: Scope) -> None:
    helper = writer.choose(scope.calls) if scope.calls else None
    if helper is None or not writer.afford(scope, helper.decisions):
        return assign(writer, scope)
    text = helper.write(writer, scope)
    writer.line(text if writer.chance(0.3) else f"{writer.choose(scope.targets)} = {text}")


def tally(writer: Writer, scope: Scope) -> None:
    """A counted integer, then used as an index, compared, and stored by."""
    if not scope.arrays or not writer.afford(scope, 3):
        return assign(writer, scope)
    count, item, table, target = writer.fresh("k"), writer.fresh("v"), writer.fresh("h"), writer.choose(scope.targets)
    writer.line(f"{count} = 0")
    with writer.block(f"for {item} in {writer.choose(scope.arrays)}[:3]:"):
        with writer.block(f"if {item} > {threshold(writer)}:"):
            writer.line(writer.choose((f"{count} += 1", f"{count} = {count} + 1", f"{count} = 3 - {count}", "break")))
        if writer.chance(0.3):
            with writer.block("else:"):
                writer.line(writer.choose((f"{count} = 2", "continue", f"{count} = 0")))
    writer.line(f"{table} = [{constant(writer)}, {untouched(writer, scope)}, 0.5, {constant(writer)}, 1.5, 2.5]")
    kind = writer.random.random()
    if kind < 0.4:
        writer.line(f"{target} += {table}[{count}]")
    elif kind < 0.7:
        writer.line(f"{table}[{count}] = {untouched(writer, scope)}")
        writer.line(f"{target} += {table}[1] - {table}[3]")
    elif writer.afford(scope, 1):
        with writer.block(f"if {count} {writer.choose(('>=', '<', '==', '!='))} {writer.random.randint(0, 3)}:"):
            writer.line(f"{target} += {untouched(writer, scope)}")


PRODUCTIONS: tuple[tuple[float, Production, int], ...] = (
    (7.0, branch, 4),
    (4.0, loop, 3),
    (2.0, augmented, 9),
    (1.0, several_targets, 9),
    (1.0, grow_and_shrink, 9),
    (1.2, temporary, 9),
    (4.0, call, 9),
    (0.6, named_truth, 4),
    (0.5, tally, 3),
    (3.0, assign, 9),
)

HAZARDS = (
    "s.pop()",
    "t = 1.0 / (n - 1)",
    "t = missing",
    "raise ValueError('no', n)",
    "assert n < 1, 'too many'",
    "d['nope'] += 1.0",
    "s[7] = t",
    "t = t + 'one'",
    "t, u = (1.0,)",
    "o.absent",
    "a[1:2] = 3",
)

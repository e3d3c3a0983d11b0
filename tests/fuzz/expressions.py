"""Conditions on inputs, and expressions affine in everything that decisions may have touched."""

from __future__ import annotations

from tests.fuzz.writer import Scope, Writer


def constant(writer: Writer) -> str:
    return repr(round(writer.random.uniform(-1.5, 1.5), 2))


def threshold(writer: Writer) -> str:
    """Never equal to an input or twice an input: those are odd multiples of 0.005 and of 0.01."""
    return repr(round(round(writer.random.uniform(-0.8, 0.8), 2) + 0.0025, 4))


def untouched(writer: Writer, scope: Scope) -> str:
    """A number that no decision has touched, unless conditions may read any."""
    name = writer.choose(scope.cells if writer.free and writer.chance(0.5) else scope.inputs)
    kind = writer.random.random()
    if kind < 0.15:
        return f"2.0 * {name}"
    if kind < 0.25:
        return f"-{name}"
    return name


def condition(writer: Writer, scope: Scope, depth: int = 0) -> str | None:
    """A condition on inputs, or None where the program has spent its decisions."""
    kind = writer.random.random()
    if depth < 2 and kind < 0.22:
        left, right = condition(writer, scope, depth + 1), condition(writer, scope, depth + 1)
        if left and right:
            return f"{_grouped(left)} {writer.choose(('and', 'or'))} {_grouped(right)}"
        return left or right
    if depth < 2 and kind < 0.28:
        inner = condition(writer, scope, depth + 1)
        return f"not {_grouped(inner)}" if inner else None
    if kind < 0.34 and scope.counters:
        return f"{writer.choose(scope.counters)} {writer.choose(('<', '>=', '==', '!='))} {writer.random.randint(0, 2)}"
    if kind < 0.42 and scope.predicates:
        helper = writer.choose(scope.predicates)
        return helper.write(writer, scope) if writer.afford(scope, helper.decisions) else None
    return comparison(writer, scope)


def comparison(writer: Writer, scope: Scope) -> str | None:
    if writer.chance(0.12) and writer.afford(scope, 2):
        low, high = sorted((float(threshold(writer)), float(threshold(writer))))
        return f"{low!r} < {untouched(writer, scope)} <= {high!r}"
    return single_comparison(writer, scope)


def single_comparison(writer: Writer, scope: Scope) -> str | None:
    if not writer.afford(scope):
        return None
    kind = writer.random.random()
    if kind < 0.1:
        return f"{untouched(writer, scope)} {writer.choose(('==', '!='))} {threshold(writer)}"
    if kind < 0.28:
        different = [name for name in scope.inputs if name in ("x[0]", "x[1]", "x[2]", "x[3]", "y")]
        if len(different) > 1:
            left, right = writer.random.sample(different, 2)
            return f"{left} {writer.choose(('<', '>'))} {right}"
    sign = writer.choose(("<", ">", "<=", ">="))
    if writer.chance(0.2):
        return f"{threshold(writer)} {sign} {untouched(writer, scope)}"
    return f"{untouched(writer, scope)} {sign} {threshold(writer)}"


def affine(writer: Writer, scope: Scope, depth: int = 0) -> str:
    terms = [_term(writer, scope, depth) for _ in range(writer.random.randint(1, 3 if depth == 0 else 2))]
    text = terms[0]
    for term in terms[1:]:
        text += f" {writer.choose(('+', '-'))} {term}"
    return text


def _term(writer: Writer, scope: Scope, depth: int) -> str:
    cell = writer.choose(scope.cells)
    kind = writer.random.random()
    if depth < 2 and kind < 0.08:
        test = condition(writer, scope, 1)
        if test:
            return f"({affine(writer, scope, depth + 1)} if {test} else {affine(writer, scope, depth + 1)})"
    if kind < 0.13:
        test = comparison(writer, scope)
        if test:
            return f"{constant(writer)} * ({test})" if writer.chance(0.5) else f"({test})"
    if kind < 0.16:
        left, right = comparison(writer, scope), comparison(writer, scope)
        if left and right:
            return f"({left} {writer.choose(('and', 'or'))} {right})"
    if kind < 0.19 and scope.arrays and writer.afford(scope):
        return f"{writer.choose(scope.arrays)}[{untouched(writer, scope)} > {threshold(writer)}]"
    if depth < 2 and kind < 0.32 and scope.calls:
        helper = writer.choose(scope.calls)
        if writer.afford(scope, helper.decisions):
            return helper.write(writer, scope)
    if kind < 0.36 and scope.lists:
        return _over_list(writer, scope)
    return _plain_term(writer, scope, cell)


def _over_list(writer: Writer, scope: Scope) -> str:
    values = writer.choose(scope.lists)
    item = writer.fresh("e")
    body = f"{constant(writer)} * {item}"
    test = condition(writer, scope, 2) if writer.chance(0.3) else None
    if test:
        body = f"{body} if {test} else {item}"
    return f"sum([{body} for {item} in {values}])" if writer.chance(0.5) else f"sum({body} for {item} in {values})"


def _plain_term(writer: Writer, scope: Scope, cell: str) -> str:
    kind = writer.random.random()
    if kind < 0.35:
        return f"{constant(writer)} * {cell}"
    if kind < 0.5:
        return cell
    if kind < 0.62:
        return f"{writer.choose(scope.inputs)} * {cell}"
    if kind < 0.68:
        return f"{cell} / 2.0"
    if kind < 0.72:
        return f"-({cell})"
    if kind < 0.86:
        return writer.choose(scope.inputs)
    return constant(writer)


def _grouped(text: str) -> str:
    return f"({text})" if " and " in text or " or " in text or text.startswith("not ") else text

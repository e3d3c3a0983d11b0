"""What expressions read and bind, as sets of names; a set of names is an int with one bit per name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from relaxpy.transform.tree import COMPREHENSIONS, children, comprehension_fors, parameters, stored_parts, target_names

__all__ = ["Bits", "Usage", "gather", "pattern_usage"]

Node = cst.CSTNode

# Builtins that call no code of the user's that could raise something on purpose.
_CALM = frozenset(
    "abs bool callable chr complex divmod enumerate float frozenset hasattr hash hex id int isinstance issubclass len "
    "oct ord pow print range repr reversed round slice str tuple type zip".split()
)
# Calls that see the local names of the function that calls them.
_SENSITIVE = frozenset({"locals", "vars", "dir", "eval", "exec"})
_LEAVES = (cst.SimpleString, cst.Integer, cst.Float, cst.Imaginary, cst.Ellipsis)


class Bits(dict[str, int]):
    """One bit for each name of a function, given out as they are met."""

    def __missing__(self, name: str) -> int:
        bit = self[name] = 1 << len(self)
        return bit

    def mask(self, names: Iterable[str]) -> int:
        result = 0
        for name in names:
            result |= self[name]
        return result

    def names(self, mask: int) -> list[str]:
        """The names of a set, in the order in which they were met."""
        return [name for name, bit in self.items() if bit & mask] if mask else []


class Usage:
    """Names that a piece of code reads, surely binds, may bind, and lets code that runs later read."""

    __slots__ = ("binds", "calls", "captures", "inner", "maybe", "reads", "sensitive", "suspends", "throws", "yields")

    def __init__(self) -> None:
        self.reads = 0
        self.binds = 0
        self.maybe = 0
        self.captures = 0
        self.inner = 0  # bound by comprehensions, for themselves
        self.calls = False  # calls or loops: worth a look at the mass before it runs
        self.throws = False  # calls what may raise something on purpose
        self.suspends = False  # yields or awaits
        self.yields = False
        self.sensitive = False  # sees the local names by `locals()` and the like


def gather(
    nodes: Iterable[Node], bits: Bits, free: Callable[[Any], frozenset[str]], usage: Usage | None = None
) -> Usage:
    """The usage of expressions, each surely evaluated; ``free`` tells what a nested lambda reads from outside."""
    usage = usage or Usage()
    pending = list(nodes)
    uncertain: list[Node] = []
    sure = True
    while pending or uncertain:
        if not pending:
            pending, uncertain, sure = uncertain, [], False
        node = pending.pop()
        kind = type(node)
        if kind is cst.Name:
            usage.reads |= bits[node.value]  # type: ignore[attr-defined]
        elif kind in _LEAVES:
            pass
        elif kind is cst.BooleanOperation:
            pending.append(node.left)  # type: ignore[attr-defined]
            uncertain.append(node.right)  # type: ignore[attr-defined]
        elif kind is cst.IfExp:
            pending.append(node.test)  # type: ignore[attr-defined]
            uncertain += (node.body, node.orelse)  # type: ignore[attr-defined]
        elif kind is cst.Comparison and len(node.comparisons) > 1:  # type: ignore[attr-defined]
            first, second, *rest = children(node)
            pending += (first, second)
            uncertain += rest
        elif kind is cst.NamedExpr:
            if sure:
                usage.binds |= bits[node.target.value]  # type: ignore[attr-defined]
            else:
                usage.maybe |= bits[node.target.value]  # type: ignore[attr-defined]
            pending.append(node.value)  # type: ignore[attr-defined]
        elif kind is cst.Lambda:
            usage.captures |= bits.mask(free(node))
            pending += [p.default for p in parameters(node.params) if p.default is not None]  # type: ignore[attr-defined]
        elif kind in COMPREHENSIONS:
            pending.append(node.for_in.iter)  # type: ignore[attr-defined]
            _comprehension(node, bits, free, usage)
        else:
            if kind is cst.Call:
                usage.calls = True
                function = node.func  # type: ignore[attr-defined]
                name = function.value if type(function) is cst.Name else ""
                added = type(function) is cst.Attribute and function.attr.value == "append"
                usage.throws = usage.throws or not added and name not in _CALM
                usage.sensitive = usage.sensitive or name in _SENSITIVE
            elif kind is cst.Await or kind is cst.Yield:
                usage.suspends = usage.calls = usage.throws = True
                usage.yields = usage.yields or kind is cst.Yield
            pending += children(node)
    return usage


def _comprehension(node: Any, bits: Bits, free: Callable[[Any], frozenset[str]], usage: Usage) -> None:
    """All but the first iterable of a comprehension: it has names of its own, and its walruses bind outside."""
    inner = Usage()
    own = 0
    parts: list[Node] = [node.key, node.value] if type(node) is cst.DictComp else [node.elt]
    for number, clause in enumerate(comprehension_fors(node)):
        own |= bits.mask(target_names(clause.target))
        parts += stored_parts(clause.target)
        parts += [condition.test for condition in clause.ifs]
        if number:
            parts.append(clause.iter)
        usage.suspends = usage.suspends or clause.asynchronous is not None
    gather(parts, bits, free, inner)
    usage.reads |= inner.reads & ~own
    usage.captures |= inner.captures & ~own
    if type(node) is cst.GeneratorExp:
        usage.captures |= inner.reads & ~own
    usage.maybe |= inner.binds | inner.maybe
    usage.inner |= own | inner.inner
    usage.calls = True
    usage.throws |= inner.throws
    usage.sensitive |= inner.sensitive
    usage.suspends |= inner.suspends


def pattern_usage(pattern: Any, bits: Bits, usage: Usage) -> None:
    """The usage of a `case` pattern: what it compares with is read, what it captures is bound."""
    pending = [pattern]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind is cst.MatchValue:
            gather([node.value], bits, frozenset, usage)
        elif kind is cst.MatchAs or kind is cst.MatchStar:
            if node.name is not None:
                usage.binds |= bits[node.name.value]
            if kind is cst.MatchAs and node.pattern is not None:
                pending.append(node.pattern)
        elif kind is cst.MatchMapping:
            if node.rest is not None:
                usage.binds |= bits[node.rest.value]
            for element in node.elements:
                gather([element.key], bits, frozenset, usage)
                pending.append(element.pattern)
        elif kind is cst.MatchClass:
            gather([node.cls], bits, frozenset, usage)
            pending += node.patterns
            pending += [element.pattern for element in node.kwds]
        elif kind is cst.MatchSequenceElement:
            pending.append(node.value)
        elif kind is cst.MatchOrElement:
            pending.append(node.pattern)
        elif kind in (cst.MatchList, cst.MatchTuple, cst.MatchOr):
            pending += node.patterns

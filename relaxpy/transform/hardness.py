"""What is provably plain: ints that no soft condition can reach, and conditions that decide without them.

Constructs whose condition or index is provably plain stay as they are.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import libcst as cst

from relaxpy.transform.outline import Outline
from relaxpy.transform.steps import Step, block_binds
from relaxpy.transform.tree import target_names

__all__ = ["Hardness"]

_CONSTANTS = (cst.SimpleString, cst.Integer, cst.Float, cst.Imaginary, cst.Ellipsis)
_CONSTANT_NAMES = frozenset({"True", "False", "None", "__debug__"})
_DISPLAYS = (cst.List, cst.Tuple, cst.Set, cst.Dict, cst.Lambda, cst.ListComp, cst.SetComp, cst.DictComp)
_INT_OPERATORS = (cst.Add, cst.Subtract, cst.Multiply, cst.FloorDivide, cst.Modulo)
_INT_SIGNS = (cst.Minus, cst.Plus, cst.BitInvert)
_PLAIN_TESTS = frozenset({"isinstance", "issubclass", "callable"})
_MAKE_SEQUENCES = frozenset("range list tuple sorted dict set divmod enumerate zip map filter reversed".split())
NO_NAMES: frozenset[str] = frozenset()


class Hardness:
    """Judges expressions. ``bound`` are the names that the source binds, so that they are no builtins in it.

    ``counters`` in what follows are the names that hold plain ints where the expression stands.
    """

    def __init__(self, bound: Container[str]) -> None:
        self._bound = bound

    def builtin(self, node: Any) -> str | None:
        """The name of the builtin that is called here, if it is one."""
        if type(node) is cst.Call and type(node.func) is cst.Name and node.func.value not in self._bound:
            name: str = node.func.value
            return name
        return None

    def is_int(self, node: Any, counters: frozenset[str]) -> bool:
        """Surely a plain int?"""
        while type(node) is cst.BinaryOperation:
            if not isinstance(node.operator, _INT_OPERATORS) or not self.is_int(node.right, counters):
                return False
            node = node.left
        kind = type(node)
        if kind is cst.Integer:
            return True
        if kind is cst.Name:
            return node.value in counters
        if kind is cst.UnaryOperation:
            return isinstance(node.operator, _INT_SIGNS) and self.is_int(node.expression, counters)
        return self.builtin(node) == "len"

    def is_plain(self, node: Any, counters: frozenset[str]) -> bool:
        """Surely a plain int, or a constant?"""
        if isinstance(node, _CONSTANTS) or type(node) is cst.Name and node.value in _CONSTANT_NAMES:
            return True
        return self.is_int(node, counters)

    def is_index(self, elements: Any, counters: frozenset[str]) -> bool:
        """Is all between the brackets of a subscript plain?"""
        for element in elements:
            part = element.slice
            if type(part) is cst.Index:
                if part.star is not None or not self.is_plain(part.value, counters):
                    return False
            elif not all(p is None or self.is_plain(p, counters) for p in (part.lower, part.upper, part.step)):
                return False
        return True

    def is_condition(self, node: Any, counters: frozenset[str]) -> bool:
        """Does this surely decide without a soft value?"""
        kind = type(node)
        if kind is cst.Comparison:
            return self._is_comparison(node, counters)
        if kind is cst.UnaryOperation and type(node.operator) is cst.Not:
            return self.is_condition(node.expression, counters)
        if kind is cst.BooleanOperation:
            while type(node) is cst.BooleanOperation:
                if not self.is_condition(node.right, counters):
                    return False
                node = node.left
            return self.is_condition(node, counters)
        if kind is cst.IfExp:
            return all(self.is_condition(part, counters) for part in (node.test, node.body, node.orelse))
        if kind is cst.Call:
            name = self.builtin(node)
            return name in _PLAIN_TESTS or name == "len"
        return isinstance(node, _DISPLAYS) or self.is_plain(node, counters)

    def _is_comparison(self, node: Any, counters: frozenset[str]) -> bool:
        left = node.left
        for link in node.comparisons:
            if not isinstance(link.operator, (cst.Is, cst.IsNot)) and not (
                self.is_plain(left, counters) and self.is_plain(link.comparator, counters)
            ):
                return False
            left = link.comparator
        return True

    def counters_of(self, target: Any, iterable: Any, counters: frozenset[str]) -> frozenset[str]:
        """The names among a `for`'s targets that are plain ints: those that run over a `range` or count an `enumerate`."""
        name = self.builtin(iterable)
        if name not in ("range", "enumerate") or any(a.star or a.keyword is not None for a in iterable.args):
            return NO_NAMES
        arguments = [argument.value for argument in iterable.args]
        if name == "range":
            # A soft end makes a soft loop, but the values are plain as long as they start from one.
            if type(target) is cst.Name and (len(arguments) == 1 or self._are_ints(arguments, counters)):
                return frozenset({target.value})
        elif type(target) is cst.Tuple and len(arguments) == 1 and type(target.elements[0].value) is cst.Name:
            names = list(target_names(target))
            if names.count(names[0]) == 1:
                return frozenset(names[:1])
        return NO_NAMES

    def _are_ints(self, arguments: list[Any], counters: frozenset[str]) -> bool:
        return len(arguments) in (2, 3) and all(self.is_int(a, counters) for a in (arguments[0], *arguments[2:]))

    def is_no_iterator(self, node: Any) -> bool:
        """Surely no iterator that stood elsewhere before?"""
        if isinstance(node, (*_DISPLAYS, *_CONSTANTS, cst.GeneratorExp, cst.ConcatenatedString, cst.FormattedString)):
            return True
        return self.builtin(node) in _MAKE_SEQUENCES

    def is_iterable(self, node: Any, counters: frozenset[str]) -> bool:
        """Is this a `range` of plain ints, whose length is sure?"""
        return self.builtin(node) == "range" and all(
            not a.star and a.keyword is None and self.is_int(a.value, counters) for a in node.args
        )

    def judge(self, outline: Outline) -> None:
        """Write into each step whether its condition or iterable is plain (``hard``), and the ints in it (``counters``)."""
        self._block(outline, outline.body, NO_NAMES)

    def _block(self, outline: Outline, block: list[Step], counters: frozenset[str]) -> None:
        for step in block:
            self._step(outline, step, counters)

    def _step(self, outline: Outline, step: Step, counters: frozenset[str]) -> None:
        inside = counters
        if step.kind in ("if", "while"):
            step.hard = self.is_condition(step.node.test, counters)
        elif step.kind == "for":
            step.hard = self.is_iterable(step.node.iter, counters)
            inside = counters - set(outline.bits.names(step.target))
            found = self.counters_of(step.node.target, step.node.iter, counters)
            rebound = outline.stored_inside.union(outline.bits.names(block_binds(step.body)))
            inside |= {name for name in found if name not in rebound and outline.is_local(name)}
        step.counters = inside
        self._block(outline, step.body, inside)
        for case in step.cases:
            self._block(outline, case.body, counters)
        self._block(outline, step.orelse, counters)
        self._block(outline, step.final, counters)

"""What is provably hard: plain ints and bools whatever the function is given, so that it can stay as it is."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

HARD_QUESTIONS = frozenset({"isinstance", "issubclass", "hasattr", "callable"})
_INT_OPERATORS = (cst.Add, cst.Subtract, cst.Multiply, cst.FloorDivide, cst.Modulo)
_COMPARISONS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual, cst.Equal, cst.NotEqual)


class Hardness:
    """Knows the loop variables that are plain ints here, and which builtins mean what they say."""

    def __init__(self, is_builtin: Callable[[str], bool]) -> None:
        self.is_builtin = is_builtin
        self.int_names: list[str] = []

    def is_int(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Integer):
            return True
        if isinstance(node, cst.Name):
            return node.value in self.int_names
        if isinstance(node, cst.UnaryOperation):
            return isinstance(node.operator, (cst.Minus, cst.Plus)) and self.is_int(node.expression)
        if isinstance(node, cst.BinaryOperation):
            return isinstance(node.operator, _INT_OPERATORS) and self.is_int(node.left) and self.is_int(node.right)
        return self._is_call_of(node, {"len"})

    def _is_call_of(self, node: cst.CSTNode, names: frozenset[str] | set[str]) -> bool:
        return (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Name)
            and node.func.value in names
            and self.is_builtin(node.func.value)
        )

    def is_condition(self, node: cst.CSTNode) -> bool:
        """Is a condition provably hard?"""
        if isinstance(node, cst.Name):
            return node.value in ("True", "False", "None", "__debug__", "TYPE_CHECKING") or self.is_int(node)
        if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
            return True
        if isinstance(node, cst.UnaryOperation):
            return isinstance(node.operator, cst.Not) and self.is_condition(node.expression)
        if isinstance(node, cst.BooleanOperation):
            return self.is_condition(node.left) and self.is_condition(node.right)
        if isinstance(node, cst.Comparison):
            return self._is_hard_comparison(node)
        return self._is_call_of(node, HARD_QUESTIONS)

    def _is_hard_comparison(self, node: cst.Comparison) -> bool:
        left: cst.BaseExpression = node.left
        for target in node.comparisons:
            identity = isinstance(target.operator, (cst.Is, cst.IsNot))
            ints = isinstance(target.operator, _COMPARISONS) and self.is_int(left) and self.is_int(target.comparator)
            if not identity and not ints:
                return False
            left = target.comparator
        return True

    def is_index(self, node: cst.CSTNode) -> bool:
        """Is a subscript (all of `i, j`, `x:y`) provably hard?"""
        if isinstance(node, cst.Index):
            value = node.value
            return isinstance(value, (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis)) or (
                isinstance(value, cst.Name) and value.value in ("None", "True", "False") or self.is_int(value)
            )
        if isinstance(node, cst.Slice):
            return all(part is None or self.is_int(part) for part in (node.lower, node.upper, node.step))
        return False

    def is_range(self, node: cst.CSTNode) -> bool:
        """Is it a `range(...)` of provably hard ints?"""
        return self._is_call_of(node, {"range"}) and all(self.is_int(argument.value) for argument in node.args)  # type: ignore[attr-defined]

    def is_range_call(self, node: cst.CSTNode) -> bool:
        return self._is_call_of(node, {"range"})

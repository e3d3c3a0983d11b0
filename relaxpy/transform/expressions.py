"""Expressions: comparisons, `and`, `or`, `not`, ternaries, subscripts and calls (DESIGN: the shape of rewritten code)."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from relaxpy.transform.base import Base
from relaxpy.transform.context import Context
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import COMPREHENSIONS, children, walk

OPERATORS: dict[type, str] = {
    cst.LessThan: "lt",
    cst.LessThanEqual: "le",
    cst.GreaterThan: "gt",
    cst.GreaterThanEqual: "ge",
    cst.Equal: "eq",
    cst.NotEqual: "ne",
    cst.In: "in_",
    cst.NotIn: "not_in",
}
CHAINS: dict[type, str] = {kind: name.rstrip("_") for kind, name in OPERATORS.items()} | {
    cst.Is: "is",
    cst.IsNot: "is_not",
}
LITERAL_CALLS = frozenset(
    "len isinstance issubclass hasattr callable id type repr super locals globals vars dir eval exec __import__ "
    "breakpoint print".split()
)


class Expressions(Base):
    """Rewrites the expressions of one module; ``context`` None stands for code that stays literal."""

    def expression(self, node: cst.CSTNode, context: Context | None) -> Pieces:
        """An expression with its brackets, as pieces."""
        if isinstance(node, cst.Lambda):
            return self.lambda_(node, context)
        if context is not None:
            rewritten = self._rewritten(node, context)
            if rewritten is not None:
                return self._bracketed(node, rewritten)
        return self.generic(node, context)

    def generic(self, node: cst.CSTNode, context: Context | None) -> Pieces:
        """The node's own text with its children rewritten in place."""
        start, end = self.positions.of(node)
        if isinstance(node, cst.FormattedStringExpression) and node.equal is not None:
            return [(start, end)]
        if isinstance(node, COMPREHENSIONS) and context is not None:
            context.in_comprehension += 1
        pieces: Pieces = []
        place = start
        parts = [(self.positions.of(child), child) for child in children(node)]
        for (child_start, child_end), child in sorted(parts, key=lambda part: part[0]):
            if isinstance(child, cst.Annotation):
                continue
            pieces.append((place, child_start))
            pieces.extend(self.expression(child, context))
            place = child_end
        pieces.append((place, end))
        if isinstance(node, COMPREHENSIONS) and context is not None:
            context.in_comprehension -= 1
        return pieces if any(not isinstance(piece, tuple) for piece in pieces) else [(start, end)]

    def _bracketed(self, node: cst.CSTNode, pieces: Pieces) -> Pieces:
        """New text in place of an expression keeps the user's brackets, which may span lines."""
        left = getattr(node, "lpar", ())
        if not left:
            return pieces
        start, end = self.positions.of(node)
        inner_start = self.positions.of(left[-1])[1]
        inner_end = self.positions.of(node.rpar[0])[0]  # type: ignore[attr-defined]
        return [(start, inner_start), *pieces, (inner_end, end)]

    def _rewritten(self, node: cst.CSTNode, context: Context) -> Pieces | None:
        if isinstance(node, cst.Comparison):
            return self._comparison(node, context)
        if isinstance(node, cst.BooleanOperation):
            return self._boolean(node, context)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            if context.hardness.is_condition(node):
                return None
            return self.call("not_", node.expression, context=context)
        if isinstance(node, cst.IfExp):
            return self._ternary(node, context)
        if isinstance(node, cst.Subscript):
            return self._subscript(node, context)
        if isinstance(node, cst.Call):
            return self._call(node, context)
        return None

    def call(self, function: str, *arguments: cst.CSTNode, context: Context) -> Pieces:
        """`_rt.function(arguments)`"""
        pieces: Pieces = [self.positions.of(arguments[0])[0], f"{self.rt}.{function}("]
        for k, argument in enumerate(arguments):
            pieces.append(", " if k else "")
            pieces.extend(self.argument(argument, context))
        return [*pieces, ")"]

    def argument(self, node: cst.CSTNode, context: Context | None) -> Pieces:
        """An expression as an argument of a call: a walrus or an unbracketed tuple needs brackets there."""
        pieces = self.expression(node, context)
        bare = not getattr(node, "lpar", ()) and isinstance(
            node, (cst.NamedExpr, cst.Tuple, cst.GeneratorExp, cst.Yield)
        )
        return ["(", *pieces, ")"] if bare else pieces

    # ---- comparisons

    def _comparison(self, node: cst.Comparison, context: Context) -> Pieces | None:
        if context.hardness.is_condition(node):
            return None
        self.site("compare", node)
        if len(node.comparisons) == 1:
            target = node.comparisons[0]
            name = OPERATORS.get(type(target.operator))
            return None if name is None else self.call(name, node.left, target.comparator, context=context)
        return self._chain(node, context)

    def _chain(self, node: cst.Comparison, context: Context) -> Pieces | None:
        if self._must_stay(node, context):
            return None
        return [self.positions.of(node)[0], *self._links(self.argument(node.left, context), node.comparisons, context)]

    def _links(self, left: Pieces, targets: Sequence[cst.ComparisonTarget], context: Context) -> Pieces:
        """`left < b ...`: the rest of the chain is evaluated only if its first link holds."""
        target = targets[0]
        right = self.argument(target.comparator, context)
        if len(targets) > 1:
            name = context.names.fresh("_chain")
            link: Pieces = [f"{self.rt}.chain_{CHAINS[type(target.operator)]}(", *left, ", ", *right, ")"]
            rest = self._links([f"{name}.right"], targets[1:], context)
            return self._choice(name, link, [f"{name}.end(", *rest, f" if {name}.then else {self.rt}.SKIP)"], context)
        operator = OPERATORS.get(type(target.operator))
        if operator is not None:
            return [f"{self.rt}.{operator}(", *left, ", ", *right, ")"]
        return [*left, " is not " if isinstance(target.operator, cst.IsNot) else " is ", *right]

    # ---- and, or, ternaries

    def _boolean(self, node: cst.BooleanOperation, context: Context) -> Pieces | None:
        if context.hardness.is_condition(node) or self._must_stay(node, context):
            return None
        operands = self._operands(node)
        kind = "and" if isinstance(node.operator, cst.And) else "or"
        pieces = self.argument(operands[-1], context)
        for operand in reversed(operands[:-1]):
            name = context.names.fresh(f"_{kind}")
            first: Pieces = [f"{self.rt}.{kind}_(", *self.argument(operand, context), ")"]
            skip = f"{self.rt}.SKIP"
            right: Pieces = (
                [*pieces, f" if {name}.then else {skip}"]
                if kind == "and"
                else [f"{skip} if {name}.then else ", *pieces]
            )
            pieces = self._choice(name, first, [f"{name}.end(", *right, ")"], context)
        return [self.positions.of(node)[0], *pieces]

    def _operands(self, node: cst.BooleanOperation) -> list[cst.BaseExpression]:
        """The operands of `A and B and C`, flat: they are evaluated from left to right all the same."""
        operands: list[cst.BaseExpression] = []
        current: cst.BaseExpression = node
        while isinstance(current, cst.BooleanOperation) and type(current.operator) is type(node.operator):
            if current is not node and current.lpar:
                break
            operands.append(current.right)
            current = current.left
        return [current, *reversed(operands)]

    def _ternary(self, node: cst.IfExp, context: Context) -> Pieces | None:
        if context.hardness.is_condition(node.test) or self._must_stay(node, context):
            return None
        self.site("ternary", node)
        name = context.names.fresh("_pick")
        skip = f"{self.rt}.SKIP"
        then = [*self.argument(node.body, context), f" if {name}.begin() else {skip}, "]
        orelse = [*self.argument(node.orelse, context), f" if {name}.mid() else {skip}"]
        first: Pieces = [f"{self.rt}.pick(", *self.argument(node.test, context), ")"]
        pieces = self._choice(name, first, [f"{name}.end(", *then, *orelse, ")"], context)
        return [self.positions.of(node)[0], *pieces]

    def _choice(self, name: str, first: Pieces, rest: Pieces, context: Context) -> Pieces:
        """`(name := first).end(...)`, by a lambda where a walrus would leak out of a comprehension."""
        if context.in_comprehension:
            return [f"(lambda {name}: ", *rest, ")(", *first, ")"]
        assert isinstance(rest[0], str)
        return [f"({name} := ", *first, ")" + rest[0].removeprefix(name), *rest[1:]]

    def _must_stay(self, node: cst.CSTNode, context: Context) -> bool:
        """In a comprehension a lambda cannot hold `await`, `yield` or the user's walrus: the construct stays literal."""
        if not context.in_comprehension:
            return False
        kinds = (cst.Await, cst.Yield, cst.NamedExpr)
        return any(isinstance(inner, kinds) for inner in walk(node, into_scopes=False))

    # ---- subscripts and calls

    def _subscript(self, node: cst.Subscript, context: Context) -> Pieces | None:
        if all(context.hardness.is_index(element.slice) for element in node.slice):
            return None
        self.site("index", node)
        if any(isinstance(element.slice, cst.Index) and element.slice.star for element in node.slice):
            return None
        pieces: Pieces = [self.positions.of(node)[0], f"{self.rt}.load(", *self.argument(node.value, context), ", "]
        return [*pieces, *self.index(node, context), ")"]

    def index(self, node: cst.Subscript, context: Context) -> Pieces:
        """The index of a subscript as one expression."""
        elements = [self._slice(element.slice, context) for element in node.slice]
        if len(elements) == 1 and not self._trailing_comma(node):
            return elements[0]
        pieces: Pieces = ["("]
        for element in elements:
            pieces += [*element, ", "]
        return [*pieces[:-1], ",)" if len(elements) == 1 else ")"]

    def _trailing_comma(self, node: cst.Subscript) -> bool:
        return isinstance(node.slice[-1].comma, cst.Comma)

    def _slice(self, node: cst.BaseSlice, context: Context) -> Pieces:
        if isinstance(node, cst.Index):
            return self.argument(node.value, context)
        assert isinstance(node, cst.Slice)
        pieces: Pieces = [f"{self.rt}.slice_("]
        for k, part in enumerate((node.lower, node.upper, node.step)):
            pieces.append(", " if k else "")
            pieces.extend(["None"] if part is None else self.argument(part, context))
        return [*pieces, ")"]

    def _call(self, node: cst.Call, context: Context) -> Pieces | None:
        function = node.func
        if isinstance(function, cst.Name) and function.value in LITERAL_CALLS and self.is_builtin(function.value):
            return None
        start, end = self.positions.of(function)
        literal = [(self.positions.of(arg)[0], arg) for arg in node.args]
        pieces: Pieces = [start, f"{self.rt}.callee(", *self.argument(function, context), ")"]
        place = end
        for _, argument in literal:
            argument_start, argument_end = self.positions.of(argument.value)
            pieces.append((place, argument_start))
            pieces.extend(self.expression(argument.value, context))
            place = argument_end
        closing = self.positions.of(node)[1]
        if node.rpar:
            closing = self.positions.of(node.rpar[0])[0]
        return [*pieces, (place, closing)]

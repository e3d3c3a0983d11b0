"""Sub-expressions of libcst nodes, by a table per type: much cheaper than libcst's visitors, which see all white space.

Elements, arguments and the like are looked through: the children of an expression are expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import libcst as cst

__all__ = [
    "COMPREHENSIONS",
    "children",
    "comprehension_fors",
    "evaluated_in_definition",
    "parameters",
    "small_statements",
    "stored_parts",
    "target_names",
    "without_brackets",
]

Node = cst.CSTNode

COMPREHENSIONS: tuple[type[Node], ...] = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)


def _none(node: Any) -> Sequence[Node]:
    return ()


def _present(*nodes: Node | None) -> list[Node]:
    return [node for node in nodes if node is not None]


def _elements(node: Any) -> list[Node]:
    return [element.value for element in node.elements]


def _dict(node: Any) -> Iterator[Node]:
    for element in node.elements:
        if type(element) is cst.DictElement:
            yield element.key
        yield element.value


def _comparison(node: Any) -> list[Node]:
    return [node.left, *(link.comparator for link in node.comparisons)]


def _call(node: Any) -> list[Node]:
    return [node.func, *(argument.value for argument in node.args)]


def _subscript(node: Any) -> Iterator[Node]:
    yield node.value
    for element in node.slice:
        part = element.slice
        if type(part) is cst.Index:
            yield part.value
        else:
            yield from _present(part.lower, part.upper, part.step)


def comprehension_fors(node: Any) -> Iterator[Any]:
    """The `for` clauses of a comprehension."""
    clause = node.for_in
    while clause is not None:
        yield clause
        clause = clause.inner_for_in


def _comprehension(node: Any) -> Iterator[Node]:
    if type(node) is cst.DictComp:
        yield node.key
        yield node.value
    else:
        yield node.elt
    for clause in comprehension_fors(node):
        yield clause.target
        yield clause.iter
        for condition in clause.ifs:
            yield condition.test


def _formatted(node: Any) -> Iterator[Node]:
    for part in node.parts:
        if type(part) is cst.FormattedStringExpression:
            yield from _formatted_part(part)


def _formatted_part(part: Any) -> Iterator[Node]:
    yield part.expression
    for inner in part.format_spec or ():
        if type(inner) is cst.FormattedStringExpression:
            yield from _formatted_part(inner)


def _yield(node: Any) -> list[Node]:
    if node.value is None:
        return []
    return [node.value.item if type(node.value) is cst.From else node.value]


def _lambda(node: Any) -> list[Node]:
    return [*(p.default for p in parameters(node.params) if p.default is not None), node.body]


_CHILDREN: dict[type, Callable[[Any], Iterable[Node]]] = {
    cst.Attribute: lambda node: (node.value,),
    cst.Await: lambda node: (node.expression,),
    cst.BinaryOperation: lambda node: (node.left, node.right),
    cst.BooleanOperation: lambda node: (node.left, node.right),
    cst.Call: _call,
    cst.Comparison: _comparison,
    cst.ConcatenatedString: lambda node: (node.left, node.right),
    cst.Dict: _dict,
    cst.DictComp: _comprehension,
    cst.FormattedString: _formatted,
    cst.GeneratorExp: _comprehension,
    cst.IfExp: lambda node: (node.body, node.test, node.orelse),
    cst.Lambda: _lambda,
    cst.List: _elements,
    cst.ListComp: _comprehension,
    cst.NamedExpr: lambda node: (node.target, node.value),
    cst.Set: _elements,
    cst.SetComp: _comprehension,
    cst.StarredElement: lambda node: (node.value,),
    cst.Subscript: _subscript,
    cst.Tuple: _elements,
    cst.UnaryOperation: lambda node: (node.expression,),
    cst.Yield: _yield,
}


def children(node: Node) -> Iterable[Node]:
    """The direct sub-expressions of an expression, in the order of the source."""
    return _CHILDREN.get(type(node), _none)(node)


def parameters(node: cst.Parameters) -> Iterator[cst.Param]:
    """All parameters, in the order of the source."""
    yield from node.posonly_params
    yield from node.params
    if isinstance(node.star_arg, cst.Param):
        yield node.star_arg
    yield from node.kwonly_params
    if node.star_kwarg is not None:
        yield node.star_kwarg


def evaluated_in_definition(node: Any) -> Iterator[Node]:
    """What a `def` or `class` statement evaluates where it stands: decorators, defaults, bases."""
    for decorator in node.decorators:
        yield decorator.decorator
    if type(node) is cst.FunctionDef:
        for parameter in parameters(node.params):
            if parameter.default is not None:
                yield parameter.default
    else:
        for argument in (*node.bases, *node.keywords):
            yield argument.value


def small_statements(suite: Any) -> Iterator[Any]:
    """The statements of a suite; those that share a line one by one."""
    if isinstance(suite, (cst.SimpleStatementSuite, cst.SimpleStatementLine)):
        yield from suite.body
        return
    for statement in suite.body:
        if type(statement) is cst.SimpleStatementLine:
            yield from statement.body
        else:
            yield statement


def target_names(target: Any) -> Iterator[str]:
    """The names that an assignment target binds."""
    kind = type(target)
    if kind is cst.Name:
        yield target.value
    elif kind is cst.Tuple or kind is cst.List:
        for element in target.elements:
            yield from target_names(element.value)
    elif kind is cst.StarredElement:
        yield from target_names(target.value)


def stored_parts(target: Any) -> Iterator[Node]:
    """The subscripts and attributes among an assignment target."""
    kind = type(target)
    if kind is cst.Tuple or kind is cst.List:
        for element in target.elements:
            yield from stored_parts(element.value)
    elif kind is cst.StarredElement:
        yield from stored_parts(target.value)
    elif kind is not cst.Name:
        yield target


def without_brackets(node: Any) -> bool:
    """Is this an expression that needs brackets as an argument: a bare tuple or `yield`?"""
    return isinstance(node, (cst.Tuple, cst.Yield, cst.NamedExpr)) and not node.lpar

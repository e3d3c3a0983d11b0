"""Which statements of a module one of its definitions needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["needed_statements"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (*_DEFINITIONS, ast.Lambda)


def needed_statements(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements that define a name, and whatever these need in turn, in their order.

    A statement is needed if it binds a needed name or changes what the name stands for (``table[0] = 1``,
    ``table.append(1)``). Imports of ``*`` and from ``__future__`` always are, and what runs as a script never is.

    >>> tree = ast.parse("import math, os\\nA = [1]\\nA.append(2)\\ndef f(): return math.pi * A[0]\\ndef g(): f()")
    >>> [ast.unparse(statement) for statement in needed_statements(tree, "f")]
    ['import math, os', 'A = [1]', 'A.append(2)', 'def f():\\n    return math.pi * A[0]']
    """
    statements = [statement for statement in tree.body if not _is_script(statement)]
    needed, chosen = {name}, set[int]()
    pending = True
    while pending:
        pending = False
        made = {name for statement in statements if not _is_definition(statement) for name in _bound(statement)}
        for number, statement in enumerate(statements):
            if number in chosen:
                continue
            if _always(statement) or needed & _bound(statement) or needed & made & _changed(statement):
                chosen.add(number)
                needed |= _used(statement)
                pending = True
    return [statement for number, statement in enumerate(statements) if number in chosen]


def _is_script(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in {
        node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)
    }


def _is_definition(statement: ast.stmt) -> bool:
    return isinstance(statement, (*_DEFINITIONS, ast.Import, ast.ImportFrom))


def _always(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and (
        statement.module == "__future__" or any(alias.name == "*" for alias in statement.names)
    )


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds in the module."""
    names = set[str]()
    for node in _own(statement):
        if isinstance(node, _DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            names.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            names.add(node.rest or "")
    return names - {""}


def _changed(statement: ast.stmt) -> set[str]:
    """The names whose objects a statement changes: ``a[0] = 1``, ``a.b = 1``, ``a.append(1)``."""
    names = set[str]()
    for node in _own(statement):
        target: ast.AST | None = None
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            target = node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            target = node.value.func
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            target = target.value
        if isinstance(target, ast.Name):
            names.add(target.id)
    return names


def _used(statement: ast.stmt) -> set[str]:
    """All names that stand in a statement, also those that its functions declare global."""
    names = set[str]()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Global):
            names.update(node.names)
    return names


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement that belong to the module's own scope."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, _SCOPES):
            pending.extend(ast.iter_child_nodes(node))

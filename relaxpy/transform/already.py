"""Text that is rewritten already: what `rewrite` once wrote is known by how it calls the runtime, and left as it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

__all__ = ["imports_runtime", "runtime_in"]

_HOME = "relaxpy.runtime"
_OURS = re.compile(r"_rt(_\d+)?")

# What rewritten text calls; a name outside means that the text is of somebody else's.
_CALLED = frozenset(
    "SKIP UNDEFINED all_of and_ any_of asserted bound builtins callee captured chain_eq chain_ge chain_gt chain_in chain_is "
    "chain_is_not chain_le chain_lt chain_ne chain_not_in class_body delete delete_attr delete_cell delete_global ejected "
    "eq executed filtered finally_ first for_ frame ge gt iadd iand if_ if_eq if_ge if_gt if_le if_lt if_ne ifloordiv "
    "ilshift imatmul imod imul in_ ior ipow irshift is_same isub itruediv ixor le live load lt made match_ maybe ne not_ "
    "not_in on_side or_ paths pick raised range_ slice_ spent store store_attr store_cell store_global suppressor "
    "suspending tested try_ visible while_ whole with_".split()
)


def runtime_in(source: str, free_variables: frozenset[str] = frozenset()) -> str | None:
    """The name by which a source calls the runtime: imported by it, or such a name as it binds nowhere; None if it does not.

    >>> runtime_in("def f(a, b):\\n    return _rt.load(a, b)\\n")
    '_rt'
    >>> runtime_in("_rt = Loader()\\ndef f(a, b):\\n    return _rt.load(a, b)\\n")
    """
    if _HOME not in source and not _OURS.search(source):
        return None
    nodes = list(ast.walk(ast.parse(source)))
    imported = set(_imported(nodes))
    bound = {name for node in nodes for name in _bound(node)} | free_variables
    for name in sorted({node.id for node in nodes if isinstance(node, ast.Name)}):
        if name in imported or (_OURS.fullmatch(name) and name not in bound):
            if _only_calls(nodes, name):
                return name
    return None


def imports_runtime(tree: ast.Module, name: str) -> bool:
    """Does a module import the runtime by this name, as rewritten source that stands alone does?"""
    return name in _imported(ast.walk(tree))


def _imported(nodes: Iterator[ast.AST] | list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.asname for alias in node.names if alias.name == _HOME and alias.asname)
        elif isinstance(node, ast.ImportFrom) and node.module == "relaxpy" and not node.level:
            yield from (alias.asname or alias.name for alias in node.names if alias.name == "runtime")


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds (or says where they are bound)."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, ast.MatchMapping):
        yield from [node.rest] if node.rest else []
    elif isinstance(getattr(node, "name", None), str):  # def, class, except, patterns, type parameters
        yield node.name  # type: ignore[attr-defined]


def _only_calls(nodes: list[ast.AST], name: str) -> bool:
    """Is a name used as the runtime's only: ``_rt.load``, ``_rt.if_gt``, ...?"""
    used = [node.attr for node in nodes if isinstance(node, ast.Attribute) and _is(node.value, name)]
    loads = sum(_is(node, name) for node in nodes)
    return bool(used) and len(used) == loads and _CALLED.issuperset(used)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)

"""Makes a failing program small: drops statements, and lifts bodies out of their blocks, while the failure stays."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

Fails = Callable[[str], bool]
BODIES = ("body", "orelse", "finalbody")


def shrink(source: str, fails: Fails, *, attempts: int = 600) -> str:
    """The smallest text found for which ``fails`` still holds; ``source`` must be one."""
    best = source
    while attempts > 0:
        for candidate in _smaller(best):
            attempts -= 1
            if attempts <= 0 or fails(candidate):
                break
        else:
            return best
        if attempts > 0:
            best = candidate
    return best


def _smaller(source: str) -> Iterator[str]:
    """Each text that is one step smaller, the larger steps first."""
    places = sorted(_places(ast.parse(source)), key=lambda place: -place[3])
    for number, field, index, _ in places:
        for replace in (_nothing, _insides, _without_else):
            tree = ast.parse(source)
            owner = list(ast.walk(tree))[number]
            block = getattr(owner, field)
            if isinstance(owner, ast.FunctionDef) and isinstance(block[index], ast.Return) and index == len(block) - 1:
                continue  # a function that may end without a result is another failure
            new = replace(block[index])
            if new is None:
                continue
            block[index : index + 1] = new
            if not block and field == "body":
                block.append(ast.Pass())
            text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
            if len(text) < len(source):
                yield text


def _places(tree: ast.AST) -> Iterator[tuple[int, str, int, int]]:
    for number, node in enumerate(ast.walk(tree)):
        for field in BODIES:
            block = getattr(node, field, None)
            if isinstance(block, list):
                for index, statement in enumerate(block):
                    yield number, field, index, (statement.end_lineno or 0) - statement.lineno


def _nothing(statement: ast.stmt) -> list[ast.stmt] | None:
    return None if isinstance(statement, ast.Pass) else []


def _insides(statement: ast.stmt) -> list[ast.stmt] | None:
    """``if c: A else: B`` gives ``A; B``: whatever is left over goes in later steps."""
    if isinstance(statement, (ast.If, ast.While, ast.For, ast.With)):
        return [*statement.body, *getattr(statement, "orelse", [])]
    return None


def _without_else(statement: ast.stmt) -> list[ast.stmt] | None:
    if isinstance(statement, (ast.If, ast.While, ast.For)) and statement.orelse:
        statement.orelse = []
        return [statement]
    return None

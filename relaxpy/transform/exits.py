"""Which statements may leave the block that they stand in."""

from __future__ import annotations

import libcst as cst

from relaxpy.transform.flow import LOOPS, statements

Exits = frozenset[str]
_JUMPS: dict[type, str] = {cst.Return: "return", cst.Break: "break", cst.Continue: "continue"}


class ExitTable:
    """Kinds of exits (return, break, continue) that a statement holds and that lead out of it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[cst.CSTNode, Exits]] = {}

    def of(self, node: cst.CSTNode | None) -> Exits:
        if node is None:
            return frozenset()
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = (node, self._find(node))
        return known[1]

    def _find(self, node: cst.CSTNode) -> Exits:
        jump = _JUMPS.get(type(node))
        if jump is not None:
            return frozenset({jump})
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            return frozenset()
        found: set[str] = set()
        for block in blocks(node):
            inner = {kind for statement in statements(block) for kind in self.of(statement)}
            if isinstance(node, LOOPS) and block is node.body:
                inner -= {"break", "continue"}
            found |= inner
        if isinstance(node, cst.SimpleStatementLine):
            found |= {kind for small in node.body for kind in self.of(small)}
        return frozenset(found)

    def inside_loop(self, loop: cst.For | cst.While) -> Exits:
        """Kinds of exits in a loop's body, its own included."""
        return frozenset(kind for statement in statements(loop.body) for kind in self.of(statement))


def blocks(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The suites of a compound statement."""
    found: list[cst.CSTNode] = []
    if isinstance(node, cst.Match):
        return [case.body for case in node.cases]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, cst.If):
            found.extend(blocks(block))
        elif isinstance(block, (cst.Else, cst.Finally)):
            found.append(block.body)
        elif isinstance(block, cst.BaseSuite):
            found.append(block)
    for handler in getattr(node, "handlers", ()):
        found.append(handler.body)
    return found


def unconditional(statement: cst.CSTNode) -> bool:
    """Is the statement a line that ends in a jump, so that what follows is unreachable?"""
    if isinstance(statement, cst.SimpleStatementLine):
        return any(isinstance(small, (cst.Return, cst.Break, cst.Continue, cst.Raise)) for small in statement.body)
    return False


def holds_return_in_block(body: cst.CSTNode, exits: ExitTable) -> bool:
    """Does a function return from inside a block, so that it needs a frame?"""
    return any(
        "return" in exits.of(statement)
        for statement in statements(body)
        if not isinstance(statement, cst.SimpleStatementLine)
    )

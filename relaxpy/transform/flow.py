"""Liveness and definite assignment of one function, over its statements as they are nested.

``Flow.live_after(stmt)`` are the names that may be read after a statement in the normal course, ``live_into(block)`` those
that a block may read, ``live_at_head(loop)`` those read when a loop is (re)entered or left; ``assigned_before(stmt)`` are
the names that are bound for certain when a statement begins, ``assigned_after(stmt)`` when it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from relaxpy.transform.bindings import binds, reads, stored_parts, target_names
from relaxpy.transform.tree import walk

Names = frozenset[str]
NONE: Names = frozenset()
LOOPS = (cst.For, cst.While)


def statements(block: cst.CSTNode | None) -> Sequence[cst.CSTNode]:
    """The statements of a suite; small statements of one line apart."""
    if block is None:
        return ()
    if isinstance(block, (cst.Else, cst.Finally)):
        return statements(block.body)
    return list(block.body)  # type: ignore[attr-defined]


class Flow:
    """Both analyses of a function body; ``always`` are names that count as read at all times."""

    def __init__(self, body: cst.CSTNode, always: Names, parameters: Names) -> None:
        self.always = always
        self._after: dict[int, Names] = {}
        self._into: dict[int, Names] = {}
        self._head: dict[int, Names] = {}
        self._assigned: dict[int, Names | None] = {}
        self._assigned_after: dict[int, Names | None] = {}
        self._block(body, always, [], NONE)
        self._assign(statements(body), parameters)

    def live_after(self, statement: cst.CSTNode) -> Names:
        return self._after.get(id(statement), self.always)

    def live_into(self, block: cst.CSTNode) -> Names:
        return self._into.get(id(block), self.always)

    def live_at_head(self, loop: cst.CSTNode) -> Names:
        return self._head.get(id(loop), self.always)

    def assigned_before(self, statement: cst.CSTNode) -> Names:
        return self._assigned.get(id(statement)) or NONE

    def assigned_after(self, statement: cst.CSTNode) -> Names | None:
        """None: the end is never reached."""
        return self._assigned_after.get(id(statement), NONE)

    # ---- liveness, backward. ``loops``: (live at break, live at continue) of the enclosing loops; ``caught``: live in handlers

    def _block(self, block: cst.CSTNode | None, live: Names, loops: list[tuple[Names, Names]], caught: Names) -> Names:
        for statement in reversed(statements(block)):
            self._after[id(statement)] = live | caught
            live = self._statement(statement, live, loops, caught) | caught
        if block is not None:
            self._into[id(block)] = live
        return live

    def _statement(self, node: cst.CSTNode, live: Names, loops: list[tuple[Names, Names]], caught: Names) -> Names:
        if isinstance(node, cst.SimpleStatementLine):
            return self._block(node, live, loops, caught)
        if isinstance(node, cst.If):
            return self._if(node, live, loops, caught)
        if isinstance(node, LOOPS):
            return self._loop(node, live, loops, caught)
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self._try(node, live, loops, caught)
        if isinstance(node, cst.With):
            inside = self._block(node.body, live, loops, caught)
            bound = binds(node.items)
            return frozenset((inside - bound) | {name for item in node.items for name in reads(item.item)}) | _targets(
                node
            )
        if isinstance(node, cst.Match):
            inside = live
            for case in node.cases:
                inside |= self._block(case.body, live, loops, caught) | reads(case.pattern)
                inside |= reads(case.guard) if case.guard is not None else NONE
            return inside | reads(node.subject)
        return self._small(node, live, loops)

    def _small(self, node: cst.CSTNode, live: Names, loops: list[tuple[Names, Names]]) -> Names:
        if isinstance(node, cst.Return):
            return self.always | (reads(node.value) if node.value is not None else NONE)
        if isinstance(node, cst.Raise):
            return self.always | reads(node) | live
        if isinstance(node, cst.Break) and loops:
            return loops[-1][0]
        if isinstance(node, cst.Continue) and loops:
            return loops[-1][1]
        bound = binds([node]) - self.always
        return (live - bound) | reads(node)

    def _if(self, node: cst.If, live: Names, loops: list[tuple[Names, Names]], caught: Names) -> Names:
        inside = self._block(node.body, live, loops, caught)
        if isinstance(node.orelse, cst.If):
            self._after[id(node.orelse)] = live | caught
            other = self._if(node.orelse, live, loops, caught)
            self._into[id(node.orelse)] = other
        else:
            other = self._block(node.orelse, live, loops, caught) if node.orelse is not None else live
        return ((inside | other) - (binds([node.test]) - self.always)) | reads(node.test)

    def _loop(self, node: cst.For | cst.While, live: Names, loops: list[tuple[Names, Names]], caught: Names) -> Names:
        end = self._block(node.orelse, live, loops, caught) if node.orelse is not None else live
        header = reads(node.test) if isinstance(node, cst.While) else _targets(node)
        bound = binds([node.target]) | set(_names(node)) if isinstance(node, cst.For) else binds([node.test])
        head = end | header
        while True:
            inside = self._block(node.body, head, [*loops, (live | caught, head)], caught)
            new = head | (inside - (bound - self.always)) | header
            if new == head:
                break
            head = new
        self._head[id(node)] = head | live
        return head | (reads(node.iter) if isinstance(node, cst.For) else NONE)

    def _try(self, node: cst.Try | cst.TryStar, live: Names, loops: list[tuple[Names, Names]], caught: Names) -> Names:
        end = self._block(node.finalbody, live, loops, caught) if node.finalbody is not None else live
        inner = caught | (end if node.finalbody is not None else NONE)
        handlers: Names = NONE
        for handler in node.handlers:
            handlers |= self._block(handler.body, end, loops, inner) - frozenset(
                binds([handler.name] if handler.name else [])
            )
            handlers |= reads(handler.type) if handler.type is not None else NONE
        after = self._block(node.orelse, end, loops, inner) if node.orelse is not None else end
        return self._block(node.body, after, loops, inner | handlers) | handlers

    # ---- definite assignment, forward; None stands for "never reached"

    def _assign(self, block: Sequence[cst.CSTNode], assigned: Names | None) -> Names | None:
        for statement in block:
            self._assigned[id(statement)] = assigned
            assigned = self._assigns(statement, assigned)
            self._assigned_after[id(statement)] = assigned
        return assigned

    def _assigns(self, node: cst.CSTNode, assigned: Names | None) -> Names | None:
        if assigned is None:
            assigned = NONE
        if isinstance(node, cst.SimpleStatementLine):
            return self._assign(statements(node), assigned)
        if isinstance(node, cst.If):
            assigned |= _certain(node.test)
            then = self._assign(statements(node.body), assigned)
            if isinstance(node.orelse, cst.If):
                other = self._assign([node.orelse], assigned)
            else:
                other = self._assign(statements(node.orelse), assigned)
            return _meet(then, other)
        if isinstance(node, LOOPS):
            before = assigned | (_certain(node.test) if isinstance(node, cst.While) else _certain(node.iter))
            inside = before | frozenset(_names(node)) if isinstance(node, cst.For) else before
            self._assign(statements(node.body), inside)
            self._assign(statements(node.orelse), before)
            return before
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self._assigns_try(node, assigned)
        if isinstance(node, cst.With):
            return self._assign(statements(node.body), assigned | binds(node.items))
        if isinstance(node, cst.Match):
            for case in node.cases:
                self._assign(statements(case.body), assigned | binds([case.pattern]))
            return assigned
        if isinstance(node, (cst.Return, cst.Raise, cst.Break, cst.Continue)):
            return None
        if isinstance(node, cst.Del):
            return assigned - binds([node])
        if isinstance(node, cst.AnnAssign) and node.value is None:
            return assigned
        return assigned | _certain(node)

    def _assigns_try(self, node: cst.Try | cst.TryStar, assigned: Names) -> Names | None:
        end = self._assign(statements(node.body), assigned)
        if node.orelse is not None:
            end = self._assign(statements(node.orelse), end)
        removed = frozenset(binds(node.body.body)) if _deletes(node) else NONE
        for handler in node.handlers:
            bound = frozenset(binds([handler.name])) if handler.name else NONE
            result = self._assign(statements(handler.body), (assigned - removed) | bound)
            end = _meet(end, None if result is None else result - bound)
        if node.finalbody is not None:
            self._assign(statements(node.finalbody), assigned - removed)
        return end


def _names(loop: cst.For) -> set[str]:
    return set(target_names(loop.target))


def _targets(node: cst.CSTNode) -> Names:
    """What the subscripts and attributes among a statement's targets read."""
    parts: list[cst.CSTNode] = []
    if isinstance(node, cst.For):
        parts = list(stored_parts(node.target))
    elif isinstance(node, cst.With):
        parts = [part for item in node.items if item.asname is not None for part in stored_parts(item.asname.name)]
    return frozenset(name for part in parts for name in reads(part))


def _deletes(node: cst.CSTNode) -> bool:
    return any(isinstance(inner, cst.Del) for inner in walk(node, into_scopes=False))


def _certain(node: cst.CSTNode) -> Names:
    """Names that a node binds whatever happens in it (walruses behind `and`, `or` and ternaries do not count)."""
    bound = binds([node])
    for inner in walk(node, into_scopes=False):
        if isinstance(
            inner, (cst.BooleanOperation, cst.IfExp, cst.ListComp, cst.SetComp, cst.DictComp, cst.Comparison)
        ):
            bound -= binds([inner])
    return frozenset(bound)


def _meet(a: Names | None, b: Names | None) -> Names | None:
    if a is None:
        return b
    return a if b is None else a & b

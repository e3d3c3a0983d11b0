"""Steps: the statements of a function as they nest, and what the analyses find out about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relaxpy.transform.usage import Usage

__all__ = ["Case", "Step", "block_binds"]


class Case:
    """A handler of a `try`, or a case of a `match`."""

    __slots__ = ("binds", "body", "calls", "node", "reads", "throws")

    def __init__(self, node: Any, usage: Usage, body: list[Step]) -> None:
        self.node = node
        self.reads = usage.reads
        self.binds = usage.binds
        self.calls = usage.calls
        self.throws = usage.throws
        self.body = body


class Step:
    """A statement. What an analysis finds out about it stands below the line."""

    __slots__ = (
        "binds", "body", "calls", "cases", "deletes", "final", "kind", "maybe", "node", "orelse", "reads",
        "suspends", "target", "throws", "_all_binds",
        # hardness
        "counters", "hard",
        # exits
        "catches", "has_break", "is_object", "leaves", "loop", "soft_exits",
        # liveness
        "live_after", "live_head", "live_orelse",
        # assigned
        "assigned", "assigned_body", "assigned_orelse", "assigned_after",
    )  # fmt: skip

    def __init__(self, node: Any, kind: str, usage: Usage) -> None:
        self.node = node
        self.kind = kind
        self.reads = usage.reads
        self.binds = usage.binds
        self.maybe = usage.maybe
        self.calls = usage.calls
        self.suspends = usage.suspends
        self.throws = usage.throws
        self.deletes = 0
        self._all_binds: int | None = None
        self.target = 0  # what the target of a `for` binds
        self.body: list[Step] = []
        self.orelse: list[Step] = []
        self.final: list[Step] = []
        self.cases: list[Case] = []
        self.hard = False
        self.counters: frozenset[str] = frozenset()
        self.catches = self.leaves = self.soft_exits = self.has_break = self.is_object = False
        self.loop: Step | None = None
        self.live_after = self.live_orelse = self.live_head = 0
        self.assigned = self.assigned_body = self.assigned_orelse = self.assigned_after = 0

    def blocks(self) -> Iterator[list[Step]]:
        """The blocks of statements in it."""
        yield self.body
        for case in self.cases:
            yield case.body
        yield self.orelse
        yield self.final

    def may_raise(self) -> bool:
        """Can it, or anything in it, raise something on purpose: does it hold a `raise` or a call?"""
        return (
            self.throws
            or self.kind in ("raise", "with")
            or any(case.throws for case in self.cases)
            or any(step.may_raise() for block in self.blocks() for step in block)
        )

    def all_binds(self) -> int:
        """Names that it or anything in it may bind or delete."""
        if self._all_binds is None:
            self._all_binds = self._bound_anywhere()
        return self._all_binds

    def _bound_anywhere(self) -> int:
        mask = self.binds | self.maybe | self.deletes | self.target
        for case in self.cases:
            mask |= case.binds
        for block in self.blocks():
            mask |= block_binds(block)
        return mask

    def all_deletes(self) -> int:
        """Names that it or anything in it may unbind."""
        mask = self.deletes
        if self.kind == "try":
            for case in self.cases:
                mask |= case.binds  # the name of an exception is unbound when its handler ends
        for block in self.blocks():
            for step in block:
                mask |= step.all_deletes()
        return mask


def block_binds(block: list[Step]) -> int:
    mask = 0
    for step in block:
        mask |= step.all_binds()
    return mask

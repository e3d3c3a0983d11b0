"""What all parts of the rewriter share: the source, positions, sites, and questions about names."""

from __future__ import annotations

import builtins
from dataclasses import dataclass

import libcst as cst

from relaxpy.transform.context import Context
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.positions import Positions


@dataclass(frozen=True)
class Site:
    """A place where something may be decided softly. Lines count from 1, columns from 0, both in the source given."""

    kind: str
    line: int
    column: int
    text: str


class Base:
    """The source and what is known about it."""

    def __init__(
        self, source: str, positions: Positions, runtime: str, identifiers: frozenset[str], bound: frozenset[str]
    ) -> None:
        self.source = source
        self.positions = positions
        self.rt = runtime
        self.identifiers = identifiers
        self._bound = bound
        self.site_ranges: list[tuple[str, int, int]] = []

    def is_builtin(self, name: str) -> bool:
        """Does the name mean the builtin: nothing in the source binds it?"""
        return name not in self._bound and hasattr(builtins, name)

    def site(self, kind: str, node: cst.CSTNode) -> None:
        self.site_ranges.append((kind, *self.positions.of(node)))

    def lambda_(self, node: cst.Lambda, context: Context | None) -> Pieces:
        raise NotImplementedError

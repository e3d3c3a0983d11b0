"""Where each node of a libcst tree stands in the source, found in one pass.

libcst trees are lossless: writing one out gives the source back. This pass writes it out and notes, for every node, the
offsets at which its text begins and ends, brackets included.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

Range = tuple[int, int]


class _OffsetState(CodegenState):
    """A code generator that counts characters instead of keeping them."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
        self.offset = 0
        self.starts: dict[int, int] = {}
        self.ranges: dict[int, Range] = {}
        self.inner: dict[int, Range] = {}

    def add_token(self, value: str) -> None:
        self.offset += len(value)

    def add_indent_tokens(self) -> None:
        self.offset += sum(map(len, self.indent_tokens))

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.starts[id(node)] = self.offset

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.ranges[id(node)] = (self.starts[id(node)], self.offset)

    @contextmanager
    def record_syntactic_position(self, node: cst.CSTNode, **_: Any) -> Iterator[None]:
        start = self.offset
        yield
        self.inner[id(node)] = (start, self.offset)


class Positions:
    """Offsets of nodes: ``of`` with brackets, ``inner`` of a statement without its leading lines."""

    def __init__(self, module: cst.Module) -> None:
        state = _OffsetState(module)
        module._codegen(state)
        self._ranges = state.ranges
        self._inner = state.inner
        self.length = state.offset

    def of(self, node: cst.CSTNode) -> Range:
        return self._ranges[id(node)]

    def inner(self, node: cst.CSTNode) -> Range:
        return self._inner.get(id(node)) or self._ranges[id(node)]

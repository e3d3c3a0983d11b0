"""Where the nodes of a libcst tree stand in the source, gathered in one pass.

libcst trees are lossless: writing one out gives the source back. This pass writes it out and notes, for every node, the
offsets at which its text begins and ends.
"""

from __future__ import annotations

import contextlib
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

__all__ = ["Positions", "positions_of"]

Range = tuple[int, int]


class Positions:
    """Offsets of nodes in ``source``, keyed by ``id(node)``.

    ``whole`` counts all of a node: the brackets around an expression, the comments above a statement. ``inner`` leaves
    these out: it begins at the first word of a statement, and inside the brackets of an expression.
    """

    __slots__ = ("inner", "source", "whole")

    def __init__(self, source: str, whole: dict[int, Range], inner: dict[int, Range]) -> None:
        self.source = source
        self.whole = whole
        self.inner = inner


class _State(CodegenState):
    """Writes a tree out and notes where each node begins and ends."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
        self.offset = 0
        self.whole: dict[int, Range] = {}
        self.inner: dict[int, Range] = {}
        self.replaced: list[tuple[cst.CSTNode, str, cst.CSTNode]] = []
        self._starts: list[int] = []
        self._span = _Span(self)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        for token in self.indent_tokens:
            self.offset += len(token)

    def enter(self, node: cst.CSTNode) -> None:
        self._starts.append(self.offset)

    def leave(self, node: cst.CSTNode) -> None:
        self.whole[id(node)] = (self._starts.pop(), self.offset)

    def begin(self, node: cst.CSTNode) -> None:
        self._span.open.append((id(node), self.offset))

    def end(self) -> None:
        self._span.__exit__()

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(self.offset)
        field = _LINKS.get(type(node))
        if field is not None and _is_long(node, field):
            # libcst would recurse, and some versions of Python allow little of that.
            rest = getattr(node, field)
            self.replaced.append((node, field, rest))
            object.__setattr__(node, field, _CHAINS[type(node)](rest))

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.whole[id(node)] = (self._starts.pop(), self.offset)

    def record_syntactic_position(  # type: ignore[override]
        self, node: cst.CSTNode, **_: Any
    ) -> contextlib.AbstractContextManager[None]:
        self._span.open.append((id(node), self.offset))
        return self._span


class _Span(contextlib.AbstractContextManager[None]):
    """The `with` around the text of a node proper; one object for all of them, which is cheap."""

    def __init__(self, state: _State) -> None:
        self.state = state
        self.open: list[tuple[int, int]] = []

    def __exit__(self, *_: object) -> None:
        node, start = self.open.pop()
        self.state.inner[node] = (start, self.state.offset)


class _Chain:
    """Stands for the rest of a long chain while the tree is written out, and writes it without recursion."""

    def __init__(self, first: Any) -> None:
        kind = type(first)
        self.links = [first]
        while type(getattr(self.links[-1], _LINKS[kind])) is kind:
            self.links.append(getattr(self.links[-1], _LINKS[kind]))

    def _codegen(self, state: _State) -> None:
        for link in self.links:
            state.enter(link)
            self.first_half(link, state)
        getattr(self.links[-1], _LINKS[type(self.links[-1])])._codegen(state)
        for link in reversed(self.links):
            self.second_half(link, state)
            state.leave(link)

    def first_half(self, link: Any, state: _State) -> None:
        for bracket in link.lpar:
            bracket._codegen(state)
        state.begin(link)

    def second_half(self, link: Any, state: _State) -> None:
        link.operator._codegen(state)
        link.right._codegen(state)
        state.end()
        for bracket in link.rpar:
            bracket._codegen(state)


class _Strings(_Chain):
    """Strings one after the other, which are nested to the right."""

    def first_half(self, link: Any, state: _State) -> None:
        super().first_half(link, state)
        link.left._codegen(state)
        link.whitespace_between._codegen(state)

    def second_half(self, link: Any, state: _State) -> None:
        state.end()
        for bracket in link.rpar:
            bracket._codegen(state)


class _Elifs(_Chain):
    """The `elif` clauses after the first, and the `else`."""

    def _codegen(self, state: _State) -> None:
        for link in self.links:
            state.enter(link)
            for line in link.leading_lines:
                line._codegen(state)
            state.add_indent_tokens()
            state.begin(link)
            state.add_token("elif")
            link.whitespace_before_test._codegen(state)
            link.test._codegen(state)
            link.whitespace_after_test._codegen(state)
            state.add_token(":")
            link.body._codegen(state)
        if self.links[-1].orelse is not None:
            self.links[-1].orelse._codegen(state)
        for link in reversed(self.links):
            state.end()
            state.leave(link)


_LINKS: dict[type, str] = {
    cst.BinaryOperation: "left",
    cst.BooleanOperation: "left",
    cst.ConcatenatedString: "right",
    cst.If: "orelse",
}
_CHAINS: dict[type, type[_Chain]] = {
    cst.BinaryOperation: _Chain,
    cst.BooleanOperation: _Chain,
    cst.ConcatenatedString: _Strings,
    cst.If: _Elifs,
}
_LONG = 30


def _is_long(node: Any, field: str) -> bool:
    kind = type(node)
    for _ in range(_LONG):
        node = getattr(node, field)
        if type(node) is not kind:
            return False
    return True


def positions_of(module: cst.Module) -> Positions:
    """Offsets of all nodes.

    The source is what libcst writes: that is the text which was parsed, but for form feeds at the start of a line.
    """
    state = _State(module)
    try:
        module._codegen(state)
    finally:
        for node, field, rest in state.replaced:
            object.__setattr__(node, field, rest)
    return Positions("".join(state.tokens), state.whole, state.inner)

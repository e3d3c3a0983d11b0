"""Blocks: how statements become lines, and compound statements that keep their shape."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from relaxpy.transform.bindings import evaluated_outside
from relaxpy.transform.context import Context, function_context, lambda_context
from relaxpy.transform.exits import unconditional
from relaxpy.transform.flow import statements
from relaxpy.transform.pieces import Piece, Pieces, is_plain
from relaxpy.transform.stores import Line, Stores


class Blocks(Stores):
    """Emits statements at an indentation of its choice; text that need not change is a slice of the source."""

    indent = "    "
    newline = "\n"

    # ---- lines

    def line(self, indentation: str, *pieces: object) -> Pieces:
        """One new line; ``pieces`` are texts, slices, anchors, or lists of them."""
        flat: Pieces = [indentation]
        for piece in pieces:
            if isinstance(piece, list):
                flat.extend(piece)
            else:
                flat.append(piece)  # type: ignore[arg-type]
        return [*flat, self.newline]

    def leading(self, node: cst.CSTNode, indentation: str) -> Pieces:
        """Blank lines and comments above a statement."""
        pieces: Pieces = []
        for line in getattr(node, "leading_lines", ()):
            start, end = self.positions.of(line)
            if line.comment is None:
                pieces.append((start, end))
            else:
                pieces += [indentation, (self.positions.of(line.comment)[0], end)]
        return pieces

    def own_indentation(self, node: cst.CSTNode) -> str:
        """The indentation that a statement has in the source."""
        start = self.positions.inner(node)[0]
        begin = max(self.source.rfind(c, 0, start) for c in "\n\r") + 1
        text = self.source[begin:start]
        return text if not text.strip(" \t\f") else text[: len(text) - len(text.lstrip(" \t\f"))]

    # ---- blocks

    def suite(
        self,
        body: cst.BaseSuite,
        indentation: str,
        context: Context | None,
        before: Sequence[Piece] = (),
        after: Sequence[Piece] = (),
    ) -> Pieces:
        """`:`'s right side: the end of the header's line and the statements, at one indentation more."""
        inner = indentation + self.block_indentation(body)
        if isinstance(body, cst.IndentedBlock):
            pieces: Pieces = [self.positions.of(body.header), *before, *self.block(body.body, inner, context), *after]
            for line in body.footer:
                pieces.append(self.positions.of(line))
            return pieces
        small = self.block([body], inner, context)
        return [self.newline, *before, *small, *after]

    def block_indentation(self, body: cst.CSTNode) -> str:
        own = getattr(body, "indent", None)
        return own if own is not None else self.indent

    def block(self, body: Sequence[cst.CSTNode], indentation: str, context: Context | None) -> Pieces:
        """Statements one after the other; what follows one that may leave stands under a guard."""
        pieces: Pieces = []
        for k, statement in enumerate(body):
            pieces += self.statement(statement, indentation, context)
            rest = body[k + 1 :]
            if not rest or context is None:
                continue
            if (
                unconditional(statement)
                and not isinstance(statement, cst.SimpleStatementSuite)
                and self._jumps(statement)
            ):
                return [
                    *pieces,
                    *self.line(indentation, "if False:"),
                    *self.block(rest, indentation + self.indent, context),
                ]
            if context.exits.of(statement):
                guard = f"if not {self.rt}.paths or {self.rt}.live():"
                at = self.positions.inner(rest[0])[0]
                return [
                    *pieces,
                    *self.line(indentation, at, guard),
                    *self.block(rest, indentation + self.indent, context),
                ]
        return pieces

    def _jumps(self, statement: cst.CSTNode) -> bool:
        return any(isinstance(small, (cst.Return, cst.Break, cst.Continue)) for small in statements(statement))

    def statement(self, node: cst.CSTNode, indentation: str, context: Context | None) -> Pieces:
        """A statement with its leading lines."""
        if isinstance(node, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            return self.small_statements(node, indentation, context)
        if isinstance(node, cst.FunctionDef):
            return self.function(node, indentation, context)
        if context is None:
            return self.shaped(node, indentation, None)
        if isinstance(node, cst.If):
            return self.if_(node, indentation, context)
        if isinstance(node, cst.While):
            return self.while_(node, indentation, context)
        if isinstance(node, cst.For):
            return self.for_(node, indentation, context)
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self.try_(node, indentation, context)
        if isinstance(node, cst.With):
            return self.with_(node, indentation, context)
        if isinstance(node, cst.ClassDef):
            return self.class_(node, indentation, context)
        return self.shaped(node, indentation, context)

    def small_statements(self, node: cst.CSTNode, indentation: str, context: Context | None) -> Pieces:
        """`a = 1; b[i] = 2`: one line if each stays one, else a line each."""
        start, end = self.positions.of(node)
        smalls = list(statements(node))
        inner_start = self.positions.inner(smalls[0])[0] if smalls else start
        trailing = node.trailing_whitespace  # type: ignore[attr-defined]
        tail: Pieces = [(self.positions.of(trailing)[0], end)]
        lines = [self.small(small, context) for small in smalls]
        leading = self.leading(node, indentation)
        if all(len(block) == 1 and block[0][0] == 0 for block in lines):
            pieces: Pieces = [*leading, indentation]
            place = inner_start
            for small, block in zip(smalls, lines):
                small_start, _ = self.positions.of(small)
                text_end = self._text_end(small)
                pieces += [(place, small_start), *block[0][1]]
                place = text_end
            return [*pieces, (place, end)]
        pieces = [*leading]
        for block in lines:
            for depth, text in block:
                pieces += [indentation + self.indent * depth, *text, self.newline]
        return [*pieces[:-1], *tail]

    def _text_end(self, small: cst.CSTNode) -> int:
        """Where a small statement ends, without its semicolon."""
        semicolon = getattr(small, "semicolon", None)
        if isinstance(semicolon, cst.Semicolon):
            return self.positions.of(semicolon)[0]
        return self.positions.of(small)[1]

    def small(self, node: cst.CSTNode, context: Context | None) -> list[Line]:
        """A small statement as lines."""
        lines: list[Line] | None = None
        if context is not None:
            lines = self._small(node, context)
        if lines is None:
            start = self.positions.of(node)[0]
            pieces = self.expression(node, context)
            if is_plain(pieces):
                pieces = [(start, self._text_end(node))]
            elif isinstance(getattr(node, "semicolon", None), cst.Semicolon):
                pieces = self._cut(pieces, self._text_end(node))
            return [(0, pieces)]
        at = self.positions.of(node)[0]
        return [(depth, [at, *pieces]) for depth, pieces in lines]

    def _cut(self, pieces: Pieces, end: int) -> Pieces:
        """Pieces of a statement up to its semicolon."""
        last = pieces[-1]
        return [*pieces[:-1], (last[0], min(last[1], end))] if isinstance(last, tuple) else pieces

    def _small(self, node: cst.CSTNode, context: Context) -> list[Line] | None:
        if isinstance(node, cst.Assign):
            return self.assign(node, context)
        if isinstance(node, cst.AugAssign):
            return self.augmented(node, context)
        if isinstance(node, cst.AnnAssign):
            return self.annotated(node, context)
        if isinstance(node, cst.Del):
            return self.delete(node, context)
        if isinstance(node, cst.Return):
            return self.return_(node, context)
        if isinstance(node, (cst.Break, cst.Continue)):
            return self.jump(node, context)
        if isinstance(node, cst.Assert):
            return self.assertion(node, context)
        return None

    # ---- compound statements that keep their shape

    def shaped(self, node: cst.CSTNode, indentation: str, context: Context | None) -> Pieces:
        """A compound statement with its own headers: `with`, `match`, plain `if`, ..., each part rewritten in place."""
        pieces = self.leading(node, indentation)
        pieces.append(indentation)
        return [*pieces, *self._parts(node, self.positions.inner(node)[0], indentation, context)]

    def _parts(self, node: cst.CSTNode, place: int, indentation: str, context: Context | None) -> Pieces:
        from relaxpy.transform.tree import children

        pieces: Pieces = []
        parts = sorted(((self.positions.of(child), child) for child in children(node)), key=lambda part: part[0])
        for (start, end), child in parts:
            if isinstance(child, cst.BaseSuite):
                pieces += [(place, start), *self.suite(child, indentation, context)]
            elif isinstance(child, (cst.If, cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler)):
                pieces += self.leading(child, indentation)
                pieces += [indentation, *self._parts(child, self.positions.inner(child)[0], indentation, context)]
            elif isinstance(child, cst.MatchCase):
                if child is node.cases[0]:  # type: ignore[attr-defined]
                    pieces.append((place, self.positions.of(node.whitespace_after_colon)[1]))  # type: ignore[attr-defined]
                deeper = indentation + (node.indent if node.indent is not None else self.indent)  # type: ignore[attr-defined]
                pieces += self.leading(child, deeper)
                pieces += [deeper, *self._parts(child, self.positions.inner(child)[0], deeper, context)]
            elif isinstance(child, cst.MatchPattern):
                continue
            else:
                pieces += [(place, start), *self.expression(child, context)]
            place = end
        end = self.positions.of(node)[1]
        last = parts[-1][1] if parts else None
        if (
            last is not None
            and not isinstance(last, (cst.BaseSuite, cst.If, cst.Else, cst.Finally, cst.ExceptHandler, cst.MatchCase))
            or isinstance(node, cst.Match)
        ):
            pieces.append((place, end))
        return pieces

    def class_(self, node: cst.ClassDef, indentation: str, context: Context | None) -> Pieces:
        """A class: its bases belong to the scope outside, its body stays literal but for the functions in it."""
        pieces = self.leading(node, indentation)
        for decorator in node.decorators:
            pieces += [indentation, *self._parts(decorator, self.positions.inner(decorator)[0], indentation, context)]
        pieces.append(indentation)
        place = self.positions.inner(node)[0] if not node.decorators else self.positions.of(node.decorators[-1])[1]
        place = self._keyword_place(place)
        for part in [argument.value for argument in (*node.bases, *node.keywords)]:
            start, end = self.positions.of(part)
            pieces += [(place, start), *self.expression(part, context)]
            place = end
        pieces.append((place, self.positions.of(node.body)[0]))
        return [*pieces, *self.class_body(node, indentation)]

    def class_body(self, node: cst.ClassDef, indentation: str) -> Pieces:
        outer, self.class_name = self.class_name, node.name.value
        try:
            return self.suite(node.body, indentation, None)
        finally:
            self.class_name = outer

    def _keyword_place(self, place: int) -> int:
        """The next non-blank offset."""
        while place < len(self.source) and self.source[place] in " \t\f":
            place += 1
        return place

    class_name: str | None = None

    # ---- functions

    def function(self, node: cst.FunctionDef, indentation: str, outer: Context | None) -> Pieces:
        """A function: decorators and defaults belong to the scope outside, its body is rewritten."""
        context = function_context(node, self.identifiers, self.is_builtin, self.class_name)
        outer_class, self.class_name = self.class_name, self.class_name
        pieces = self.leading(node, indentation)
        for decorator in node.decorators:
            pieces += self.leading(decorator, indentation)
            pieces += [indentation, *self._parts(decorator, self.positions.inner(decorator)[0], indentation, outer)]
        for line in node.lines_after_decorators:
            pieces.append(self.positions.of(line))
        pieces.append(indentation)
        place = self._header_place(node)
        for part in sorted(evaluated_outside(node), key=lambda part: self.positions.of(part)):
            start, end = self.positions.of(part)
            if start < place:
                continue
            pieces += [(place, start), *self.expression(part, outer)]
            place = end
        pieces.append((place, self.positions.of(node.body)[0]))
        pieces += self._function_body(node, indentation, context)
        self.class_name = outer_class
        return pieces

    def _header_place(self, node: cst.FunctionDef) -> int:
        """Where `def` (or `async def`) stands."""
        if node.lines_after_decorators:
            place = self.positions.of(node.lines_after_decorators[-1])[1]
        elif node.decorators:
            place = self.positions.of(node.decorators[-1])[1]
        else:
            place = self.positions.inner(node)[0]
        return self._keyword_place(place)

    def _function_body(self, node: cst.FunctionDef, indentation: str, context: Context) -> Pieces:
        body = node.body
        if context.frame is None:
            return self.suite(body, indentation, context)
        inner = indentation + self.block_indentation(body)
        opening = self.line(inner, self.positions.of(body)[0], f"{context.frame} = {self.rt}.frame()")
        closing = self.line(inner, f"return {context.frame}.finish()")
        first = list(body.body)
        documented = node.get_docstring(clean=False) is not None
        if isinstance(body, cst.IndentedBlock):
            before = self.block(first[:1], inner, context) if documented else []
            rest = first[1:] if documented else first
            footer: Pieces = [self.positions.of(line) for line in body.footer]
            return [
                self.positions.of(body.header),
                *before,
                *opening,
                *self.block(rest, inner, context),
                *self._ended(rest, closing),
                *footer,
            ]
        return self.suite(body, indentation, context, opening, closing)

    def _ended(self, body: Sequence[cst.CSTNode], closing: Pieces) -> Pieces:
        """The function's last line; a source without a final newline needs one first."""
        if not self.source.endswith(("\n", "\r")) and body and self.positions.of(body[-1])[1] == len(self.source):
            return [self.newline, *closing[:-1]]
        return closing

    def lambda_(self, node: cst.Lambda, context: Context | None) -> Pieces:
        """A lambda: its defaults belong to the scope outside, its body is rewritten."""
        inner = lambda_context(self.identifiers, self.is_builtin, self.class_name)
        start, end = self.positions.of(node)
        pieces: Pieces = []
        place = start
        for part in sorted(evaluated_outside(node), key=lambda part: self.positions.of(part)):
            part_start, part_end = self.positions.of(part)
            pieces += [(place, part_start), *self.expression(part, context)]
            place = part_end
        body_start, body_end = self.positions.of(node.body)
        pieces += [(place, body_start), *self.expression(node.body, inner), (body_end, end)]
        return pieces

    # ---- what the other parts of the rewriter define

    def if_(self, node: cst.If, indentation: str, context: Context) -> Pieces:
        raise NotImplementedError

    def while_(self, node: cst.While, indentation: str, context: Context) -> Pieces:
        raise NotImplementedError

    def for_(self, node: cst.For, indentation: str, context: Context) -> Pieces:
        raise NotImplementedError

    def try_(self, node: cst.Try | cst.TryStar, indentation: str, context: Context) -> Pieces:
        raise NotImplementedError

    def with_(self, node: cst.With, indentation: str, context: Context) -> Pieces:
        raise NotImplementedError

    def return_(self, node: cst.Return, context: Context) -> list[Line] | None:
        raise NotImplementedError

    def jump(self, node: cst.Break | cst.Continue, context: Context) -> list[Line] | None:
        raise NotImplementedError

    def assertion(self, node: cst.Assert, context: Context) -> list[Line] | None:
        raise NotImplementedError

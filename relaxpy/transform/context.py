"""What the parts of the rewriter share: the source, the analyses, and the function that is being rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import libcst as cst

from relaxpy.transform.hardness import NO_NAMES, Hardness
from relaxpy.transform.names import FreshNames, mangled
from relaxpy.transform.outline import Outline, Outlines
from relaxpy.transform.pieces import Pieces, lines_of
from relaxpy.transform.positions import Positions
from relaxpy.transform.steps import Step
from relaxpy.transform.tree import children, without_brackets

__all__ = ["DEEPEST", "Function", "Handler", "Rewriter", "Row", "Site", "Tables", "describe"]

# More brackets than this inside one another, and what is further in stays as it is: Python itself allows 200.
DEEPEST = 80

Handler = Callable[["Rewriter", Any, Pieces], None]


@dataclass(frozen=True)
class Site:
    """A place where something is decided or blended: what it is, and where and what it was in the source."""

    kind: str
    line: int
    column: int
    text: str


class Function:
    """The function (or lambda) that is being rewritten."""

    def __init__(self, outline: Outline, fresh: FreshNames, frame: str | None) -> None:
        self.outline = outline
        self.fresh = fresh
        self.frame = frame
        self.loops: list[tuple[Step, str]] = []  # objects of loops and clean-ups around, with their names
        self.is_async_generator = False
        self.again = False  # are handlers written once more, for soft paths?
        self.around: list[str] = [] if frame is None else [frame]  # objects that are soft where a soft condition is open

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Inside a construct that may be soft."""
        self.around.append(name)
        yield
        self.around.remove(name)


@dataclass(frozen=True)
class Tables:
    """The rules: of expressions outside and inside of functions and in the classes there, of small and compound statements."""

    outside: Mapping[type, Handler]
    inside: Mapping[type, Handler]
    classes: Mapping[type, Handler]
    small: Mapping[type, Callable[[Rewriter, Any], list[Row]]]
    compound: Mapping[type, Callable[[Rewriter, Any, str, Pieces], None]]


@dataclass
class Row:
    """A line of the result without its indentation, ``depth`` steps further in than its block.

    What is ``simple`` can share a line with others, with a semicolon between.
    """

    pieces: Pieces
    simple: bool = True
    depth: int = 0


class Rewriter:
    """Holds the source and writes the rewritten text of any node: ``tables`` has the rules.

    ``function`` is None outside of functions, where only nested functions and lambdas are rewritten. ``walrus`` is False
    inside comprehensions, where a temporary would leak; ``iterating`` is True inside their iterables, lambdas included,
    where Python allows none. ``counters``: names that hold plain ints here.
    """

    def __init__(
        self,
        positions: Positions,
        outlines: Outlines,
        taken: frozenset[str],
        runtime: str,
        class_name: str | None,
        tables: Tables,
        default_indent: str,
        newline: str,
    ) -> None:
        self.source = positions.source
        self.whole = positions.whole
        self.inner = positions.inner
        self.outlines = outlines
        self.hardness = Hardness(outlines.bound)
        self.taken = taken
        self.runtime = runtime
        self.class_name = class_name
        self.tables = tables
        self.expressions = tables.outside
        self.step = default_indent
        self.newline = newline
        self.sites: list[tuple[str, int, int]] = []
        self.bare: cst.CSTNode | None = None  # a definition whose decorators are left out
        self.hard_marks: frozenset[str] = NO_NAMES
        self.plain_asserts = False  # asserts are left as they are, for a tool that explains them
        self.as_written = False  # inside a function that is marked as hard
        self.function: Function | None = None
        self.walrus = True
        self.iterating = False
        self.counters: frozenset[str] = NO_NAMES
        self.depth = 0
        self.conditions: set[int] = set()  # expressions of which nothing but the truth counts
        self.sides: dict[int, str] = {}  # calls that are a side of an expression or a loop's test, with the name of what decides
        self.bound_on: dict[int, list[str]] = {}  # walruses on a side of expressions, with the names of what decides them
        self.looked_at: set[int] = set()  # displays that cannot be changed where they stand
        self.asked: dict[int, str] = {}  # expressions that the runtime looks at where they stand, and by what
        self.displays = 0  # pieces of new text that say of displays that they were made
        self.shifts: list[tuple[int, str]] = []

    @contextmanager
    def within(self, function: Function | None, class_name: str | None = None) -> Iterator[None]:
        """Inside the body of a function, or of a class or module where ``function`` is None."""
        saved = self.function, self.class_name, self.walrus, self.counters, self.expressions
        self.function, self.walrus, self.counters = function, not self.iterating, NO_NAMES
        self.class_name = class_name or self.class_name
        self.expressions = self.tables.outside if function is None else self.tables.inside
        yield
        self.function, self.class_name, self.walrus, self.counters, self.expressions = saved

    # ---- expressions

    def pieces(self) -> Pieces:
        return Pieces(self.source)

    def expression(self, node: cst.CSTNode, out: Pieces) -> None:
        """Write an expression."""
        if id(node) in self.asked:
            self._asked(node, out)
            return
        handler = self.expressions.get(type(node))
        if handler is None or self.depth > DEEPEST:
            self.literal(node, out)
        else:
            handler(self, node, out)

    def _asked(self, node: cst.CSTNode, out: Pieces) -> None:
        """``*xs`` becomes ``*_rt.spent(xs)``, and ``**d`` ``**_rt.whole(d)``."""
        function = self.asked.pop(id(node))
        start, end = self.whole[id(node)]
        self.depth += 1
        if type(node) is cst.Name and self.function is not None and self.function.outline.is_local(node.value):
            self.displays += 2  # what comes from a caller, the call has seen already
        out.new(f"{self.rt(function)}(", start)
        self.argument(node, out)
        out.new(")", end - 1)
        self.depth -= 1

    def runs_over(self, *nodes: cst.CSTNode) -> None:
        """Say that these expressions are run over where they stand: the runtime has to know where an iterator is advanced."""
        self._ask("spent", nodes)

    def takes_all_of(self, *nodes: cst.CSTNode) -> None:
        """Say that these expressions, if they are dicts, are needed with all their keys: the runtime knows if they have them."""
        self._ask("whole", (node for node in nodes if not self.hardness.is_plain(node, self.counters)))

    def _ask(self, function: str, nodes: Iterable[cst.CSTNode]) -> None:
        if self.function is not None:
            self.asked.update((id(node), function) for node in nodes if not self.hardness.is_no_iterator(node))

    def literal(self, node: cst.CSTNode, out: Pieces) -> None:
        """Write an expression as it is, with its parts rewritten."""
        start, end = self.whole[id(node)]
        for child in children(node):
            child_start, child_end = self.whole[id(child)]
            out.copy(start, child_start)
            self.expression(child, out)
            start = child_end
        out.copy(start, end)

    def look_at(self, *nodes: cst.CSTNode) -> None:
        """Say that these expressions are used where they stand, so that nobody changes them."""
        self.looked_at.update(map(id, nodes))

    def unless_displays_only(self, body: Pieces, node: Any, before: int, out: Pieces) -> None:
        """Write the body of a function; if nothing but displays is new in it, it stays as it is."""
        if self.displays > before and body.count_new() == self.displays - before:
            self.displays = before
            out.copy(*self.whole[id(node)])
        else:
            out.extend(body)

    def argument(self, node: cst.CSTNode, out: Pieces) -> None:
        """Write an expression so that it can stand among the arguments of a call."""
        if without_brackets(node):
            start, end = self.whole[id(node)]
            out.new("(", start)
            self.expression(node, out)
            out.new(")", end - 1)
        else:
            self.expression(node, out)

    def opened(self, node: Any, out: Pieces) -> int:
        """Write the brackets that open around an expression; returns where it begins."""
        start = self.inner[id(node)][0]
        out.copy(self.whole[id(node)][0], start)
        return start

    def closed(self, node: Any, out: Pieces) -> None:
        """Write the brackets that close around an expression."""
        out.copy(self.inner[id(node)][1], self.whole[id(node)][1])

    def gap(self, before: cst.CSTNode, after: cst.CSTNode, between: str, out: Pieces) -> None:
        """Write what stands between two expressions in place of an operator, keeping comments and line breaks."""
        start, end = self.whole[id(before)][1], self.whole[id(after)][0]
        self.between(start, end, between, out)

    def between(self, start: int, end: int, text: str, out: Pieces, closing: bool = False) -> None:
        """Write new text in place of a stretch of the source that holds no expression, keeping its comments.

        Text that closes a bracket comes after them: line breaks are allowed before it only.
        """
        old = self.source[start:end]
        if "\n" not in old and "\r" not in old and "#" not in old:
            out.new(text, max(start, end - 1))
            return
        if not closing:
            out.new(text.rstrip(), start)
        for line in lines_of(old):
            stripped = line.lstrip()
            if "#" in stripped:
                at = start + line.index("#")
                out.copy(at - 2 if self.source[at - 2 : at] == "  " else at, start + len(line))
            elif line.endswith(("\n", "\r")):
                out.copy(start + len(line.rstrip("\r\n")), start + len(line))
            else:
                out.copy(start, start + len(line) - len(stripped))
            start += len(line)
        if closing:
            out.new(text, end - 1)

    def decides(self, node: Any) -> None:
        """Say that nothing but the truth of an expression counts, and so of the operands that make it up."""
        self.conditions.add(id(node))
        if type(node) is cst.BooleanOperation:
            self.decides(node.left)
            self.decides(node.right)
        elif type(node) is cst.IfExp:
            self.decides(node.body)
            self.decides(node.orelse)

    # ---- names

    def rt(self, name: str) -> str:
        """The text that names something of the runtime."""
        return f"{self.runtime}.{name}"

    def fresh(self, stem: str) -> str:
        if self.function is None:
            raise TypeError("temporaries exist only in functions")
        return self.function.fresh.numbered(stem)

    def mangled(self, name: str) -> str:
        return mangled(name, self.class_name)

    def builtin(self, name: str) -> str:
        """The text that calls a builtin, whatever the source calls by its name."""
        return self.rt(f"builtins.{name}") if name in self.outlines.bound else name

    def step_of(self, node: cst.CSTNode) -> Step:
        """What the analyses found out about a statement of the function."""
        if self.function is None:
            raise TypeError("statements are analysed only in functions")
        return self.function.outline.steps_of[id(node)]

    def row(self, text: str, place: int, simple: bool = True, depth: int = 0) -> Row:
        """A line of new text."""
        pieces = self.pieces()
        pieces.new(text, place)
        return Row(pieces, simple, depth)

    def site(self, kind: str, node: cst.CSTNode) -> None:
        start, end = self.inner.get(id(node)) or self.whole[id(node)]
        self.sites.append((kind, start, end))

    # ---- layout

    def indent(self, original: str) -> str:
        """The indentation that a line has in the result: blocks that moved under a new `if` are shifted."""
        for length, step in reversed(self.shifts):
            original = original[:length] + step + original[length:]
        return original


def describe(site: tuple[str, int, int], source: str, place: Callable[[int], tuple[int, int]], first_line: int) -> Site:
    """A site as users see it."""
    kind, start, end = site
    line, column = place(start)
    lines = lines_of(source[start:end])
    return Site(kind, line + first_line - 1, column, lines[0].rstrip() if lines else "")

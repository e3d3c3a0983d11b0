"""The definitions of a text: where they stand, what they are called, and their own text, dedented."""

from __future__ import annotations

import ast
import functools
import io
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relaxpy.errors import RelaxError, did_you_mean

__all__ = [
    "Definition",
    "FunctionSource",
    "cut",
    "definition_source",
    "definitions",
    "module_source",
    "outermost_functions",
    "walk",
]

_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


@dataclass(frozen=True)
class FunctionSource:
    """The text of one definition, and where it came from.

    ``text`` is dedented; its first line is line ``first_line`` of ``filename`` (a decorator's, if there is one), and
    ``columns[i]`` characters stood before its line i. A lambda's text is the lambda in parentheses.
    ``class_name`` is the innermost class around the definition: private names are mangled with it.
    """

    text: str
    filename: str
    first_line: int
    columns: tuple[int, ...]
    name: str
    qualname: str
    class_name: str | None
    free_variables: frozenset[str]
    lines: tuple[str, ...]

    @property
    def is_lambda(self) -> bool:
        return self.name == "<lambda>"

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Line and column in the file of a place in ``text``; lines count from 1, columns count characters from 0."""
        return line + self.first_line - 1, column + self.columns[line - 1]

    def line(self, number: int) -> str:
        """A line of the text as it stands in the file."""
        return self.lines[number - self.first_line]


@dataclass(frozen=True)
class Definition:
    node: _Node
    qualname: str
    class_name: str | None

    @property
    def name(self) -> str:
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name

    @property
    def first_line(self) -> int:
        decorators = [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list
        return min([self.node.lineno, *(d.lineno for d in decorators)])


def module_source(text: str, filename: str, name: str = "<module>") -> FunctionSource:
    """All of a module's text, as if it were one definition."""
    lines = tuple(line + "\n" for line in text.split("\n"))  # a form feed ends no line of Python's
    return FunctionSource(
        text=text,
        filename=filename,
        first_line=1,
        columns=(0,) * len(lines),
        name=name,
        qualname=name,
        class_name=None,
        free_variables=frozenset(),
        lines=lines,
    )


def definition_source(text: str, filename: str, qualname: str) -> FunctionSource:
    """The definition of a function or class that a module's text names: ``f``, ``Class.method``, ``outer.inner``."""
    wanted = qualname.replace(".<locals>", "")
    named = {found.qualname.replace(".<locals>", ""): found for found in definitions(text) if found.name != "<lambda>"}
    found = named.get(wanted)
    if found is None:
        remedy = did_you_mean(wanted, named) or "it defines " + (", ".join(named) or "no function or class")
        raise RelaxError(f"{filename} defines no `{qualname}`", remedy=remedy)
    return cut(found, filename, io.StringIO(text).readlines(), _free_variables(text, filename, found))


def outermost_functions(text: str, filename: str) -> Iterator[FunctionSource]:
    """Every function and method of a text that stands in no other function, in order; definitions of one name all count."""
    lines = io.StringIO(text).readlines()
    for found in definitions(text):
        if not isinstance(found.node, (ast.ClassDef, ast.Lambda)) and "<locals>" not in found.qualname:
            yield cut(found, filename, lines, _free_variables(text, filename, found))


@functools.lru_cache(maxsize=8)
def definitions(text: str) -> tuple[Definition, ...]:
    return tuple(walk(ast.parse(text), "", None))


def walk(root: ast.AST, prefix: str, class_name: str | None) -> Iterator[Definition]:
    """All definitions below a node, in the order of the text; decorators, defaults and bases belong to the outside."""
    pending: list[tuple[ast.AST, str, str | None]] = [(root, prefix, class_name)]
    while pending:
        node, prefix, class_name = pending.pop()
        inner = prefix, class_name
        if isinstance(node, _Node):
            found = Definition(node, prefix + getattr(node, "name", "<lambda>"), class_name)
            yield found
            if isinstance(node, ast.ClassDef):
                inner = found.qualname + ".", node.name
            else:
                inner = found.qualname + ".<locals>.", class_name
        children: list[tuple[ast.AST, str, str | None]] = []
        for field, value in ast.iter_fields(node):
            scope = inner if field == "body" else (prefix, class_name)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    children.append((child, *scope))
        pending.extend(reversed(children))


def _free_variables(text: str, filename: str, found: Definition) -> frozenset[str]:
    """The names that a definition takes from the functions around it."""

    def search(table: symtable.SymbolTable) -> frozenset[str] | None:
        for child in table.get_children():
            if child.get_name() == found.name and child.get_lineno() in (found.node.lineno, found.first_line):
                # Python 3.12: a generic function sits in a table of its type parameters, which has its name.
                if child.get_type() in ("function", "class"):
                    return frozenset(s.get_name() for s in child.get_symbols() if s.is_free())
            inside = search(child)
            if inside is not None:
                return inside
        return None

    return search(symtable.symtable(text, filename, "exec")) or frozenset()


def cut(found: Definition, filename: str, lines: Sequence[str], free_variables: frozenset[str]) -> FunctionSource:
    first, last = found.first_line, found.node.end_lineno or found.first_line
    original = [line if line.endswith("\n") else line + "\n" for line in lines[first - 1 : last]]
    if isinstance(found.node, ast.Lambda):
        text, columns = _lambda_text(found.node, original)
    else:
        text, columns = _dedented(found.node, original, first)
    return FunctionSource(
        text=text,
        filename=filename,
        first_line=first,
        columns=columns,
        name=found.name,
        qualname=found.qualname,
        class_name=found.class_name,
        free_variables=free_variables,
        lines=tuple(original),
    )


def _lambda_text(node: ast.Lambda, lines: list[str]) -> tuple[str, tuple[int, ...]]:
    encoded = [line.encode() for line in lines]
    before = len(encoded[0][: node.col_offset].decode())
    encoded[-1] = encoded[-1][: node.end_col_offset]
    encoded[0] = encoded[0][node.col_offset :]
    return f"({b''.join(encoded).decode()})\n", (before - 1, *[0] * (len(lines) - 1))


def _dedented(node: ast.AST, lines: list[str], first: int) -> tuple[str, tuple[int, ...]]:
    """The lines without their common indentation, except where that would change a string."""
    inside = set[int]()
    for part in ast.walk(node):
        if isinstance(part, (ast.Constant, ast.JoinedStr)) and part.end_lineno:
            inside.update(range(part.lineno + 1, part.end_lineno + 1))
    indent = len(lines[0]) - len(lines[0].lstrip())
    result: list[str] = []
    columns: list[int] = []
    for number, line in enumerate(lines, start=first):
        blank = len(line) - len(line.lstrip(" \t\f"))
        cut = 0 if number in inside else min(indent, blank)
        result.append(line[cut:])
        columns.append(cut)
    return "".join(result), tuple(columns)

"""From a function to the text of its definition, which stands in a file, a notebook cell or text given to `exec`.

The whole file is parsed once, so a definition is found by its place and not by the look of its lines: nested functions,
several lambdas on a line and strings that look like code make no difference, and no string is changed by dedenting.
"""

from __future__ import annotations

import ast
import functools
import linecache
import symtable
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType

from relaxpy.errors import RelaxError, did_you_mean

__all__ = ["FunctionSource", "definition_source", "function_source", "module_source"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


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
class _Found:
    node: _Definition
    qualname: str
    class_name: str | None

    @property
    def name(self) -> str:
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name

    @property
    def first_line(self) -> int:
        decorators = [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list
        return min([self.node.lineno, *(d.lineno for d in decorators)])


def function_source(function: FunctionType) -> FunctionSource:
    """The definition of a function.

    >>> from relaxpy.algorithms.sorting import swap
    >>> function_source(swap).text.splitlines()[0]
    'def swap(array: list[float], i: int, j: int) -> None:'
    """
    code = function.__code__
    filename, lines = _file_lines(function)
    try:
        found = _find(_definitions("".join(lines)), code)
    except SyntaxError:
        # The file as a whole is not Python (a notebook with magics, a template): the block at the line may be.
        start = code.co_firstlineno - 1
        lines = ["\n"] * start + _block(lines[start:])
        found = _find(_block_definitions("".join(lines), function), code)
    if found is None:
        raise RelaxError(
            f"the source of `{function.__qualname__}` is not at line {code.co_firstlineno} of {filename}",
            remedy="the file seems to have changed since it was imported: start again, or import it anew",
        )
    return _cut(found, filename, lines, frozenset(code.co_freevars))


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
    named = {found.qualname.replace(".<locals>", ""): found for found in _definitions(text) if found.name != "<lambda>"}
    found = named.get(wanted)
    if found is None:
        remedy = did_you_mean(wanted, named) or "it defines " + (", ".join(named) or "no function or class")
        raise RelaxError(f"{filename} defines no `{qualname}`", remedy=remedy)
    return _cut(found, filename, text.splitlines(keepends=True), _free_variables(text, filename, found))


def _file_lines(function: FunctionType) -> tuple[str, list[str]]:
    code, scope = function.__code__, function.__globals__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, scope)
    # A moved directory of compiled modules: the code remembers where it was compiled, the module where it is.
    if not lines and isinstance(scope.get("__file__"), str):
        moved = scope["__file__"].replace("\\", "/").rpartition("/")[2]
        if moved == code.co_filename.replace("\\", "/").rpartition("/")[2]:
            lines = linecache.getlines(scope["__file__"], scope)
    if lines:
        return code.co_filename, lines
    raise RelaxError(f"the source of `{function.__qualname__}` is not available: {_missing(code.co_filename)}")


def _missing(filename: str) -> str:
    if filename == "<stdin>" or filename.startswith("<python-input"):
        return (
            "this interactive session keeps no source\n"
            "  remedy: put the function in a file and import it, or use IPython"
        )
    if filename.startswith("<"):
        return (
            f"it was compiled from text, as {filename}\n"
            "  remedy: compile it with a file name of its own and put the text in `linecache.cache`, or in a file"
        )
    return f"there is no file {filename}\n  remedy: install the package with its source files"


@functools.lru_cache(maxsize=8)
def _definitions(text: str) -> tuple[_Found, ...]:
    return tuple(_walk(ast.parse(text), "", None))


def _walk(root: ast.AST, prefix: str, class_name: str | None) -> Iterator[_Found]:
    """All definitions below a node, in the order of the text; decorators, defaults and bases belong to the outside."""
    pending: list[tuple[ast.AST, str, str | None]] = [(root, prefix, class_name)]
    while pending:
        node, prefix, class_name = pending.pop()
        inner = prefix, class_name
        if isinstance(node, _Definition):
            found = _Found(node, prefix + getattr(node, "name", "<lambda>"), class_name)
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


def _block(lines: Sequence[str]) -> list[str]:
    """The lines of the definition that starts on the first one, as far as indentation tells."""
    indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    result: list[str] = []
    in_body = False
    for line in lines:
        shown = line.strip()
        depth = len(line) - len(line.lstrip())
        if in_body and shown and depth <= indent and not shown.startswith((")", "]", "}", "#")):
            break
        result.append(line)
        in_body = in_body or shown.startswith(("def ", "async def "))
    return result


def _block_definitions(text: str, function: FunctionType) -> tuple[_Found, ...]:
    lines = text.splitlines(keepends=True)
    start = function.__code__.co_firstlineno - 1
    if start < len(lines) and lines[start][:1].isspace() and start:
        lines[start - 1] = "if 1:\n"
    parts = function.__qualname__.split(".")[:-1]
    classes = [part for part, after in zip(parts, [*parts[1:], ""], strict=False) if "<locals>" not in (part, after)]
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError as error:
        raise RelaxError(
            f"the source of `{function.__qualname__}` cannot be parsed: {error.msg}",
            file=function.__code__.co_filename,
            line=error.lineno,
            remedy="put the function in a file or a cell that is plain Python",
        ) from error
    return tuple(_walk(tree, "", classes[-1] if classes else None))


def _find(definitions: Sequence[_Found], code: CodeType) -> _Found | None:
    count = code.co_argcount + code.co_kwonlyargcount
    candidates = []
    for found in definitions:
        if isinstance(found.node, ast.ClassDef) or found.name != code.co_name:
            continue
        arguments = found.node.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        # A private name is mangled in the code alone.
        same = all(a == b or b.endswith(a) for a, b in zip(names, code.co_varnames[:count], strict=False))
        if len(names) == count and same and found.first_line == code.co_firstlineno:
            candidates.append(found)
    if len(candidates) > 1:
        candidates = _on_the_columns(candidates, code)
        if len({ast.dump(found.node) for found in candidates}) != 1:
            raise RelaxError(
                f"several lambdas on line {code.co_firstlineno} of {code.co_filename} could be this one",
                remedy="put the lambda on a line of its own, or write a `def`",
            )
    return candidates[0] if candidates else None


def _on_the_columns(candidates: list[_Found], code: CodeType) -> list[_Found]:
    """Of several lambdas on a line those that the code's instructions fall into; by names if code has no columns."""
    spans = _spans(code)
    if not spans:
        names = {*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars}
        return [f for f in candidates if {n.id for n in ast.walk(f.node) if isinstance(n, ast.Name)} <= names]
    result = []
    for found in candidates:
        body = found.node.body
        assert isinstance(body, ast.expr)  # no two `def` stand on one line
        start, stop = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
        if all(start <= first and last <= stop for first, last in spans):
            result.append(found)
    # The body of a lambda around the right one spans it too.
    return [f for f in result if not any(f is not g and _holds(f.node, g.node) for g in result)]


def _spans(code: CodeType) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    spans: list[tuple[tuple[int, int], tuple[int, int]]] = []
    if sys.version_info >= (3, 11):
        for line, end_line, column, end in code.co_positions():
            # The first instructions (RESUME and the like) stand for the function as a whole, with no columns.
            if line is not None and end_line is not None and column is not None and end:
                spans.append(((line, column), (end_line, end)))
    return spans


def _holds(outer: ast.AST, inner: ast.AST) -> bool:
    return any(node is inner for node in ast.walk(outer))


def _free_variables(text: str, filename: str, found: _Found) -> frozenset[str]:
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


def _cut(found: _Found, filename: str, lines: Sequence[str], free_variables: frozenset[str]) -> FunctionSource:
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

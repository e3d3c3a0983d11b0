"""From a function to the text of its definition, which stands in a file, a notebook cell or text given to `exec`.

The whole file is parsed once, so a definition is found by its place and not by the look of its lines: nested functions,
several lambdas on a line and strings that look like code make no difference, and no string is changed by dedenting.
"""

from __future__ import annotations

import ast
import io
import linecache
import sys
from collections.abc import Sequence
from types import CodeType, FunctionType

from relaxpy.definitions import Definition, FunctionSource, cut, definitions, walk
from relaxpy.errors import RelaxError

__all__ = ["function_source"]


def function_source(function: FunctionType) -> FunctionSource:
    """The definition of a function.

    >>> from relaxpy.algorithms.sorting import swap
    >>> function_source(swap).text.splitlines()[0]
    'def swap(array: list[float], i: int, j: int) -> None:'
    """
    code = function.__code__
    filename, lines = _file_lines(function)
    try:
        found = _find(definitions("".join(lines)), code)
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
    return cut(found, filename, lines, frozenset(code.co_freevars))


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
        return code.co_filename, [line if line.endswith(("\n", "\r")) else f"{line}\n" for line in lines]
    raise RelaxError(f"the source of `{function.__qualname__}` is not available: {_missing(code.co_filename)}")


def _missing(filename: str) -> str:
    if filename == "<stdin>" or filename.startswith("<python-input"):
        return (
            "this interactive session keeps no source\n"
            "  remedy: put the function in a file and import it, or use IPython, or Python 3.13 or later"
        )
    if filename in ("<timed exec>", "<magic-timeit>"):
        return "what %%time runs keeps no source\n  remedy: define it in a cell of its own, and time the call"
    if filename.startswith("<"):
        return (
            f"it was compiled from text, as {filename}\n"
            "  remedy: compile it with a file name of its own and put the text in `linecache.cache`, or in a file"
        )
    return f"there is no file {filename}\n  remedy: install the package with its source files"


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


def _block_definitions(text: str, function: FunctionType) -> tuple[Definition, ...]:
    lines = io.StringIO(text).readlines()
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
    return tuple(walk(tree, "", classes[-1] if classes else None))


def _find(found_there: Sequence[Definition], code: CodeType) -> Definition | None:
    count = code.co_argcount + code.co_kwonlyargcount
    candidates = []
    for found in found_there:
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


def _on_the_columns(candidates: list[Definition], code: CodeType) -> list[Definition]:
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

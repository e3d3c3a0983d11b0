"""``relaxpy eject PATH[:qualname]``: rewritten source that runs without the rewriter."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from relaxpy import __version__
from relaxpy.cli.files import STDIN, located, read
from relaxpy.cli.needed import needed_statements
from relaxpy.cli.terminal import UsageError, print_code, write_out
from relaxpy.definitions import definition_source
from relaxpy.gates import header_end
from relaxpy.syntax import python_tree

if TYPE_CHECKING:
    from relaxpy.cli.dump import Commands

__all__ = ["add_parser", "ejected"]

_EXAMPLES = """\
examples:
  relaxpy eject algorithms.py:bubble_sort                    a function, and what it needs of its module
  relaxpy eject algorithms.py:Stack.push                     a method, with its class
  relaxpy eject algorithms.py --out relaxed_algorithms.py    a whole module

The result is what `relaxpy dump` shows, made to stand alone: it imports relaxpy.runtime, and needs neither relaxpy's rewriter
nor libcst. Relaxed is what is named, or in a whole module what is decorated with @relax, or, if nothing is, every function.
"""

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+.*\n")
_HOME = "relaxpy.runtime.ejected"


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "eject",
        help="write source that runs without the rewriter",
        description="Write out rewritten source as a module of its own, formatted, that needs relaxpy.runtime alone.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH[:qualname]", help="a file or module, and a function or method in it")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write to a file instead of printing")
    parser.set_defaults(run=_run)


def _run(namespace: argparse.Namespace) -> int:
    file, qualname = located(namespace.path, "eject")
    name = "<stdin>" if file == STDIN else str(file)
    text = _formatted(ejected(read(file), name, qualname))
    if namespace.out is None:
        print_code(text)
    else:
        write_out(namespace.out, text, file)
    return 0


def ejected(text: str, filename: str, qualname: str = "") -> str:
    """The source of a module that holds a module's functions, or one of them and what it needs, rewritten."""
    from relaxpy.transform import rewrite

    tree = python_tree(text, filename)
    if qualname:
        text = _reduced(text, filename, tree, qualname)
    text = _without_coding(text)
    rewritten = rewrite(text, filename=filename)
    chosen = [qualname] if qualname else [] if _is_relaxed_anywhere(tree) else [name for name, _ in _functions(tree)]
    result = _decorated(rewritten.text, chosen, rewritten.runtime_name)
    origin = f"{Path(filename).name}:{qualname}" if qualname else Path(filename).name
    title = f"# Written by `relaxpy eject {origin}`, version {__version__}.\n"
    return title + _with_header(_with_runtime_imports(result), rewritten.runtime_name)


def _reduced(text: str, filename: str, tree: ast.Module, qualname: str) -> str:
    """The lines of a module that one definition in it needs, with the comments above them."""
    source = definition_source(text, filename, qualname)
    if "<locals>" in source.qualname:
        raise UsageError(f"{qualname} is inside a function\n  eject the outer one")
    if isinstance(ast.parse(source.text).body[0], ast.ClassDef):
        raise UsageError(
            f"{qualname} is a class\n  eject one of its methods: relaxpy eject {filename}:{qualname}.method"
        )
    lines = io.StringIO(text).readlines()
    chunks: list[str] = []
    last = 0
    for statement in needed_statements(tree, qualname.partition(".")[0]):
        decorators = getattr(statement, "decorator_list", [])
        first = min(node.lineno for node in (statement, *decorators))
        while first - 2 >= last and lines[first - 2].startswith("#"):
            first -= 1
        start, last = max(first - 1, last), statement.end_lineno or statement.lineno
        chunks.append("".join(lines[start:last]))
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            chunks[-1] = f"\n\n{chunks[-1]}\n\n"
    return "".join(chunks)


def _with_runtime_imports(text: str) -> str:
    """The text with its imports of relaxpy turned to what runs without the rewriter."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "relaxpy" and not node.level:
            column = _characters(lines[node.lineno - 1], node.col_offset)
            before, after = lines[node.lineno - 1][:column], lines[node.lineno - 1][column:]
            lines[node.lineno - 1] = before + re.sub(r"\brelaxpy\b", _HOME, after, count=1)
        elif isinstance(node, ast.Import):
            for alias in reversed(node.names):
                if alias.name == "relaxpy":
                    line = lines[alias.lineno - 1]
                    column = _characters(line, alias.col_offset)
                    new = _HOME if alias.asname else f"{_HOME} as relaxpy"
                    lines[alias.lineno - 1] = line[:column] + new + line[column + len("relaxpy") :]
    return "\n".join(lines)


def _characters(line: str, column: int) -> int:
    return len(line.encode()[:column].decode())


def _names_of(tree: ast.Module, what: str) -> frozenset[str]:
    """What `relaxpy.relax`, or another of relaxpy's names, is called in a module: ``relax``, ``relaxpy.relax``."""
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "relaxpy" and not node.level:
            names.update(alias.asname or alias.name for alias in node.names if alias.name == what)
        elif isinstance(node, ast.Import):
            homes = [alias.asname or "relaxpy" for alias in node.names if alias.name == "relaxpy"]
            names.update(f"{home}.{what}" for home in homes)
    return frozenset(names)


def _is_relaxed_anywhere(tree: ast.Module) -> bool:
    names = _names_of(tree, "relax")
    return any(isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in names for node in ast.walk(tree))


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    """All functions of a module and methods of its classes, with their qualified names, as the import hook relaxes them."""
    pending: list[tuple[str, ast.AST]] = [("", tree)]
    while pending:
        prefix, node = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{prefix}{child.name}", child
            elif isinstance(child, ast.ClassDef):
                pending.append((f"{prefix}{child.name}.", child))
            elif isinstance(child, ast.stmt):
                pending.append((prefix, child))


def _decorated(text: str, qualnames: Iterable[str], runtime: str) -> str:
    """The text in which definitions are relaxed, as they may be already; those that are hard stay so."""
    tree = ast.parse(text)
    names = _names_of(tree, "relax") | _names_of(tree, "hard")
    wanted, lines = set(qualnames), text.split("\n")
    places: list[int] = []
    for qualname, function in _functions(tree):
        called = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
        if qualname in wanted and not names & set(map(ast.unparse, called)):
            places.append(function.lineno - 1)
    for place in sorted(places, reverse=True):
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        # Next to the function, so that properties and the like come around what is relaxed.
        lines.insert(place, f"{indent}@{runtime}.ejected.relax")
    return "\n".join(lines)


def _with_header(text: str, runtime: str) -> str:
    """The text with the import of the runtime, as early as Python allows it."""
    body = ast.parse(text).body
    start = header_end(body)
    after = (body[start - 1].end_lineno or body[start - 1].lineno) if start else 0
    lines = text.split("\n")
    header = ["", f"import relaxpy.runtime as {runtime}", "", f'{runtime}.ejected.rewritten("{runtime}")', ""]
    return "\n".join([*lines[:after], *header, *lines[after:]])


def _without_coding(text: str) -> str:
    """The text without the line that names its encoding: it is written as UTF-8."""
    first, end, rest = text.partition("\n")
    if first.startswith("#!"):
        return first + end + _CODING.sub("", rest, count=1)
    return _CODING.sub("", text, count=1)


def _formatted(text: str) -> str:
    """The text as ruff formats it; as it is, with a word about that, where there is no ruff."""
    if importlib.util.find_spec("ruff") is None:
        print("relaxpy: not formatted, since ruff is not installed: python -m pip install ruff", file=sys.stderr)
        return text
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        print(f"relaxpy: not formatted, since ruff failed: {done.stderr.strip()}", file=sys.stderr)
        return text
    return done.stdout

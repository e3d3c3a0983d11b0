"""``relaxpy check PATH...``: everything in some files that cannot be relaxed."""

from __future__ import annotations

import argparse
import ast
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relaxpy.cli.files import STDIN, python_files, read
from relaxpy.cli.findings import FORMATS, Checked, Finding
from relaxpy.cli.processes import add_jobs, shared
from relaxpy.cli.terminal import UsageError
from relaxpy.definitions import outermost_functions
from relaxpy.errors import RelaxSyntaxError
from relaxpy.syntax import python_tree

if TYPE_CHECKING:
    from relaxpy.cli.dump import Commands

__all__ = ["add_parser", "checked"]

_EXAMPLES = """\
examples:
  relaxpy check algorithms.py                     one file
  relaxpy check src tests/helpers.py              files and folders, with all that they hold
  relaxpy check relaxpy.algorithms                a module or package that can be imported
  git show HEAD:algorithms.py | relaxpy check -   standard input
  relaxpy check src --format github               annotations on a pull request
  relaxpy check src --format json > report.json   for other programs

The exit status is 0 if everything can be relaxed, 1 if something cannot, 2 if a path is not there.
"""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "check",
        help="list what cannot be relaxed",
        description="Read every file as a decorator or an import hook would, run none, and list what cannot be relaxed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a file, a folder, a module or a package; - reads standard input"
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        help="lines with carets (default), JSON, or GitHub's annotations",
    )
    add_jobs(parser)
    parser.set_defaults(run=_run)


def _run(namespace: argparse.Namespace) -> int:
    files = list(python_files(namespace.paths))
    if not files:
        raise UsageError(f"there is no Python file in {' '.join(namespace.paths)}")
    with shared(checked, files, namespace.jobs) as results:
        return FORMATS[namespace.format](results)


def checked(file: Path) -> Checked:
    """One file: how many functions it has, how many of them can be relaxed, and what is wrong with the others.

    A file that cannot be rewritten as a whole may still hold functions that can be decorated: each is tried by itself.
    """
    name = "<stdin>" if file == STDIN else str(file)
    try:
        text = read(file)
        tree = python_tree(text, name)
    except UsageError as error:
        return Checked(name, 0, 0, (Finding(name, None, None, str(error), "", None),))
    except RelaxSyntaxError as error:
        return Checked(name, 0, 0, (Finding.of(error, name),))
    functions = sum(isinstance(node, _FUNCTIONS) for node in ast.walk(tree))
    refused = _refusal(text, name)
    if refused is None:
        return Checked(name, functions, functions, ())
    return _one_by_one(text, tree, name, functions, refused)


def _one_by_one(text: str, tree: ast.Module, name: str, functions: int, error: RelaxSyntaxError) -> Checked:
    findings = {error.lineno or 0: Finding.of(error, name)}
    lost = 0
    for source in outermost_functions(text, name):
        refused = _refusal(
            source.text,
            name,
            first_line=source.first_line,
            class_name=source.class_name,
            free_variables=source.free_variables,
        )
        if refused is not None:
            line = refused.lineno or source.first_line
            _, column = source.place(line - source.first_line + 1, refused.column or 0)
            findings[line] = Finding(name, line, column, refused.message, refused.remedy, source.line(line))
            lost += sum(isinstance(node, _FUNCTIONS) for node in ast.walk(ast.parse(source.text)))
    for line, statement in _statements(text, tree):
        refused = _refusal(statement, name, first_line=line)
        if refused is not None:
            findings[refused.lineno or line] = Finding.of(refused, name)
    return Checked(name, functions, functions - lost, tuple(findings[line] for line in sorted(findings)))


def _statements(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The simple statements that stand in no function, with their lines, each in a block as deep as it was."""
    lines = io.StringIO(text).readlines()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and not hasattr(node, "cases"):
            block = lines[node.lineno - 1 : node.end_lineno]
            if block[0][:1].isspace():
                yield node.lineno - 1, "if 1:\n" + "".join(block)
            else:
                yield node.lineno, "".join(block)
        elif not isinstance(node, (*_FUNCTIONS, ast.expr)):
            pending.extend(ast.iter_child_nodes(node))


def _refusal(text: str, name: str, **definition: Any) -> RelaxSyntaxError | None:
    """Why a module or a definition cannot be relaxed; None if it can."""
    from relaxpy.transform import rewrite

    try:
        rewritten = rewrite(text, filename=name, **definition)
    except RelaxSyntaxError as error:
        return error
    except Exception as error:
        return _fault(f"the rewriter failed with {type(error).__name__}: {error}", name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(rewritten.text, name, "exec", dont_inherit=True)
    except (SyntaxError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = rewritten.origin(line, 0)[0] + definition.get("first_line", 1) - 1 if line else None
        return _fault(f"the relaxed source does not compile: {error}", name, place)
    return None


def _fault(message: str, name: str, line: int | None = None) -> RelaxSyntaxError:
    return RelaxSyntaxError(message, remedy="this is a fault of relaxpy: please report it", file=name, line=line)

"""``relaxpy dump PATH[:qualname]``: the rewritten source."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from relaxpy.cli.files import STDIN, located, read
from relaxpy.cli.terminal import beside, print_beside, print_code, write_out
from relaxpy.definitions import definition_source
from relaxpy.syntax import python_tree

if TYPE_CHECKING:
    from relaxpy.transform import Rewritten

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser"]

_EXAMPLES = """\
examples:
  relaxpy dump algorithms.py                      a whole file
  relaxpy dump algorithms.py:Stack.push           a method
  relaxpy dump relaxpy.algorithms.sorting:swap    a function of a module that can be imported
  relaxpy dump algorithms.py --lines              beside each line the one that it came from
  relaxpy dump algorithms.py --diff | less        what the rewriter changed
  relaxpy dump algorithms.py --out relaxed.py     into a file
  git show HEAD:algorithms.py | relaxpy dump -    standard input
"""


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "dump",
        help="print the rewritten source",
        description="Print the source that runs instead of a function, or of all functions of a file, once it is relaxed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "path", metavar="PATH[:qualname]", help="a file or module, and a function, method or class in it"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--diff", action="store_true", help="show a unified diff against the original")
    form.add_argument("--lines", action="store_true", help="show beside each line the original one that it came from")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write to a file instead of printing")
    parser.set_defaults(run=_run)


@dataclass(frozen=True)
class _Dump:
    """Original and rewritten text of a file, or of one definition that begins on line ``first_line`` of it."""

    original: str
    rewritten: Rewritten
    first_line: int


def _run(namespace: argparse.Namespace) -> int:
    file, qualname = located(namespace.path, "dump")
    name = "<stdin>" if file == STDIN else str(file)
    dump = _dumped(read(file), name, qualname)
    if namespace.lines:
        rows = _rows(dump)
        if namespace.out is None:
            print_beside(rows)
        else:
            write_out(namespace.out, "".join(f"{line}\n" for line in beside(rows)), file)
        return 0
    text, language = dump.rewritten.text, "python"
    if namespace.diff:
        text, language = _difference(dump, f"{name}:{qualname}" if qualname else name), "diff"
    if namespace.out is None:
        print_code(text, language)
    else:
        write_out(namespace.out, text, file)
    return 0


def _dumped(text: str, filename: str, qualname: str) -> _Dump:
    from relaxpy.transform import rewrite

    python_tree(text, filename)
    if not qualname:
        return _Dump(text, rewrite(text, filename=filename), 1)
    source = definition_source(text, filename, qualname)
    rewritten = rewrite(
        source.text,
        filename=filename,
        first_line=source.first_line,
        class_name=source.class_name,
        free_variables=source.free_variables,
    )
    return _Dump(source.text, rewritten, source.first_line)


def _difference(dump: _Dump, name: str) -> str:
    before, after = (text.splitlines(keepends=True) for text in (dump.original, dump.rewritten.text))
    return "".join(difflib.unified_diff(before, after, name, f"{name} (relaxed)"))


def _rows(dump: _Dump) -> list[tuple[str, str]]:
    """Each rewritten line after the original one, with its number; that stands only where it changes."""
    original = dump.original.split("\n")
    width = len(str(dump.first_line + len(original)))
    rows: list[tuple[str, str]] = []
    last = 0
    for number, line in enumerate(dump.rewritten.text.removesuffix("\n").split("\n"), start=1):
        origin, _, _ = dump.rewritten.origin(number, len(line) - len(line.lstrip()))
        shown = "" if origin == last else f"{origin + dump.first_line - 1:{width}} {original[origin - 1]}"
        rows.append((shown, line))
        last = origin
    return rows

"""``python -m tests.stdlib.library``: every file of this Python's standard library is rewritten and compiled.

    python -m tests.stdlib.library                    # this Python's own
    python -m tests.stdlib.library DIRECTORY FILE ...  # other files

What must hold: no crash, the result is Python, and its code runs no line that had no code in the original. The time of the
rewriter is given in times of `ast.parse` and `compile`.
"""

from __future__ import annotations

import argparse
import ast
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from relaxpy.errors import RelaxSyntaxError
from relaxpy.transform import rewrite
from tests.stdlib.copies import compiled, decoded

__all__ = ["Found", "examined", "main"]


@dataclass(frozen=True)
class Found:
    """What became of a file: ``refused`` by the rewriter, ``wrong``, or neither; its lines, and the two times."""

    path: str
    refused: str = ""
    wrong: str = ""
    lines: int = 0
    seconds: float = 0.0
    python: float = 0.0


def files(roots: Sequence[str]) -> list[str]:
    """All files that are Python."""
    found: list[str] = []
    for root in map(Path, roots):
        inside = sorted(root.rglob("*.py")) if root.is_dir() else [root]
        found += [str(path) for path in inside if "site-packages" not in path.parts]
    return found


def examined(path: str) -> Found | None:
    """None if the file is no Python in the first place."""
    warnings.simplefilter("ignore")
    try:
        text = decoded(Path(path))
        started = time.perf_counter()
        ast.parse(text)
        original = compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, UnicodeDecodeError):
        return None
    python = time.perf_counter() - started
    lines = text.count("\n") + 1
    started = time.perf_counter()
    try:
        rewritten = rewrite(text, filename=path).text
    except RelaxSyntaxError as error:
        return Found(path, refused=str(error), lines=lines)
    except Exception as error:
        return Found(path, wrong=f"{type(error).__name__}: {error}", lines=lines)
    seconds = time.perf_counter() - started
    return Found(path, "", _wrong(text, rewritten, path, original), lines, seconds, python)


def _wrong(text: str, rewritten: str, path: str, original: CodeType) -> str:
    try:
        code, _ = compiled(text, path)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    strange = _lines(code) - _lines(original) - _held(ast.parse(text))
    return f"code on lines that had none: {sorted(strange)}" if strange else ""


def _held(tree: ast.AST) -> set[int]:
    """The lines that statements begin on and expressions stand on."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.pattern, ast.alias)):
            lines.add(node.lineno)
    return lines


def _lines(code: CodeType) -> set[int]:
    """The lines that the code and all code in it runs."""
    lines = {line for _, _, line in code.co_lines() if line}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            lines |= _lines(constant)
    return lines


def _all_examined(paths: Sequence[str], jobs: int) -> Iterator[Found]:
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(examined, paths, chunksize=4):
            if found is not None:
                yield found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=[sysconfig.get_path("stdlib")])
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(argv)
    every = list(_all_examined(files(options.paths), options.jobs))
    for found in every:
        if found.refused or found.wrong:
            print(f"--- {found.path}: {'refused' if found.refused else 'WRONG'}\n{found.refused or found.wrong}")
    seconds, python = sum(found.seconds for found in every), sum(found.python for found in every)
    wrong, refused = sum(bool(found.wrong) for found in every), sum(bool(found.refused) for found in every)
    print(f"Python {sys.version.split()[0]}: {len(every)} files, {sum(found.lines for found in every)} lines")
    print(f"{refused} refused, {wrong} wrong; {seconds:.0f} s, {seconds / python:.1f} times ast.parse and compile")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

"""``relaxpy cache info|clear|warm``: the rewritten code that is kept beside Python's own bytecode."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from relaxpy import cache, hooked
from relaxpy.cli.files import STDIN, python_files
from relaxpy.cli.processes import add_jobs, shared
from relaxpy.cli.terminal import UsageError
from relaxpy.errors import RelaxError

if TYPE_CHECKING:
    from relaxpy.cli.dump import Commands

__all__ = ["add_parser", "kept_files", "warmed"]

_EXAMPLES = """\
examples:
  relaxpy cache info                  what is kept below this folder
  relaxpy cache clear src             remove what is kept for the files below a folder
  relaxpy cache warm research.algos   rewrite a module or package now, so that its first import is a fast one
"""

_NAME = re.compile(r"(?P<stem>.+)\.[\w-]+?-relaxpy(?P<function>-[0-9a-f]{16})?(\.opt-\w+)?\.pyc(?P<left>\.\w+\.tmp)?")


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "cache",
        help="look after the rewritten code that is kept",
        description="Rewritten code is kept in __pycache__, beside Python's own bytecode, and used as long as its source,\n"
        "relaxpy and Python are what they were. It can be removed at any time.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", dest="action", metavar="info|clear|warm", required=True)
    for name, what in (("info", "say what is kept"), ("clear", "remove what is kept")):
        action = actions.add_parser(name, help=what, description=f"{what.capitalize()} for files, folders and modules.")
        action.add_argument(
            "paths", metavar="PATH", nargs="*", default=["."], help="files, folders, modules (default: .)"
        )
    warm = actions.add_parser(
        "warm", help="rewrite modules now", description="Rewrite modules as the import hook would, and keep the result."
    )
    warm.add_argument("paths", metavar="PATH", nargs="+", help="a file, a folder, a module or a package")
    add_jobs(warm)
    parser.set_defaults(
        run=lambda namespace: {"info": _info, "clear": _clear, "warm": _warm}[namespace.action](namespace)
    )


@dataclass(frozen=True)
class Kept:
    """A file of the store: of a module or a function; ``source`` is the file that it was made from."""

    path: Path
    source: Path
    kind: Literal["module", "function", "leftover"]

    def is_stale(self) -> bool:
        """Would it be made anew, here and now?"""
        if not cache.is_current(str(self.path)):
            return True
        if self.kind == "module":
            try:
                return not cache.is_current(str(self.path), cache.key_of(self.source.read_bytes(), str(self.source)))
            except OSError:
                return True
        return self.kind == "leftover" or not self.source.exists()


def kept_files(paths: Iterable[str]) -> Iterator[Kept]:
    """What is kept for the files that are named, and for those below the folders that are named."""
    for path in paths:
        if Path(path).is_dir():
            home = os.path.abspath(path)
            top = sys.pycache_prefix + os.path.splitdrive(home)[1] if sys.pycache_prefix else home
            for folder, _, names in os.walk(top):
                yield from _among(sorted(names), folder)
        else:
            for file in python_files([path]):
                found = None if file == STDIN else cache.path_of(os.path.abspath(file))
                if found is not None and os.path.isdir(os.path.dirname(found)):
                    folder = os.path.dirname(found)
                    names = sorted(name for name in os.listdir(folder) if name.startswith(f"{file.stem}."))
                    yield from _among(names, folder)


def _among(names: Iterable[str], folder: str) -> Iterator[Kept]:
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None or not (sys.pycache_prefix or os.path.basename(folder) == "__pycache__"):
            continue
        home = folder.removeprefix(sys.pycache_prefix) if sys.pycache_prefix else os.path.dirname(folder)
        kind: Literal["module", "function", "leftover"]
        kind = "leftover" if match["left"] else "function" if match["function"] else "module"
        yield Kept(Path(folder, name), Path(home, f"{match['stem']}.py"), kind)


def _info(namespace: argparse.Namespace) -> int:
    counts, sizes, stale = Counter[str](), Counter[str](), Counter[str]()
    for kept in kept_files(namespace.paths):
        counts[kept.kind] += 1
        stale[kept.kind] += kept.is_stale()
        try:
            sizes[kept.kind] += kept.path.stat().st_size
        except OSError:
            continue  # another process removed it
    for kind in ("module", "function"):
        shown = f", {stale[kind]} of them for another source, relaxpy or Python" if stale[kind] else ""
        print(f"{_number(counts[kind], kind):14} {_size(sizes[kind])}{shown}")
    if counts["leftover"]:
        print(f"{_number(counts['leftover'], 'leftover'):14} {_size(sizes['leftover'])}, of processes that were ended")
    return 0


def _clear(namespace: argparse.Namespace) -> int:
    number = size = failures = 0
    for kept in list(kept_files(namespace.paths)):
        try:
            length = kept.path.stat().st_size
            kept.path.unlink()
        except FileNotFoundError:
            continue  # another process was faster
        except OSError as error:
            print(f"relaxpy: cannot remove {kept.path}: {error.strerror}", file=sys.stderr)
            failures += 1
        else:
            number, size = number + 1, size + length
    print(f"removed {_number(number, 'file')}, {_size(size)}")
    return int(failures > 0)


def _warm(namespace: argparse.Namespace) -> int:
    if sys.dont_write_bytecode:
        raise UsageError("Python is told to keep no bytecode (PYTHONDONTWRITEBYTECODE or -B), so nothing can be kept")
    files = [file for file in python_files(namespace.paths) if file != STDIN]
    if not files:
        raise UsageError(f"there is no Python file in {' '.join(namespace.paths)}")
    counts = Counter[str]()
    with shared(warmed, files, namespace.jobs) as results:
        for outcome, message in results:
            counts[outcome] += 1
            if message:
                print(f"relaxpy: {message}", file=sys.stderr)
    words = ("rewritten", "kept already", "opted out", "refused", "not kept")
    print(", ".join(f"{counts[word]} {word}" for word in words if counts[word]))
    return int(counts["refused"] + counts["not kept"] > 0)


def warmed(file: Path) -> tuple[str, str]:
    """Rewrite a file as the import hook would; what came out of it, and what there is to say."""
    path = os.path.abspath(file)
    try:
        source = Path(path).read_bytes()
        place, key = cache.path_of(path), cache.key_of(source, path)
        if cache.load_code(place, key) is not None:
            return "kept already", ""
        if hooked.code_of(source, path) is None:
            return "opted out", ""
        if cache.load_code(place, key) is None:
            return "not kept", f"cannot write {place}"
    except OSError as error:
        return "refused", f"cannot read {file}: {error.strerror}"
    except (RelaxError, SyntaxError, ValueError) as error:
        return "refused", str(error) if isinstance(error, RelaxError) else f"{file} is not Python source: {error}"
    return "rewritten", ""


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"

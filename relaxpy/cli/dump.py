"""``relaxpy dump PATH[:qualname]``: the rewritten source."""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.util
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from relaxpy.cli.terminal import UsageError, print_code
from relaxpy.errors import RelaxError, RelaxSyntaxError
from relaxpy.source import definition_source

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser"]

_EXAMPLES = """\
examples:
  relaxpy dump algorithms.py                      a whole file
  relaxpy dump algorithms.py:Stack.push           a method
  relaxpy dump relaxpy.algorithms.sorting:swap    a function of a module that can be imported
  relaxpy dump algorithms.py --diff | less        what the rewriter changed
  relaxpy dump algorithms.py --out relaxed.py     into a file
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
    parser.add_argument("--diff", action="store_true", help="show a unified diff against the original")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write to a file instead of printing")
    parser.set_defaults(run=_run)


def _run(namespace: argparse.Namespace) -> int:
    file, qualname = _located(namespace.path)
    text = _read(file)
    original, rewritten = _rewritten(text, str(file), qualname)
    if namespace.diff:
        name = f"{file}:{qualname}" if qualname else str(file)
        lines = difflib.unified_diff(
            original.splitlines(keepends=True), rewritten.splitlines(keepends=True), name, f"{name} (relaxed)"
        )
        result, language = "".join(lines), "diff"
    else:
        result, language = rewritten, "python"
    if namespace.out is None:
        print_code(result, language)
    else:
        try:
            namespace.out.write_text(result, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {namespace.out}: {error.strerror}") from error
    return 0


def _rewritten(text: str, filename: str, qualname: str) -> tuple[str, str]:
    """Original and rewritten text of a file, or of one definition in it."""
    from relaxpy.transform import rewrite

    try:
        ast.parse(text, filename)  # Python's own words for what is no Python
        if not qualname:
            return text, rewrite(text, filename=filename).text
        source = definition_source(text, filename, qualname)
        result = rewrite(
            source.text,
            filename=filename,
            first_line=source.first_line,
            class_name=source.class_name,
            free_variables=source.free_variables,
        )
    except RelaxError:
        raise
    except SyntaxError as error:
        raise RelaxSyntaxError(
            error.msg, file=filename, line=error.lineno, column=(error.offset or 1) - 1, text=error.text
        ) from error
    return source.text, result.text


def _located(path: str) -> tuple[Path, str]:
    """The file and the qualified name in it, or "" for all of it."""
    if Path(path).is_file():
        return Path(path), ""
    # The last colon, so that a drive's letter stays with its path.
    head, _, qualname = path.rpartition(":")
    if not head or "/" in qualname or "\\" in qualname:
        head, qualname = path, ""
    file = Path(head)
    if file.is_file():
        return file, qualname
    if file.is_dir():
        raise UsageError(f"{head} is a directory\n  name one of its files: relaxpy dump {file / 'module.py'}")
    module = _module_file(head)
    if module is not None:
        return module, qualname
    if file.suffix == ".py" or "/" in head or "\\" in head:
        here = ", ".join(sorted(p.name for p in file.parent.glob("*.py"))[:8]) if file.parent.is_dir() else ""
        raise UsageError(f"there is no file {head}" + (f"\n  beside it there are: {here}" if here else ""))
    raise UsageError(
        f"there is no file and no module {head}\n  write algorithms.py:function or package.module:function"
    )


def _module_file(name: str) -> Path | None:
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    finally:
        sys.path.remove("")
    if spec is None:
        return None
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"the module {name} has no Python source")
    return Path(spec.origin)


def _read(file: Path) -> str:
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not Python source: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error

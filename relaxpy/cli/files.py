"""What the user named on the command line: files, folders, modules, and definitions in them."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import sys
import tokenize
from collections.abc import Iterable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

from relaxpy.cli.terminal import UsageError
from relaxpy.errors import did_you_mean

__all__ = ["STDIN", "located", "missing", "modules_beside", "python_files", "read"]

STDIN = Path("-")

_NOT_OURS = frozenset(("__pycache__", "node_modules", "build", "dist", "venv"))


def located(path: str, command: str) -> tuple[Path, str]:
    """The file that ``PATH[:qualname]`` names and the qualified name in it, or "" for all of it."""
    if Path(path).is_file() or path == str(STDIN):
        return Path(path), ""
    # The last colon, so that a drive's letter stays with its path.
    head, _, qualname = path.rpartition(":")
    if not head or "/" in qualname or "\\" in qualname:
        head, qualname = path, ""
    file = Path(head)
    if file.is_file() or file == STDIN:
        return file, qualname
    if file.is_dir():
        raise UsageError(f"{head} is a directory\n  name one of its files: relaxpy {command} {file / _one_file(file)}")
    module = _module_file(head)
    if module is None:
        raise missing(head)
    return module, qualname


def python_files(paths: Iterable[str]) -> Iterator[Path]:
    """The files that are named, those of the folders that are named and of what they hold, and those of modules; each once."""
    seen = set[Path]()
    for path in paths:
        for file in _files_of(path):
            place = file if file == STDIN else file.resolve()
            if place not in seen:
                seen.add(place)
                yield file


def _files_of(path: str) -> Iterator[Path]:
    file = Path(path)
    if file.is_dir():
        yield from _inside(file)
    elif file.exists() or file == STDIN:
        yield file
    else:
        module = _module_file(path)
        if module is None:
            raise missing(path)
        if module.name == "__init__.py":
            yield from _inside(module.parent)
        else:
            yield module


def _inside(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        yield from (Path(here, name) for name in sorted(names) if name.endswith((".py", ".pyw")))


def read(file: Path) -> str:
    """The text of a file, decoded as Python does it."""
    try:
        data = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        with TextIOWrapper(BytesIO(data), encoding) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not Python source: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _one_file(folder: Path) -> str:
    return min((file.name for file in folder.glob("*.py")), default="module.py")


def _module_file(name: str) -> Path | None:
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    except Exception as error:  # what the package around it does when it is imported
        raise UsageError(f"cannot look for {name}: its package raised {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove("")
    if spec is None:
        return None
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"the module {name} has no Python source")
    return Path(spec.origin)


def missing(name: str) -> UsageError:
    """That there is no such file or module, and what there is that may have been meant."""
    file = Path(name)
    if file.suffix == ".py" or "/" in name or "\\" in name:
        beside = sorted(p.name for p in file.parent.glob("*.py")) if file.parent.is_dir() else []
        hint = did_you_mean(file.name, beside) or ("beside it there are: " + ", ".join(beside[:8]) if beside else "")
        return UsageError(f"there is no file {name}" + (f"\n  {hint}" if hint else ""))
    hint = did_you_mean(name, modules_beside(name)) or "write algorithms.py:function or package.module:function"
    return UsageError(f"there is no file and no module {name}\n  {hint}")


def modules_beside(name: str) -> Iterator[str]:
    """The modules that stand where this one would."""
    package, _, _ = name.rpartition(".")
    if not package:
        yield from sys.stdlib_module_names
        yield from (module.name for module in pkgutil.iter_modules([os.getcwd(), *sys.path]))
        return
    home = _module_file(package)
    if home is not None:
        yield from (f"{package}.{module.name}" for module in pkgutil.iter_modules([str(home.parent)]))

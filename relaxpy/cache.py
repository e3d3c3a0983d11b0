"""The store of rewritten code: files beside Python's own bytecode, one for a relaxed module or a decorated function.

``__pycache__/algos.cpython-311-relaxpy.pyc`` holds the rewritten module ``algos.py``. A file is used only if all of its
key fits (the source, relaxpy's version and rewriter, Python's magic number) and its content is whole; otherwise it is
made anew. It is written under a temporary name and then moved into place, and where it cannot be written nothing happens.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import marshal
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

from relaxpy import __version__

if TYPE_CHECKING:
    from relaxpy.transform import Rewritten

__all__ = ["Notes", "key_of", "load", "load_code", "notes_of", "path_of", "save"]

_TAG = "-relaxpy"
_MAGIC = b"relaxpy\x01"
_SIZES = 4
_HEADER = len(_MAGIC) + 3 * 8 + 8 + 8 + 2 * _SIZES  # magic, key, two checksums, two lengths


@dataclass(frozen=True)
class Notes:
    """What is kept besides the code: the rewritten text, and what the rewriter said of it."""

    text: str
    sites: tuple[tuple[str, int, int, str], ...]


def notes_of(rewritten: Rewritten) -> Notes:
    return Notes(rewritten.text, tuple((site.kind, site.line, site.column, site.text) for site in rewritten.sites))


def path_of(file: str, function: str = "") -> str | None:
    """Where the rewritten code of a source file, or of a function in it, is kept; None if Python keeps no bytecode.

    ``PYTHONPYCACHEPREFIX`` and the optimisation level are heeded as by Python.
    """
    try:
        plain = importlib.util.cache_from_source(file)
    except NotImplementedError:
        return None
    folder, name = os.path.split(plain)
    tag = f".{sys.implementation.cache_tag}"
    stem, found, rest = name.rpartition(tag)
    if not found:
        return None
    part = f"-{importlib.util.source_hash(function.encode()).hex()}" if function else ""
    return os.path.join(folder, f"{stem}{tag}{_TAG}{part}{rest}")


def key_of(source: bytes, *circumstances: object) -> bytes:
    """What must be the same for rewritten code to be used again."""
    others = repr((len(source), circumstances)).encode()
    return _fingerprint() + importlib.util.source_hash(source) + importlib.util.source_hash(others)


@functools.lru_cache(maxsize=1)
def _fingerprint() -> bytes:
    """Stands for relaxpy's version, the text of its rewriter, Python's bytecode and the optimisation level."""
    parts = [repr((__version__, importlib.util.MAGIC_NUMBER, sys.version_info, sys.flags.optimize)).encode()]
    home = os.path.dirname(__file__)
    # A relaxpy without source files is a release, which its version stands for.
    with contextlib.suppress(OSError):
        for folder in (home, os.path.join(home, "transform")):
            parts.extend(
                _read(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".py")
            )
    return importlib.util.source_hash(b"\0".join(parts))


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read()


def load_code(path: str | None, key: bytes) -> CodeType | None:
    """The code that was saved under this key, or None if there is none, or none that is whole."""
    data = _content(path)
    return None if data is None else _code(data, key)


def load(path: str | None, key: bytes) -> tuple[CodeType, Notes] | None:
    """Code and notes that were saved under this key, or None."""
    data = _content(path)
    if data is None:
        return None
    code, body = _code(data, key), _checked(data, key, 1)
    return None if code is None or body is None else (code, Notes(*marshal.loads(body)))


def _content(path: str | None) -> bytes | None:
    try:
        return None if path is None else _read(path)
    except OSError:
        return None


def _code(data: bytes, key: bytes) -> CodeType | None:
    body = _checked(data, key, 0)
    code = None if body is None else marshal.loads(body)
    return code if isinstance(code, CodeType) else None


def _checked(data: bytes, key: bytes, part: int) -> memoryview | None:
    """One part of a file's content, if the file is what it should be."""
    start = len(_MAGIC) + len(key)
    if data[:start] != _MAGIC + key:
        return None
    sums, lengths = data[start : start + 16], data[start + 16 : _HEADER]
    if len(lengths) != 2 * _SIZES:
        return None
    first, second = int.from_bytes(lengths[:_SIZES], "little"), int.from_bytes(lengths[_SIZES:], "little")
    if len(data) != _HEADER + first + second:
        return None
    view = memoryview(data)
    body = view[_HEADER : _HEADER + first] if part == 0 else view[_HEADER + first :]
    return body if importlib.util.source_hash(body) == sums[part * 8 : part * 8 + 8] else None


def save(path: str | None, key: bytes, code: CodeType, notes: Notes, file: str) -> bool:
    """Keep the code and notes that were made from a file; False, and no error, where that cannot be done."""
    if path is None or sys.dont_write_bytecode:
        return False
    bodies = marshal.dumps(code), marshal.dumps((notes.text, notes.sites))
    sums = [importlib.util.source_hash(body) for body in bodies]
    lengths = [len(body).to_bytes(_SIZES, "little") for body in bodies]
    return _write(path, (_MAGIC, key, *sums, *lengths, *bodies), file)


def _write(path: str, parts: Iterable[bytes], file: str) -> bool:
    import tempfile

    folder, name = os.path.split(path)
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".tmp", dir=folder)
        with open(handle, "wb") as stream:
            stream.write(b"".join(parts))
        os.chmod(temporary, _mode(file))
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return False
    return True


def _mode(file: str) -> int:
    """As readable as the source, and writable at least for its owner, as Python does it."""
    try:
        return os.stat(file).st_mode & 0o666 | 0o200
    except OSError:
        return 0o666

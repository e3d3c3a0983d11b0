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
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

from relaxpy import __version__, atomic
from relaxpy.fingerprint import rewriter_digest

if TYPE_CHECKING:
    from io import FileIO

    from relaxpy.transform import Rewritten

__all__ = ["Notes", "is_current", "key_of", "load", "load_code", "notes_of", "path_of", "save"]

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
    """Stands for relaxpy's version and rewriter, Python's bytecode and the optimisation level."""
    python = repr((__version__, importlib.util.MAGIC_NUMBER, sys.version_info, sys.flags.optimize)).encode()
    return importlib.util.source_hash(python + rewriter_digest())


def is_current(path: str, key: bytes | None = None) -> bool:
    """Was a file of the store made by this relaxpy, under this Python; and under this key, if one is given?"""
    start = _MAGIC + (key or _fingerprint())
    with contextlib.suppress(OSError), open(path, "rb", buffering=0) as stream:
        return stream.read(len(start)) == start
    return False


def load_code(path: str | None, key: bytes) -> CodeType | None:
    """The code that was saved under this key, or None if there is none, or none that is whole."""
    (body,) = _parts(path, key, 1)
    code = None if body is None else marshal.loads(body)
    return code if isinstance(code, CodeType) else None


def load(path: str | None, key: bytes) -> tuple[CodeType, Notes] | None:
    """Code and notes that were saved under this key, or None."""
    body, notes = _parts(path, key, 2)
    if body is None or notes is None:
        return None
    code = marshal.loads(body)
    return (code, Notes(*marshal.loads(notes))) if isinstance(code, CodeType) else None


def _parts(path: str | None, key: bytes, count: int) -> list[bytes | None]:
    """The first parts of a file, the code and the notes; None in the place of what is not what it should be."""
    if path is not None:
        with contextlib.suppress(OSError), open(path, "rb", buffering=0) as stream:
            return _read_parts(stream, key, count)
    return [None] * count


def _read_parts(stream: FileIO, key: bytes, count: int) -> list[bytes | None]:
    head = stream.read(_HEADER)
    start = len(_MAGIC) + len(key)
    if head[:start] != _MAGIC + key or len(head) != _HEADER:
        return [None] * count
    sums, sizes = head[start : start + 16], head[start + 16 :]
    lengths = [int.from_bytes(sizes[at : at + _SIZES], "little") for at in (0, _SIZES)]
    # Looked at before anything is read: a damaged length may be huge.
    if os.fstat(stream.fileno()).st_size != _HEADER + sum(lengths):
        return [None] * count
    bodies = [stream.read(length) for length in lengths[:count]]
    return [
        body if importlib.util.source_hash(body) == sums[8 * at : 8 * at + 8] else None
        for at, body in enumerate(bodies)
    ]


def save(path: str | None, key: bytes, code: CodeType, notes: Notes, file: str) -> bool:
    """Keep the code and notes that were made from a file; False, and no error, where that cannot be done."""
    if path is None or sys.dont_write_bytecode:
        return False
    bodies = marshal.dumps(code), marshal.dumps((notes.text, notes.sites))
    sums = [importlib.util.source_hash(body) for body in bodies]
    lengths = [len(body).to_bytes(_SIZES, "little") for body in bodies]
    return atomic.write(path, (_MAGIC, key, *sums, *lengths, *bodies), _mode(file))


def _mode(file: str) -> int:
    """As readable as the source, and writable at least for its owner, as Python does it."""
    try:
        return os.stat(file).st_mode & 0o666 | 0o200
    except OSError:
        return 0o666

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

from relaxpy import __version__

__all__ = ["Notes", "key_of", "load", "load_notes", "path_of", "save"]

_TAG = "-relaxpy"
_MAGIC = b"relaxpy\x01"
_SIZES = 4
_HEADER = len(_MAGIC) + 3 * 8 + 8 + 8 + 2 * _SIZES  # magic, key, two checksums, two lengths
# What decides how source is rewritten, apart from the source.
_REWRITER = ("cache.py", "compiler.py", "gates.py", "hooked.py", "relocation.py", "source.py", "transform")


@dataclass(frozen=True)
class Notes:
    """What is kept besides the code: the rewritten text, and what the rewriter said of it."""

    text: str
    runtime_name: str
    sites: tuple[tuple[str, int, int, str], ...]


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
    others = repr(circumstances).encode() if circumstances else b""
    return b"".join((_fingerprint(), importlib.util.source_hash(source), _digest(source[:0] + others, len(source))))


def _digest(data: bytes, number: int) -> bytes:
    return importlib.util.source_hash(data + number.to_bytes(8, "little"))


@functools.lru_cache(maxsize=1)
def _fingerprint() -> bytes:
    """Stands for relaxpy's version, the text of its rewriter, Python's bytecode and the optimisation level."""
    parts = [repr((__version__, importlib.util.MAGIC_NUMBER, sys.version_info, sys.flags.optimize)).encode()]
    home = os.path.dirname(__file__)
    for name in _REWRITER:
        path = os.path.join(home, name)
        # A relaxpy without source files is a release, which its version stands for.
        with contextlib.suppress(OSError):
            if name.endswith(".py"):
                files = [path]
            else:
                files = sorted(os.path.join(path, f) for f in os.listdir(path) if f.endswith(".py"))
            parts.extend(map(_read, files))
    return importlib.util.source_hash(b"\0".join(parts))


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read()


def load(path: str | None, key: bytes) -> CodeType | None:
    """The code that was saved under this key, or None if there is none, or none that is whole."""
    if path is None:
        return None
    try:
        data = _read(path)
    except OSError:
        return None
    body = _checked(data, key, 0)
    return None if body is None else _code(body)


def load_notes(path: str | None, key: bytes) -> Notes | None:
    """The notes that were saved under this key, or None."""
    if path is None:
        return None
    try:
        data = _read(path)
    except OSError:
        return None
    body = _checked(data, key, 1)
    return None if body is None else Notes(*marshal.loads(body))


def _code(body: memoryview) -> CodeType | None:
    code = marshal.loads(body)
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


def save(path: str | None, key: bytes, code: CodeType, notes: Notes, mode: int = 0o666) -> bool:
    """Keep code and notes; False, and no error, where that cannot be done."""
    if path is None or sys.dont_write_bytecode:
        return False
    bodies = marshal.dumps(code), marshal.dumps((notes.text, notes.runtime_name, notes.sites))
    sums = [importlib.util.source_hash(body) for body in bodies]
    lengths = [len(body).to_bytes(_SIZES, "little") for body in bodies]
    return _write(path, (_MAGIC, key, *sums, *lengths, *bodies), mode)


def _write(path: str, parts: Iterable[bytes], mode: int) -> bool:
    import tempfile

    folder, name = os.path.split(path)
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".tmp", dir=folder)
        with open(handle, "wb") as stream:
            stream.write(b"".join(parts))
        os.chmod(temporary, mode & 0o666)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return False
    return True

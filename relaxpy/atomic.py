"""Small files that are read at once, and that others see whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

__all__ = ["read", "write"]


def read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read()


def write(path: str, parts: Iterable[bytes], mode: int) -> bool:
    """Write a file under a temporary name and move it into place; False, and no error, where that cannot be done."""
    # No library but `os`: what is written here may be the relaxed code of that library.
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except OSError:
        return False
    try:
        with open(handle, "wb") as stream:
            stream.write(b"".join(parts))
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        return False
    return True

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
    import tempfile

    folder, name = os.path.split(path)
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".tmp", dir=folder)
        with open(handle, "wb") as stream:
            stream.write(b"".join(parts))
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return False
    return True

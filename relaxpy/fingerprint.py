"""What stands for the rewriter in the keys of the code that it made: a digest of its source.

Reading all of its source takes longer than importing a relaxed module that is kept. So the digest is kept, too, under what the
file system says of the source files: when each was changed, which no program can set back, and how long each is.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import os
import sys
import time
from collections.abc import Iterator

from relaxpy import atomic

__all__ = ["rewriter_digest"]

_HOME = os.path.dirname(__file__)
# A file that was changed just now may be changed again with no newer time.
_SETTLED = 2_000_000_000


@functools.lru_cache(maxsize=1)
def rewriter_digest() -> bytes:
    """Eight bytes that differ if any source file of the rewriter does."""
    try:
        files = sorted(_source_files())
    except OSError:
        return bytes(8)  # no source files: a release, which its version stands for
    key = importlib.util.source_hash(marshal.dumps(files, 2))
    place = _kept_at()
    kept = _kept(place, key)
    if kept is not None:
        return kept
    texts = [atomic.read(path) for path, *_ in files]
    digest = importlib.util.source_hash(b"\0".join(texts))
    newest = max(max(changed, modified) for _, changed, modified, _ in files)
    if place is not None and not sys.dont_write_bytecode and newest < time.time_ns() - _SETTLED:
        atomic.write(place, (key, digest, importlib.util.source_hash(key + digest)), 0o644)
    return digest


def _source_files() -> Iterator[tuple[str, int, int, int]]:
    """The files with what is known of each: when its contents or status changed, when its contents did, and its size."""
    for folder in (_HOME, os.path.join(_HOME, "transform")):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    yield entry.path, status.st_ctime_ns, status.st_mtime_ns, status.st_size


def _kept_at() -> str | None:
    try:
        return os.path.join(os.path.dirname(importlib.util.cache_from_source(__file__)), "rewriter.digest")
    except NotImplementedError:
        return None


def _kept(place: str | None, key: bytes) -> bytes | None:
    try:
        data = atomic.read(place) if place is not None else b""
    except OSError:
        return None
    digest = data[8:16]
    whole = len(data) == 24 and data[:8] == key and data[16:] == importlib.util.source_hash(key + digest)
    return digest if whole else None

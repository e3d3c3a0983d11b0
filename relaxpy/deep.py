"""Room for deep recursion: trees of long chains are deeper than Python's usual limit."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["with_room"]

P = ParamSpec("P")
T = TypeVar("T")

_STACK = 512 * 1024 * 1024  # address space, not memory
_LIMIT = 100_000
_lock = threading.Lock()


def with_room(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function; where the recursion limit is too low for it, again in a thread with a large stack."""
    try:
        return function(*args, **kwargs)
    except RecursionError:
        pass
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function(*args, **kwargs))
        except BaseException as error:
            errors.append(error)

    with _lock:
        limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
        sys.setrecursionlimit(max(limit, _LIMIT))
        try:
            thread = threading.Thread(target=run, name="relaxpy rewriter")
            thread.start()
        finally:
            threading.stack_size(size)
        thread.join()
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]

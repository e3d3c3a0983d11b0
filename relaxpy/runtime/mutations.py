"""Methods that change built-in containers, on a soft path."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from relaxpy.runtime.containers import Container, container
from relaxpy.runtime.sequences import holds_soft
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import restructuring
from relaxpy.runtime.wholes import whole

_CHANGING: dict[type, frozenset[str]] = {
    list: frozenset("append extend insert pop remove clear sort reverse".split()),
    dict: frozenset("update pop popitem clear setdefault".split()),
    set: frozenset(
        "add discard remove pop clear update intersection_update difference_update symmetric_difference_update".split()
    ),
    deque: frozenset("append appendleft extend extendleft insert pop popleft remove clear reverse rotate".split()),
    bytearray: frozenset("append extend insert pop remove clear reverse".split()),
}


def method(function: Any, owner: Any) -> Any:
    """A journalled version of a built-in method that changes its object; None for other methods."""
    for base, names in _CHANGING.items():
        if isinstance(owner, base):
            if function.__name__ not in names:
                return None
            holder = container(owner)
            assert holder is not None
            return functools.partial(_changed, function, holder)
    return None


def _changed(function: Callable[..., Any], holder: Container, /, *args: Any, **kwargs: Any) -> Any:
    restructuring(holder)
    for value in args:
        whole(value)
    return function(*args, **kwargs)


def bypassing_cache(cached: Any, relaxed: Callable[..., Any]) -> Any:
    """A cached function: soft arguments cannot be keys of its cache, so they go to the function itself."""

    @functools.wraps(cached)
    def call(*args: Any, **kwargs: Any) -> Any:
        if state.scopes or holds_soft((*args, *kwargs.values())):
            return relaxed(*args, **kwargs)
        return cached(*args, **kwargs)

    return call

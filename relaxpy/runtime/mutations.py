"""Methods that change built-in containers, and library code that is handed one, on a soft path."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from relaxpy.runtime import advancing
from relaxpy.runtime.births import returned
from relaxpy.runtime.containers import BUILT_IN, Container, container
from relaxpy.runtime.sequences import holds_soft
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import restructuring

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
    return function(*args, **kwargs)


# Functions of these packages look at the frame that calls them, for which no other may stand; they change no arguments.
_LOOK_AT_THEIR_CALLER = frozenset(
    "_warnings bdb debugpy inspect ipdb IPython logging pdb pudb pydevd pydevd_pycharm sys traceback warnings".split()
)


def watched(function: Any) -> Any:
    """Library code whose changes to the containers that it is given are found by comparison, and journalled."""
    if (getattr(function, "__module__", None) or "").partition(".")[0] in _LOOK_AT_THEIR_CALLER:
        return function
    return functools.partial(_watch, function)


def _watch(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    holders = [container(value) for value in (*args, *kwargs.values()) if isinstance(value, BUILT_IN)]
    if not holders:
        return returned(advancing.noted(function(*args, **kwargs), args))
    before = [(holder, holder.copy()) for holder in holders if holder is not None]
    try:
        return returned(advancing.noted(function(*args, **kwargs), args))
    finally:
        for holder, old in before:
            if _differs(holder, old):
                now = holder.copy()
                holder.fill(old)
                restructuring(holder)
                holder.fill(now)


def _differs(holder: Container, old: Any) -> bool:
    content = holder.content()
    if len(content) != len(old):
        return True
    if isinstance(old, (set, bytearray)):
        return bool(content != old)
    pairs = zip(content.items(), old.items()) if isinstance(old, dict) else zip(enumerate(content), enumerate(old))
    return any(a[0] != b[0] or a[1] is not b[1] for a, b in pairs)


def bypassing_cache(cached: Any, relaxed: Callable[..., Any]) -> Any:
    """A cached function: soft arguments cannot be keys of its cache, so they go to the function itself."""

    @functools.wraps(cached)
    def call(*args: Any, **kwargs: Any) -> Any:
        if state.scopes or holds_soft((*args, *kwargs.values())):
            return relaxed(*args, **kwargs)
        return cached(*args, **kwargs)

    return call

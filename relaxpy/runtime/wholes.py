"""``_rt.whole(d)``: what needs all keys of a dict (its length, a copy, a loop) asks whether each of them surely exists.

On plain calls nobody asks. See presence.py for what exists with some probability only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls, state

doubts: Any = LazyModule("relaxpy.runtime.doubts")
standins: Any = LazyModule("relaxpy.runtime.standins")
presence: Any = LazyModule("relaxpy.runtime.presence")

_HARMLESS = frozenset({print, repr, str, id, type, isinstance, issubclass, callable})


def whole(value: Any) -> Any:
    """The value; a dict of which some keys may not exist is refused."""
    if calls and isinstance(value, dict) and state.presences:
        doubts.check_dict(value)
    return value


def filled(value: Any) -> Any:
    """A dict as a condition: whether it has any key."""
    if calls and isinstance(value, dict) and state.presences:
        return doubts.any_key(value)
    return value


def reading(function: Callable[..., Any]) -> Any:
    """A function that is not relaxed: what it is given is asked when it is called, which is after its arguments are made."""
    try:
        if function in _HARMLESS:
            return function
    except TypeError:
        pass
    return functools.partial(_read, function)


def _read(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if state.presences:
        doubts.check_given((getattr(function, "__self__", None), *args, *kwargs.values()))
    if state.recorder is not None:
        standins.hand_over(function, (args, kwargs))
    return function(*args, **kwargs)

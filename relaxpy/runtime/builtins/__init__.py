"""Builtins that decide, on soft values (SEMANTICS, section 7)."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from relaxpy.runtime.ranges import range_

_RELAXED: dict[Any, Callable[..., Any]] = {builtins.range: range_}


def relaxed(function: Any) -> Any:
    """The relaxed version of a builtin, None if it needs none."""
    try:
        return _RELAXED.get(function)
    except TypeError:  # a bound method of something unhashable
        return None

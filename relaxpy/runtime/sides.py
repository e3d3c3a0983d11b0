"""Calls that are a whole side of an expression, or a whole test of a loop: `f(x) if c else y`, `c and f(x)`, `while f(x):`.

What such a call raises ends its path, as in an `if` statement; the other paths go on (SEMANTICS, section 5).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

from relaxpy.runtime.callees import callee, is_user_function
from relaxpy.runtime.soft import SKIP

__all__ = ["on_side"]


def on_side(around: Any, function: Any) -> Any:
    """What to call for ``function``, whose call is a side of the expression, or the test of the loop, that ``around`` is of."""
    called = callee(function)
    if not getattr(around, "soft", False) or not _may_depart(called):
        return called
    if getattr(called, "__code__", None) is sys._getframe(1).f_code:
        return called  # recursion goes as deep as it did
    return partial(_ending, around, called)


def _may_depart(function: Any) -> bool:
    """Can a `raise` in relaxed code leave it? Library code is called from the user's own frame."""
    if getattr(function, "__relaxpy_relaxed__", False) or isinstance(function, partial):
        return True
    return is_user_function(function.__func__ if isinstance(function, MethodType) else function)


def _ending(around: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except around.raised():
        return SKIP

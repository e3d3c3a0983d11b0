"""Tensors that relaxed code makes itself: they may become soft arrays (see adopted.py)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from relaxpy.runtime import births
from relaxpy.runtime.state import state

_MAKERS = frozenset(
    getattr(torch, name)
    for name in "zeros ones empty full tensor as_tensor zeros_like ones_like empty_like full_like arange linspace eye rand "
    "randn rand_like randn_like clone stack cat".split()
)


def makes(function: Any) -> bool:
    """Does the function (or method: `t.clone`, `t.new_zeros`) make a new tensor?"""
    if function in _MAKERS:
        return True
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    return isinstance(owner, torch.Tensor) and (name == "clone" or name.startswith("new_"))


def remembered(function: Callable[..., Any]) -> Any:
    return functools.partial(_made, function)


def _made(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    result = function(*args, **kwargs)
    if state.call is not None and type(result) is torch.Tensor:
        state.call.made[id(result)] = births.made(result)
    return result

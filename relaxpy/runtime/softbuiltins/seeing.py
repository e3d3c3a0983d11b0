"""How builtins look at their arguments: which of them are soft. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from relaxpy.runtime.compare import PLAIN
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import is_tensor, met
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.wholes import whole

adopted: Any = LazyModule("relaxpy.runtime.adopted")


def seen(value: Any) -> Any:
    """The value as relaxed code means it: captured parameters are soft, and so are tensors that took a soft store."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Soft) or not is_tensor(value):
        return whole(value)
    return adopted.looked_through(met(value))


def concerned(values: Iterable[Any]) -> bool:
    """Is any of the values soft?"""
    return any(isinstance(value, Soft) or is_tensor(value) and isinstance(seen(value), Soft) for value in values)

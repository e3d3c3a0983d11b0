"""Loads as rewritten code calls them: ``_rt.load(a, i)`` is ``a[i]`` as long as neither is soft."""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.births import made
from relaxpy.runtime.containers import DictContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import calls, state
from relaxpy.runtime.stores import defining

classes: Any = LazyModule("relaxpy.runtime.classes")
softindex: Any = LazyModule("relaxpy.runtime.softindex")
standins: Any = LazyModule("relaxpy.runtime.standins")

_BUILT_IN = frozenset({list, tuple, dict, str, bytes, bytearray, range})
_PLAIN_INDEX = frozenset({int, str, bool, bytes, float, type(None)})

slice_ = slice


def _before_missing(container: dict[Any, Any], index: Any) -> None:
    """Reading a key that a defaultdict does not have makes it."""
    if not isinstance(index, Soft) and index not in container:
        defining(DictContainer(container), index, container)


def load(container: Any, index: Any) -> Any:
    """`container[index]`"""
    if not calls:
        return container[index]
    if type(container) not in _BUILT_IN:
        classes.meet(type(container))
        if state.logs and isinstance(container, dict) and hasattr(type(container), "__missing__"):
            _before_missing(container, index)
    if type(index) in _PLAIN_INDEX:
        return container[index]
    if (
        isinstance(index, Soft)
        or isinstance(container, Soft)
        or type(index) is slice
        or type(index) is tuple
        and any(isinstance(i, Soft) for i in index)
    ):
        found = softindex.load(container, index)
        return made(found) if type(index) is slice else found
    if state.recorder is not None and standins.among(index):
        state.recorder.give_up("it indexes by a plain tensor that depends on values")
    return container[index]

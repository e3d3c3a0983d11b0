"""What code asks of dicts and objects of which some keys or attributes exist with some probability only (see presence.py).

    "a" in table, hasattr(o, "a")      # a truth
    table.get("a", 0.0)                # weighed
    if table: ...                      # weighed, if it is the only key

What needs all keys (a loop, ``len``, a copy, ``items``, ``pop``) is refused, and so is a result that holds such a key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime import ops, stores
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import CellContainer, Container, DictContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.presence import of
from relaxpy.runtime.soft import UNDEFINED, Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth

mixing: Any = LazyModule("relaxpy.runtime.mixing")

_ASKED_OF_DICTS = frozenset({"get", "__contains__", "__getitem__"})


def doubtful(holder: Container) -> Iterator[tuple[Any, SoftTruth]]:
    """The keys of a dict (or attributes of an object) that may not exist, with the truths that they do."""
    for (key, cell), truth in list((state.presences or {}).items()):
        if key == holder.key and holder.get(cell) is not UNDEFINED:
            yield cell, truth


def absences() -> Iterator[tuple[Exception, str, SoftTruth]]:
    """What may not exist: the error that Python would raise for it, its name, and the truth that it exists."""
    for key, cell in list(state.presences or ()):
        holder = state.call.touched[key]  # type: ignore[union-attr]
        truth = of(holder, cell)
        if truth is not None:
            is_key = isinstance(holder, DictContainer)
            yield (KeyError(cell), f"key {cell!r}", truth) if is_key else (AttributeError(cell), f"attribute `{cell}`", truth)


def check(holder: Container) -> None:
    """Refuse what needs all keys of a dict (or attributes of an object) of which some may not exist."""
    for cell, truth in doubtful(holder):
        what = f"attribute `{cell}`" if isinstance(holder, AttributeContainer) else f"key {cell!r}"
        raise SoftValueError.here(
            f"the {what} exists with a probability of {ops.largest(truth.lanes):.3g} only, since it was stored "
            "under a soft condition; so what there is in all is not certain",
            remedy="store something before the condition or on its other side, too; "
            "one may ask for the key itself: `d[k]`, `d.get(k, default)`, `k in d`",
        )


def check_dict(value: dict[Any, Any]) -> None:
    check(DictContainer(value))


def check_given(values: Iterable[Any]) -> None:
    """The same for all dicts and objects among these values and what they hold."""
    holders = {key for key, _ in state.presences or ()}
    pending, seen = list(values), set[int]()
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, (str, bytes, int, float, Soft, type, ModuleType)):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            if (id(value), False) in holders:
                check_dict(value)
            pending += value.values()
        elif isinstance(value, (list, tuple, set, frozenset, deque)):
            pending += value
        elif type(value) is partial:
            pending += (value.func, value.args, value.keywords)
        elif hasattr(value, "__self__"):
            pending.append(value.__self__)
        elif isinstance(value, FunctionType):
            pending += (CellContainer(cell).get("") for cell in value.__closure__ or ())
        elif hasattr(value, "__dict__"):
            attributes = AttributeContainer(value)
            if attributes.key in holders:
                check(attributes)
            pending += vars(value).values()


def any_key(mapping: dict[Any, Any]) -> Any:
    """Whether a dict holds anything: as certain as its keys, or as the only one that it may have."""
    unsure = list(doubtful(DictContainer(mapping)))
    if not unsure or len(mapping) > len(unsure):
        return bool(mapping)
    if len(unsure) > 1:
        check_dict(mapping)
    return of(DictContainer(mapping), unsure[0][0])


def asking(function: Any, callee: Any) -> Any:
    """What is called for a builtin or library function while there are such keys."""
    if function is hasattr or function is getattr:
        return partial(_attribute, function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, dict) and function.__name__ not in _ASKED_OF_DICTS:
        if function.__name__ == "setdefault":
            return partial(_set_default, owner, callee)
        check(DictContainer(owner))
    return callee


def _set_default(owner: dict[Any, Any], callee: Any, key: Any, default: Any = None, /) -> Any:
    truth = of(DictContainer(owner), key)
    if truth is None:
        return callee(key, default)
    stores.store(mixing.blended(truth.lanes, owner[key], default, f"the value of the key {key!r}"), owner, key)
    return owner[key]


def _attribute(function: Any, target: Any, name: str, *default: Any) -> Any:
    truth = of(AttributeContainer(target), name)
    value = function(target, name, *default)
    if truth is None:
        return value
    if function is hasattr:
        return truth if value else False
    return mixing.blended(truth.lanes, value, default[0], f"the attribute `{name}`") if default else value

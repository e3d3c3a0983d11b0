"""Rows and objects that a soft index chose: `d[k][j] = x`, `nodes[k].value = x` with a soft k.

Loading them gives their expectation, a new object. What is stored to it must reach the ones that it stands for, each moved by
its weight: so it remembers its origin. Soft arrays carry it themselves, other objects stand in a table of the call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from relaxpy.errors import RelaxError
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.state import state


class Origin:
    """Which objects an expectation stands for, and with what weights."""

    def choices(self) -> list[tuple[Any, Any]]:
        raise NotImplementedError


class Picked(Origin):
    """Elements of a container at some positions."""

    __slots__ = ("container", "weights")

    def __init__(self, container: Any, weights: Sequence[tuple[Any, Any]]) -> None:
        self.container = container
        self.weights = weights

    def choices(self) -> list[tuple[Any, Any]]:
        return [(read(self.container, position), weight) for position, weight in self.weights]


class Part(Origin):
    """The same element (or attribute) of each of these objects."""

    __slots__ = ("whole", "cell")

    def __init__(self, whole: Origin, cell: Any) -> None:
        self.whole = whole
        self.cell = cell

    def choices(self) -> list[tuple[Any, Any]]:
        return [(read(each, self.cell), weight) for each, weight in self.whole.choices()]


class Attribute:
    """The name of an attribute, where others have a position or key."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def read(holder: Any, cell: Any) -> Any:
    if isinstance(cell, Attribute):
        return getattr(holder, cell.name)
    return holder.rows()[cell] if isinstance(holder, SoftArray) else holder[cell]


def remember(value: Any, origin: Origin, candidates: Sequence[Any] = ()) -> Any:
    """Note where an expectation comes from, unless it is no new object; returns it."""
    if any(value is candidate for candidate in candidates):
        return value
    if isinstance(value, SoftArray):
        value.origin = origin
    elif isinstance(value, (list, dict)) or dataclasses.is_dataclass(value) and not isinstance(value, type):
        assert state.call is not None
        state.call.drawn[id(value)] = (value, origin)
        for cell, item in _cells(value):
            if isinstance(item, (SoftArray, list, dict)) or dataclasses.is_dataclass(item):
                remember(item, Part(origin, cell), [read(each, cell) for each in candidates])
    elif isinstance(value, tuple):
        for cell, item in enumerate(value):
            remember(item, Part(origin, cell), [read(each, cell) for each in candidates])
    return value


def _cells(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        return list(enumerate(value))
    return [(Attribute(field.name), getattr(value, field.name)) for field in dataclasses.fields(value)]


def origin_of(value: Any) -> Origin | None:
    """The origin of an expectation, None of anything else."""
    if isinstance(value, SoftArray):
        origin: Origin | None = value.origin
        return origin
    known = state.call.drawn.get(id(value)) if state.call is not None else None
    return known[1] if known is not None else None


def comes_from(value: Any, container: Any) -> bool:
    """Was the value drawn from this container? Then storing it back (`d[k] += v`) changes nothing any more."""
    origin = origin_of(value)
    return isinstance(origin, Picked) and origin.container is container


def refuse_restructuring(value: Any) -> None:
    """A list that was drawn can take stores, but its length cannot change for some of the lists that it stands for."""
    if origin_of(value) is not None:
        raise RelaxError(
            f"a {type(value).__name__} that was chosen by a soft index cannot grow, shrink or be reordered",
            remedy="store to its elements, or loop over the positions and test them",
        )

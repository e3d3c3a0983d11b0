"""Rows and objects that a soft index chose: `d[k][j] = x`, `nodes[k].value = x` with a soft k.

Loading them gives their expectation, a new object. What is stored to it must reach the ones that it stands for, each moved by
its weight: so it remembers its origin. Soft arrays carry it themselves, other objects stand in a table of the call.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from relaxpy.errors import RelaxError
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state


class Origin:
    """Which objects an expectation stands for, and with what weights."""

    def choices(self) -> list[tuple[Any, Any]]:
        raise NotImplementedError


class Picked(Origin):
    """Elements of a container as a soft index found them there: what is put in their places later is not meant.

    ``elements`` is filled later where the container is a tensor whose rows are not apart yet.
    """

    __slots__ = ("container", "index", "elements", "weights")

    def __init__(self, container: Any, index: Any, elements: Sequence[Any], weights: Sequence[Any]) -> None:
        self.container = container
        self.index = index
        self.elements = elements
        self.weights = weights

    def choices(self) -> list[tuple[Any, Any]]:
        if isinstance(self.container, SoftArray):
            self.container.rows()
        return list(zip(self.elements, self.weights))


class Part(Origin):
    """The same element (or attribute) of each of these objects; read when first needed if they are not given."""

    __slots__ = ("whole", "cell", "parts")

    def __init__(self, whole: Origin, cell: Any, parts: Sequence[Any] | None = None) -> None:
        self.whole = whole
        self.cell = cell
        self.parts = parts

    def choices(self) -> list[tuple[Any, Any]]:
        whole = self.whole.choices()
        if self.parts is None:
            self.parts = [read(each, self.cell) for each, _ in whole]
        return [(part, weight) for part, (_, weight) in zip(self.parts, whole)]


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
                _remember_part(item, origin, cell, candidates)
    elif isinstance(value, tuple):
        for cell, item in enumerate(value):
            _remember_part(item, origin, cell, candidates)
    return value


def _remember_part(item: Any, origin: Origin, cell: Any, candidates: Sequence[Any]) -> None:
    parts = [read(each, cell) for each in candidates]
    remember(item, Part(origin, cell, parts), parts)


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


def comes_from(value: Any, container: Any, index: tuple[Any, ...]) -> bool:
    """Was the value drawn from these places by this very index? Then storing it back (`d[k] += v`) changes nothing more."""
    return _leads(origin_of(value), container, index)


def _leads(origin: Origin | None, container: Any, index: tuple[Any, ...]) -> bool:
    *outer, last = index
    if isinstance(origin, Part):
        return (
            bool(outer) and type(last) is int and origin.cell == last and _leads(origin.whole, container, tuple(outer))
        )
    if not isinstance(origin, Picked) or origin.index is not last:
        return False
    if any(isinstance(place, Soft) for place in outer):
        return _leads(origin_of(origin.container), container, tuple(outer))
    return functools.reduce(read, outer, container) is origin.container


def refuse_restructuring(value: Any) -> None:
    """A list that was drawn can take stores, but its length cannot change for some of the lists that it stands for."""
    if origin_of(value) is not None:
        raise RelaxError(
            f"a {type(value).__name__} that was chosen by a soft index cannot grow, shrink or be reordered",
            remedy="store to its elements, or loop over the positions and test them",
        )

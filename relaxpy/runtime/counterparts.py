"""Which value of one path a value of the mixture of several paths stands for.

A clean-up that several paths cross runs once, on what they have been mixed into (finishing.py). Where they hold different lists,
that is a new list; what the clean-up stores in it is stored in the list of each path, and what it takes from one place to another
is what the path has there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from torch import Tensor

from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import Container, container
from relaxpy.runtime.journal import Change, Delta
from relaxpy.runtime.soft import Soft

# a container, one of its cells, and what it holds in the mixture
Cell = tuple[Container, Any, Any]


_NEVER_MIXED = (type, FunctionType, ModuleType, Tensor)


def _holder(value: Any) -> Container | None:
    """A container, or the attributes of an object."""
    found = container(value)
    if found is None and hasattr(value, "__dict__") and not isinstance(value, _NEVER_MIXED):
        return AttributeContainer(value)
    return found


def cells(heaps: Iterable[Delta]) -> list[Cell]:
    """All cells that any of these heaps changed, as they are at present."""
    found: dict[tuple[Any, Any], Cell] = {}
    for heap in heaps:
        for change in heap.values():
            holder = change.container
            names = change.cells if change.whole is None else holder.names(holder.content())
            for name in names:
                found[holder.key, name] = (holder, name, holder.get(name))
    return list(found.values())


class Counterparts:
    """Of one path."""

    def __init__(self) -> None:
        self._known: dict[Any, Container] = {}
        self._values: dict[int, Any] = {}
        self._mixed: list[Any] = []  # kept alive, since keys are addresses

    def pair(self, mixed: Any, own: Any) -> None:
        """``mixed`` stands for ``own``, and what is in it for what is in that."""
        if mixed is own:
            return
        if isinstance(mixed, Soft):
            self._values.setdefault(id(mixed), own)
            self._mixed.append(mixed)
        if type(mixed) is not type(own):
            return
        holder, other = _holder(mixed), _holder(own)
        if holder is None or other is None or holder.key in self._known:
            return
        self._known[holder.key] = other
        self._mixed.append(mixed)
        present = set(other.names(other.content()))
        for name in holder.names(holder.content()):
            if name in present:
                self.pair(holder.get(name), other.get(name))

    def pair_cells(self, mixed: Iterable[Cell]) -> None:
        """The same for cells that hold something else in the mixture than they do at present, on the path."""
        for holder, name, value in mixed:
            with contextlib.suppress(IndexError):  # a list that is shorter on the path
                self.pair(value, holder.get(name))

    def own(self, value: Any) -> Any:
        """What a value of the mixture is on the path."""
        if id(value) in self._values:
            return self._values[id(value)]
        holder = _holder(value)
        found = None if holder is None else self._known.get(holder.key)
        return value if found is None else found.target

    def changes(self, done: Delta) -> Delta:
        """What was done to the mixture, done to the path's own."""
        found = Delta(self._redirected(done))
        found.known = done.known
        return found

    def _redirected(self, done: Delta) -> Iterator[tuple[Any, Change]]:
        for key, change in done.items():
            holder = self._known.get(key, change.container)
            cells = {name: self.own(value) for name, value in change.cells.items()}
            whole = change.whole
            if whole is not None:
                whole = holder.rebuilt({name: self.own(holder.cell_of(whole, name)) for name in holder.names(whole)})
            yield holder.key, Change(holder, cells, whole)

"""The undo log of stores on an open soft path.

Stores are done in place. A ``Log`` remembers, per container, the old content of changed cells, or the whole old content
after a structural change. Between the sides of a branch the log is rolled back; what a side changed is kept as a ``Delta``,
so that both sides can be blended cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from relaxpy.runtime.births import Birth, Knowledge, Past
from relaxpy.runtime.containers import Container
from relaxpy.runtime.state import state

if TYPE_CHECKING:
    from relaxpy.runtime.scopes import Scope

Key = tuple[int, bool]


class Entry:
    """What one container held before: changed cells, or (after a structural change) everything."""

    __slots__ = ("container", "cells", "whole")

    def __init__(self, container: Container) -> None:
        self.container = container
        self.cells: dict[Any, Any] = {}
        self.whole: Any = None

    def old_content(self) -> Any:
        """A copy of the whole content as it was."""
        if self.whole is not None:
            return self.whole
        return self.container.patched(self.container.copy(), self.cells)

    def undo(self) -> None:
        if self.whole is not None:
            self.container.fill(self.whole)
        else:
            for key, value in self.cells.items():
                self.container.put(key, value)


class Log(dict[Key, Entry]):
    """Entries by container; only the first old value of a cell counts."""

    __slots__ = ()

    def note(self, container: Container, key: Any) -> None:
        """Remember one cell before it changes."""
        entry = self.get(container.key)
        if entry is None:
            entry = self[container.key] = Entry(container)
        if entry.whole is None and key not in entry.cells:
            entry.cells[key] = container.get(key)

    def note_all(self, container: Container) -> None:
        """Remember the whole content before its structure changes."""
        entry = self.get(container.key)
        if entry is None:
            entry = self[container.key] = Entry(container)
        if entry.whole is None:
            entry.whole = entry.old_content()
            entry.cells = {}

    def undo(self) -> None:
        for entry in self.values():
            entry.undo()

    def absorb(self, inner: Log) -> None:
        """Take over what an inner scope changed: its old values are ours where we have none."""
        for key, theirs in inner.items():
            ours = self.get(key)
            if ours is None:
                self[key] = theirs
            elif ours.whole is None:
                if theirs.whole is None:
                    for cell, value in theirs.cells.items():
                        ours.cells.setdefault(cell, value)
                else:
                    ours.whole = ours.container.patched(theirs.whole, ours.cells)
                    ours.cells = {}


class Change:
    """What one container holds at the end of a side: changed cells, or everything."""

    __slots__ = ("container", "cells", "whole")

    def __init__(self, container: Container, cells: Mapping[Any, Any], whole: Any) -> None:
        self.container = container
        self.cells = cells
        self.whole = whole


class Delta(dict[Key, Change]):
    """The heap of one state, as changes; which of the objects that were made on soft paths it knows is kept beside."""

    __slots__ = ("known",)
    known: Knowledge

    def knows(self, birth: Birth) -> bool:
        return self.known.has(birth)


NO_CHANGES = Delta()
NO_CHANGES.known = Knowledge((), 0, None)


def recorded(changes: Mapping[Key, Change], sides: Iterable[Scope]) -> Delta:
    """The changes with the present time, and the places and the past of these open scopes."""
    result = Delta(changes)
    places = tuple([scope.place for scope in sides if scope.place is not None])
    past: Past | None = None
    for scope in sides:
        if scope.past is not None:
            past = scope.past
    if past is not None:
        places += tuple(place for earlier in past.states for place in earlier.places)
    result.known = Knowledge(places, state.time, past)
    state.time += 1
    return result


def unchanged(scope: Scope) -> Delta:
    """The heap of the other side of an open scope, on which nothing happens."""
    return recorded(NO_CHANGES, [outer for outer in state.scopes if outer is not scope])


def hand_over(log: Log) -> None:
    """What a scope that has ended changed is now on account of the scope outside; its cells may hold soft values."""
    if state.logs:
        state.logs[-1].absorb(log)
    if state.call is not None:
        for key, entry in log.items():
            state.call.touched[key] = entry.container


def delta(logs: Iterable[Log]) -> Delta:
    """The present content of everything that the logs (outer to inner) saw changing."""
    return recorded(_changes(tuple(logs)), state.scopes)


def _changes(logs: tuple[Log, ...]) -> Mapping[Key, Change]:
    if len(logs) == 1:
        entries = logs[0].items()
        return {key: _present(each.container, None if each.whole is not None else each.cells) for key, each in entries}
    keys: dict[Key, tuple[Container, dict[Any, None] | None]] = {}
    for log in logs:
        for key, entry in log.items():
            container, cells = keys.get(key, (entry.container, {}))
            if entry.whole is not None or cells is None:
                keys[key] = (container, None)
            else:
                cells.update(dict.fromkeys(entry.cells))
                keys[key] = (container, cells)
    return {key: _present(container, cells) for key, (container, cells) in keys.items()}


def _present(container: Container, cells: Iterable[Any] | None) -> Change:
    """What a container holds in these cells, or everything."""
    if cells is None:
        return Change(container, {}, container.copy())
    return Change(container, {cell: container.get(cell) for cell in cells}, None)


def seen_in(container: Container, changes: Delta | None) -> Any:
    """The content of a container in the heap of one side (not to be modified)."""
    change = changes.get(container.key) if changes else None
    if change is None:
        return container.content()
    if change.whole is not None:
        return change.whole
    return container.patched(container.copy(), change.cells)


__all__ = ["NO_CHANGES", "Change", "Delta", "Entry", "Log", "delta", "seen_in"]

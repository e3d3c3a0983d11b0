"""The result of a recorded call as a tree, from which each later call's result is built anew, aliases and all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.reading import Reading
from relaxpy.engine.recorded import LANES, Leaving, Recorded, refuse
from relaxpy.engine.recorder import Recorder

ATOMS = (int, float, bool, str, bytes, complex, type(None))


@dataclass(frozen=True)
class Output:
    """Tensor number ``place`` of the result: ``count`` rows from ``start``; ``lanes_first``: a batch axis before ``shape``."""

    place: int
    start: int
    count: int
    shape: tuple[int, ...]
    lanes_first: bool
    dtype: torch.dtype


@dataclass(frozen=True)
class GivenTensor:
    """A tensor argument that comes back as it is."""

    place: int


@dataclass(frozen=True)
class GivenContainer:
    """A list or dict among the arguments that comes back as it is."""

    place: int


class Made:
    """An object that the call makes: its class, and its attributes as trees."""

    __slots__ = ("kind", "attributes")

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.attributes: dict[str, Any] = {}


@dataclass(frozen=True)
class Recording:
    """What a recorded call comes down to: its result as a tree whose leaves are outputs, and the rows of these.

    ``stored``: lists and dicts among the arguments, by number, and trees of what the call left in them.
    """

    result: Any
    stored: list[tuple[int, Any]]
    rows: list[int]
    outputs: list[Output]


class Leaves:
    """The tree of a result: outputs, arguments, and values that are the same each time; parts that are one stay one."""

    def __init__(self, recorder: Recorder, given: dict[int, tuple[Any, Any]], reading: Reading) -> None:
        self.recorder = recorder
        self.given = given
        self.reading = reading
        self.rows: list[int] = []
        self.outputs: list[Output] = []
        self.known: dict[int, tuple[Any, Any]] = {}

    def leaf(self, value: Any) -> Any:
        if isinstance(value, ATOMS):
            return value
        known = self.known.get(id(value))
        if known is None:
            given = self.given.get(id(value))
            known = (value, self._tree(value)) if given is None else given
            self.known[id(value)] = known
        return known[1]

    def _tree(self, value: Any) -> Any:
        kind = type(value)
        if kind is Recorded or kind is Leaving:
            return self._output(value)
        if isinstance(value, tuple) and (kind is tuple or hasattr(value, "_fields")):
            items = [self.leaf(item) for item in value]
            return kind(*items) if hasattr(value, "_fields") else tuple(items)
        if self.reading.holds(value):
            refuse("it returns an object that was there before the call")
        if kind is list or kind is dict:
            tree: Any = kind()
            self.known[id(value)] = (value, tree)
            self._fill(tree, value)
            return tree
        return self._made(value, kind)

    def content(self, value: Any) -> Any:
        """What a list or dict of the caller's holds now, as a tree of its own."""
        tree: Any = type(value)()
        self._fill(tree, value)
        return tree

    def _fill(self, tree: Any, value: Any) -> None:
        if isinstance(value, dict):
            tree.update((key, self.leaf(item)) for key, item in value.items())
        else:
            tree.extend(map(self.leaf, value))

    def _made(self, value: Any, kind: type) -> Made:
        """An object of a class that was there before, with all that it is in its attributes."""
        if not self.reading.is_plain_class(kind):
            refuse(f"it returns a {kind.__name__}")
        tree = Made(kind)
        self.known[id(value)] = (value, tree)
        for name, item in vars(value).items():
            tree.attributes[name] = self.leaf(item)
        return tree

    def _output(self, value: Any) -> Output:
        lanes_first = type(value) is Leaving
        recorded: Recorded = value.recorded if lanes_first else value
        if (recorded.lanes == LANES) != lanes_first:
            refuse("its result has no lanes")
        rows = recorded.rows()
        shape = () if type(recorded.ids) is int else recorded.ids.shape
        output = Output(len(self.outputs), len(self.rows), len(rows), tuple(shape), lanes_first, recorded.dtype)
        self.outputs.append(output)
        self.rows.extend(rows)
        return output


class Building:
    """A result from its tree, the outputs of a run and the arguments of the call."""

    def __init__(self, outputs: Sequence[Tensor], tensors: Sequence[Tensor], containers: Sequence[Any]) -> None:
        self.outputs = outputs
        self.tensors = tensors
        self.containers = containers
        self.built: dict[int, Any] = {}

    def store(self, stored: Sequence[tuple[int, Any]]) -> None:
        """Change lists and dicts of the caller's, as the call did."""
        contents = [self._filled(type(tree)(), tree) for _, tree in stored]
        for (place, _), content in zip(stored, contents):
            holder = self.containers[place]
            if isinstance(content, list):
                holder[:] = content
            else:
                holder.clear()
                holder.update(content)

    def _filled(self, new: Any, tree: Any) -> Any:
        if isinstance(tree, dict):
            new.update((name, self.build(item)) for name, item in tree.items())
        else:
            new.extend(self._items(tree))
        return new

    def _items(self, trees: Iterable[Any]) -> list[Any]:
        outputs = self.outputs
        return [outputs[tree.place] if type(tree) is Output else self.build(tree) for tree in trees]

    def build(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is Output:
            return self.outputs[tree.place]
        if kind is GivenTensor:
            return self.tensors[tree.place]
        if kind is GivenContainer:
            return self.containers[tree.place]
        if isinstance(tree, ATOMS):
            return tree
        if isinstance(tree, tuple):
            items = self._items(tree)
            return kind(*items) if hasattr(tree, "_fields") else tuple(items)
        known = self.built.get(id(tree))
        return self._compound(tree, kind) if known is None else known

    def _compound(self, tree: Any, kind: type) -> Any:
        new: Any = object.__new__(tree.kind) if kind is Made else kind()
        self.built[id(tree)] = new
        if kind is Made:
            self._filled(vars(new), tree.attributes)
        else:
            self._filled(new, tree)
        return new

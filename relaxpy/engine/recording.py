"""One call, recorded: its arguments replaced by recorded ones, its result as a tree of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.recorded import LANES, NO_LANES, Arriving, Leaving, Recorded, refuse
from relaxpy.engine.recorder import Recorder
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.state import state

ATOMS = (int, float, bool, str, bytes, complex, type(None))
Run = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


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
class Given:
    """A tensor argument that comes back as it is."""

    place: int


@dataclass(frozen=True)
class Recording:
    """What a recorded call comes down to: its result as a tree whose leaves are outputs, and the rows of these."""

    result: Any
    rows: list[int]
    outputs: list[Output]


class _Replaced:
    """Copies of the arguments' lists, tuples and dicts, with recorded tensors in place of tensors."""

    def __init__(self, recorder: Recorder, places: dict[int, int]) -> None:
        self.recorder = recorder
        self.places = places
        self.memo: dict[int, tuple[Any, Any]] = {}
        self.copies: list[tuple[Any, Any]] = []  # mutable copies, and what they held at first
        self.given: dict[int, tuple[Any, int]] = {}

    def replace(self, value: Any) -> Any:
        if isinstance(value, ATOMS) or isinstance(value, Hard):
            return value
        known = self.memo.get(id(value))
        if known is None:
            known = self.memo[id(value)] = (value, self._replaced(value))
        return known[1]

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value) if value.is_floating_point() else value
        if isinstance(value, tuple):
            items = [self.replace(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) is list:
            new: Any = []
            self.memo[id(value)] = (value, new)
            new.extend(map(self.replace, value))
            self.copies.append((new, list(new)))
            return new
        if type(value) is dict:
            new = {}
            self.memo[id(value)] = (value, new)
            new.update({key: self.replace(item) for key, item in value.items()})
            self.copies.append((new, dict(new)))
            return new
        return value

    def _tensor(self, tensor: Tensor) -> Any:
        recorder, place = self.recorder, self.places[id(tensor)]
        if recorder.batched and tensor.dim():
            replaced: Any = Arriving(recorder, tensor, place)
        else:
            replaced = recorder.read(tensor, place, None, NO_LANES)
        self.given[id(replaced)] = (replaced, place)
        return replaced

    def refuse_changes(self) -> None:
        """A program does not change its arguments."""
        for copy, content in self.copies:
            items = (copy.items(), content.items()) if isinstance(copy, dict) else (copy, content)
            if len(copy) != len(content) or any(not _same(x, y) for x, y in zip(*items)):
                refuse("it changes an argument in place")


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
        return all(map(_same, x, y))
    return x is y


def record(
    run: Run, plan: Any, args: tuple[Any, ...], kwargs: dict[str, Any], places: dict[int, int], recorder: Recorder
) -> Recording:
    """Run the function on recorded values. Raises NotRecordedError, or what the function raises."""
    replaced = _Replaced(recorder, places)
    new_args, new_kwargs = replaced.replace(args), {name: replaced.replace(value) for name, value in kwargs.items()}
    state.recorder = recorder
    try:
        result = run(plan, new_args, new_kwargs)
    finally:
        state.recorder = None
    if recorder.refused is not None:
        raise recorder.refused
    replaced.refuse_changes()
    leaving = _Result(recorder, replaced.given)
    return Recording(leaving.leaf(result), leaving.rows, leaving.outputs)


class _Result:
    """The result as a tree of outputs, arguments, and values that are the same each time."""

    def __init__(self, recorder: Recorder, given: dict[int, tuple[Any, int]]) -> None:
        self.recorder = recorder
        self.given = given
        self.rows: list[int] = []
        self.outputs: list[Output] = []
        self.known: dict[int, tuple[Any, Any]] = {}

    def leaf(self, value: Any) -> Any:
        if isinstance(value, ATOMS):
            return value
        known = self.known.get(id(value))
        if known is None:
            known = self.known[id(value)] = (value, self._leaf(value))
        return known[1]

    def _leaf(self, value: Any) -> Any:
        kind = type(value)
        if id(value) in self.given:
            return Given(self.given[id(value)][1])
        if kind is Recorded or kind is Leaving:
            return self._output(value)
        if kind is list:
            return [self.leaf(item) for item in value]
        if isinstance(value, tuple):
            items = [self.leaf(item) for item in value]
            return kind(*items) if hasattr(value, "_fields") else tuple(items)
        if kind is dict:
            return {key: self.leaf(item) for key, item in value.items()}
        return refuse(f"it returns a {kind.__name__}")

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

"""One call, recorded: its arguments replaced by recorded ones, its result as a tree of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from relaxpy.engine.arguments import Arguments
from relaxpy.engine.reading import Reading
from relaxpy.engine.recorded import NO_LANES, Arriving
from relaxpy.engine.recorder import Recorder
from relaxpy.engine.results import GivenContainer, GivenTensor, Leaves, Recording
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.state import state

ATOMS = (int, float, bool, str, bytes, complex, type(None))
Run = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class _Replaced:
    """Copies of the arguments' lists, tuples and dicts, with recorded tensors in place of tensors."""

    def __init__(self, recorder: Recorder, arguments: Arguments) -> None:
        self.recorder = recorder
        self.arguments = arguments
        self.memo: dict[int, tuple[Any, Any]] = {}
        self.copies: list[tuple[Any, Any]] = []  # mutable copies, and what they held at first
        self.given: dict[int, tuple[Any, Any]] = {}

    def replace(self, value: Any) -> Any:
        if isinstance(value, ATOMS) or isinstance(value, Hard):
            return value
        known = self.memo.get(id(value))
        if known is None:
            known = self.memo[id(value)] = (value, self._replaced(value))
        return known[1]

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value) if id(value) in self.arguments.places else value
        if isinstance(value, tuple):
            items = [self.replace(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) is list:
            new: Any = []
            self._remember(value, new)
            new.extend(map(self.replace, value))
            self.copies.append((new, list(new)))
            return new
        if type(value) is dict:
            new = {}
            self._remember(value, new)
            new.update({key: self.replace(item) for key, item in value.items()})
            self.copies.append((new, dict(new)))
            return new
        return value

    def _remember(self, value: Any, new: Any) -> None:
        self.memo[id(value)] = (value, new)
        self.given[id(new)] = (new, GivenContainer(self.arguments.numbers[id(value)]))

    def _tensor(self, tensor: Tensor) -> Any:
        recorder, place = self.recorder, self.arguments.places[id(tensor)]
        if recorder.batched and tensor.dim():
            replaced: Any = Arriving(recorder, tensor, place)
        else:
            replaced = recorder.read(tensor, place, None, NO_LANES)
        self.given[id(replaced)] = (replaced, GivenTensor(place))
        return replaced

    def changed(self) -> Iterator[tuple[int, Any]]:
        """The lists and dicts that the call has changed, by number, and what they hold now."""
        for copy, content in self.copies:
            items = (copy.items(), content.items()) if isinstance(copy, dict) else (copy, content)
            if len(copy) != len(content) or any(not _same(x, y) for x, y in zip(*items)):
                yield self.given[id(copy)][1].place, copy


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
        return all(map(_same, x, y))
    return x is y


def record(
    run: Run,
    plan: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    arguments: Arguments,
    recorder: Recorder,
    reading: Reading,
) -> Recording:
    """Run the function on recorded values. Raises NotRecordedError, or what the function raises."""
    replaced = _Replaced(recorder, arguments)
    new_args, new_kwargs = replaced.replace(args), {name: replaced.replace(value) for name, value in kwargs.items()}
    state.recorder = recorder
    try:
        result = run(plan, new_args, new_kwargs)
    finally:
        state.recorder = None
    if recorder.refused is not None:
        raise recorder.refused
    leaves = Leaves(recorder, replaced.given, reading)
    stored = [(place, leaves.content(copy)) for place, copy in replaced.changed()]
    return Recording(leaves.leaf(result), stored, leaves.rows, leaves.outputs)

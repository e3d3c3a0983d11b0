"""Measuring one row: medians of interleaved runs, operations, memory kept for the backward pass, first calls, hard paths."""

from __future__ import annotations

import contextlib
import statistics
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# a column of a row: makes the program, from the row's inputs to something to be summed
Maker = Callable[[], Callable[..., Tensor]]


@dataclass(frozen=True)
class Row:
    """One benchmark: inputs that want a gradient, programs by column, and the same on plain Python values."""

    program: str
    size: str
    scale: int
    inputs: Callable[[], tuple[Tensor, ...]]
    columns: dict[str, Maker]
    hard: Callable[[], tuple[Callable[[], object], Callable[[], object]]] | None = None

    @property
    def name(self) -> str:
        return f"{self.program} {self.size}"


@dataclass
class Cell:
    """What was measured of one program: times in milliseconds; memory in bytes, kept for backward and in use at most."""

    first_call: float
    operations: int
    saved: int
    peak: int
    median: float = 0.0
    ratio: float = 1.0
    times: list[float] = field(default_factory=list)


@dataclass
class Result:
    """A row as measured; ``hard``: median times of rewritten and undecorated code on plain values, in milliseconds."""

    row: Row
    cells: dict[str, Cell]
    hard: tuple[float, float] | None = None


class Operations(TorchDispatchMode):
    """Counts the operations that reach torch's dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def saved_bytes() -> Iterator[Callable[[], int]]:
    """Counts the memory that autograd keeps for the backward pass: every storage once."""
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield lambda: sum(storage.nbytes() for storage in kept.values())


class _Live(TorchDispatchMode):
    """Adds up the memory of what operations make, as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._present = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in torch.utils._pytree.tree_leaves(result):
            if isinstance(each, Tensor):
                self._add(each.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self._present += size
            self.peak = max(self.peak, self._present)
            weakref.finalize(storage, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._present -= size


@contextlib.contextmanager
def live_bytes() -> Iterator[Callable[[], int]]:
    """The most memory that is in use at a time for what is computed here."""
    live = _Live()
    with live:
        yield lambda: live.peak


def forward_backward(program: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
    for each in inputs:
        each.grad = None
    program(*inputs).sum().backward()


def first_look(maker: Maker, inputs: tuple[Tensor, ...], count: bool) -> tuple[Callable[..., Tensor], Cell]:
    """Make a program and call it for the first time; then count (compiled and recorded code cannot be counted)."""
    begin = time.perf_counter()
    program = maker()
    forward_backward(program, inputs)
    first = 1e3 * (time.perf_counter() - begin)
    operations = Operations()
    if count:
        with operations:
            forward_backward(program, inputs)
    with saved_bytes() as saved:
        program(*inputs).sum()
        kept = saved()
    with live_bytes() if count else contextlib.nullcontext(lambda: 0) as most:
        forward_backward(program, inputs)
    return program, Cell(first, operations.count, kept, most())


def measure(row: Row, seconds: float, least: int = 5, most: int = 400) -> Result:
    """Run all columns in turn, round after round, so that what else the machine does hits them alike."""
    if not row.columns:
        return Result(row, {}, hard_times(row, seconds))
    inputs = row.inputs()
    programs: dict[str, Callable[..., Tensor]] = {}
    cells: dict[str, Cell] = {}
    for column, maker in row.columns.items():
        programs[column], cells[column] = first_look(maker, inputs, count=not column.startswith(("compiled", "tape")))
    end = time.perf_counter() + seconds
    done = 0
    while done < least or done < most and time.perf_counter() < end:
        names = list(programs)
        turn = done % len(names)
        for column in names[turn:] + names[:turn]:
            forward_backward(programs[column], inputs)  # what ran before it shall not be in its caches
            begin = time.perf_counter()
            forward_backward(programs[column], inputs)
            cells[column].times.append(1e3 * (time.perf_counter() - begin))
        done += 1
    reference = next(iter(cells.values())).times
    for cell in cells.values():
        cell.median = statistics.median(cell.times)
        cell.ratio = statistics.median(mine / ours for mine, ours in zip(cell.times, reference, strict=True))
    return Result(row, cells, hard_times(row, seconds / 4))


def hard_times(row: Row, seconds: float, least: int = 5) -> tuple[float, float] | None:
    """Median times of the rewritten and the undecorated program on plain Python values, run in turn."""
    if row.hard is None:
        return None
    pair = row.hard()
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while len(times[0]) < least or len(times[0]) < 1000 and time.perf_counter() < end:
        for program, seen in zip(pair, times, strict=True):
            begin = time.perf_counter()
            program()
            seen.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times[0]), statistics.median(times[1])

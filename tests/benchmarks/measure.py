"""Measuring one row: medians of interleaved runs, operations, memory kept for the backward pass, first calls, hard paths."""

from __future__ import annotations

import contextlib
import math
import signal
import statistics
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SHORT = 20.0  # milliseconds
IN_A_ROW = 7  # calls

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
    """What was measured of one program: times in milliseconds; memory in bytes, kept for backward and in use at most.

    ``why_not``: why nothing was, "more than 60 s" for example.
    """

    first_call: float = 0.0
    operations: int = 0
    saved: int = 0
    peak: int = 0
    median: float = 0.0
    ratio: float = 1.0
    times: list[float] = field(default_factory=list)
    why_not: str = ""


@dataclass
class Result:
    """A row as measured; ``hard``: median times of rewritten and undecorated code on plain values, in milliseconds."""

    program: str
    size: str
    scale: int
    cells: dict[str, Cell]
    hard: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        return f"{self.program} {self.size}"

    def measured(self) -> dict[str, Cell]:
        return {column: cell for column, cell in self.cells.items() if not cell.why_not}


class TooSlow(BaseException):
    """Passes through what catches errors, as Ctrl-C does."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Give up on what takes longer, compilers at work included."""

    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TooSlow:
        compiling = sys.modules.get("torch._inductor.async_compile")
        if compiling is not None:
            compiling.AsyncCompile.pool().shutdown(cancel_futures=True)
            compiling.AsyncCompile.pool.cache_clear()
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


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


class Operations(TorchDispatchMode):
    """Counts the operations that reach torch's dispatcher, and the memory of what they make, as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.peak = self._present = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.count += 1
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


def forward_backward(program: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
    for each in inputs:
        each.grad = None
    program(*inputs).sum().backward()


def timed(program: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> float:
    """Milliseconds, forward and backward."""
    begin = time.perf_counter()
    forward_backward(program, inputs)
    return 1e3 * (time.perf_counter() - begin)


def first_look(maker: Maker, inputs: tuple[Tensor, ...], count: bool) -> tuple[Callable[..., Tensor], Cell]:
    """Make a program and call it for the first time; then count (compiled and recorded code cannot be counted)."""
    begin = time.perf_counter()
    program = maker()
    forward_backward(program, inputs)
    cell = Cell(1e3 * (time.perf_counter() - begin))
    if count:
        with Operations() as operations:
            forward_backward(program, inputs)
        cell.operations, cell.peak = operations.count, operations.peak
    with saved_bytes() as saved:
        program(*inputs).sum()
        cell.saved = saved()
    return program, cell


def measure(row: Row, seconds: float, limit: float = math.inf) -> Result:
    """Measure all columns of a row; one whose first calls take longer than ``limit`` seconds, or fail, says so and no more."""
    if not row.columns:
        return Result(row.program, row.size, row.scale, {}, hard_times(row, seconds))
    inputs = row.inputs()
    programs: dict[str, Callable[..., Tensor]] = {}
    cells: dict[str, Cell] = {}
    for column, maker in row.columns.items():
        counted = not column.startswith(("compiled", "tape"))
        try:
            with at_most(min(limit, 1e6)):
                programs[column], cells[column] = first_look(maker, inputs, counted)
        except TooSlow:
            cells[column] = Cell(why_not=f"more than {limit:.0f} s")
        except Exception as error:
            cells[column] = Cell(why_not=f"{type(error).__name__}: {error}")
    run_in_turn(programs, cells, inputs, seconds)
    return Result(row.program, row.size, row.scale, cells, hard_times(row, seconds / 4))


def run_in_turn(
    programs: dict[str, Callable[..., Tensor]],
    cells: dict[str, Cell],
    inputs: tuple[Tensor, ...],
    seconds: float,
    least: int = 5,
    most: int = 400,
) -> None:
    """All columns, round after round, so that what else the machine does hits them alike.

    What takes less than ``SHORT`` is called some times in a row, as in a training loop, and the median counts.
    """
    names = list(programs)
    if not names:
        return
    end = time.perf_counter() + seconds
    done = 0
    while done < least or done < most and time.perf_counter() < end:
        turn = done % len(names)
        for column in names[turn:] + names[:turn]:
            seen = cells[column].times
            if not seen or seen[-1] < 300:  # what ran before it shall not be in its caches, which the longer ones fill anyway
                forward_backward(programs[column], inputs)
            repeats = IN_A_ROW if seen and seen[-1] < SHORT else 1
            seen.append(statistics.median([timed(programs[column], inputs) for _ in range(repeats)]))
        done += 1
    reference = cells[names[0]].times
    for column in names:
        cell = cells[column]
        cell.median = statistics.median(cell.times)
        cell.ratio = statistics.median(mine / ours for mine, ours in zip(cell.times, reference, strict=True))


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

"""``python -m tests.benchmarks.recording``: what a call costs that records a program, beside calls operation by operation.

That is the second call of a kind under ``engine="auto"``: the function is rewritten and the machine's kernel loaded, but nothing
recorded. Forward and backward, and every recording call is of a function that is made anew. Then programs of many instructions,
each in a process of its own: the first call, and the most memory that the process ever took. Times are the processor's.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

import relaxpy
from relaxpy import relax
from tests.benchmarks.measure import Row, forward_backward
from tests.benchmarks.report import text_table
from tests.benchmarks.rows import RELAXED, table

LANES, LENGTH = 8, 101


@dataclass(frozen=True)
class Recorded:
    """Of a row: medians in milliseconds, and that of the ratios of calls that took turns."""

    name: str
    eager: float
    recording: float
    ratio: float


@dataclass(frozen=True)
class Long:
    """Of a long program: its instructions, the seconds of its first call, and the most memory in MiB."""

    instructions: int
    seconds: float
    memory: float


def measure(row: Row, seconds: float, least: int = 5) -> Recorded:
    """Time the recording call of a row, in turn with calls operation by operation."""
    inputs, maker = row.inputs(), row.columns[RELAXED]
    known = maker()
    for engine in ("eager", "tape"):
        with relaxpy.options(engine=engine):
            forward_backward(known, inputs)
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while len(times) < least or len(times) < 300 and time.perf_counter() < end:
        new = maker()
        with relaxpy.options(engine="eager"):
            forward_backward(new, inputs)  # rewrites the function
            start = time.process_time()
            forward_backward(known, inputs)
        between = time.process_time()
        with relaxpy.options(engine="tape"):
            forward_backward(new, inputs)
        times.append((between - start, time.process_time() - between))
    eager, recording = (1e3 * statistics.median(column) for column in zip(*times))
    return Recorded(row.name, eager, recording, statistics.median(b / a for a, b in times))


def exchanges(numbers: Any, rounds: int) -> Any:
    """Three instructions for each comparison."""
    for _ in range(rounds):
        for i in range(len(numbers) - 1):
            if numbers[i] > numbers[i + 1]:
                numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
    return numbers


def products(numbers: Any, rounds: int) -> Any:
    """Two instructions for each turn of the inner loop."""
    x, y = numbers[0], numbers[1]
    for _ in range(rounds):
        for _ in range(len(numbers) - 1):
            x = x * y
            y = y - x
    return y


LONG = {"exchanges": (exchanges, 3), "products": (products, 2)}


def first_call(name: str, instructions: int) -> Long:
    """Record, plan and run a program of so many instructions."""
    function, each = LONG[name]
    program = relax(function, batch=(0, None), hard=("rounds",), engine="tape")
    numbers = torch.rand((LANES, LENGTH), generator=torch.Generator().manual_seed(0)).requires_grad_()
    program(numbers, 1).sum().backward()  # rewrites the function, and loads the kernel
    start = time.process_time()
    program(numbers, -(-instructions // (each * (LENGTH - 1)))).sum().backward()
    seconds = time.process_time() - start
    newest = next(reversed(program._made.programs.entries.values())).variants[0]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return Long(len(newest.machine.program.code), seconds, memory)


def in_a_process(name: str, instructions: int) -> Long:
    command = [sys.executable, "-m", "tests.benchmarks.recording", "--long", name, "--instructions", str(instructions)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return Long(int(found[0]), float(found[1]), float(found[2]))


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.recording",
        description=(__doc__ or "").split("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="rows whose name holds this")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each row")
    parser.add_argument("--instructions", type=int, default=1_000_000, help="of the long programs; 0 for none of them")
    parser.add_argument("--long", choices=LONG, help="measure nothing but this program, in this process")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = parsed(argv)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if options.long:
        found = first_call(options.long, options.instructions)
        print(found.instructions, found.seconds, found.memory)
        return 0
    gc.collect()
    gc.freeze()  # the collector need not walk through what was imported
    lines = [["program", "operation by operation", "recording", "ratio"]]
    for row in table():
        if RELAXED in row.columns and (not options.only or any(text in row.name for text in options.only)):
            each = measure(row, options.seconds)
            lines.append([each.name, f"{each.eager:.2f} ms", f"{each.recording:.2f} ms", f"{each.ratio:.2f}"])
    print(text_table(lines))
    for name in LONG if options.instructions else ():
        long = in_a_process(name, options.instructions)
        rate = 1e6 * long.seconds / long.instructions
        print(f"{name}: {long.instructions} instructions in {long.seconds:.1f} s, {rate:.1f} us each, {long.memory:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Work on many files, shared by processes."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

__all__ = ["add_jobs", "shared"]

# With fewer files than this a second process costs more than it does.
_WORTH_A_PROCESS = 24

_Result = TypeVar("_Result")


def add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        "-j",
        metavar="N",
        type=_count,
        default=os.cpu_count() or 1,
        help="processes to share the work (default: one for each core)",
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("there is at least one process")
    return number


@contextmanager
def shared(work: Callable[[Path], _Result], files: Sequence[Path], jobs: int) -> Iterator[Iterable[_Result]]:
    """What comes out for each file, in their order, as it is known; ``work`` is a function of a module."""
    jobs = min(jobs, len(files) // _WORTH_A_PROCESS)
    if jobs < 2:
        yield map(work, files)
        return
    # No fork: the caller may have threads.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_ignore_interrupts)
    try:
        yield pool.map(work, files, chunksize=4)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends us

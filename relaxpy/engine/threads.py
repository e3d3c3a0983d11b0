"""Several threads for one run of a program: torch's own, where they can be had.

torch's threads wait for more work on their cores, at which threads of another pool would have to take turns with them; so the
kernel's functions are handed to the same OpenMP team. Where there is none, and in a forked process, which has none of the
threads of its parent, threads of Python's do it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeAlias

import torch

from relaxpy.engine.objectcode import Kernel

# the parameters of calls, one after the other
Calls: TypeAlias = "Sequence[array[int]]"
Entry: TypeAlias = Callable[[int], None]


class _OpenMP(NamedTuple):
    """What starts a team, and the addresses of what says to a thread which one it is, and of how many."""

    start: Callable[[int, int, int, int], None]
    own_number: int
    team_size: int


_pool: ThreadPoolExecutor | None = None
_lock = threading.Lock()
_is_forked = False


def _forget_threads() -> None:
    """They do not survive a fork."""
    global _pool, _lock, _is_forked
    _pool, _lock, _is_forked = None, threading.Lock(), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def run(kernel: Kernel, name: str, calls: Sequence[Calls]) -> None:
    """Call a function of the kernel with all parameters: those of each sequence by one thread (see sharing.py)."""
    one = functools.partial(_call, getattr(kernel, name))
    if len(calls) == 1:
        one(calls[0])
        return
    openmp = None if _is_forked else _openmp()
    if openmp is None:
        list(_threads().map(one, calls))
        return
    ends = accumulate((len(some) for some in calls), initial=0)
    addresses = [parameters.buffer_info()[0] for some in calls for parameters in some]
    shared = array("q", [openmp.own_number, openmp.team_size, kernel.addresses[name], len(calls), *ends, *addresses])
    openmp.start(kernel.addresses["share"], shared.buffer_info()[0], len(calls), 0)


def _call(entry: Entry, calls: Calls) -> None:
    for parameters in calls:
        entry(parameters.buffer_info()[0])


@functools.cache
def _openmp() -> _OpenMP | None:
    """That of torch, if code of GCC's can call it; None where the system does not say which one that is."""
    if not torch.backends.openmp.is_available():  # type: ignore[no-untyped-call]
        return None
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    for path in sorted({line.partition("/")[2] for line in lines if "omp" in line.rpartition("/")[2]}):
        try:
            library = ctypes.CDLL(f"/{path}")
            number, count = library.omp_get_thread_num, library.omp_get_num_threads
            start = library.GOMP_parallel
        except (OSError, AttributeError):
            continue
        start.argtypes, start.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
        addresses = [ctypes.cast(each, ctypes.c_void_p).value for each in (number, count)]
        return _OpenMP(start, addresses[0] or 0, addresses[1] or 0)
    return None


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        with _lock:
            if _pool is None:
                _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="relaxpy")
    return _pool

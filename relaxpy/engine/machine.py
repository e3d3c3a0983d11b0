"""Runs a program: memory, chunks of lanes and threads.

How lanes are divided depends on the program and their number alone, so that results do not depend on the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import Kernel, kernel
from relaxpy.engine.planner import Program

CACHE_BYTES = 1 << 20  # what the local rows of a chunk may take, values and gradients together
SPLIT_WORK = 400_000  # instructions times lanes from which on two threads are worth their while
GROUPS = 8  # in which the gradients of uniform rows are summed

_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def _forget_pool() -> None:
    """The threads of a pool do not survive a fork."""
    global _pool, _pool_lock
    _pool = None
    _pool_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        with _pool_lock:
            if _pool is None:
                _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="relaxpy")
    return _pool


@dataclass
class Run:
    """What a forward pass keeps for the backward pass: the saved rows of all chunks, and the uniform rows."""

    width: int
    lanes: int
    saved: Tensor
    uniform: Tensor
    failed: int

    @property
    def chunks(self) -> int:
        return -(-self.lanes // self.width)


class Machine:
    """A program ready to run in one precision."""

    def __init__(self, program: Program, dtype: torch.dtype) -> None:
        self.program = program
        self.dtype = dtype
        self.kernel: Kernel = kernel(dtype == torch.float64)
        values = torch.from_numpy(program.constants).to(dtype)
        self._constants = values.unsqueeze(1).expand(-1, self.kernel.width).contiguous()
        self._scratch: dict[int, list[Tensor]] = {}
        self._fixed = self._parameters_of_program()

    def _parameters_of_program(self) -> Any:
        program = self.program
        fixed = np.zeros(len(PARAMETERS), np.int64)
        known = {
            "code": program.code.ctypes.data,
            "count": len(program.code),
            "arguments": program.arguments.ctypes.data,
            "segments": program.segments.ctypes.data,
            "segment_count": len(program.segments),
            "input_count": program.input_count,
            "output_rows": program.outputs.ctypes.data,
            "output_count": len(program.outputs),
            "saved_rows": program.saved_rows,
            "local_rows": program.local_rows,
        }
        for name, value in known.items():
            fixed[PLACES[name]] = value
        return fixed

    def _width(self, lanes: int) -> int:
        """Lanes of a chunk: a multiple of the vector's, so that the local rows of a segment stay in the cache.

        Saved rows pass by; narrower chunks for their sake would only interpret every instruction more often.
        """
        vector = self.kernel.width
        item = 8 if self.dtype == torch.float64 else 4
        rows = 2 * self.program.local_rows + 1
        most = max(vector, CACHE_BYTES // (rows * item) // vector * vector)
        chunks = -(-lanes // most)
        if len(self.program.code) * lanes >= SPLIT_WORK:
            chunks = max(2 * ((chunks + 1) // 2), 2)
        return -(-max(1, -(-lanes // chunks)) // vector) * vector

    def _memory(self, rows: int, width: int) -> Tensor:
        """Rows for one thread; what is in them is undefined."""
        free = self._scratch.setdefault(rows * width, [])
        try:
            return free.pop()
        except IndexError:
            return torch.empty(max(1, rows * width), dtype=self.dtype)

    def _parameters(self, run: Run, **pointers: Tensor | int) -> Any:
        parameters = self._fixed.copy()
        pointers = {"saved": run.saved, "uniform": run.uniform, "constant": self._constants, **pointers}
        for name, value in pointers.items():
            parameters[PLACES[name]] = value.data_ptr() if isinstance(value, Tensor) else value
        parameters[PLACES["width"]] = run.width
        parameters[PLACES["groups"]] = run.width // self.kernel.width
        parameters[PLACES["lanes"]] = run.lanes
        parameters[PLACES["last_chunk"]] = run.chunks
        return parameters

    def forward(self, inputs: Tensor, uniform: Tensor | None = None) -> tuple[Tensor, Run]:
        """Outputs, shape (outputs, lanes), from inputs of shape (inputs, lanes) and (uniform inputs,); both contiguous."""
        lanes = inputs.shape[1]
        width = self._width(lanes)
        program = self.program
        run = Run(width, lanes, torch.empty(0), torch.empty(0), 0)
        run.saved = torch.empty(run.chunks * program.saved_rows * width, dtype=self.dtype)
        run.uniform = torch.empty((program.uniform_rows, self.kernel.width), dtype=self.dtype)
        if uniform is not None and program.uniform_count:
            run.uniform[: program.uniform_count] = uniform.unsqueeze(1)
        if len(program.prologue):
            run.failed = self._execute_prologue(run)
        outputs = torch.empty((len(program.outputs), lanes), dtype=self.dtype)

        def part(first: int, last: int) -> int:
            local = self._memory(program.local_rows, width)
            parameters = self._parameters(run, local=local, inputs=inputs, outputs=outputs)
            failed = np.zeros(1, np.int64)
            parameters[PLACES["failed"]] = failed.ctypes.data
            parameters[PLACES["first_chunk"]], parameters[PLACES["last_chunk"]] = first, last
            self.kernel.forward(parameters.ctypes.data)
            self._scratch[program.local_rows * width].append(local)
            return int(failed[0])

        for failed in self._spread(part, run):
            run.failed = failed or run.failed
        return outputs, run

    def _execute_prologue(self, run: Run) -> int:
        failed = np.zeros(1, np.int64)
        parameters = self._parameters(run, failed=failed.ctypes.data)
        parameters[PLACES["groups"]] = 1
        parameters[PLACES["code"]] = self.program.prologue.ctypes.data
        parameters[PLACES["count"]] = len(self.program.prologue)
        self.kernel.execute(parameters.ctypes.data)
        return int(failed[0])

    def _spread(self, part: Callable[[int, int], Any], run: Run) -> list[Any]:
        """The work on all chunks, by as many threads as torch has, in equal parts."""
        chunks = run.chunks
        threads = min(torch.get_num_threads(), chunks)
        if threads == 1 or len(self.program.code) * run.lanes < SPLIT_WORK:
            return [part(0, chunks)]
        bounds = [chunks * k // threads for k in range(threads + 1)]
        others = [_threads().submit(part, bounds[k], bounds[k + 1]) for k in range(1, threads)]
        return [part(bounds[0], bounds[1]), *(other.result() for other in others)]

    def backward(self, run: Run, output_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the inputs, shape (inputs, lanes), and of the uniform inputs, from contiguous ones of the outputs."""
        program, width = self.program, run.width
        gradient = torch.empty((program.input_count, run.lanes), dtype=self.dtype)
        groups = min(GROUPS, run.chunks) if program.uniform_rows else 1
        uniform_gradient = torch.zeros((groups, program.uniform_rows, self.kernel.width), dtype=self.dtype)

        def part(group: int, first: int, last: int) -> None:
            # the last one takes what is added to the gradients of constants
            sizes = (program.local_rows, program.local_rows, program.saved_rows, 1)
            memory = [self._memory(rows, width) for rows in sizes]
            failed = np.zeros(1, np.int64)
            names = ("local", "local_gradient", "saved_gradient", "trash")
            parameters = self._parameters(
                run,
                **dict(zip(names, memory)),
                uniform_gradient=uniform_gradient[group],
                output_gradient=output_gradient,
                input_gradient=gradient,
                failed=failed.ctypes.data,
            )
            parameters[PLACES["first_chunk"]], parameters[PLACES["last_chunk"]] = first, last
            self.kernel.backward(parameters.ctypes.data)
            for rows, used in zip(sizes, memory):
                self._scratch[rows * width].append(used)

        if program.uniform_rows:
            bounds = [run.chunks * k // groups for k in range(groups + 1)]

            def some(first: int, last: int) -> None:
                for group in range(groups):
                    if first <= bounds[group] < last:
                        part(group, bounds[group], bounds[group + 1])

            self._spread(some, run)
        else:
            self._spread(lambda first, last: part(0, first, last), run)
        return gradient, self._uniform_gradient(run, uniform_gradient)

    def _uniform_gradient(self, run: Run, by_group: Tensor) -> Tensor:
        """Of the uniform inputs, from those of all uniform rows, lane by lane."""
        program = self.program
        total = by_group.sum((0, 2))
        if not len(program.prologue):
            return total[: program.uniform_count]
        gradient = torch.zeros((program.uniform_rows, self.kernel.width), dtype=self.dtype)
        gradient[:, 0] = total
        trash = torch.empty(self.kernel.width, dtype=self.dtype)
        parameters = self._parameters(run, uniform_gradient=gradient, trash=trash)
        parameters[PLACES["groups"]] = 1
        parameters[PLACES["code"]] = program.prologue.ctypes.data
        parameters[PLACES["count"]] = len(program.prologue)
        self.kernel.reverse(parameters.ctypes.data)
        return gradient[: program.uniform_count, 0].contiguous()

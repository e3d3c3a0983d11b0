"""Runs a program: memory, chunks of lanes and threads.

Results do not depend on the number of threads: each lane is worked out by itself, and where gradients are summed over lanes (of
uniform rows), how lanes are divided depends on the program and their number alone.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import Kernel, kernel
from relaxpy.engine.planner import Program

CACHE_BYTES = 1 << 20  # what the local rows of a chunk may take, values and gradients together
SPLIT_WORK = 400_000  # instructions times lanes from which on two threads are worth their while
SUMMED_PARTS = 2  # that threads can take, where gradients of uniform rows are summed
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

    division: Division
    saved: Tensor
    uniform: Tensor | None
    failed: int = 0


class Division:
    """How so many lanes are cut into chunks; the parameters that follow from that; memory that threads have done with."""

    def __init__(self, lanes: int, width: int, split: bool, parameters: array[int], memory: Sequence[int]) -> None:
        self.lanes = lanes
        self.width = width
        self.chunks = -(-lanes // width)
        self.split = split  # are two threads worth their while?
        self.parameters = parameters
        self._ends = memory  # of parts of a thread's memory, in floats
        self._free: list[Tensor] = []

    def memory(self, dtype: torch.dtype) -> tuple[Tensor, list[int]]:
        """Memory for one thread, in which nothing is defined, and the addresses of its parts."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = torch.empty(self._ends[-1], dtype=dtype)
        start, size = memory.data_ptr(), memory.element_size()
        return memory, [start, *(start + size * end for end in self._ends[:-1])]

    def release(self, memory: Tensor) -> None:
        self._free.append(memory)


class Machine:
    """A program ready to run in one precision."""

    kind = "llvmlite"

    def __init__(self, program: Program, dtype: torch.dtype) -> None:
        self.program = program
        self.smooth = program.smooth
        self.reached = program.reached
        self.dtype = dtype
        self.device = torch.device("cpu")
        self.kernel: Kernel = kernel(dtype == torch.float64)
        values = torch.from_numpy(program.constants).to(dtype)
        self._constants = values.unsqueeze(1).expand(-1, self.kernel.width).contiguous()
        self._fixed = self._parameters_of_program()
        self._divisions: dict[tuple[int, int], Division] = {}

    def pays(self, operations: int, lanes: int) -> bool:
        """Always, as far as the number of operations tells."""
        return True

    def _parameters_of_program(self) -> array[int]:
        program = self.program
        fixed = array("q", [0] * len(PARAMETERS))
        known = {
            "code": program.code.ctypes.data,
            "count": len(program.code),
            "arguments": program.arguments.ctypes.data,
            "constant": self._constants.data_ptr(),
            "segments": program.segments.ctypes.data,
            "again": program.again.ctypes.data,
            "back": program.back.ctypes.data,
            "segment_count": len(program.segments),
            "input_count": program.input_count,
            "output_rows": program.outputs.ctypes.data,
            "output_count": len(program.outputs),
            "saved_rows": program.saved_rows,
            "cleared_rows": program.cleared_rows,
            "local_rows": program.local_rows,
        }
        for name, value in known.items():
            fixed[PLACES[name]] = value
        return fixed

    def _division(self, lanes: int) -> Division:
        parts = 1
        if len(self.program.code) * lanes >= SPLIT_WORK:
            parts = SUMMED_PARTS if self.program.uniform_rows else torch.get_num_threads()
        known = self._divisions.get((lanes, parts))
        if known is None:
            known = self._divisions[lanes, parts] = self._divided(lanes, parts)
        return known

    def _divided(self, lanes: int, parts: int) -> Division:
        """The lanes of a chunk are a multiple of the vector's, and the local rows of a segment stay in the cache.

        Saved rows pass by; narrower chunks for their sake would only interpret every instruction more often.
        """
        program, vector = self.program, self.kernel.width
        item = 8 if self.dtype == torch.float64 else 4
        rows = 2 * program.local_rows + 1
        most = max(vector, CACHE_BYTES // (rows * item) // vector * vector)
        chunks = -(-lanes // most)
        chunks = -(-chunks // parts) * parts
        width = -(-max(1, -(-lanes // max(1, chunks))) // vector) * vector
        parameters = self._fixed[:]
        for name, value in {"width": width, "groups": width // vector, "lanes": lanes}.items():
            parameters[PLACES[name]] = value
        # local rows, their gradients, those of saved rows; and a row that takes what is added to the gradients of constants
        sizes = (program.local_rows, program.local_rows, program.saved_rows, 1)
        return Division(lanes, width, parts > 1, parameters, [width * size for size in accumulate(sizes)])

    def _parameters(self, run: Run) -> array[int]:
        parameters = run.division.parameters[:]
        parameters[_SAVED] = run.saved.data_ptr()
        if run.uniform is not None:
            parameters[_UNIFORM] = run.uniform.data_ptr()
        return parameters

    def forward(self, inputs: Tensor, uniform: Tensor | None = None) -> tuple[Tensor, Run]:
        """Outputs, shape (outputs, lanes), from inputs of shape (inputs, lanes) and (uniform inputs,)."""
        program = self.program
        division = self._division(inputs.shape[1])
        saved = torch.empty(division.chunks * program.saved_rows * division.width, dtype=self.dtype)
        run = Run(division, saved, self._uniform_rows(uniform))
        if len(program.prologue):
            run.failed = self._execute_prologue(run)
        outputs = torch.empty((len(program.outputs), division.lanes), dtype=self.dtype)

        def part(first: int, last: int) -> int:
            memory, places = division.memory(self.dtype)
            parameters = self._parameters(run)
            parameters[_LOCAL] = places[0]
            _place(parameters, _INPUTS, inputs)
            parameters[_OUTPUTS] = outputs.data_ptr()
            parameters[_FIRST], parameters[_LAST] = first, last
            self.kernel.forward(parameters.buffer_info()[0])
            division.release(memory)
            return parameters[_FAILED]

        for failed in self._spread(part, division):
            run.failed = failed or run.failed
        return outputs, run

    def _uniform_rows(self, uniform: Tensor | None) -> Tensor | None:
        """Room for the uniform rows, with the inputs among them."""
        if not self.program.uniform_rows:
            return None
        rows = torch.empty((self.program.uniform_rows, self.kernel.width), dtype=self.dtype)
        if uniform is not None:
            rows[: self.program.uniform_count] = uniform.unsqueeze(1)
        return rows

    def _prologue(self, run: Run) -> array[int]:
        """The parameters by which the prologue runs."""
        parameters = self._parameters(run)
        parameters[PLACES["groups"]] = 1
        parameters[PLACES["code"]] = self.program.prologue.ctypes.data
        parameters[PLACES["count"]] = len(self.program.prologue)
        return parameters

    def _execute_prologue(self, run: Run) -> int:
        parameters = self._prologue(run)
        self.kernel.execute(parameters.buffer_info()[0])
        return parameters[_FAILED]

    def _spread(self, part: Callable[[int, int], Any], division: Division) -> list[Any]:
        """The work on all chunks, by as many threads as torch has, in equal parts."""
        chunks = division.chunks
        threads = min(torch.get_num_threads(), chunks) if division.split else 1
        if threads <= 1:
            return [part(0, chunks)]
        bounds = [chunks * k // threads for k in range(threads + 1)]
        others = [_threads().submit(part, bounds[k], bounds[k + 1]) for k in range(1, threads)]
        return [part(bounds[0], bounds[1]), *(other.result() for other in others)]

    def backward(self, run: Run, output_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the inputs, shape (inputs, lanes), and of the uniform inputs, from those of the first outputs."""
        program, division = self.program, run.division
        gradient = torch.empty(
            (division.lanes, program.input_count), dtype=self.dtype
        ).t()  # as most inputs lie in memory
        groups = min(GROUPS, division.chunks) if program.uniform_rows else 1
        shape = (groups, program.uniform_rows, self.kernel.width)
        uniform_gradient = torch.zeros(shape, dtype=self.dtype) if program.uniform_rows else None

        def part(group: int, first: int, last: int) -> None:
            memory, places = division.memory(self.dtype)
            parameters = self._parameters(run)
            for place, address in zip(_SCRATCH, places):
                parameters[place] = address
            if uniform_gradient is not None:
                parameters[_UNIFORM_GRADIENT] = uniform_gradient[group].data_ptr()
            _place(parameters, _OUTPUT_GRADIENT, output_gradient)
            _place(parameters, _INPUT_GRADIENT, gradient)
            parameters[_GIVEN] = len(output_gradient)
            parameters[_FIRST], parameters[_LAST] = first, last
            self.kernel.backward(parameters.buffer_info()[0])
            division.release(memory)

        if uniform_gradient is None:
            self._spread(lambda first, last: part(0, first, last), division)
            return gradient, gradient.new_empty(0)
        bounds = [division.chunks * k // groups for k in range(groups + 1)]

        def some(first: int, last: int) -> None:
            for group in range(groups):
                if first <= bounds[group] < last:
                    part(group, bounds[group], bounds[group + 1])

        self._spread(some, division)
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
        parameters = self._prologue(run)
        parameters[_UNIFORM_GRADIENT], parameters[PLACES["trash"]] = gradient.data_ptr(), trash.data_ptr()
        self.kernel.reverse(parameters.buffer_info()[0])
        return gradient[: program.uniform_count, 0].contiguous()


def _place(parameters: array[int], places: tuple[int, int, int], rows: Tensor) -> None:
    """Note where rows lie."""
    address, row, lane = places
    parameters[address] = rows.data_ptr()
    parameters[row], parameters[lane] = rows.stride()


def _places(name: str) -> tuple[int, int, int]:
    return PLACES[name], PLACES[f"{name}_row"], PLACES[f"{name}_lane"]


_SCRATCH = tuple(PLACES[name] for name in ("local", "local_gradient", "saved_gradient", "trash"))
_LOCAL, _SAVED, _UNIFORM, _OUTPUTS, _UNIFORM_GRADIENT, _GIVEN, _FIRST, _LAST, _FAILED = (
    PLACES[name]
    for name in "local saved uniform outputs uniform_gradient given_count first_chunk last_chunk failed".split()
)
_INPUTS, _OUTPUT_GRADIENT, _INPUT_GRADIENT = map(_places, ("inputs", "output_gradient", "input_gradient"))

"""Runs a program: memory, chunks of lanes and threads.

Results do not depend on the number of threads: each lane is worked out by itself, and where gradients are summed over lanes (of
uniform rows), how lanes are divided depends on the program and their number alone.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from relaxpy.engine import threads
from relaxpy.engine.kernel_parameters import PARAMETERS, PLACES
from relaxpy.engine.objectcode import Kernel, kernel
from relaxpy.engine.planner import Program
from relaxpy.engine.threads import Calls

CACHE_BYTES = 1 << 20  # what the local rows of a chunk may take, values and gradients together
SPLIT_WORK = 400_000  # instructions times lanes from which on two threads are worth their while
GROUPS = 4  # in which the gradients of uniform rows are summed, and threads that can take them, however many there are


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

    def shares(self) -> list[tuple[int, int]]:
        """The chunks of each thread."""
        return self.parts(min(torch.get_num_threads(), self.chunks) if self.split else 1)

    def parts(self, count: int) -> list[tuple[int, int]]:
        """All chunks in so many equal parts: the first of each, and the one after its last."""
        return list(pairwise(self.chunks * k // count for k in range(count + 1)))

    @contextlib.contextmanager
    def memory(self, dtype: torch.dtype) -> Iterator[Callable[[], list[int]]]:
        """Gives memory for a thread, in which nothing is defined: the addresses of its parts."""
        taken: list[Tensor] = []

        def addresses() -> list[int]:
            try:
                memory = self._free.pop()
            except IndexError:
                memory = torch.empty(self._ends[-1], dtype=dtype)
            taken.append(memory)
            start, size = memory.data_ptr(), memory.element_size()
            return [start, *(start + size * end for end in self._ends[:-1])]

        yield addresses
        self._free += taken


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
            parts = GROUPS if self.program.uniform_rows else torch.get_num_threads()
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

    def _parameters(self, run: Run, first: int = 0, last: int = 0) -> array[int]:
        """For the chunks from ``first`` to before ``last``."""
        parameters = run.division.parameters[:]
        parameters[_FIRST], parameters[_LAST] = first, last
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

        calls: list[Calls] = []
        with division.memory(self.dtype) as addresses:
            for first, last in division.shares():
                parameters = self._parameters(run, first, last)
                parameters[_LOCAL] = addresses()[0]
                _place(parameters, _INPUTS, inputs)
                parameters[_OUTPUTS] = outputs.data_ptr()
                calls.append([parameters])
            threads.run(self.kernel, "forward", calls)
        for (parameters,) in calls:
            run.failed = parameters[_FAILED] or run.failed
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

    def backward(self, run: Run, output_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the inputs, shape (inputs, lanes), and of the uniform inputs, from those of the first outputs."""
        program, division = self.program, run.division
        gradient = torch.empty(
            (division.lanes, program.input_count), dtype=self.dtype
        ).t()  # as most inputs lie in memory
        if not program.uniform_rows:
            self._run_backward(run, output_gradient, gradient, None)
            return gradient, gradient.new_empty(0)
        groups = min(GROUPS, division.chunks)
        by_group = torch.zeros((groups, program.uniform_rows, self.kernel.width), dtype=self.dtype)
        self._run_backward(run, output_gradient, gradient, by_group)
        return gradient, self._uniform_gradient(run, by_group)

    def _run_backward(self, run: Run, output_gradient: Tensor, gradient: Tensor, by_group: Tensor | None) -> None:
        """``by_group``: the gradients of uniform rows, summed over as many groups of chunks."""
        division = run.division
        shares = division.shares()
        parts = shares if by_group is None else division.parts(len(by_group))
        calls: list[Calls] = []
        with division.memory(self.dtype) as addresses:
            for first, end in shares:
                places, own = addresses(), []
                for group, part in enumerate(parts):
                    if not first <= part[0] < end:
                        continue
                    parameters = self._parameters(run, *part)
                    for place, address in zip(_SCRATCH, places):
                        parameters[place] = address
                    if by_group is not None:
                        parameters[_UNIFORM_GRADIENT] = by_group[group].data_ptr()
                    _place(parameters, _OUTPUT_GRADIENT, output_gradient)
                    _place(parameters, _INPUT_GRADIENT, gradient)
                    parameters[_GIVEN] = len(output_gradient)
                    own.append(parameters)
                calls.append(own)
            threads.run(self.kernel, "backward", calls)

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

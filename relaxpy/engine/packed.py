"""Runs a program by torch operations on groups of its instructions: without llvmlite, and on other devices than the processor.

Values are rows of one buffer, (rows, lanes), which the backward pass uses again. Where all lanes would take more than a budget
they are taken in chunks, and the backward pass works out the values of each chunk again: a call then takes no more memory than
twice the budget, if that is enough for one lane.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from relaxpy.engine.groups import Blocks, reverse, run
from relaxpy.engine.replay import TorchMathematics
from relaxpy.engine.schedule import Schedule

MOST_BYTES = 1 << 27  # that the values of a chunk may take, and as many its gradients
KEPT_BYTES = 1 << 24  # up to which memory is kept for the next call
# What a group costs, in operations of torch on few lanes, and the lanes that cost as much as one, here and there; measured
GROUP_COST = 2.0
CHEAP_LANES, EAGER_LANES = 550, 1300


class Memory:
    """Buffers for some lanes, of values or of gradients: lane rows and shared rows, and the blocks of the groups in them."""

    def __init__(self, schedule: Schedule, width: int, dtype: torch.dtype, device: torch.device) -> None:
        self.lanes = torch.empty((schedule.rows, width), dtype=dtype, device=device)
        self.shared = torch.empty((schedule.shared_rows, 1), dtype=dtype, device=device)
        self.groups = Blocks(schedule.groups, (self.lanes, self.shared, self.shared))
        self.prologue = Blocks(schedule.prologue, (self.shared,) * 3)
        self.copies = self.lanes.narrow(0, schedule.input_count, len(schedule.copied))


class Run:
    """What a forward pass keeps for the backward pass: the inputs, and the values, unless there are too many."""

    def __init__(self, owner: Packed, inputs: Tensor, uniform: Tensor | None) -> None:
        self.owner = owner
        self.inputs = inputs
        self.uniform = uniform
        self.failed = 0
        self.values: Memory | None = None

    def __del__(self) -> None:
        if self.values is not None:
            self.owner.give_back(self.values)


class Packed:
    """A program ready to run in one precision, on one device."""

    kind = "torch"

    def __init__(self, schedule: Schedule, dtype: torch.dtype, device: torch.device) -> None:
        self.schedule = schedule
        self.smooth = schedule.smooth
        self.reached = schedule.reached
        self.dtype = dtype
        self.device = device
        self._constants = torch.from_numpy(schedule.constants).to(device, dtype).unsqueeze(1)
        self._copied, self._outputs, self._checks = (
            torch.tensor(rows, dtype=torch.int64, device=device)
            for rows in (schedule.copied, schedule.outputs, schedule.checks)
        )
        self._mathematics = TorchMathematics(dtype)
        self._free: dict[int, list[Memory]] = {}

    def pays(self, operations: int, lanes: int) -> bool:
        """Does it take less time than so many operations of torch, one after the other?"""
        ours = GROUP_COST * len(self.schedule.groups) + self.schedule.rows * lanes / CHEAP_LANES
        return ours < operations * (1.0 + lanes / EAGER_LANES)

    def _chunks(self, lanes: int) -> Iterator[slice]:
        most = max(1, MOST_BYTES // (self._lane_bytes))
        chunks = max(1, -(-lanes // most))
        return (slice(lanes * k // chunks, lanes * (k + 1) // chunks) for k in range(chunks))

    @property
    def _lane_bytes(self) -> int:
        return torch.finfo(self.dtype).bits // 8 * max(1, self.schedule.rows)

    def _memory(self, width: int) -> Memory:
        """Buffers that nobody else uses; what is in them is undefined."""
        free = self._free.setdefault(width, [])
        try:
            return free.pop()
        except IndexError:
            with torch.inference_mode(False), torch.no_grad():
                return Memory(self.schedule, width, self.dtype, self.device)

    def give_back(self, memory: Memory) -> None:
        width = memory.lanes.shape[1]
        if width * self._lane_bytes <= KEPT_BYTES:
            self._free[width].append(memory)

    @torch.no_grad()
    def forward(self, inputs: Tensor, uniform: Tensor | None = None) -> tuple[Tensor, Run]:
        """Outputs, shape (outputs, lanes), from inputs of shape (inputs, lanes) and (uniform inputs,)."""
        lanes = inputs.shape[1]
        kept = Run(self, inputs, uniform)
        outputs = torch.empty((len(self._outputs), lanes), dtype=self.dtype, device=self.device)
        for chunk in self._chunks(lanes):
            values = self._values(kept, chunk)
            outputs[:, chunk] = values.lanes.index_select(0, self._outputs)
            kept.failed = kept.failed or self._failed(values)
            if values.lanes.shape[1] == lanes:
                kept.values = values
            else:
                self.give_back(values)
        return outputs, kept

    def _values(self, kept: Run, chunk: slice) -> Memory:
        """The values of all rows in some lanes."""
        schedule = self.schedule
        inputs = kept.inputs[:, chunk]
        memory = self._memory(inputs.shape[1])
        count = schedule.uniform_count
        if kept.uniform is not None:
            memory.shared[:count, 0] = kept.uniform
        memory.shared[count : count + len(self._constants)] = self._constants
        run(memory.prologue, self._mathematics)
        memory.lanes[: schedule.input_count] = inputs
        if schedule.copied:
            memory.copies.copy_(memory.shared.index_select(0, self._copied))
        run(memory.groups, self._mathematics)
        return memory

    def _failed(self, values: Memory) -> int:
        """The number of the first check that fails in some lane; 0: none does."""
        if not len(self._checks):
            return 0
        truths = values.lanes.index_select(0, self._checks) != 0
        if bool(truths.all()):
            return 0
        return 1 + int((~truths).any(1).to(torch.uint8).argmax())

    @torch.no_grad()
    def backward(self, kept: Run, output_gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the inputs, shape (inputs, lanes), and of the uniform inputs, from those of the first outputs."""
        schedule = self.schedule
        given = self._outputs[: len(output_gradient)]
        gradient = torch.empty_like(kept.inputs)
        shared = torch.zeros((schedule.shared_rows, 1), dtype=self.dtype, device=self.device)
        for chunk in self._chunks(kept.inputs.shape[1]):
            values = kept.values or self._values(kept, chunk)
            found = self._memory(values.lanes.shape[1])
            found.lanes.zero_().index_add_(0, given, output_gradient[:, chunk])
            found.shared.copy_(shared)
            reverse(values.groups, found.groups, self._mathematics)
            if schedule.copied:
                found.shared.index_add_(0, self._copied, found.copies.sum(1, keepdim=True))
            gradient[:, chunk] = found.lanes[: schedule.input_count]
            shared.copy_(found.shared)
            last = chunk.stop == kept.inputs.shape[1]
            if last:
                reverse(values.prologue, found.prologue, self._mathematics)
                shared = found.shared[: schedule.uniform_count, 0].clone()
            self.give_back(found)
            if values is not kept.values:
                self.give_back(values)
        return gradient, shared

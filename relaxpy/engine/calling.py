"""A program as a function of torch tensors, with gradients of any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.machine import Machine, Run
from relaxpy.engine.recorder import Input
from relaxpy.engine.results import Output

_unbind_copy: Any = torch.unbind_copy  # that it returns something is not known to type checkers


class Packing:
    """How the tensors of a call become rows of inputs, and rows of outputs become tensors."""

    def __init__(self, inputs: Sequence[Input], outputs: Sequence[Output], lanes: int, dtype: torch.dtype) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.lanes = lanes
        self.dtype = dtype
        self.only_scalars = all(spec.lanes_first and not spec.shape and spec.dtype == dtype for spec in outputs)

    def rows(self, tensors: Sequence[Tensor], uniform: bool) -> Tensor | None:
        """Inputs, shape (inputs, lanes) or (uniform inputs,); None if there are none."""
        parts = [self._flat(spec, t) for spec, t in zip(self.inputs, tensors) if spec.uniform is uniform]
        if not parts:
            return None
        joined = parts[0] if len(parts) == 1 else torch.cat(parts)
        return joined.to(self.dtype).contiguous()

    def inputs_of(self, tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """What a machine takes: inputs of lanes and uniform ones."""
        lanes = self.rows(tensors, uniform=False)
        if lanes is None:
            lanes = torch.empty((0, self.lanes), dtype=self.dtype)
        return lanes, self.rows(tensors, uniform=True)

    def _flat(self, spec: Input, tensor: Tensor) -> Tensor:
        if spec.uniform:
            return tensor.reshape(-1).to(self.dtype)
        if spec.axis is None:
            return tensor.reshape(-1, 1).to(self.dtype)
        return tensor.movedim(spec.axis, -1).reshape(-1, self.lanes).to(self.dtype)

    def gradients(self, lanes: Tensor, uniform: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The gradients of the inputs as tensors of their shapes."""
        result = []
        starts = {True: 0, False: 0}
        for spec, tensor in zip(self.inputs, tensors):
            rows = uniform if spec.uniform else lanes
            start = starts[spec.uniform]
            count = 1
            for size in spec.shape:
                count *= size
            starts[spec.uniform] = start + count
            part = rows[start : start + count]
            if spec.axis is None:
                result.append(part.reshape(spec.shape).to(tensor.dtype))
            else:
                result.append(part.reshape(*spec.shape, self.lanes).movedim(-1, spec.axis).to(tensor.dtype))
        return result

    def split(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The outputs as tensors of their own."""
        if self.only_scalars:
            return tuple(_unbind_copy(rows[: len(self.outputs)]))
        return tuple([self._output(spec, rows) for spec in self.outputs])

    def _output(self, spec: Output, rows: Tensor) -> Tensor:
        part = rows[spec.start : spec.start + spec.count]
        if spec.lanes_first:
            result = part.reshape(*spec.shape, self.lanes)
        else:
            result = part.reshape(spec.shape)
        result = result.to(spec.dtype) if spec.dtype != self.dtype else result.clone()
        # laid out as the eager path does, so that compiled code takes either
        return result.movedim(-1, 0) if spec.lanes_first and spec.shape else result

    def joined(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """The gradients of the outputs as rows, shape (outputs, lanes)."""
        if self.only_scalars and gradients:
            zero = torch.zeros(self.lanes, dtype=self.dtype)
            return torch.stack([zero if gradient is None else gradient for gradient in gradients])
        count = sum(spec.count for spec in self.outputs)
        rows = torch.zeros((count, self.lanes), dtype=self.dtype)
        for spec, gradient in zip(self.outputs, gradients):
            if gradient is None:
                continue
            moved = gradient.movedim(0, -1) if spec.lanes_first else gradient
            rows[spec.start : spec.start + spec.count] = moved.reshape(spec.count, self.lanes)
        return rows


class Called:
    """One forward run, for the autograd function below: what to run, and what it left."""

    def __init__(self, machine: Machine, packing: Packing, replay: Callable[..., Tensor]) -> None:
        self.machine = machine
        self.packing = packing
        self.replay = replay
        self.run: Run | None = None
        self.extra: Tensor | None = None  # rows beyond the outputs: masses that are warned of

    def forward(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        outputs, self.run = self.machine.forward(*self.packing.inputs_of(tensors))
        self.extra = outputs[sum(spec.count for spec in self.packing.outputs) :]
        return self.packing.split(outputs)

    def backward(self, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> list[Tensor]:
        assert self.run is not None
        assert self.extra is not None
        rows = self.packing.joined(gradients)
        if len(self.extra):
            rows = torch.cat([rows, torch.zeros_like(self.extra)])
        lanes, uniform = self.machine.backward(self.run, rows)
        return self.packing.gradients(lanes, uniform, tensors)

    def replayed(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs, by torch operations: for derivatives of derivatives."""
        lanes = self.packing.rows(tensors, uniform=False)
        return self.packing.split(self.replay(lanes, self.packing.rows(tensors, uniform=True), self.packing.lanes))


class ProgramFunction(torch.autograd.Function):
    """The outputs of a program; the gradient of the gradient comes from replaying the program with torch operations."""

    @staticmethod
    def forward(ctx: Any, called: Called, differentiable: Sequence[bool], *tensors: Tensor) -> Any:
        ctx.called = called
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        outputs = called.forward(tensors)
        ctx.mark_non_differentiable(*(out for out, smooth in zip(outputs, differentiable) if not smooth))
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        tensors: tuple[Tensor, ...] = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            outputs = ctx.called.replayed(tensors)
            pairs = [(out, g) for out, g in zip(outputs, gradients) if g is not None and out.requires_grad]
            inputs = [t for t, need in zip(tensors, wanted) if need]
            found = iter(
                torch.autograd.grad(
                    [p[0] for p in pairs], inputs, [p[1] for p in pairs], create_graph=True, allow_unused=True
                )
                if pairs
                else [None] * len(inputs)
            )
            return None, None, *(next(found) if need else None for need in wanted)
        ours = ctx.called.backward(tensors, gradients)
        return None, None, *(g if need else None for g, need in zip(ours, wanted))

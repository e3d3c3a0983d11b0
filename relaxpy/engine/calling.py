"""A program as a function of torch tensors, with gradients of any order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from relaxpy.engine.executor import Executor
from relaxpy.engine.recorder import Input
from relaxpy.engine.results import Output

FEW = 4  # outputs
Layout: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]] | None


class Packing:
    """How the tensors of a call become rows of inputs, and rows of outputs become tensors."""

    def __init__(
        self, inputs: Sequence[Input], outputs: Sequence[Output], lanes: int, like: Tensor, all_smooth: bool
    ) -> None:
        """``like``: an empty tensor of the program's type and device; ``all_smooth``: has each output a gradient?"""
        self.inputs = inputs
        self.outputs = outputs
        self.lanes = lanes
        self.dtype = like.dtype
        self._none = like.new_empty((0, lanes))
        self.count = sum(spec.count for spec in outputs)  # rows of the outputs; masses that are warned of follow
        self._sizes = [lanes * spec.count for spec in outputs]
        self._layouts = [self._layout(spec) for spec in outputs]
        types = {spec.dtype for spec in outputs}
        self._rounded = types.pop() if len(types) == 1 else like.dtype  # what all of them become, in one go
        self._only_scalars = all(spec.dtype == self._rounded for spec in outputs) and not any(self._layouts)
        # Many small outputs are one to autograd, which torch splits: what each costs it is more than what is done with it.
        self._joint = all_smooth and self._only_scalars and len(outputs) > FEW
        self._only_one = len(inputs) == 1 and not inputs[0].uniform
        self._counts = [math.prod(spec.shape) for spec in inputs]
        self._zero = like.new_zeros(lanes)

    def rows(self, tensors: Sequence[Tensor], uniform: bool) -> Tensor | None:
        """Inputs, shape (inputs, lanes) or (uniform inputs,); None if there are none."""
        parts = [self._flat(spec, t) for spec, t in zip(self.inputs, tensors) if spec.uniform is uniform]
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def inputs_of(self, tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """What a machine takes: inputs of lanes and uniform ones."""
        if self._only_one:
            return self._flat(self.inputs[0], tensors[0]), None
        lanes = self.rows(tensors, uniform=False)
        if lanes is None:
            lanes = self._none
        return lanes, self.rows(tensors, uniform=True)

    def _flat(self, spec: Input, tensor: Tensor) -> Tensor:
        if tensor.dtype != self.dtype:
            tensor = tensor.to(self.dtype)
        if spec.uniform:
            return tensor.reshape(-1)
        if spec.axis is None:
            return tensor.reshape(-1, 1)
        if spec.axis == 0:
            return (tensor if tensor.dim() == 2 else tensor.reshape(self.lanes, -1)).t()
        return tensor.movedim(spec.axis, -1).reshape(-1, self.lanes)

    def gradients(self, lanes: Tensor, uniform: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The gradients of the inputs as tensors of their shapes."""
        result = []
        starts = {True: 0, False: 0}
        for spec, count, tensor in zip(self.inputs, self._counts, tensors):
            rows = uniform if spec.uniform else lanes
            start = starts[spec.uniform]
            starts[spec.uniform] = start + count
            part = rows if count == len(rows) else rows[start : start + count]
            if spec.axis is None:
                part = part.reshape(spec.shape)
            elif spec.axis == 0:
                part = part.t() if tensor.dim() == 2 else part.t().reshape(tensor.shape)
            else:
                part = part.reshape(*spec.shape, self.lanes).movedim(-1, spec.axis)
            result.append(part if part.dtype == tensor.dtype else part.to(tensor.dtype))
        return result

    def split(self, rows: Tensor) -> tuple[Tensor, ...]:
        """What autograd is to know of as outputs: tensors of their own, side by side in memory, and no views of each other."""
        flat = (rows if len(rows) == self.count else rows[: self.count]).view(-1)
        if self._rounded is not self.dtype:
            flat = flat.to(self._rounded)
        if self._joint:
            return (flat,)
        parts = torch.unsafe_split_with_sizes(flat, self._sizes)
        return parts if self._only_scalars else tuple(map(self._output, self.outputs, parts, self._layouts))

    def each(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The outputs themselves."""
        return torch.unsafe_split_with_sizes(outputs[0], self._sizes) if self._joint else outputs

    def _output(self, spec: Output, part: Tensor, layout: Layout) -> Tensor:
        if spec.dtype != self._rounded:
            part = part.to(spec.dtype)
        return part if layout is None else part.as_strided_(*layout)

    def _layout(self, spec: Output) -> Layout:
        """Shape and strides of an output, None where they are those of a row: as the eager path lays it out."""
        strides = tuple([math.prod(spec.shape[k + 1 :]) * self.lanes for k in range(len(spec.shape))])
        if not spec.lanes_first:
            return spec.shape, strides
        return ((self.lanes, *spec.shape), (1, *strides)) if spec.shape else None

    def differentiable(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The same as torch makes them from rows that have gradients."""
        if self._joint:
            return (rows[: self.count].reshape(-1).to(self._rounded),)
        parts = torch.split_with_sizes(rows[: self.count], [spec.count for spec in self.outputs])
        made = []
        for spec, part in zip(self.outputs, parts):
            shaped = (
                part.reshape(*spec.shape, self.lanes).movedim(-1, 0) if spec.lanes_first else part.reshape(spec.shape)
            )
            made.append(shaped.to(spec.dtype))
        return tuple(made)

    def joined(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """The gradients of the outputs as rows, shape (outputs, lanes), without rows of zeros at the end."""
        if self._joint:
            return self._zero.view(1, -1)[:0] if gradients[0] is None else gradients[0].reshape(-1, self.lanes)
        given = len(gradients)
        while given and gradients[given - 1] is None:
            given -= 1
        if self._only_scalars and given > 1:
            parts = [self._zero if gradient is None else gradient for gradient in gradients[:given]]
            return torch.cat(parts).view(-1, self.lanes)
        parts = [self._rows_of(spec, gradient) for spec, gradient in zip(self.outputs[:given], gradients)]
        return parts[0] if given == 1 else torch.cat(parts) if given else self._zero.view(1, -1)[:0]

    def _rows_of(self, spec: Output, gradient: Tensor | None) -> Tensor:
        """The gradient of an output as rows."""
        if gradient is None:
            return self._zero.expand(spec.count, -1)
        if not spec.lanes_first or not spec.shape:
            return gradient.reshape(spec.count, self.lanes)
        return gradient.t() if gradient.dim() == 2 else gradient.reshape(self.lanes, spec.count).t()


class Called:
    """One forward run, for the autograd function below: what to run, and what it left."""

    def __init__(self, machine: Executor, packing: Packing, replay: Callable[..., Tensor]) -> None:
        self.machine = machine
        self.packing = packing
        self.replay = replay
        self.run: Any = None
        self.masses: list[float] = []  # the largest in each row beyond the outputs, which may be warned of

    def forward(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        outputs, self.run = self.machine.forward(*self.packing.inputs_of(tensors))
        if len(outputs) > self.packing.count:
            self.masses = outputs[self.packing.count :].amax(1).tolist()
        return self.packing.split(outputs)

    def backward(self, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> list[Tensor]:
        assert self.run is not None
        joined = self.packing.joined(gradients).to(self.machine.dtype)
        lanes, uniform = self.machine.backward(self.run, joined)
        return self.packing.gradients(lanes, uniform, tensors)

    def replayed(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs, by torch operations: for derivatives of derivatives."""
        lanes = self.packing.rows(tensors, uniform=False)
        rows = self.replay(lanes, self.packing.rows(tensors, uniform=True), self.packing.lanes)
        return self.packing.differentiable(rows)


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
        if torch.is_grad_enabled() or any(g is not None and _is_many(g) for g in gradients):
            return None, None, *_replayed_gradients(ctx.called, tensors, wanted, gradients)
        ours = ctx.called.backward(tensors, gradients)
        return None, None, *(g if need else None for g, need in zip(ours, wanted))


def _replayed_gradients(
    called: Called, tensors: Sequence[Tensor], wanted: Sequence[bool], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """By torch operations: where there are to be gradients of gradients, or there are many gradients at once."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        outputs = called.replayed(tensors)
    pairs = [(out, g) for out, g in zip(outputs, gradients) if g is not None and out.requires_grad]
    if not pairs:
        return [None] * len(tensors)
    inputs = [t for t, need in zip(tensors, wanted) if need]
    outs, given = zip(*pairs)
    found = iter(torch.autograd.grad(outs, inputs, given, create_graph=create_graph, allow_unused=True))
    return [next(found) if need else None for need in wanted]


def _is_many(gradient: Tensor) -> bool:
    """Does it stand for many gradients at once, as torch.autograd.grad(..., is_grads_batched=True) asks for?"""
    functorch = torch._C._functorch
    return functorch.is_legacy_batchedtensor(gradient) or functorch.is_functorch_wrapped_tensor(gradient)

"""The arguments of a call, described: a key of all that a program may depend on, and the tensors that it reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import CellType
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.recorded import refuse
from relaxpy.runtime.marks import Hard

LARGEST_CONSTANT = 100_000
DEEPEST = 50  # lists in lists
_TENSORS = (Tensor, torch.nn.Parameter)
_EXACT = frozenset({int, bool, str, bytes, type(None), range})
_SMALL = _EXACT | {float, complex}


class Arguments:
    """``key``: hashable; ``tensors``: what becomes soft, each once; ``containers``: lists and dicts; ``objects``: all else.

    ``batch`` says which axis is that of the lanes: integers and truths that differ between lanes become soft, too.
    ``most``: with more parts than that the call is refused. What cells hold, ``captured``, is never soft. ``devices``: the types
    of those where tensors may be, all of them on one.
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        batch: Any = False,
        most: int | None = None,
        captured: Sequence[CellType] = (),
        devices: Sequence[str] = ("cpu",),
    ) -> None:
        self._devices = devices
        self.device = torch.device("cpu")
        self._left = sys.maxsize if most is None else most
        self.tensors: list[Tensor] = []
        self.places: dict[int, int] = {}
        self.objects: list[Any] = []
        self.containers: list[Any] = []
        self._depth = 0
        self.numbers: dict[int, int] = {}  # of containers, by identity
        self._shared: dict[int, bool] = {}  # of tensors of integers, by identity
        self.key = tuple(map(self._describe, args, _axes(batch, len(args))))
        if kwargs:
            axis = None if batch is False else 0
            self.key += tuple([(name, self._describe(value, axis)) for name, value in kwargs.items()])
        if captured:
            self.key += tuple(map(self._describe_cell, captured))

    def _describe(self, value: Any, axis: Any) -> Any:
        kind = type(value)
        if kind in _TENSORS:
            return self._tensor(value, axis)
        if kind in _EXACT:
            return kind, value
        if kind is float or kind is complex:
            return kind, repr(value)
        if kind is Hard:
            return "hard", _hard(value.value, self)
        if kind in (list, tuple, dict) or isinstance(value, tuple) and hasattr(kind, "_fields"):
            return self._container(kind, value, axis)
        if isinstance(value, Tensor):
            refuse(f"an argument is a {kind.__name__}")
        return self._object(value)

    def _describe_cell(self, cell: CellType) -> Any:
        try:
            value = cell.cell_contents
        except ValueError:
            return "empty"
        return self._describe(value, None) if type(value) in _SMALL else self._object(value)

    def _object(self, value: Any) -> Any:
        self.objects.append(value)
        return "object", id(value)

    def _container(self, kind: Any, value: Any, axis: Any) -> Any:
        if self._depth >= DEEPEST:
            refuse("an argument is nested too deeply")
        self._depth += 1
        described = self._contained(kind, value, axis)
        self._depth -= 1
        return described

    def _contained(self, kind: Any, value: Any, axis: Any) -> Any:
        if kind is not tuple:
            known = self.numbers.get(id(value))
            if known is not None:
                return "again", known
            self.numbers[id(value)] = len(self.containers)
            self.containers.append(value)
        self.spend(len(value))
        if kind is dict:
            for name in value:
                if type(name) not in _EXACT:
                    refuse("an argument is a dict whose keys are objects")
            return kind, tuple([(type(name), name, self._describe(item, axis)) for name, item in value.items()])
        axes = axis if isinstance(axis, (tuple, list)) else [axis] * len(value)
        return kind, tuple(map(self._describe, value, axes))

    def _tensor(self, tensor: Tensor, axis: Any) -> Any:
        if not tensor.is_floating_point():
            shared = axis is None or tensor.is_complex() or not tensor.dim()
            if self._shared.setdefault(id(tensor), shared) is not shared:
                refuse("an argument is the same in all lanes, and differs between them in another place")
            if shared:
                return self.constant(tensor)
        place = self.places.get(id(tensor))
        if place is not None:
            return "again", "tensor", place
        if not self.tensors:
            self.device = tensor.device
        if tensor.device.type not in self._devices or tensor.layout is not torch.strided:
            refuse(f"an argument is on {tensor.device}, or sparse")
        if tensor.device != self.device:
            refuse("its arguments are on several devices")
        self.places[id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        return tensor.shape, tensor.dtype

    def constant(self, tensor: Tensor) -> Any:
        if type(tensor) not in _TENSORS or tensor.device.type not in self._devices or tensor.numel() > LARGEST_CONSTANT:
            refuse("a hard argument is a large tensor, or of another kind or device")
        if tensor.requires_grad:
            refuse("a hard argument needs a gradient")
        self.spend(tensor.numel())
        values: Any = tensor.tolist()
        return "constant", tensor.shape, tensor.dtype, repr(values)

    def spend(self, parts: int) -> None:
        self._left -= parts
        if self._left < 0:
            refuse("its arguments have too many parts that are not soft")


def _hard(value: Any, arguments: Arguments) -> Any:
    """What is hard is a constant of the program, by content."""
    if isinstance(value, Tensor):
        return arguments.constant(value)
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        arguments.spend(len(value))
        return type(value), tuple([_hard(item, arguments) for item in value])
    return arguments._describe(value, None)


def _axes(batch: Any, count: int) -> list[Any]:
    """For each positional argument the axis of its lanes, as torch.vmap's in_dims."""
    if isinstance(batch, bool):
        return [0 if batch else None] * count
    if isinstance(batch, int):
        return [batch] * count
    return list(batch) if len(batch) == count else refuse("`batch` counts other arguments")

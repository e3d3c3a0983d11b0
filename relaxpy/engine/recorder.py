"""Records a relaxed call: a tape, what it reads, and what it takes for granted (see looking.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from relaxpy.engine.instructions import CODES
from relaxpy.engine.looking import Looking
from relaxpy.engine.precision import HALF
from relaxpy.engine.recorded import LANES, NO_LANES, ONE_LANE, Recorded, functions, lifted, refuse
from relaxpy.runtime import ops

_NUMBERS = frozenset({float, int, bool})
_DETACH, _RAMP = CODES["detach"], CODES["ramp"]
_CPU = torch.device("cpu")
SMALL = 1024  # elements of a tensor of constants that is kept, since it may come again


@dataclass(frozen=True)
class Input:
    """A tensor that the program reads: the number of an argument, or how to fetch it, and its batch axis (None: shared)."""

    source: Any
    axis: int | None
    shape: tuple[int, ...]  # without the batch axis
    uniform: bool


class Recorder(Looking):
    """The recording of one call, with as many lanes as the call has (one without a batch)."""

    def __init__(
        self,
        batched: bool,
        device: torch.device,
        types: frozenset[torch.dtype],
        caution: float = 1.0,
        sample: Tensor | None = None,
    ) -> None:
        """``types``: those of the arguments that are floats."""
        super().__init__(types, caution, sample)
        self.batched = batched  # have tensors an axis of lanes?
        self._has_batch = batched
        self.device = device
        self.inputs: list[Input] = []
        self.input_rows: list[list[int]] = []
        self.parameters: dict[int, tuple[Tensor, Any]] = {}  # captured tensors with a gradient, by identity, and where
        self.refused: BaseException | None = None
        self._largest_integer = 2.0**24 if self.computed == torch.float32 else 2.0**53
        self.operations = 0  # of tensors, each of one row or of many
        self.widest = self.tape.longest  # rows that an operation may have
        self._read: dict[int, Recorded] = {}
        self._constants: dict[int, tuple[Tensor, int, Recorded]] = {}  # small tensors, by identity
        self._numbers: dict[tuple[float, torch.dtype], Recorded] = {}
        self.detached: dict[int, int] = {}  # rows, and what is taken for them where no gradient is wanted
        self.attached: dict[int, int] = {}  # the other way round

    def close(self) -> None:
        super().close()
        for known in (self._read, self._constants, self._numbers):
            known.clear()  # which refer to the recorder

    # inputs

    def read(self, tensor: Tensor, source: Any, axis: int | None, lanes: int) -> Recorded:
        """A tensor of the caller as rows; with an axis of lanes it is moved last, without one all lanes share it."""
        uniform = self._has_batch and lanes != LANES
        values = tensor.detach() if axis is None else tensor.detach().movedim(axis, -1)
        shape = tuple(values.shape if axis is None else values.shape[:-1])
        self.inputs.append(Input(source, axis, shape, uniform))
        flat = values.reshape(-1, 1 if axis is None else self.lane_count)
        if flat.dtype is not self.computed:
            flat = flat.to(self.computed)
        new = self.tape.uniform_input if uniform else self.tape.lane_input
        flat = flat.cpu()  # to be looked at
        rows = [new() for _ in range(flat.shape[0])]
        self.input_rows.append(rows)
        if rows:
            self.values.append((rows[0], flat))
        if np.isfinite(flat.numpy()).all():
            self._finite.update(dict.fromkeys(rows, True))
        if not tensor.is_floating_point():
            self._read_integers(tensor, rows)
        ids: Any = rows[0] if not shape else np.array(rows, np.int64).reshape(shape)
        dtype = tensor.dtype if tensor.dtype in self.types or not tensor.is_floating_point() else self.dtype
        return Recorded(self, ids, lanes, dtype)

    def beta(self, tensor: Tensor, source: Any) -> Recorded:
        """A beta that is read at each call; it takes the type of whatever it scales."""
        recorded = self.read(tensor.reshape(()), source, None, NO_LANES)
        self.untyped = recorded.ids
        return Recorded(self, recorded.ids, NO_LANES, self.dtype)

    def _read_integers(self, tensor: Tensor, rows: list[int]) -> None:
        """Floats hold them exactly, up to a size on which the program relies."""
        if tensor.dtype != torch.bool and tensor.numel():
            low, high = int(tensor.min()), int(tensor.max())
            if max(-low, high) > self._largest_integer:
                refuse("its integers are too large")
            self._ranges.update(dict.fromkeys(rows, (low, high)))
            self._keep_exact(rows)

    def _keep_exact(self, rows: list[int]) -> None:
        """The program relies on it that these are integers that floats hold exactly."""
        edge = self.tape.constant(self._largest_integer)
        for row in rows:
            self.tape.check(self.tape.emit(CODES["le"], self.tape.emit(CODES["abs"], row), edge))

    def captured(self, tensor: Tensor) -> Any:
        """A parameter that the code met: read at each call, where it was found."""
        known = self._read.get(id(tensor))
        if known is not None:
            return known
        found = self.parameters.get(id(tensor))
        if found is None:
            refuse("it uses a tensor that needs a gradient and is neither an argument nor captured as it is")
        if tensor.dtype in HALF or tensor.dtype == torch.float64 and (tensor.dim() or not self._has_batch):
            self.check_type(tensor.dtype)
        recorded = self._read[id(tensor)] = self.read(tensor, found[1], None, NO_LANES)
        return recorded

    def number(self, value: float, dtype: torch.dtype) -> Recorded:
        """A number as a tensor of no dimension."""
        known = self._numbers.get((value, dtype)) if value else None  # 0.0 and -0.0 are one key
        if known is None:
            held = ops.rounded(value, self.computed if dtype in HALF else dtype)
            known = Recorded(self, self.tape.constant(held), NO_LANES, dtype)
            self._numbers[value, dtype] = known
        return known

    def constant_tensor(self, tensor: Tensor) -> Recorded:
        # the runtime's own constants come again and again
        known = self._constants.get(id(tensor))
        if known is not None and known[1] == tensor._version:
            return known[2]
        recorded = self._constant(tensor)
        if tensor.numel() <= SMALL and not tensor.is_inference():
            self._constants[id(tensor)] = (tensor, tensor._version, recorded)
        return recorded

    def _constant(self, tensor: Tensor) -> Recorded:
        if tensor.requires_grad:
            recorded: Recorded = self.captured(tensor)
            return recorded
        if type(tensor) is not Tensor and type(tensor) is not torch.nn.Parameter:
            refuse(f"it uses a {type(tensor).__name__}")
        if tensor.device not in (_CPU, self.device):
            refuse("it uses a tensor of another device")
        lanes = NO_LANES
        if self.batched and tensor.dim():
            lanes = LANES if tensor.shape[-1] == self.lane_count and self.lane_count > 1 else ONE_LANE
            if lanes == LANES and tensor.numel() and not bool((tensor == tensor[..., :1]).all()):
                refuse("it makes a tensor that differs between lanes")
            tensor = tensor[..., 0] if tensor.shape[-1] else refuse("it makes an empty tensor of lanes")
        values = np.array([self.tape.constant(float(x)) for x in tensor.reshape(-1).tolist()], np.int64)
        ids: Any = int(values[0]) if not tensor.dim() else values.reshape(tuple(tensor.shape))
        return Recorded(self, ids, lanes, tensor.dtype)

    # operations

    def elementwise(self, code: int, dtype: torch.dtype, *operands: Any) -> Recorded:
        """An instruction on scalars, or element by element on arrays that are broadcast."""
        self.operations += 1
        tape, rows = self.tape, []
        lanes, scalar, without = NO_LANES, True, False
        for operand in operands:
            if type(operand) is Recorded:
                ids = operand.ids
                rows.append(ids)
                if operand.lanes:
                    if lanes != LANES:
                        lanes = operand.lanes
                elif type(ids) is not int:
                    without = True
                if type(ids) is not int:
                    scalar = False
            else:
                rows.append(tape.constant(float(operand)))
        if scalar:
            return Recorded(self, tape.emit(code, *rows), lanes, dtype)
        if lanes and without:
            refuse("it combines an array of lanes with one that has no lanes")
        shape, lists = _aligned(rows)
        found = list(map(tape.emit, itertools.repeat(code), *lists))
        if len(found) > self.widest:
            refuse("it works on long vectors")
        array = np.array(found, np.int64)
        return Recorded(self, array if len(shape) == 1 else array.reshape(shape), lanes, dtype)

    def ramp(self, a: Any, b: Any, slope: float) -> Recorded:
        """sigmoid((a - b) * slope), which is three operations of torch."""
        self.operations += 2
        if type(a) is Recorded and type(b) is Recorded and type(a.ids) is int and type(b.ids) is int:
            if a.dtype is self.dtype and b.dtype is self.dtype:
                self.operations += 1
                lanes = a.lanes if a.lanes == LANES or not b.lanes else b.lanes
                return Recorded(self, self.tape.emit(_RAMP, a.ids, b.ids, self.tape.constant(slope)), lanes, self.dtype)
        return self.arithmetic(_RAMP, a, b, slope)

    def choice(self, x: Recorded, beta: float) -> Recorded:
        """softmax(beta x) along the first axis, which is five operations of torch."""
        self.operations += 5
        scale = self.number(beta, self.computed).ids
        ids = x.ids.reshape(len(x.ids), -1)
        weights = np.array([self.tape.scaled_softmax(rows, scale) for rows in ids.T.tolist()], np.int64)
        return Recorded(self, weights.T.reshape(x.ids.shape), x.lanes, x.dtype)

    def compare(self, code: int, a: Any, b: Any) -> Recorded:
        """A claim about two numbers: a truth."""
        if type(a) is not Recorded and type(a) not in _NUMBERS:
            a = lifted(a)
        if type(b) is not Recorded and type(b) not in _NUMBERS:
            b = lifted(b)
        return self.elementwise(code, torch.bool, a, b)

    def arithmetic(self, code: int, *operands: Any) -> Recorded:
        """An operation whose result has the common type of its operands."""
        self.operations += 1
        found = self._scalars(operands)
        if found is None:
            operands = tuple([x if type(x) in _NUMBERS else lifted(x) for x in operands])
            found = self._scalars(operands)
            if found is None:
                result = self.elementwise(code, self.common_dtype(operands), *operands)
                if not result.dtype.is_floating_point and result.dtype != torch.bool:
                    self._keep_exact(result.rows())
                return result
        rows, lanes = found
        return Recorded(self, self.tape.emit(code, *rows), lanes, self.dtype)

    def _scalars(self, operands: Sequence[Any]) -> tuple[list[int], int] | None:
        """The rows, and the axis of lanes, of scalars of the program's own type, and numbers; None if there is anything else."""
        rows, lanes, dtype, own = [], NO_LANES, self.dtype, False
        for x in operands:
            kind = type(x)
            if kind is Recorded:
                if type(x.ids) is not int or x.dtype is not dtype:
                    return None
                own = True
                rows.append(x.ids)
                if x.lanes and lanes != LANES:
                    lanes = x.lanes
            elif kind in _NUMBERS:
                rows.append(self.tape.constant(float(x)))
            else:
                return None
        return (rows, lanes) if own else None

    def detached_row(self, row: int) -> int:
        """The same value, by which no gradient passes."""
        if row in self.tape.constants or row in self.attached:
            return row
        found = self.detached.get(row)
        if found is None:
            found = self.detached[row] = self.tape.emit(_DETACH, row)
            self.attached[found] = row
        return found

    def detach(self, value: Recorded) -> Recorded:
        if type(value.ids) is int:
            ids: Any = self.detached_row(value.ids)
        else:
            rows = list(map(self.detached_row, value.ids.ravel().tolist()))
            ids = np.array(rows, np.int64).reshape(value.ids.shape)
        return Recorded(self, ids, value.lanes, value.dtype)

    # torch's functions

    def handler(self, function: Any) -> Callable[..., Any]:
        """What records a function of torch."""
        return functions.get(function) or refuse(f"torch's `{getattr(function, '__name__', function)}` is left to torch")

    def each_lane(self, function: Callable[..., Any], values: Sequence[Recorded]) -> Any:
        """A function of tensors without lanes, in each lane: what torch.vmap does."""
        self.batched = False
        try:
            result = function(*[Recorded(self, x.ids, NO_LANES, x.dtype) for x in values])
        finally:
            self.batched = self._has_batch
        return pytree.tree_map(self._with_lanes, result)

    def _with_lanes(self, leaf: Any) -> Any:
        return Recorded(self, leaf.ids, LANES, leaf.dtype) if type(leaf) is Recorded else leaf


def _aligned(rows: Sequence[Any]) -> tuple[tuple[int, ...], list[Iterable[int]]]:
    """The common shape of single rows and arrays of rows, and the rows of each in order."""
    shape: tuple[int, ...] | None = None
    for row in rows:
        if type(row) is not int:
            if shape is None:
                shape = row.shape
            elif row.shape != shape:
                arrays = np.broadcast_arrays(*rows)
                return arrays[0].shape, [array.ravel().tolist() for array in arrays]
    assert shape is not None
    return shape, [itertools.repeat(row) if type(row) is int else row.ravel().tolist() for row in rows]

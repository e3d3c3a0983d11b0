"""What stands in for tensors while a program is recorded: rows of the tape, in the shape that the tensor would have.

To `isinstance` it is a torch.Tensor, and torch functions come here by ``__torch_function__``; so the runtime's own code, and the
user's, runs on it unchanged. What it cannot say without being a tensor it refuses, and the call is left to the eager path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from relaxpy.runtime.standins import StandIn
from relaxpy.runtime.state import state

if TYPE_CHECKING:
    from relaxpy.engine.recorder import Recorder

# Does a tensor have an axis for lanes: none, one of all lanes, one of size 1?
NO_LANES, LANES, ONE_LANE = range(3)

functions: dict[Any, Callable[..., Any]] = {}  # torch functions on recorded values (see functions.py, shapes.py)


class NotRecordedError(BaseException):
    """The program cannot be recorded; says why. The call goes the eager way.

    No handler of the user's catches it; should one do so nevertheless, the recorder remembers.
    """


def refuse(why: str) -> NoReturn:
    error = NotRecordedError(why)
    if state.recorder is not None:
        state.recorder.refused = error
    raise error


class Recorded(StandIn):
    """A tensor of the program: ``ids`` is a row of the tape, or an array of rows; the axis of lanes comes last."""

    __slots__ = ("recorder", "ids", "lanes", "dtype")
    recorder: Recorder
    ids: Any

    requires_grad = False
    is_leaf = True
    layout = torch.strided
    is_sparse = False
    is_cuda = False
    is_nested = False
    grad_fn = None

    def __init__(self, recorder: Recorder, ids: Any, lanes: int, dtype: torch.dtype) -> None:
        self.recorder = recorder
        self.ids = ids
        self.lanes = lanes
        self.dtype = dtype

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        handler = functions.get(function)
        if handler is None:
            refuse(f"torch's `{getattr(function, '__name__', function)}` is left to torch")
        return handler(*args, **(kwargs or {}))

    @property
    def device(self) -> torch.device:
        return self.recorder.device

    @property
    def shape(self) -> torch.Size:
        of_lanes = self.recorder.shapes_of_lanes[self.lanes]
        return of_lanes if type(self.ids) is int else torch.Size((*self.ids.shape, *of_lanes))

    @property
    def ndim(self) -> int:
        return self.dim()

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        axes = 0 if type(self.ids) is int else self.ids.ndim
        return axes if self.lanes == NO_LANES else axes + 1

    def numel(self) -> int:
        return self.shape.numel()

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def rows(self) -> list[int]:
        """All rows, in order."""
        return [self.ids] if type(self.ids) is int else self.ids.ravel().tolist()

    def __len__(self) -> int:
        if self.dim() == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Recorded(shape={tuple(self.shape)}, dtype={self.dtype})"

    def limits(self) -> torch.finfo:
        return torch.finfo(self.recorder.computed)

    def number(self, value: float) -> Any:
        return self.recorder.number(value, self.dtype)

    def at_most(self, bound: float) -> bool:
        return self.recorder.at_most(self, bound)

    def exceeds(self, bound: float) -> bool:
        return self.recorder.exceeds(self, bound)

    def largest(self) -> float:
        return self.recorder.largest(self)

    def all_finite(self) -> bool:
        return self.recorder.all_finite(self)

    def least(self) -> float:
        return self.recorder.least(self)

    def integers(self) -> list[int]:
        return self.recorder.integers(self)

    def __bool__(self) -> bool:
        return (
            bool(Verdict(self.recorder, self.rows(), every=True)) if self.numel() == 1 else refuse("a truth per lane")
        )

    def __getattr__(self, name: str) -> Any:
        refuse(f"a tensor's `{name}` is left to torch")


class Leaving(StandIn):
    """A recorded tensor with its lanes first, as the caller gets it."""

    __slots__ = ("recorded",)
    requires_grad = False

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded

    def dim(self) -> int:
        return self.recorded.dim()

    def __getattr__(self, name: str) -> Any:
        refuse(f"a tensor's `{name}` on its way out")


class Arriving(StandIn):
    """A tensor argument of a batched call, before its lanes are moved last."""

    __slots__ = ("recorder", "tensor", "source")
    requires_grad = False

    def __init__(self, recorder: Recorder, tensor: Tensor, source: Any) -> None:
        self.recorder = recorder
        self.tensor = tensor
        self.source = source

    @property
    def shape(self) -> torch.Size:
        return self.tensor.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    def dim(self) -> int:
        return self.tensor.dim()

    def is_floating_point(self) -> bool:
        return self.tensor.is_floating_point()

    def movedim(self, source: int, destination: int) -> Recorded:
        return self.recorder.read(self.tensor, self.source, source, LANES)

    def unsqueeze(self, dim: int) -> Recorded:
        return self.recorder.read(self.tensor, self.source, None, ONE_LANE)

    def __getattr__(self, name: str) -> Any:
        refuse(f"a tensor's `{name}` on its way in")


class Verdict:
    """Whether a truth holds in all rows and lanes (``every``) or in any."""

    def __init__(self, recorder: Recorder, rows: list[int], every: bool) -> None:
        self.recorder = recorder
        self.rows = rows
        self.every = every

    def __bool__(self) -> bool:
        return self.recorder.verdict(self.rows, self.every)

    def item(self) -> bool:
        return bool(self)

    def __getattr__(self, name: str) -> Any:
        refuse(f"`{name}` of what a reduction over lanes gives")


def lifted(value: Any) -> Any:
    """A plain tensor among recorded ones: a constant, or a parameter that the program reads at each call."""
    if type(value) is Recorded:
        return value
    if isinstance(value, Tensor):
        return state.recorder.constant_tensor(value)
    return refuse(f"a {type(value).__name__} among tensors")


def array_of(value: Any) -> Any:
    """The rows of a recorded tensor as an array of that shape."""
    return np.asarray(value.ids, np.int64)

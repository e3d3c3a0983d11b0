"""Floating tensors that relaxed code makes and then stores soft values into.

Such a tensor becomes a soft array for every name that it has: its class is exchanged for one whose every use goes to the
soft array (SEMANTICS, section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import arrays, births
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import state

torchcalls: Any = LazyModule("relaxpy.runtime.torchcalls")


class AdoptedTensor(Tensor):
    """A plain tensor that has become a soft array."""

    relaxpy_array: SoftArray

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return torchcalls.call(function, args, kwargs or {})


def adopt(tensor: Tensor) -> SoftArray:
    """The soft array that a tensor becomes; one that was made outside the call, or of integers, refuses."""
    if type(tensor) is AdoptedTensor:
        return tensor.relaxpy_array
    made = state.call is not None and state.call.made_here(tensor)
    if not made or not tensor.is_floating_point() or tensor.dim() == 0:
        reason = "was made outside the relaxed call" if not made else "is not an array of floating point numbers"
        raise SoftValueError(
            f"a tensor that {reason} cannot take a store that is soft or on a soft path",
            remedy="store to a list, to `tensor.clone()`, or to a tensor made inside by torch.zeros(...)",
        )
    array = arrays.constant_array(tensor.detach().clone() if not tensor.requires_grad else tensor.clone())
    array.birth = births.of_value(tensor)
    tensor.__class__ = AdoptedTensor
    tensor.relaxpy_array = array  # type: ignore[attr-defined]
    return array


def looked_through(value: Any) -> Any:
    """The soft array of an adopted tensor; any other value is itself."""
    return value.relaxpy_array if type(value) is AdoptedTensor else value

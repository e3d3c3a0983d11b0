"""What takes the place of tensors of lanes while a program is recorded; the engine makes them, `ops` asks them.

A stand-in is no torch.Tensor, and does not claim to be one: torch's parser of arguments looks into the memory of what does,
where a number may stand in a tensor's place (`torch.where(c, x, 0.0)`), before it calls ``__torch_function__``.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from relaxpy.runtime.state import state


class StandIn:
    """Takes the place of a tensor of lanes while a program is recorded (see relaxpy.engine): it answers what is looked at."""

    __slots__ = ()

    def limits(self) -> torch.finfo:
        """Of the floats that it is computed in, which may be wider than its dtype."""
        raise NotImplementedError

    def number(self, value: float) -> Tensor:
        """A number, as a stand-in for a tensor of no dimension and the same dtype."""
        raise NotImplementedError

    def stacked(self, parts: Sequence[Tensor]) -> Tensor:
        """`torch.stack` of this and others."""
        raise NotImplementedError

    def weighted(self, values: Sequence[Tensor | float]) -> Tensor | None:
        """The sum of scalars, each by its row of this; None for anything but scalars of the program's own type."""
        raise NotImplementedError

    def at_most(self, bound: float) -> bool:
        raise NotImplementedError

    def exceeds(self, bound: float) -> bool:
        raise NotImplementedError

    def largest(self) -> float:
        raise NotImplementedError

    def all_finite(self) -> bool:
        raise NotImplementedError

    def least(self) -> float:
        """A positive number below which no lane is, or 0."""
        raise NotImplementedError

    def integers(self) -> list[int]:
        """The integers that lanes hold, in order, and some that none may hold among them."""
        raise NotImplementedError


def among(given: Any, depth: int = 8) -> bool:
    """Is a stand-in among the items of lists, tuples and dicts?"""
    if isinstance(given, (list, tuple, dict)):
        items = given.values() if isinstance(given, dict) else given
        return depth > 0 and any(among(item, depth - 1) for item in items)
    return isinstance(given, StandIn)


def hand_over(function: Any, given: Any) -> None:
    """A call of code that is not relaxed, which may ask whether it is given a tensor: with stand-ins it is not recorded.

    torch's own functions come back by ``__torch_function__``, if they are recorded.
    """
    kind: Any = type(function)
    written = kind in (FunctionType, MethodType) or type(kind.__call__) is FunctionType  # in Python
    if not written or not among(given):
        return
    package = (function.__module__ or "").partition(".")[0]
    if package == "torch":
        state.recorder.handler(function)
    elif package != "relaxpy":
        name = getattr(function, "__qualname__", kind.__name__)
        state.recorder.give_up(f"`{name}` is not relaxed, and is given a plain tensor that depends on values")


if TYPE_CHECKING:
    TENSORS = Tensor
else:
    TENSORS = (StandIn, Tensor)  # what lanes may be: `isinstance(x, TENSORS)`

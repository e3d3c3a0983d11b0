"""What takes the place of tensors of lanes while a program is recorded; the engine makes them, `ops` asks them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


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

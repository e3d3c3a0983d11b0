"""Probabilities of straight-through decisions: the value is hard mode's, the derivative the soft one's.

A decision that is soft with probability p, and hard h (0 or 1), counts as h + (p - p without its gradient): h bit for bit, with
the derivative of p. What such a decision leaves out has mass 0, and yet the derivative asks for its value. So a mass of
straight-through mode is a dual number: its value, and its ``spread``, the size of what its derivative may weigh.
Paths are left out, and loops end, where both are negligible. A path that hard mode leaves does not fork again, to first
order; but it gets less and less probable, as in soft mode, and so it ends where that would.

So the derivative of a result is that of the path that Python takes, and for each decision on it the soft derivative of the
decision times what the other outcome would change, all else decided as in Python. One case is an approximation: where Python
has left a block by `return`, `break` or `continue`, and paths that each differ from its own in one decision meet at the
block's end with different values, they go on together with the values of the first.
"""

from __future__ import annotations

from torch import Tensor

from relaxpy.runtime.standins import TENSORS

__all__ = ["Through", "straight"]


def straight(hard: Tensor, soft: Tensor) -> Tensor:
    """The value of ``hard``, bit for bit, with the derivative of ``soft``."""
    return hard.to(soft.dtype) + (soft - soft.detach())


class Through:
    """A mass of straight-through mode.

    value: lanes, 0 or 1 with a derivative; spread: lanes without one, a bound of that derivative's size; soft: the mass
    that it would have in soft mode.
    """

    __slots__ = ("value", "spread", "soft")

    def __init__(self, value: Tensor, spread: Tensor | float, soft: Tensor | float) -> None:
        self.value = value
        self.spread = spread
        self.soft = soft

    @property
    def reach(self) -> Tensor:
        """How much the path can still matter, to the value or to the derivative."""
        return self.value.detach() + self.spread

    def __mul__(self, other: Through | Tensor | float) -> Through:
        if isinstance(other, Through):
            spread = self.spread * other.value.detach() * other.soft + self.value.detach() * other.spread
            return Through(self.value * other.value, spread, self.soft * other.soft)
        factor = _known(other)
        return Through(self.value * other, self.spread * factor, self.soft * factor)

    __rmul__ = __mul__

    def __add__(self, other: Through | Tensor | float) -> Through:
        if isinstance(other, Through):
            return Through(self.value + other.value, self.spread + other.spread, self.soft + other.soft)
        return Through(self.value + other, self.spread, self.soft + _known(other))

    __radd__ = __add__

    def __rsub__(self, other: Tensor | float) -> Through:
        return Through(other - self.value, self.spread, _known(other) - self.soft)

    def __repr__(self) -> str:
        return f"Through({self.value}, spread={self.spread}, soft={self.soft})"


def _known(number: Tensor | float) -> Tensor | float:
    return number.detach() if isinstance(number, TENSORS) else number

"""Inverse temperatures that change during training, stepped like the schedulers of torch.

>>> beta = exponential(1.0, 100.0, steps=4)
>>> values = []
>>> for epoch in range(4):
...     values.append(round(beta.value, 3))       # relax(f, beta=beta)(x) reads it anew at each call
...     beta.step()
>>> values, round(beta.value, 3)
([1.0, 3.162, 10.0, 31.623], 100.0)

A schedule is saved with ``state_dict()`` and goes on after ``load_state_dict(...)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from relaxpy.errors import RelaxError

__all__ = ["Schedule", "constant", "cosine", "exponential", "linear"]


class Schedule:
    """A positive number that goes from ``start`` to ``end`` in ``steps`` steps, and then stays; a subclass says how.

    ``progress`` runs from 0 to 1.
    """

    def __init__(self, start: float, end: float, steps: int) -> None:
        for name, value in (("start", start), ("end", end)):
            if not (value > 0 and math.isfinite(value)):
                raise RelaxError(f"`{name}` of a schedule is a positive finite number, not {value!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise RelaxError(f"`steps` of a schedule is an int, 0 or more, not {steps!r}")
        self.start = float(start)
        self.end = float(end)
        self.steps = steps
        self.last_step = 0

    def at(self, progress: float) -> float:
        """The value when this share of the steps is done."""
        raise NotImplementedError

    @property
    def value(self) -> float:
        """The value now."""
        if self.last_step >= self.steps:
            return self.end
        return self.at(self.last_step / self.steps)

    def step(self) -> None:
        """Call it after each epoch or each update of the optimizer, as ``scheduler.step()``."""
        self.last_step += 1

    def state_dict(self) -> dict[str, float]:
        """What is needed to go on later."""
        return {name: getattr(self, name) for name in ("start", "end", "steps", "last_step")}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        for name, value in self.state_dict().items():
            setattr(self, name, type(value)(state[name]))

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()}({self.start:g}, {self.end:g}, steps={self.steps}, last_step={self.last_step})"


class Linear(Schedule):
    def at(self, progress: float) -> float:
        return self.start + progress * (self.end - self.start)


class Exponential(Schedule):
    def at(self, progress: float) -> float:
        return math.exp((1 - progress) * math.log(self.start) + progress * math.log(self.end))


class Cosine(Schedule):
    def at(self, progress: float) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * progress)) / 2


def constant(value: float) -> Schedule:
    """Always the same; it can be stepped and saved like the others."""
    return Linear(value, value, 0)


def linear(start: float, end: float, steps: int) -> Schedule:
    """In equal steps."""
    return Linear(start, end, steps)


def exponential(start: float, end: float, steps: int) -> Schedule:
    """By equal factors."""
    return Exponential(start, end, steps)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Along half a cosine: slowly, fast, slowly."""
    return Cosine(start, end, steps)

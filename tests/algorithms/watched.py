"""Floats that watch how close their comparisons are.

A relaxed program converges to the hard one only where no comparison is a tie. So inputs for tests of convergence are
drawn until a run on watched floats has met no comparison closer than a margin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar


class Watched(float):
    """A float that notes the distance of the two sides of each comparison, and of each rounding to its jump.

    >>> Watched.gaps.clear()
    >>> Watched(1.0) + 1 < 2.5, 3 > Watched(2.0)
    (True, True)
    >>> Watched.gaps
    [0.5, 1.0]
    """

    gaps: ClassVar[list[float]] = []

    __hash__ = float.__hash__

    def __bool__(self) -> bool:
        return bool(self != 0.0)

    def __floor__(self) -> int:
        _note(_to_jump(self, 1.0))
        return math.floor(float(self))

    def __trunc__(self) -> int:
        _note(_to_jump(self, 1.0))
        return math.trunc(float(self))

    __int__ = __trunc__

    def __floordiv__(self, other: float) -> Watched:
        _note(_to_jump(self, other))
        return Watched(float(self) // float(other))

    def __mod__(self, other: float) -> Watched:
        _note(_to_jump(self, other))
        return Watched(float(self) % float(other))

    def __divmod__(self, other: float) -> tuple[Watched, Watched]:
        return self // other, self % other


def _note(gap: float) -> None:
    Watched.gaps.append(gap)


def _to_jump(value: float, step: float) -> float:
    share = float(value) / float(step)
    return abs(share - round(share)) * abs(float(step))


def _arithmetic(name: str) -> Callable[..., Any]:
    plain = getattr(float, name)

    def operation(self: Watched, *others: float) -> Any:
        result = plain(float(self), *map(float, others))
        return Watched(result) if isinstance(result, float) else result

    return operation


def _comparison(name: str) -> Callable[[Watched, float], bool]:
    plain = getattr(float, name)
    ordering = name not in ("__eq__", "__ne__")

    def comparison(self: Watched, other: float) -> bool:
        gap = abs(float(self) - float(other))
        if ordering or gap > 0:  # equal values are no tie where equality is asked for
            _note(gap)
        return bool(plain(float(self), float(other)))

    return comparison


for _name in ("add", "sub", "mul", "truediv", "pow"):
    for _prefix in ("__", "__r"):
        setattr(Watched, f"{_prefix}{_name}__", _arithmetic(f"{_prefix}{_name}__"))
for _name in ("__neg__", "__pos__", "__abs__"):
    setattr(Watched, _name, _arithmetic(_name))
for _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(Watched, _name, _comparison(_name))


def watch(value: Any) -> Any:
    """Return ``value`` with each float in its lists replaced by a watched one."""
    if isinstance(value, float):
        return Watched(value)
    if isinstance(value, list):
        return [watch(item) for item in value]
    return value


def closest_comparison(function: Callable[..., Any], arguments: tuple[Any, ...], ties: bool) -> float:
    """Run ``function`` and return the smallest distance of the sides of a comparison; with ``ties``, if they differ."""
    Watched.gaps.clear()
    function(*watch(list(arguments)))
    return min((gap for gap in Watched.gaps if not ties or gap > 1e-12), default=math.inf)

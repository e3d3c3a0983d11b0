"""`range` with soft bounds: the while loop that it stands for (SEMANTICS, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime.soft import Soft


class SoftRange(Soft):
    """``range(start, stop, step)`` whose number of steps is soft; a `for` in relaxed code runs it."""

    __slots__ = ("start", "stop", "step")
    kind = "soft range"

    def __init__(self, start: Any, stop: Any, step: int) -> None:
        self.start = start
        self.stop = stop
        self.step = step

    def __iter__(self) -> Iterator[Any]:
        self._refuse("an iterable whose length would be soft", "loop over it with a plain `for` in a relaxed function")

    def steps(self) -> Iterator[tuple[Any, Any]]:
        """Each next value, with the condition that it is in the range."""
        value = self.start
        while True:
            yield value, value < self.stop if self.step > 0 else value > self.stop
            value = value + self.step


def range_(*bounds: Any) -> Any:
    """`range(...)`; with a soft bound, a loop over it is the while loop that it stands for."""
    if not any(isinstance(bound, Soft) for bound in bounds):
        return range(*bounds)
    if len(bounds) > 3:
        raise TypeError(f"range expected at most 3 arguments, got {len(bounds)}")
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    if isinstance(step, Soft) or not isinstance(step, int):
        raise SoftValueError("the step of a range is soft", remedy="write the loop as a `while`")
    if step == 0:
        raise ValueError("range() arg 3 must not be zero")
    return SoftRange(start, stop, step)

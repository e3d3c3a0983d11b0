"""What is known for calls of one kind: programs, or why there are none."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from relaxpy.engine.variants import Variant

MOST_BETAS = 16
_DIFFERS = "its decisions differ from call to call"


class Entry:
    """Programs of one key, with ``objects`` that were among the arguments.

    A beta that is a number is a constant of the first programs. If calls with another one come, as those that follow a schedule
    do, it becomes an input, so that one program serves them all (``for_any_beta``); where code looks at it, each has its own.
    """

    def __init__(self, objects: Sequence[Any] = (), for_any_beta: bool = False) -> None:
        self.objects = [_reference(value) for value in objects]
        self.for_any_beta = for_any_beta
        self.variants: list[Variant] = []
        self.eager: str | None = None
        self.met = False  # was there a call of this key before?
        self.last = _DIFFERS  # why the last attempt gave no program
        self.attempts = 0
        self.lock = threading.RLock()
        self._number: float | None = None  # the beta of these programs
        self._any: Entry | None = None
        self._others: OrderedDict[float, Entry] = OrderedDict()

    def of_number(self, beta: float) -> Entry:
        """What is known for calls with this beta."""
        if self._number is None:
            self._number = beta
        if beta == self._number and (self._any is None or self.variants):
            return self
        with self.lock:
            if self._any is None:
                self._any = self._like_this(for_any_beta=True)
            if self._any.eager is None:
                return self._any
            if beta == self._number:
                return self
            found = self._others.get(beta)
            if found is None:
                found = self._others[beta] = self._like_this()
                while len(self._others) > MOST_BETAS:
                    self._others.popitem(last=False)
            else:
                self._others.move_to_end(beta)
            return found

    def _like_this(self, for_any_beta: bool = False) -> Entry:
        new = Entry((), for_any_beta)
        new.objects = self.objects
        new.met = for_any_beta and self.met
        return new

    def _all(self) -> list[Entry]:
        return [self, *([] if self._any is None else [self._any]), *self._others.values()]

    @property
    def size(self) -> int:
        """The instructions of all programs."""
        return sum(variant.size for entry in self._all() for variant in entry.variants)

    def unlock(self) -> None:
        """Forget who holds a lock."""
        for entry in self._all():
            entry.lock = threading.RLock()


def _reference(value: Any) -> Callable[[], Any]:
    """Fetches an object, which may be gone by then: programs keep no argument alive, if it can be helped."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value

"""The state of the relaxed call that runs in a thread, and the list by which hard code knows that nothing is soft.

``paths`` holds the state of every thread that has a soft scope open, ``calls`` of every thread that is inside a relaxed
call that has met a soft value. Both are empty as long as only plain values are about: rewritten code asks no more than that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relaxpy.runtime.options import DEFAULTS, Options

if TYPE_CHECKING:
    from relaxpy.runtime.births import Birth
    from relaxpy.runtime.calls import Call
    from relaxpy.runtime.estimators import Run
    from relaxpy.runtime.journal import Key, Log
    from relaxpy.runtime.scopes import Scope

paths: list[State] = []
calls: list[State] = []
_lock = threading.Lock()


class State(threading.local):
    """Per thread: options in force, the outermost relaxed call, open scopes and their logs (outermost first).

    ``births`` says where objects were made while scopes are open, ``time`` counts the states recorded (see births.py);
    ``run`` is that of an estimator that follows single paths.
    """

    def __init__(self) -> None:
        self.settings: Mapping[str, Any] = {}
        self.options: Options = DEFAULTS
        self.call: Call | None = None
        self.lanes: int | None = None
        self.run: Run | None = None
        self.scopes: list[Scope] = []
        self.logs: list[Log] = []
        self.epoch = 0  # how often all scopes have been closed
        self.births: dict[int, tuple[Any, Birth]] = {}
        self.time = 0
        self.recorder: Any = None  # of relaxpy.engine, while a program is recorded

    @property
    def presences(self) -> dict[tuple[Key, Any], Any] | None:
        """Which keys and attributes exist with some probability only (see presence.py); None if there never was one."""
        return None if self.call is None else self.call.presences


state = State()


def enter(registry: list[State]) -> None:
    """Say that this thread has something soft; hard paths everywhere look more closely from now on."""
    with _lock:
        registry.append(state)


def leave(registry: list[State]) -> None:
    with _lock:
        registry.remove(state)

"""Functions that can be left early: each `return` on a soft path is an exit with its value (SEMANTICS, section 5)."""

from __future__ import annotations

from typing import Any

from relaxpy.runtime import raising, scopes
from relaxpy.runtime.exits import Exits
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.loops import Loop
from relaxpy.runtime.state import paths, state

ops: Any = LazyModule("relaxpy.runtime.ops")

RESULT = "the value that the function returns"


class Frame(Exits):
    """A call of a function that holds a `return` inside a block."""

    __slots__ = ("result",)

    def __init__(self) -> None:
        super().__init__()
        self.result: Any = None

    def leave(self, value: Any, *crossed: Exits) -> bool:
        """`return value`, out of these loops and clean-ups; True if ``result`` is to be returned now."""
        if not paths or self.is_plain_here():
            self.result = value
            return True
        self.become_soft()
        for loop in crossed:
            if isinstance(loop, Loop):
                loop.become_soft()
        self.leave_softly({RESULT: value}, self.exits, crossed)
        if state.scopes[-1] is self:
            self.result = self.finish()
            return True
        return False

    def finish(self) -> Any:
        """The function's end: the expectation of all that was returned (None where nothing was)."""
        if not self.soft:
            return self.result
        if not ops.is_zero(self.live) and scopes.live():
            self.out(self.live, {RESULT: None})
        scopes.pop(self)
        self.soft = False
        if not self.exits:
            self.log.undo()
            result = None
        else:
            (result,) = self.merged(self.exits)
        self.pass_on_loss(self.exits)
        raising.go_on(self.died)
        return result

    def raised(self) -> Any:
        """What the function catches: an exception on a path of it, if there are others that returned."""
        return BaseException if self.soft and raising.leaves(self) else ()


def frame() -> Frame:
    return Frame()

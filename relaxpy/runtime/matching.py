"""`match` statements: Python chooses the case where no soft values are about; else each case is a branch with a condition."""

from __future__ import annotations

from typing import Any

from relaxpy.errors import BlendError
from relaxpy.runtime.control import SKIPPED, TAKEN
from relaxpy.runtime.expressions import not_
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import UNDEFINED, Soft, Unblendable
from relaxpy.runtime.state import calls, state

ops: Any = LazyModule("relaxpy.runtime.ops")
doubts: Any = LazyModule("relaxpy.runtime.doubts")
standins: Any = LazyModule("relaxpy.runtime.standins")
sequences: Any = LazyModule("relaxpy.runtime.sequences")
values: Any = LazyModule("relaxpy.runtime.values")


class Match:
    """One `match` statement. ``plain``: Python chooses, and writes the number of the case into ``taken``."""

    __slots__ = ("plain", "subject", "taken")
    never = SKIPPED

    def __init__(self, subject: Any) -> None:
        self.plain = not calls
        self.subject = subject
        self.taken = 0

    @property
    def soft(self) -> bool:
        return not self.plain

    def give(self) -> Any:
        """The subject, which lives no longer than in the original."""
        subject, self.subject = self.subject, None
        return subject

    def case(self, number: int, before: Any = SKIPPED) -> Any:
        """The branch of a case after another one: None if it is not reached, the statement itself if it is to be asked."""
        if before is None or not before.orelse:
            return None
        if self.plain:
            return TAKEN if self.taken == number else SKIPPED
        return self


def match_(subject: Any) -> Match:
    if calls and state.presences:
        doubts.check_given((subject,))
    if state.recorder is not None and standins.among(subject):
        state.recorder.give_up("a pattern is matched with a plain tensor that depends on values")
    return Match(subject)


def all_of(*conditions: Any) -> Any:
    """Do all comparisons of a pattern hold?"""
    result: Any = True
    for condition in conditions:
        result = sequences.both(result, condition)
    return result


def any_of(*conditions: Any) -> Any:
    """Does one of several alternatives hold?"""
    result: Any = False
    for condition in conditions:
        result = sequences.either(result, condition if isinstance(condition, Soft) else bool(condition))
    return result


def captured(name: str, tested: Any, new: Any, old: Any) -> Any:
    """What a name holds where the guard of a case fails: Python has captured by then, if the comparisons of the case hold.

    ``tested``: the conjunction of the comparisons with the guard. Where they hold with some probability only, the name would
    have to be blended by what the guard says, too; reading it is an error.
    """
    if not getattr(tested, "soft", False):
        return new if tested.then else old
    if new is old or old is UNDEFINED:
        return new
    if ops.at_most(tested.p, state.options.epsilon):
        return old
    if ops.at_most(1 - tested.p, state.options.epsilon):
        return new
    return Unblendable(
        BlendError.here(
            f"`{name}` is captured by a case that a soft value matches, and read on the path on which the guard fails",
            remedy="give the capture a name of its own, or test in the body of the case instead of a guard",
        )
    )


def is_same(value: Any, wanted: bool) -> Any:
    """The patterns `True` and `False`: a soft truth is a bool."""
    if isinstance(value, Soft) and isinstance(value, values.SoftTruth):
        return value if wanted else not_(value)
    return value is wanted

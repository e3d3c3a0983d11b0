"""`try` statements: handlers that soft raises go to (SEMANTICS, section 5)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from relaxpy.errors import RelaxError
from relaxpy.runtime import births, raising, scopes
from relaxpy.runtime.exits import Exit, Exits
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.state import paths, state

if TYPE_CHECKING:
    from relaxpy.runtime.finishing import Finally

doubts: Any = LazyModule("relaxpy.runtime.doubts")
presence: Any = LazyModule("relaxpy.runtime.presence")
mixing: Any = LazyModule("relaxpy.runtime.mixing")
ops: Any = LazyModule("relaxpy.runtime.ops")


_NAMES_OURS = re.compile(r"Relax\w*Error|SoftValueError|BlendError")


class Protection(Exits):
    """What soft raises look for on their way out: ``active`` while its body runs."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        super().__init__()
        self.active = True

    def over(self) -> None:
        """The body has ended."""
        self.active = False


def refuse_doubtful(catches: Callable[[Exception], bool]) -> None:
    """What a `try` catches may be that a key does not exist, which reading it does not say (see presence.py)."""
    if not state.presences:
        return
    for error, what, truth in doubts.absences():
        if catches(error):
            raise RelaxError.here(
                f"a `try` catches `{type(error).__name__}`, and the {what} exists with a probability of "
                f"{ops.largest(truth.lanes):.3g} only, since it was stored under a soft condition",
                remedy="ask for it instead: `if k in d`, `d.get(k, default)`, `hasattr(o, name)`, `getattr(o, name, default)`",
            )


class Arrival:
    """A path that raised: the number of the handler, the exception, and the path as an exit with all local names."""

    __slots__ = ("error", "exit", "number")

    def __init__(self, number: int, error: BaseException, exit_: Exit) -> None:
        self.number = number
        self.error = error
        self.exit = exit_


class Try(Protection):
    """A `try` with handlers, given by the text of what they catch ("" for a bare `except`).

    ``relaxed``: the rewriter wrote the handlers a second time, for the paths that arrive from soft blocks.
    """

    __slots__ = ("handlers", "relaxed", "_arrivals", "_entered", "_rested")

    def __init__(self, handlers: tuple[str, ...], relaxed: bool) -> None:
        super().__init__()
        self.handlers = handlers
        self.relaxed = relaxed
        self._arrivals: list[Arrival] = []
        self._entered: list[Arrival] = []
        self._rested = False

    def holds_paths(self) -> bool:
        return bool(self._arrivals or self.exits)

    def over(self) -> None:
        super().over()
        self.look_for_doubts()

    def look_for_doubts(self) -> None:
        """Before and after the body: could it miss a key that exists with some probability only?"""
        frame = sys._getframe(2)
        refuse_doubtful(lambda error: self.handler_of(error, frame.f_globals, frame.f_locals) is not None)

    def handler_of(self, error: BaseException, outer: dict[str, Any], names: dict[str, Any]) -> int | None:
        """The number of the handler that catches an error; what it catches is evaluated as Python would do then."""
        for number, text in enumerate(self.handlers):
            if not text or isinstance(error, eval(text, outer, names)):
                return number
        return None

    def arrive(self, error: BaseException, number: int, names: dict[str, Any], keepers: Sequence[Finally] = ()) -> None:
        """The path that runs goes to a handler."""
        if not self.relaxed:
            raise RelaxError.here(
                f"a `{type(error).__name__}` was raised under a soft condition, in a `try` that is not relaxed",
                remedy="call a function in the body of the `try`, and raise there (`except*` is never relaxed)",
            )
        if keepers:
            keepers[-1].hold(lambda changed, _: self.arrive(error, number, {**names, **changed}, keepers[:-1]), names)
            return
        self._arrivals.append(Arrival(number, error, self.departed(names)))

    def raised(self) -> Any:
        """What is caught where no handler does: an exception on one of several paths."""
        return BaseException if self.soft and raising.leaves(self) else ()

    def caught(self, number: int) -> bool:
        """First thing in a handler: does it run now? If others arrive, too, it runs for all of them later."""
        self.active = False
        self._refuse_ours(number)
        if not paths or not state.scopes:
            return True
        leaving = raising.departure()
        if leaving is not None:
            raising.refuse_lost_paths(leaving, self.serial)
        scopes.unwind(self.serial)
        if not self.soft:
            return True
        if leaving is None:
            scopes.commit()  # any other exception is certain
            self.soft = False
            return True
        if not raising.is_carrier(leaving):
            self.arrive(leaving.error, number, dict(sys._getframe(1).f_locals))
        self.set_live(0.0)
        return False

    def _refuse_ours(self, number: int) -> None:
        """An error that the original does not have passes by, unless the handler names it."""
        error = sys.exc_info()[1]
        if isinstance(error, RelaxError) and error.is_only_ours and not _NAMES_OURS.search(self.handlers[number]):
            raise error

    # ---- after the statement, for the paths that have arrived

    def takes(self, number: int, /, **locals_: Any) -> bool:
        """Has any path arrived at this handler? Asked after the statement, which has ended with these names."""
        self.active = False
        if not self._rested:
            self._rested = True
            self._ended(locals_)
        self._entered = [arrival for arrival in self._arrivals if arrival.number == number]
        self._arrivals = [arrival for arrival in self._arrivals if arrival.number != number]
        return bool(self._entered)

    def throw(self) -> None:
        """Raise the likeliest exception among those that the handler takes."""
        if state.recorder is not None and len(self._entered) > 1:
            state.recorder.give_up("which exception is the likeliest depends on values")
        raise max(self._entered, key=lambda arrival: float(ops.largest(arrival.exit.mass))).error

    def enter(self, **locals_: Any) -> tuple[Any, ...]:
        """First thing in the handler: the states at the raises, mixed."""
        exits = []
        for arrival in self._entered:
            known = arrival.exit.locals or {}
            names = {name: known.get(name, UNDEFINED) for name in locals_}
            exits.append(Exit(arrival.exit.mass, names, arrival.exit.changes))
        result = self.merged(exits)
        self.past = births.Past(tuple(exit_.changes.known for exit_ in exits), state.time)
        self.set_weight(self.total(exits))
        self.set_live(1.0)
        return result

    def error(self) -> Any:
        """The exception: if several arrive, one with the means of their arguments."""
        errors = [arrival.error for arrival in self._entered]
        return mixing.mixed_errors([arrival.exit.mass for arrival in self._entered], errors)

    def handled(self, **locals_: Any) -> None:
        """The handler has ended with these names."""
        self._ended(locals_)

    def _ended(self, locals_: Mapping[str, Any]) -> None:
        left = ops.times(self.weight, self.live)
        if not ops.is_zero(left):
            self.out(left, locals_)

    def exit(self, **locals_: Any) -> tuple[Any, ...]:
        """The end of it all: what came through the body and what came through handlers is mixed."""
        scopes.pop(self)
        self.soft = False
        if self.exits:
            result = self.merged(self.exits)
        else:
            self.log.undo()
            result = tuple(locals_.values())
        self.pass_on_loss(self.exits)
        raising.go_on(self.died)
        return result


def try_(*handlers: str, relaxed: bool = True) -> Try:
    made = Try(handlers, relaxed)
    made.look_for_doubts()
    return made

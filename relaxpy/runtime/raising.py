"""`raise` on a soft path (SEMANTICS, section 5).

A raise is a real exception, so handlers and clean-ups that it meets on its own path are Python's. Where it would leave a soft
block, a side of a branch, an iteration, a function with a result already, a `try` with a handler to run, the block asks
``raised()``: the mass goes to the handler that Python would choose further out, as an exit with the state at the raise, and
the other paths go on. When nothing of the path is left, the exception goes on unwinding, as a *carrier* of no mass.
"""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from relaxpy.errors import RelaxError
from relaxpy.runtime import scopes
from relaxpy.runtime.installed import is_in_rewritten
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls, paths, state

if TYPE_CHECKING:
    from relaxpy.runtime.finishing import Finally
    from relaxpy.runtime.ops import Mass
    from relaxpy.runtime.scopes import Scope
    from relaxpy.runtime.trying import Try

ops: Any = LazyModule("relaxpy.runtime.ops")
finishing: Any = LazyModule("relaxpy.runtime.finishing")
trying: Any = LazyModule("relaxpy.runtime.trying")

# Python itself handles these: they end an iteration or a generator.
_ENDINGS = (StopIteration, StopAsyncIteration, GeneratorExit)


class Departure:
    """An exception that a `raise` in relaxed code raised on a soft path, and the `try` that it goes to."""

    __slots__ = ("error", "target")

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.target = -1  # the serial of its `try`; -1: it leaves the relaxed call

    def inner_of(self, other: Departure | None) -> Departure:
        return self if other is None or self.target > other.target else other


class Route(NamedTuple):
    """Where an exception goes: a handler of a `try`, the local names there, and the clean-ups on the way, outermost first."""

    target: Try
    number: int
    names: dict[str, Any]
    keepers: tuple[Finally, ...]


class Departures:
    """The departures of one outermost call, and the mass that has left it."""

    def __init__(self) -> None:
        self.known: dict[int, Departure] = {}
        self.carrier: Departure | None = None
        self._kept: Mass = 1.0  # of the soft blocks that have ended
        self._lost: Mass = 0.0  # in those that are open
        self._epoch = -1

    def escape(self, mass: Mass) -> bool:
        """Leave out a path; False if more than half of all mass would have left then, in any lane."""
        kept, lost = self._kept, self._lost
        if self._epoch != state.epoch:
            kept, lost = ops.times(kept, ops.complement(lost)), 0.0
        lost = ops.plus(lost, mass)
        if ops.anywhere_above(ops.complement(ops.times(kept, ops.complement(lost))), 0.5):
            return False
        self._kept, self._lost, self._epoch = kept, lost, state.epoch
        return True


def raised(error: Any) -> Any:
    """What a `raise` statement raises: on a soft path remembered as one that may be relaxed."""
    if paths and state.scopes and state.call is not None:
        if isinstance(error, type) and issubclass(error, BaseException):
            error = error()
        if isinstance(error, BaseException):
            state.call.departures.known[id(error)] = Departure(error)
    return error


def departure() -> Departure | None:
    """The departure that is under way, if the exception that is being handled is one."""
    if not calls or state.call is None or not state.scopes:
        return None
    error = sys.exc_info()[1]
    found = state.call.departures.known.get(id(error))
    if found is None and isinstance(error, AssertionError) and _failed_here(error):
        found = state.call.departures.known[id(error)] = Departure(error)
    return found


def _failed_here(error: AssertionError) -> bool:
    """Does an AssertionError come from an `assert` of relaxed code?"""
    trace = _innermost(error)
    return trace is not None and is_in_rewritten(trace.tb_frame)


def _innermost(error: BaseException) -> TracebackType | None:
    """Where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def leaves(scope: Scope) -> bool:
    """Does the exception that is under way leave this soft block as an exit, so that the other paths go on?"""
    leaving = departure()
    if leaving is None or scope not in state.scopes:
        return False
    refuse_lost_paths(leaving, scope.serial)
    if not is_carrier(leaving) and not _depart(leaving, scope):
        return False
    scopes.end_inside(scope)
    scope.set_live(0.0)
    scope.died = leaving.inner_of(scope.died)
    return True


def _depart(leaving: Departure, scope: Scope) -> bool:
    route = _route(leaving.error, scope.serial)
    if route is not None:
        leaving.target = route.target.serial
        route.target.arrive(leaving.error, route.number, route.names, route.keepers)
        return True
    if isinstance(leaving.error, _ENDINGS):
        raise _placed(
            leaving,
            f"`{type(leaving.error).__name__}` was raised under a soft condition",
            "make the condition hard, or write the iteration as a `for` over a range in relaxed code",
        )
    departures = state.call.departures  # type: ignore[union-attr]
    if departures.escape(scopes.path_mass()):
        for inner in state.scopes:
            inner.lose()
        return True
    del departures.known[id(leaving.error)]
    return False


def _route(error: BaseException, outside: int) -> Route | None:
    """The handler that Python would choose among those around a soft block, and the clean-ups on the way to it."""
    keepers: list[Finally] = []
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if is_in_rewritten(frame):
            names = dict(frame.f_locals)
            around = {id(value): value for value in names.values() if isinstance(value, trying.Protection)}
            for each in sorted(around.values(), key=lambda value: -value.serial):
                if each.serial > outside or not each.active:
                    continue
                if isinstance(each, finishing.Finally):
                    keepers.insert(0, each)
                    continue
                number = each.handler_of(error, frame.f_globals, names)
                if number is not None:
                    return Route(each, number, names, tuple(keepers))
        frame = frame.f_back
    return None


def carries(leaving: Departure) -> bool:
    """Is this an exception whose mass has left already?"""
    return state.call is not None and state.call.departures.carrier is leaving


def is_carrier(leaving: Departure) -> bool:
    """Has its mass left already? Where it is caught, it carries nothing on."""
    found = carries(leaving)
    if found:
        state.call.departures.carrier = None  # type: ignore[union-attr]
    return found


def refuse_lost_paths(leaving: Departure, serial: int) -> None:
    """An exception crosses soft blocks that cannot go on after it: a part of an expression, the test of a loop."""
    if any(inner.holds_paths() for inner in state.scopes if inner.serial > serial):
        raise lost_paths(leaving)


def lost_paths(leaving: Departure) -> RelaxError:
    name = type(leaving.error).__name__
    return _placed(
        leaving,
        f"a `{name}` was raised on one side of a soft expression, so that the other side would be lost",
        "write the expression as an `if` statement (a ternary, `and`, `or`, or a `while` condition cannot be left half way)",
    )


def _placed(leaving: Departure, message: str, remedy: str) -> RelaxError:
    """An error at the line where the exception was raised."""
    trace = _innermost(leaving.error)
    if trace is None:
        return RelaxError.here(message, remedy=remedy)
    return RelaxError(message, remedy=remedy, file=trace.tb_frame.f_code.co_filename, line=trace.tb_lineno)


def go_on(died: Departure | None) -> None:
    """At the end of a block that an exception left: if nothing of the path is left, unwind further."""
    if died is not None and state.scopes and (ops.is_zero(state.scopes[-1].live) or scopes.negligible()):
        state.call.departures.carrier = died  # type: ignore[union-attr]
        raise died.error

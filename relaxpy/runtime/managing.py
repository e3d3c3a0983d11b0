"""`with` statements on soft paths: soft exits wait until the context manager has left, and its methods are relaxed."""

from __future__ import annotations

import contextlib
from typing import Any

from relaxpy.runtime.finishing import Finally
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls
from relaxpy.runtime.trying import Try, refuse_doubtful

callees: Any = LazyModule("relaxpy.runtime.callees")


class With(Finally):
    """One item of a `with` statement: ``with _with1(manager) as x``."""

    __slots__ = ()

    def __call__(self, manager: Any) -> Any:
        kind = type(manager)
        if not calls or not hasattr(kind, "__enter__") or not hasattr(kind, "__exit__"):
            return manager
        return _Managed(self, manager)


class _Managed:
    """A context manager whose clean-up soft exits wait for."""

    __slots__ = ("_keeper", "_manager")

    def __init__(self, keeper: With, manager: Any) -> None:
        self._keeper = keeper
        self._manager = manager

    def __enter__(self) -> Any:
        return callees.callee(type(self._manager).__enter__)(self._manager)

    def __exit__(self, *error: Any) -> Any:
        keeper = self._keeper
        keeper.over()
        manager = self._manager
        if isinstance(manager, contextlib.suppress) and error[0] is None:
            caught: Any = vars(manager)["_exceptions"]
            refuse_doubtful(lambda error: isinstance(error, caught))
        leave = callees.callee(type(manager).__exit__)
        if not keeper.soft:
            return leave(manager, *error)
        # an exception whose mass has left already is none to the manager, and goes on
        keeper.gather()
        swallowed = leave(manager, *((None, None, None) if keeper.carried else error))
        if keeper.soft:
            keeper.resume()
        return swallowed and not keeper.carried


class Suppressor(Try):
    """``with _try1(contextlib.suppress(...))``: a handler that does nothing."""

    __slots__ = ("_manager",)

    def __init__(self) -> None:
        super().__init__(("",), relaxed=True)
        self._manager: Any = None

    def __call__(self, manager: Any) -> Any:
        if type(manager) is not contextlib.suppress:
            self.active = False
            return manager
        self._manager = manager
        return self

    def handler_of(self, error: BaseException, outer: dict[str, Any], names: dict[str, Any]) -> int | None:
        return 0 if isinstance(error, self._manager._exceptions) else None

    def __enter__(self) -> None:
        self._manager.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        self.active = False
        if kind is None:
            refuse_doubtful(lambda error: isinstance(error, self._manager._exceptions))
        swallowed = self._manager.__exit__(kind, error, trace)
        if swallowed:
            self.caught(0)
        return swallowed or bool(kind is not None and self.raised())

    def passed(self, **locals_: Any) -> tuple[Any, ...]:
        """After the statement: what came to its end and what was suppressed is mixed."""
        if self.takes(0, **locals_):
            result = self.enter(**locals_)
            self.handled(**dict(zip(locals_, result)))
        return self.exit(**locals_)


def with_() -> With:
    return With()


def suppressor() -> Suppressor:
    return Suppressor()

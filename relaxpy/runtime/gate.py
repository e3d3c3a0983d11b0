"""How a function of a relaxed module becomes an outermost call in its own frame, when plain code calls it.

The compiler puts a gate around its body, so that no frame of relaxpy's comes between the function and its caller::

    call = _rt.state.call is None and _rt.enter(__name__)
    try:
        if call and call.softens([x, y], [], {}): return call.again(lambda: [free, variables])
        ...
        result = ...
        if call: result = call.result(result)
        return result
    finally:
        if call: call.close()

Only if there is something soft among its arguments, the function is called once more, from inside the call. Generators and
coroutines, whose bodies run in pieces, ask when they begin to run, and drive what is made from inside the call::

    call = _rt.state.call is None and _rt.in_pieces(__name__, lambda: [free, variables], [x, y], [], {})
    if call: return (yield from call)
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from relaxpy.runtime import boundary
from relaxpy.runtime.installed import settings_in
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.recordable import plan_of
from relaxpy.runtime.state import state

__all__ = ["Gate", "enter", "from_outside", "in_pieces"]

engine: Any = LazyModule("relaxpy.engine")
wrapping: Any = LazyModule("relaxpy.runtime.wrapping")


class Gate:
    """An outermost call, as its function's code sees it."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        root = str(namespace.get("__name__") or "__main__").partition(".")[0]
        self._handled = sys.exc_info()[1]
        self._open = True
        self._ended = False
        self._given: tuple[list[Any], list[Any], dict[str, Any]] = [], [], {}
        self._arguments = self._given
        self._found = False
        self._call = boundary.begin(root, settings_in(namespace), {})

    def softens(self, positional: list[Any], keyword_only: list[Any], others: dict[str, Any]) -> bool:
        """Is there a soft value among the arguments, or one that is marked as hard?"""
        self._given = self._arguments = positional, keyword_only, others
        if "torch" not in sys.modules:
            if not any(type(value) is Hard for value in (*positional, *keyword_only, *others.values())):
                return False
        wrapper = wrapping.Wrapper(self._call)
        soft = list(map(wrapper.wrap, positional))
        soft_only = list(map(wrapper.wrap, keyword_only))
        soft_others = {name: wrapper.wrap(value) for name, value in others.items()}
        self._arguments = soft, soft_only, soft_others
        self._found = wrapper.found_soft
        return wrapper.found_soft or any(
            new is not old
            for new, old in zip(
                (*soft, *soft_only, *soft_others.values()), (*positional, *keyword_only, *others.values())
            )
        )

    def again(self, probe: FunctionType | None) -> Any:
        """The result of the function that asks, called with the soft arguments; ``probe`` holds the cells that it has."""
        __tracebackhide__ = True
        return self.call(_running(sys._getframe(1), probe))

    def call(self, function: FunctionType) -> Any:
        """The result of a function, by a recorded program or operation by operation."""
        __tracebackhide__ = True
        self._open = False
        options = state.options
        if self._found and options.engine != "eager" and options.checkpoint is None:
            plan = plan_of(function)
            if plan is not None and not engine.declines(plan, options):
                self._end()
                args, kwargs = _passed(function, *self._given)
                return engine.call(plan, options, args, kwargs, boundary.call_eagerly)
        return self.call_eagerly(function)

    def note(self, function: FunctionType, why: str) -> None:
        """For the report: the call runs operation by operation."""
        plan = plan_of(function) if self._found and state.options.engine != "eager" else None
        if plan is not None:
            engine.note(plan, why)

    def call_eagerly(self, function: FunctionType) -> Any:
        __tracebackhide__ = True
        self._open = False
        args, kwargs = _passed(function, *self._arguments)
        return boundary.run(self._call, function, args, kwargs, self._found)

    def result(self, value: Any) -> Any:
        """The result as a plain value."""
        return boundary.plain_result(self._call, value)

    def close(self) -> None:
        """The call ends, by a result or by an exception that has come up in it."""
        error = sys.exc_info()[1]
        try:
            if error is not None and error is not self._handled:
                if self._open:
                    boundary.failed(self._call, error)
                else:
                    error.__traceback__ = _from_inside(error.__traceback__, sys._getframe(1).f_code)
        finally:
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            boundary.end(self._call)


def _passed(
    function: FunctionType, positional: list[Any], keyword_only: list[Any], others: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments as they are passed to a function."""
    code = function.__code__
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return tuple(positional), {**dict(zip(names, keyword_only)), **others}


def _from_inside(trace: TracebackType | None, code: CodeType) -> TracebackType | None:
    """What went on in the function that was called once more, as if the caller had called that; all if it was not."""
    inner = trace.tb_next if trace is not None else None
    while inner is not None and inner.tb_frame.f_code is not code:
        inner = inner.tb_next
    return inner or trace


def _running(frame: FrameType, probe: FunctionType | None) -> FunctionType:
    """The function that runs in a frame."""
    code = frame.f_code
    cells = {} if probe is None else dict(zip(probe.__code__.co_freevars, probe.__closure__ or ()))
    closure = tuple(cells[name] for name in code.co_freevars)
    return FunctionType(code, frame.f_globals, code.co_name, None, closure)


def enter(module: str) -> Gate:
    """Begin an outermost call of the function whose code calls this."""
    if "torch._dynamo" in sys.modules:
        _leave_to_python(module)
    return Gate(sys._getframe(1).f_globals)


def _leave_to_python(module: str) -> None:
    """Under torch.compile the function is called as it is, since its gate looks at its frame."""
    if sys.modules["torch"].compiler.is_compiling():
        from relaxpy.runtime import uncompiled  # the compiler cannot follow a lazy module

        uncompiled.leave_alone(module)
        sys.modules["torch._dynamo"].graph_break("its module is relaxed as a whole")


def from_outside(
    module: str, probe: FunctionType | None, positional: list[Any], keyword_only: list[Any], others: dict[str, Any]
) -> Any:
    """The result of the lambda that asks, as an outermost call; it has no room for a gate of its own."""
    if "torch._dynamo" in sys.modules:
        _leave_to_python(module)
    frame = sys._getframe(1)
    gate = Gate(frame.f_globals)
    try:
        gate.softens(positional, keyword_only, others)
        return gate.call(_running(frame, probe))
    finally:
        gate.close()


def in_pieces(
    module: str, probe: FunctionType | None, positional: list[Any], keyword_only: list[Any], others: dict[str, Any]
) -> Any:
    """What the generator or coroutine that asks drives instead of its own body; None if nothing can be soft.

    What it will meet when it goes on, attributes and variables of its module, is not known yet: so it is driven where torch
    is at hand.
    """
    if "torch._dynamo" in sys.modules:
        _leave_to_python(module)
    frame = sys._getframe(1)
    gate = Gate(frame.f_globals)
    try:
        if gate.softens(positional, keyword_only, others) or "torch" in sys.modules:
            function = _running(frame, probe)
            gate.note(function, "its body runs in pieces")
            return gate.call_eagerly(function)
        return None
    finally:
        gate.close()

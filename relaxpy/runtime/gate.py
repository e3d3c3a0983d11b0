"""How a function of a relaxed module becomes an outermost call in its own frame, when plain code calls it.

The compiler puts a gate around its body, so that no frame of relaxpy's comes between the function and its caller::

    call = _rt.state.call is None and _rt.enter()
    try:
        if call: x, y = call.arguments(x, y)
        ...
        result = ...
        if call: result = call.result(result)
        return result
    finally:
        if call: call.close()
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any

from relaxpy.runtime import boundary
from relaxpy.runtime.installed import settings_in
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import Hard

__all__ = ["Gate", "enter", "from_outside"]

wrapping: Any = LazyModule("relaxpy.runtime.wrapping")


class Gate:
    """An outermost call, as its function's code sees it."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        root = str(namespace.get("__name__") or "__main__").partition(".")[0]
        self._handled = sys.exc_info()[1]
        self._call = boundary.begin(root, settings_in(namespace), {})

    def arguments(self, *values: Any) -> tuple[Any, ...]:
        """The arguments, soft where they are floating tensors."""
        if "torch" not in sys.modules:
            return tuple([value.value if isinstance(value, Hard) else value for value in values])
        wrapper = wrapping.Wrapper(self._call)
        soft = tuple([wrapper.wrap(value) for value in values])
        if wrapper.found_soft:
            self._call.become_soft()
        return soft

    def result(self, value: Any) -> Any:
        """The result as a plain value."""
        return boundary.plain_result(self._call, value)

    def close(self) -> None:
        """The call ends, by a result or by an exception that has come up in it."""
        error = sys.exc_info()[1]
        try:
            if error is not None and error is not self._handled:
                boundary.explain(error)
        finally:
            boundary.end(self._call)


def enter() -> Gate:
    """Begin an outermost call of the function whose code calls this."""
    return Gate(sys._getframe(1).f_globals)


def from_outside(probe: FunctionType, args: list[Any], keyword_only: list[Any], others: dict[str, Any]) -> Any:
    """Call a lambda's own code anew, as an outermost call; ``probe`` holds the cells that the lambda has."""
    frame = sys._getframe(1)
    code = frame.f_code
    cells = dict(zip(probe.__code__.co_freevars, probe.__closure__ or ()))
    closure = tuple(cells[name] for name in code.co_freevars)
    function = FunctionType(code, frame.f_globals, code.co_name, None, closure)
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    gate = Gate(frame.f_globals)
    try:
        args = list(gate.arguments(*args))
        kwargs = dict(zip((*names, *others), gate.arguments(*keyword_only, *others.values())))
        return gate.result(function(*args, **kwargs))
    finally:
        gate.close()

"""What is soft and what is hard: marks that users set, and tensors that are met on the way."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from relaxpy.errors import RelaxError
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state

boundary: Any = LazyModule("relaxpy.runtime.boundary")
wrapping: Any = LazyModule("relaxpy.runtime.wrapping")

T = TypeVar("T")


class Hard:
    """An argument that stays as it is (made by ``relaxpy.hard``)."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"relaxpy.hard({self.value!r})"


def is_tensor(value: Any) -> bool:
    """Is the value a torch tensor? Imports no torch: without it nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def met(value: Any) -> Any:
    """A floating tensor that requires grad becomes soft when relaxed code meets it; anything else stays."""
    if state.call is not None and is_tensor(value) and value.requires_grad and value.is_floating_point():
        return wrapping.met(value)
    return value


def soft(value: Any) -> Any:
    """Mark a value as soft inside a relaxed function.

        @relax
        def f(threshold):
            level = relaxpy.soft(torch.tensor(0.5))   # made here, and yet relaxed
            return 1.0 if threshold > level else 0.0

    A floating tensor, a float or an int (as a real number) becomes soft; lists, tuples and dicts of them likewise.
    Outside a relaxed call the value is returned as it is. Source: SEMANTICS of relaxpy, section 2.
    """
    if state.call is None or isinstance(value, Soft):
        return value
    return wrapping.make_soft(value)


def hard(value: T) -> T:
    """Mark a function, an argument or a value as hard: it is not relaxed.

        @relaxpy.hard
        def log_progress(x): ...            # called as it is from relaxed code

        f(x, relaxpy.hard(weights))          # this argument is a constant, and has no batch axis

    Inside a relaxed function, ``hard(x)`` of a soft number is the plain tensor of its value, without gradient.
    """
    if callable(value) and hasattr(value, "__code__"):
        value.__relaxpy_hard__ = True  # type: ignore[attr-defined]
        return value
    if state.call is None:
        return Hard(value)  # type: ignore[return-value]
    if isinstance(value, Soft):
        return wrapping.make_hard(value)  # type: ignore[no-any-return]
    return value


def need_call(name: str) -> None:
    if state.call is None:
        raise RelaxError(
            f"relaxpy.{name} makes a soft value, which lives inside a relaxed call only",
            remedy="call it in a function that is decorated with @relax",
        )

"""What is soft and what is hard: marks that users set, and tensors that are met on the way."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from relaxpy.errors import RelaxError
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state

boundary: Any = LazyModule("relaxpy.runtime.boundary")
chances: Any = LazyModule("relaxpy.runtime.chances")
programs: Any = LazyModule("relaxpy.programs")
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
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)  # None also while torch is being imported
    return tensor is not None and isinstance(value, tensor)


def is_torch_here() -> bool:
    """Has torch been imported? Until then no value is soft."""
    return hasattr(sys.modules.get("torch"), "Tensor")


def met(value: Any) -> Any:
    """A floating tensor that requires grad becomes soft when relaxed code meets it; anything else stays."""
    call = state.call
    if call is not None and is_tensor(value) and value.requires_grad and value.is_floating_point():
        if call.hard is None or not call.hard.account_for(value):
            return wrapping.met(value)
    return value


def soft(value: Any) -> Any:
    """Mark a value as soft inside a relaxed function.

        @relax
        def f(threshold):
            level = relaxpy.soft(torch.tensor(0.5))   # made here, and yet relaxed
            return 1.0 if threshold > level else 0.0

    A floating tensor, a float or an int (as a real number) becomes soft; lists, tuples and dicts of them likewise. A number
    has the widest precision among the soft arguments of the call (float64 with them), torch's default if there are none.
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

    A hard tensor that requires grad keeps its gradient, but what is compared, branched on or indexed by it is decided as
    in Python, and so is what is computed from hard tensors alone.
    Inside a relaxed function, ``hard(x)`` of a soft value is the plain tensor of its value, without gradient, also inside
    lists, tuples and dicts.
    """
    if callable(value) and hasattr(value, "__code__"):
        value.__relaxpy_hard__ = True  # type: ignore[attr-defined]
        return programs.as_written(value)  # type: ignore[no-any-return]
    if state.call is None:
        return Hard(value)  # type: ignore[return-value]
    return as_constant(value)  # type: ignore[no-any-return]


def as_constant(value: Any) -> Any:
    """A value inside a relaxed call, from now on hard."""
    call = state.call
    if call is None or "torch" not in sys.modules:
        return value
    plain = wrapping.make_hard(value) if call.soft else value
    call.mark_hard(plain)
    return plain


def truth(p: Any) -> Any:
    """A bool that is true with probability ``p``, drawn wherever it is tested.

        @relax
        def f(p):
            return 2.0 if relaxpy.truth(p) else 5.0          # 2 p + 5 (1 - p)

    ``p``: a number or tensor; of an array an array of truths, of a list a list of them.
    """
    need_call("truth")
    _become_soft()
    return chances.make_truth(met(p))


def categorical(p: Any) -> Any:
    """An integer that is k with probability ``p[k]``, drawn wherever it is used.

        @relax
        def f(p, table):
            return table[relaxpy.categorical(p)]              # the sum of p[k] * table[k]

    ``p`` of shape (C,) gives one soft integer, of shape (n, C) a list of n: a word of n letters from an alphabet of C, say.
    Two unmodified results compare for equality by cosine similarity (paper section 3.1).
    """
    need_call("categorical")
    _become_soft()
    return chances.make_categorical(met(p))


def probabilities(k: Any, n: int) -> Any:
    """The distribution of an integer (or a truth) over 0, ..., n - 1, of shape (n,).

    >>> probabilities(2, 4)
    tensor([0., 0., 1., 0.])

    Inside a relaxed function the distribution of a soft integer is a soft array; that of a plain one is one-hot. Mass of
    more than epsilon outside 0, ..., n - 1 is an IndexError.
    """
    return chances.probabilities_of(k, n)


def _become_soft() -> None:
    if state.call is not None:
        state.call.become_soft()


def need_call(name: str) -> None:
    if state.call is None:
        raise RelaxError(
            f"relaxpy.{name} makes a soft value, which lives inside a relaxed call only",
            remedy="call it in a function that is decorated with @relax",
        )

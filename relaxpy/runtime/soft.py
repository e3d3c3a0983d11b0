"""What every soft value has in common: it refuses to decide anything silently.

This module imports no torch, so that rewritten code on plain values never does either.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from relaxpy.errors import SoftValueError, user_line
from relaxpy.runtime.lazy import LazyModule

softnumpy: Any = LazyModule("relaxpy.runtime.softnumpy")


class Marker:
    """A unique object that stands for the absence of a value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


UNDEFINED = Marker("undefined")
SKIP = Marker("skipped")


# `case [x, 0] | {"k": x}:`, not `case 0 | 1:`, which is relaxed
_ALTERNATIVES = re.compile(r"\s*case\b(?:(?!\bif\b).)*\|")


class Soft:
    """Base of the soft values; see SoftNumber, SoftArray, SoftTruth, SoftInteger."""

    __slots__ = ("__weakref__",)
    kind = "soft value"

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        error = SoftValueError(f"a {self.kind} was used as {what}, which would decide silently", remedy=remedy)
        error.is_only_ours = True
        raise error

    def __hash__(self) -> NoReturn:
        self._refuse(
            "a key of a dict, an element of a set or an argument of hash()",
            "keep such values in lists and compare them (`any(x == y for y in ys)`); a table with ints for keys can be "
            "a list, indexed by int(x); for what is decided by the value as it is, use relaxpy.hard(x)",
        )

    def __bool__(self) -> NoReturn:
        if _ALTERNATIVES.match(user_line()):
            self._refuse(
                "what a pattern compares in one of its alternatives, which differ in structure",
                "write the alternatives as cases of their own",
            )
        self._refuse(
            "a bool in code that relaxpy does not rewrite",
            "write the test inside a relaxed function as a plain `if`, `while`, `and`, `or` or `not` (a comprehension's "
            "filter and library code can only take plain values), or use relaxpy.hard(x)",
        )

    def __float__(self) -> NoReturn:
        self._refuse(
            "a Python float",
            "keep it as it is (it behaves like a 0-dim tensor), write f'{x:.2f}' for a text, or use relaxpy.hard(x)",
        )

    def __int__(self) -> NoReturn:
        self._refuse("a Python int", "call int(x) inside a relaxed function, or use relaxpy.hard(x)")

    def __index__(self) -> NoReturn:
        self._refuse(
            "a plain int (an index, a length, a number of repetitions) in code that relaxpy does not rewrite",
            "index inside a relaxed function (`a[i]`, `range(i)`), or use relaxpy.hard(i)",
        )

    def __complex__(self) -> NoReturn:
        self._refuse("a complex number", "use torch functions on real numbers, or relaxpy.hard(x)")

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        self._refuse("a numpy array", "use the torch function of that name, or relaxpy.hard(x)")

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return softnumpy.ufunc(function, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return softnumpy.call(function, args, kwargs)


class Unblendable(Soft):
    """The value of a name that a soft block left with values that cannot be blended; any use raises."""

    __slots__ = ("error",)
    kind = "value that could not be blended"

    def __init__(self, error: Exception) -> None:
        object.__setattr__(self, "error", error)

    def _refuse(self, what: str = "", remedy: str = "") -> NoReturn:
        raise object.__getattribute__(self, "error")

    def __getattribute__(self, name: str) -> object:
        if name in ("error", "_refuse"):
            return object.__getattribute__(self, name)
        self._refuse()

    def __repr__(self) -> str:
        self._refuse()


def _refusal(name: str) -> None:
    def refuse(self: Unblendable, *_: object) -> NoReturn:
        self._refuse()

    refuse.__name__ = name
    setattr(Unblendable, name, refuse)


for _name in (
    "str format eq ne lt le gt ge add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow "
    "matmul rmatmul and rand or ror xor rxor lshift rlshift rshift rrshift neg pos abs invert call getitem setitem "
    "delitem iter next len contains enter exit setattr delattr reversed round"
).split():
    _refusal(f"__{_name}__")

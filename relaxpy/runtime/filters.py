"""Filters of generator expressions that `sum`, `any` or `all` consume.

`sum(f(x) for x in xs if c)` is rewritten to

    _rt.callee(sum)(_keep1.of(f(x)) for x in xs for _keep1 in (_rt.filtered(c),) if _keep1.then)

so that a term whose filter is soft counts with its probability; a `for` after a filter runs over ``_keep1.over(ys)``. Plain
filters cost one call; this imports no torch.
"""

from __future__ import annotations

from typing import Any

from relaxpy.runtime.classes import asked
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft

softexpressions: Any = LazyModule("relaxpy.runtime.softexpressions")


class Kept:
    """A filter that plainly holds."""

    __slots__ = ()
    then = True

    def end(self) -> None:
        pass

    def of(self, value: Any) -> Any:
        return value

    def over(self, iterable: Any) -> Any:
        return iterable


class Dropped:
    """A filter that plainly does not hold."""

    __slots__ = ()
    then = False


class Weighed(Soft):
    """A term that is there with a probability only; nothing but `sum`, `any` and `all` can use it."""

    __slots__ = ("truth", "value")
    kind = "term of a generator whose filter is soft"

    def __init__(self, truth: Any, value: Any) -> None:
        self.truth = truth
        self.value = value


KEPT = Kept()
DROPPED = Dropped()


def filtered(condition: Any, before: Any = KEPT) -> Any:
    """What a filter says about a term: ``then`` whether it is evaluated, ``of(term)`` what is yielded.

    ``before``: the filter that stands before this one in the same `for`.
    """
    if condition is True:
        return KEPT
    condition = asked(condition)
    if isinstance(condition, Soft):
        branch = softexpressions.filter_(condition)
        if branch.then:
            return branch
    elif condition:
        return KEPT
    before.end()
    return DROPPED

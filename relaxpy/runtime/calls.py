"""How a relaxed function is to be called, and what one outermost call owns while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CellType, CodeType
from typing import TYPE_CHECKING, Any

from relaxpy.runtime.containers import Container
from relaxpy.runtime.journal import Key
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.raising import Departures
from relaxpy.runtime.state import calls, enter, state

if TYPE_CHECKING:
    from relaxpy.runtime.provenance import HardTensors
    from relaxpy.runtime.scopes import Scope

provenance: Any = LazyModule("relaxpy.runtime.provenance")


@dataclass(frozen=True)
class Plan:
    """How a relaxed function is called: the rewritten function, and the choices of its decorator or call.

    ``captured``: cells whose content tells programs apart as arguments do; those of a decorated function are its own.
    """

    function: Callable[..., Any]
    name: str
    signature: inspect.Signature
    hard: frozenset[str] = frozenset()
    batch: bool | int | Sequence[Any] = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    made: Any = None  # what owns the function's recorded programs; None: it has none
    captured: tuple[CellType, ...] = ()


class Call:
    """One outermost relaxed call: what it has to clean up."""

    def __init__(self, root: str) -> None:
        self.outer = state.settings, state.options
        self.roots = {root}
        self.touched: dict[Key, Container] = {}
        self.originals: dict[int, tuple[Any, Any]] = {}
        self.borrowed: list[tuple[Container, Any, Any, Any]] = []
        self.made: dict[int, Any] = {}
        self.drawn: dict[int, tuple[Any, Any]] = {}
        self.presences: dict[tuple[Key, Any], Any] | None = None
        self.iterators: dict[int, tuple[Any, Scope]] = {}
        self.hard: HardTensors | None = None
        self.departures = Departures()
        self.classes: dict[type, tuple[str, ...]] = {}
        self.classes_met: tuple[type, ...] = ()
        self.codes: set[CodeType] = set()
        self.outside: list[Any] = []  # what these take from their modules
        self.parked: list[tuple[Container, Any, Any, Any]] = []
        self.soft = False
        self.dtype: Any = None  # the widest among the soft arguments

    def become_soft(self) -> None:
        """From now on soft values are about."""
        if not self.soft:
            self.soft = True
            enter(calls)

    def mark_hard(self, value: Any) -> None:
        """Tensors in this value are constants, whether or not they require grad."""
        if self.hard is None:
            self.hard = provenance.HardTensors()
        self.hard.add(value)

    def made_here(self, tensor: Any) -> bool:
        return self.made.get(id(tensor)) is tensor

"""A growing program text, and what the place where the next statement goes may read, store and leave."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """What a statement may do at its place.

    ``inputs`` are numbers that no decision has touched: conditions read only these. ``cells`` are numbers that
    decisions may have touched: affine expressions read them. ``weight`` is how often the place is run.
    """

    inputs: tuple[str, ...]
    cells: tuple[str, ...]
    targets: tuple[str, ...]
    result: str | None = None
    counters: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    calls: tuple[Helper, ...] = ()
    predicates: tuple[Helper, ...] = ()
    in_loop: bool = False
    in_branch: bool = False
    depth: int = 0
    weight: float = 1.0

    def inside(self, **changes: Any) -> Scope:
        return replace(self, depth=self.depth + 1, **changes)


@dataclass(frozen=True)
class Helper:
    """What the program may call.

    ``define`` writes the definition of ``name``, ``write`` gives the text of a call, which takes so many decisions.
    """

    name: str
    define: Callable[[Writer], None]
    write: Callable[[Writer, Scope], str]
    decisions: float

    def called_in(self, lines: Sequence[str]) -> bool:
        return any(f"{self.name}(" in line for line in lines)


@dataclass
class Writer:
    """The text so far, the source of randomness, and how many more decisions the program may take."""

    random: random.Random
    decisions: float
    hazards: bool = False
    guards: bool = False
    free: bool = False  # conditions may read what other decisions have touched
    entangled: bool = False
    lines: list[str] = field(default_factory=list)
    indent: int = 0
    names: int = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def taken(self) -> list[str]:
        """The lines so far, which are the writer's no more."""
        taken, self.lines = self.lines, []
        return taken

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        self.line(header)
        self.indent += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.indent -= 1

    def fresh(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def choose(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def afford(self, scope: Scope, decisions: float = 1.0) -> bool:
        """Whether the place may take so many more decisions; if so, they are spent."""
        cost = decisions * scope.weight
        if cost > self.decisions:
            return False
        self.decisions -= cost
        return True

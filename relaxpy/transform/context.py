"""What the rewriting of one function or lambda knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from relaxpy.transform.bindings import binds, captured, declared, parameters_of
from relaxpy.transform.exits import ExitTable, holds_return_in_block
from relaxpy.transform.flow import Flow
from relaxpy.transform.hardness import Hardness
from relaxpy.transform.tree import walk

FRAME_READERS = frozenset({"locals", "vars", "eval", "exec", "dir"})


class Names:
    """Fresh names: `_if1`, `_if2`, ... that no identifier of the source is."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = taken
        self._counts: dict[str, int] = {}

    def fresh(self, stem: str) -> str:
        while True:
            count = self._counts[stem] = self._counts.get(stem, 0) + 1
            name = f"{stem}{count}"
            if name not in self._taken:
                return name

    def one(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        return name


@dataclass
class LoopContext:
    """An enclosing loop: its object's name and the locals that its exits carry."""

    name: str
    state: Sequence[str]


@dataclass
class Context:
    """One function: its tables, and where in it the rewriter is."""

    names: Names
    hardness: Hardness
    class_name: str | None
    flow: Flow | None = None
    exits: ExitTable = field(default_factory=ExitTable)
    globals: frozenset[str] = frozenset()
    nonlocals: frozenset[str] = frozenset()
    frame: str | None = None
    loops: list[LoopContext] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    in_comprehension: int = 0
    at_top: bool = False
    temporaries: int = 0

    def mangled(self, name: str) -> str:
        """A private name as the class's body makes it."""
        if self.class_name is None or not name.startswith("__") or name.endswith("__"):
            return name
        stripped = self.class_name.lstrip("_")
        return f"_{stripped}{name}" if stripped else name


def function_context(
    node: cst.FunctionDef, taken: frozenset[str], is_builtin: object, class_name: str | None
) -> Context:
    """The tables of a function."""
    body = node.body
    global_names, nonlocal_names = declared(body)
    parameters = frozenset(parameter.name.value for parameter in parameters_of(node.params))
    always = frozenset(captured(body))
    if any(isinstance(inner, cst.Name) and inner.value in FRAME_READERS for inner in walk(body)):
        always |= frozenset(binds(body.body)) | parameters
    names = Names(taken)
    context = Context(names, Hardness(is_builtin), class_name)  # type: ignore[arg-type]
    context.flow = Flow(body, always, parameters)
    context.globals, context.nonlocals = frozenset(global_names), frozenset(nonlocal_names)
    if holds_return_in_block(body, context.exits):
        context.frame = names.one("_frame")
    return context


def lambda_context(taken: frozenset[str], is_builtin: object, class_name: str | None) -> Context:
    return Context(Names(taken), Hardness(is_builtin), class_name)  # type: ignore[arg-type]

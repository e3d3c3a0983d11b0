"""What a code object names: the globals it reads, the attributes, and whether it assigns what outlives its call."""

from __future__ import annotations

import dis
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType


@dataclass(frozen=True)
class Facts:
    """Of a code object and all that it holds."""

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]
    assigned_globals: frozenset[str]
    assigned_cells: frozenset[str]  # captured variables, of this code or of code around it


@functools.lru_cache(maxsize=1024)
def facts(code: CodeType) -> Facts:
    """The facts of a code object."""
    found: dict[str, set[str]] = {name: set() for name in Facts.__dataclass_fields__}
    for inner in _with_inner(code):
        for instruction in dis.get_instructions(inner):
            kind = _KINDS.get(instruction.opname)
            if kind is not None and isinstance(instruction.argval, str):
                found[kind].add(instruction.argval)
    found["assigned_cells"] &= set(code.co_freevars)
    return Facts(**{name: frozenset(names) for name, names in found.items()})


_KINDS = {
    "LOAD_GLOBAL": "globals",
    "LOAD_NAME": "globals",
    "LOAD_FROM_DICT_OR_GLOBALS": "globals",
    "LOAD_ATTR": "attributes",
    "LOAD_METHOD": "attributes",
    "LOAD_SUPER_ATTR": "attributes",
    "IMPORT_NAME": "imports",
    "IMPORT_FROM": "attributes",
    "STORE_GLOBAL": "assigned_globals",
    "DELETE_GLOBAL": "assigned_globals",
    "STORE_DEREF": "assigned_cells",
    "DELETE_DEREF": "assigned_cells",
}


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)

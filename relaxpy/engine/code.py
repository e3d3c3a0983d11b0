"""What a code object names: the globals it reads, the attributes, and whether it assigns what outlives its call."""

from __future__ import annotations

import dis
import functools
from dataclasses import dataclass
from types import CodeType
from typing import Any

from relaxpy.codes import codes


@dataclass(frozen=True)
class Facts:
    """Of a code object and all that it holds."""

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]
    assigned_globals: frozenset[str]
    assigned_cells: frozenset[str]  # captured variables, of this code or of code around it


@functools.lru_cache(maxsize=1024)
def facts(code: CodeType, runtime: str | None = None) -> Facts:
    """The facts of a code object; in rewritten code, without what it takes from the runtime, which has this name there."""
    found: dict[str, set[str]] = {name: set() for name in Facts.__dataclass_fields__}
    for inner in codes(code):
        before: Any = None
        for instruction in dis.get_instructions(inner):
            kind, name = _KINDS.get(instruction.opname), instruction.argval
            if instruction.opname == "PUSH_NULL":
                continue
            if kind is None or not isinstance(name, str):
                before = None
            elif kind == "attributes" and before == runtime is not None:
                before = (runtime, name)
            elif before == (runtime, "maybe") and name == "locals":  # a variable that may be unbound
                before = None
            else:
                found[kind].add(name)
                before = name if kind == "globals" else None
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

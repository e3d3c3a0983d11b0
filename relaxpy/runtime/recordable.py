"""Functions of relaxed modules that nobody decorated, as the engine sees them: what owns their recorded programs.

Programs are kept with the hook of the module, and go with it: when the module goes, or is loaded anew.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from types import CellType, FunctionType
from typing import Any

from relaxpy.runtime.calls import Plan
from relaxpy.runtime.installed import hook_of

__all__ = ["Recordable", "plan_of", "recordable_of"]


class Recordable:
    """All functions that are made from one definition; their programs are told apart by what the functions captured."""

    def __init__(self, function: FunctionType) -> None:
        code = function.__code__
        empty = tuple(CellType() for _ in code.co_freevars)
        self.function = FunctionType(code, function.__globals__, code.co_name, None, empty)
        self.programs: Any = None  # of relaxpy.engine, once it is used
        signature = inspect.signature(self.function)
        self.plan = Plan(function=self.function, name=self.function.__qualname__, signature=signature, made=self)


def recordable_of(function: FunctionType) -> Recordable | None:
    """What owns the programs of a function; none if its module was loaded again without the hook."""
    hook = hook_of(function.__globals__)
    if hook is None:
        return None
    key = id(function.__code__)  # which lives as long as what is found by it
    found: Recordable | None = hook.recordables.get(key)
    return hook.recordables.setdefault(key, Recordable(function)) if found is None else found


def plan_of(function: FunctionType) -> Plan | None:
    """How a function is called; none if nothing owns programs of it."""
    recordable = recordable_of(function)
    if recordable is None:
        return None
    cells = function.__closure__
    return replace(recordable.plan, function=function, captured=cells) if cells else recordable.plan

"""Functions and what they are rewritten to: made when first asked for, once, or taken from the store.

The new function has the old one's globals, cells, defaults and names.
"""

from __future__ import annotations

import linecache
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from relaxpy import cache
from relaxpy.compiler import FUTURE_FLAGS, compile_code
from relaxpy.definitions import FunctionSource
from relaxpy.errors import RelaxError
from relaxpy.source import function_source

if TYPE_CHECKING:
    from relaxpy.transform import Rewritten, Site

__all__ = ["Program", "as_written", "function_of", "program_of"]


class Program:
    """A function's rewritten code: shared by all functions made from the same definition.

    ``text`` is the rewritten source, also kept in `linecache` as ``name``.
    """

    def __init__(self, source: FunctionSource, code: CodeType, notes: cache.Notes | None = None) -> None:
        self.source = source
        self.code = code
        self._notes = notes

    @property
    def name(self) -> str:
        return f"<relaxpy {self.source.filename}:{self.source.qualname}>"

    @property
    def text(self) -> str:
        return self._kept.text

    @property
    def sites(self) -> tuple[Site, ...]:
        from relaxpy.transform import Site

        return tuple(Site(*site) for site in self._kept.sites)

    @property
    def _kept(self) -> cache.Notes:
        if self._notes is None:
            self._notes = cache.notes_of(_rewritten(self.source))
        return self._notes


_started = time.time()
_programs: dict[int, Program] = {}
_lock = threading.RLock()


def program_of(function: FunctionType) -> Program:
    """The rewritten code of a function, made when first asked for.

    Code that was compiled once and is made into a function many times (a closure) is rewritten once.
    """
    key = id(function.__code__)
    program = _programs.get(key)
    if program is None:
        with _lock:
            program = _programs.get(key)
            if program is None:
                program = _programs[key] = _program(function)
                weakref.finalize(function.__code__, _programs.pop, key, None).atexit = False
    return program


def as_written(function: Any) -> Any:
    """The function with the code that its source says, if it has rewritten code; itself in any case, where that is possible."""
    from relaxpy.runtime import registry
    from relaxpy.runtime.installed import rewritten_with_module

    if type(function) is not FunctionType:
        return function
    if not (registry.is_rewritten(function.__code__) or rewritten_with_module(function)):
        return function
    source = function_source(function)
    code = compile_code(function, source, _Verbatim(source.text))
    if code.co_freevars != function.__code__.co_freevars:
        return function_of(Program(source, code), function)
    function.__code__ = code
    return function


def _program(function: FunctionType) -> Program:
    from relaxpy.runtime import registry
    from relaxpy.runtime.installed import hook_of, is_hooked

    source = function_source(function)
    hook = hook_of(function.__globals__)
    if hook is not None and is_hooked(function) and not getattr(function, "__relaxpy_hard__", False):
        return Program(source, function.__code__, cache.Notes(source.text, ()) if hook.is_ejected else None)
    if registry.is_rewritten(function.__code__):
        free = frozenset(name for name, value in _free_values(function) if not _is_runtime(value))
        return Program(replace(source, free_variables=free), function.__code__)
    _check_current(function, source)
    program = Program(source, *_kept_or_made(function, source))
    registry.mark(program.code)
    lines = program.text.splitlines(keepends=True)
    linecache.cache[program.name] = (len(program.text), None, lines, program.name)
    return program


def _kept_or_made(function: FunctionType, source: FunctionSource) -> tuple[CodeType, cache.Notes]:
    """Code and text from the store, or made and, if the source stands in a file, stored."""
    others = _others(function)
    if not os.path.isfile(source.filename):
        rewritten = _rewritten(source, others)
        return compile_code(function, source, rewritten), cache.notes_of(rewritten)
    code = function.__code__
    path = cache.path_of(source.filename, f"{source.qualname} {code.co_varnames[: code.co_argcount]}")
    what = (
        source.filename,
        source.first_line,
        source.columns,
        source.class_name,
        sorted(source.free_variables),
        sorted(others),
    )
    like = code.co_name, source.qualname, code.co_flags, code.co_firstlineno, code.co_freevars
    key = cache.key_of(source.text.encode(), *what, *like)
    kept = cache.load(path, key)
    if kept is None:
        rewritten = _rewritten(source, others)
        kept = compile_code(function, source, rewritten), cache.notes_of(rewritten)
        cache.save(path, key, *kept, source.filename)
    return kept


def _free_values(function: FunctionType) -> Iterator[tuple[str, object]]:
    """The names that a function takes from functions around it, with their values as far as they have one."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            yield name, None


def _is_runtime(value: object) -> bool:
    return isinstance(value, ModuleType) and value.__name__ == "relaxpy.runtime"


def _others(function: FunctionType) -> frozenset[str]:
    """Globals that look like rewritten code's name for the runtime, and are the user's own."""
    found = ((name, function.__globals__.get(name)) for name in function.__globals__ if name.startswith("_rt"))
    return frozenset(name for name, value in found if not _is_runtime(value))


def _rewritten(source: FunctionSource, others: frozenset[str] = frozenset()) -> Rewritten:
    from relaxpy.transform import rewrite

    return rewrite(
        source.text,
        filename=source.filename,
        first_line=source.first_line,
        class_name=source.class_name,
        free_variables=source.free_variables,
        strip_decorators=True,
        others=others,
    )


@dataclass(frozen=True)
class _Verbatim:
    """Text as it stands in the file."""

    text: str
    runtime_name: str = ""

    def origin(self, line: int, column: int) -> tuple[int, int, bool]:
        return line, column, True


def _check_current(function: FunctionType, source: FunctionSource) -> None:
    """Refuse a definition that was edited after the function was made: its new text would silently run instead.

    Only files that changed while this process runs can be such, and texts in `linecache` that others take the names of:
    their definitions are compiled as they are to compare.
    """
    try:
        changed = os.stat(source.filename).st_mtime
    except OSError:
        changed = math.inf
    if changed >= _started and not any(_same(function.__code__, code) for code in _as_it_stands(function, source)):
        raise RelaxError(
            f"the source of `{function.__qualname__}` has changed since it was imported",
            file=source.filename,
            line=source.first_line,
            remedy="import it anew, or start again",
        )


def _as_it_stands(function: FunctionType, source: FunctionSource) -> Iterator[CodeType]:
    """The definition as it would be compiled: alone, and in its file, where methods of imported modules are called otherwise."""
    code = function.__code__
    yield compile_code(function, source, _Verbatim(source.text))
    text = "".join(linecache.getlines(source.filename, function.__globals__))
    try:
        pending = [compile(text, source.filename, "exec", flags=code.co_flags & FUTURE_FLAGS, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return
    while pending:
        outer = pending.pop()
        if outer.co_firstlineno == code.co_firstlineno and outer.co_name == code.co_name:
            yield outer
        pending += [inner for inner in outer.co_consts if isinstance(inner, CodeType)]


def _same(one: object, two: object) -> bool:
    if not (isinstance(one, CodeType) and isinstance(two, CodeType)):
        # An int is no bool and 0.0 is not -0.0, but a set has no order.
        return type(one) is type(two) and (repr(one) == repr(two) or isinstance(one, frozenset) and one == two)
    consts = len(one.co_consts) == len(two.co_consts) and all(map(_same, one.co_consts, two.co_consts))
    fields = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")
    return consts and all(getattr(one, field) == getattr(two, field) for field in fields)


def function_of(program: Program, function: FunctionType) -> FunctionType:
    """The program as a function with all that belongs to this one: globals, cells, defaults, names, attributes."""
    import relaxpy.runtime

    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    runtime = CellType(relaxpy.runtime)
    closure = tuple(cells.get(name, runtime) for name in program.code.co_freevars)
    result = FunctionType(program.code, function.__globals__, function.__name__, function.__defaults__, closure)
    result.__kwdefaults__ = function.__kwdefaults__
    result.__annotations__ = function.__annotations__
    result.__doc__ = function.__doc__
    result.__module__ = function.__module__
    result.__qualname__ = function.__qualname__
    result.__dict__.update(function.__dict__)
    if sys.version_info >= (3, 12):
        result.__type_params__ = function.__type_params__
    return result

"""From rewritten text to a live function that Python's tools take for the user's own.

The new function has the old one's globals, cells, defaults and names. Its code carries the user's file, lines and, where the
text is untouched, columns; so tracebacks, breakpoints and coverage show what the user wrote.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from relaxpy.errors import RelaxError
from relaxpy.relocation import Text, relocate
from relaxpy.source import FunctionSource, function_source

if TYPE_CHECKING:
    from relaxpy.transform import Rewritten

__all__ = ["Program", "compile_code", "function_of", "program_of", "rewrite_function"]

# No identifier of the user's can be this, and no name of a nested function can start with it by accident.
_FACTORY = "relaxpy factory"
_FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag
_FUTURE_FLAGS &= ~inspect.CO_NESTED  # the flag of `nested_scopes` once, of nested code now


@dataclass(frozen=True)
class Program:
    """A function's rewritten code: shared by all functions made from the same definition.

    ``text`` is the rewritten source, also kept in `linecache` as ``name``.
    """

    source: FunctionSource
    rewritten: Rewritten
    code: CodeType

    @property
    def text(self) -> str:
        return self.rewritten.text

    @property
    def name(self) -> str:
        return f"<relaxpy {self.source.filename}:{self.source.qualname}>"


_started = time.time()
_programs: dict[int, Program] = {}
_lock = threading.RLock()


def rewrite_function(function: FunctionType) -> FunctionType:
    """The rewritten function: source, rewrite, compile, make, in this order.

    Code that was compiled once and is made into a function many times (a closure) is rewritten once.
    """
    return function_of(program_of(function), function)


def program_of(function: FunctionType) -> Program:
    """The rewritten code of a function, made when first asked for."""
    key = id(function.__code__)
    program = _programs.get(key)
    if program is None:
        with _lock:
            program = _programs.get(key)
            if program is None:
                program = _programs[key] = _program(function)
                weakref.finalize(function.__code__, _programs.pop, key, None).atexit = False
    return program


def _program(function: FunctionType) -> Program:
    from relaxpy.runtime import registry
    from relaxpy.transform import rewrite

    source = function_source(function)
    _check_current(function, source)
    rewritten = rewrite(
        source.text,
        filename=source.filename,
        first_line=source.first_line,
        class_name=source.class_name,
        free_variables=source.free_variables,
        strip_decorators=True,
    )
    program = Program(source, rewritten, compile_code(function, source, rewritten))
    registry.mark(program.code)
    lines = program.text.splitlines(keepends=True)
    linecache.cache[program.name] = (len(program.text), None, lines, program.name)
    return program


@dataclass(frozen=True)
class _Verbatim:
    """Text as it stands in the file."""

    text: str
    runtime_name: str = ""

    def origin(self, line: int, column: int) -> tuple[int, int, bool]:
        return line, column, True


def _check_current(function: FunctionType, source: FunctionSource) -> None:
    """Refuse a definition that was edited after the function was made: its new text would silently run instead.

    Only files that changed while this process runs can be such; their definitions are compiled as they are to compare.
    """
    try:
        changed = os.stat(source.filename).st_mtime
    except OSError:
        return
    if changed >= _started and not _same(function.__code__, compile_code(function, source, _Verbatim(source.text))):
        raise RelaxError(
            f"the source of `{function.__qualname__}` has changed since it was imported",
            file=source.filename,
            line=source.first_line,
            remedy="import it anew, or start again",
        )


def _same(one: object, two: object) -> bool:
    if not (isinstance(one, CodeType) and isinstance(two, CodeType)):
        # An int is no bool and 0.0 is not -0.0, but a set has no order.
        return type(one) is type(two) and (repr(one) == repr(two) or isinstance(one, frozenset) and one == two)
    consts = len(one.co_consts) == len(two.co_consts) and all(map(_same, one.co_consts, two.co_consts))
    fields = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")
    return consts and all(getattr(one, field) == getattr(two, field) for field in fields)


def compile_code(function: FunctionType, source: FunctionSource, rewritten: Text) -> CodeType:
    """The code of the rewritten definition, as if the user's file had held it.

    It stands in a factory whose parameters are the runtime's name and the function's free variables, inside a class of
    the right name if it came from one: so free variables, private names and ``super()`` mean what they mean in the file.
    """
    tree = ast.parse(rewritten.text)
    definition = _definition(tree)
    relocate(definition, source, rewritten)
    _strip(definition)
    original = function.__code__
    if not isinstance(definition, ast.Lambda) and original.co_firstlineno < definition.lineno:
        # Code starts at its first decorator; this one is never called, since the factory never is.
        first = original.co_firstlineno
        definition.decorator_list = [ast.Constant(None, lineno=first, end_lineno=first, col_offset=0, end_col_offset=0)]
    module = _in_factory(definition, source.class_name, [rewritten.runtime_name, *original.co_freevars])
    flags = original.co_flags & _FUTURE_FLAGS
    code = compile(module, original.co_filename, "exec", flags=flags, dont_inherit=True)
    inner = next((c for c in codes(code) if c.co_name == original.co_name and c.co_flags & 1), None)
    if inner is None:
        raise RelaxError(f"the rewritten text of `{function.__qualname__}` does not define it")
    flags = inner.co_flags & ~inspect.CO_NESTED | original.co_flags & inspect.CO_NESTED
    nested = f"{_FACTORY}.<locals>." + (f"{source.class_name}." if source.class_name else "") + original.co_name
    return _renamed(inner.replace(co_flags=flags), nested, getattr(original, "co_qualname", function.__qualname__))


def _definition(tree: ast.Module) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda:
    first = tree.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Lambda):
        return first.value
    if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return first
    raise RelaxError(f"a definition was rewritten to `{ast.unparse(first)}`, which is none")


def _strip(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
    """Drop what belongs to the making of a function, which never happens here, and not to its code."""
    arguments = definition.args
    arguments.defaults = []
    arguments.kw_defaults = [None] * len(arguments.kwonlyargs)
    for part in ast.walk(arguments):
        if isinstance(part, ast.arg):
            part.annotation = None
    if not isinstance(definition, ast.Lambda):
        definition.decorator_list = []
        definition.returns = None
        if sys.version_info >= (3, 12):
            definition.type_params = []


def _in_factory(
    definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, class_name: str | None, names: list[str]
) -> ast.Module:
    isolated: ast.stmt
    isolated = ast.copy_location(ast.Expr(definition), definition) if isinstance(definition, ast.Lambda) else definition
    body: list[ast.stmt] = [isolated]
    if class_name is not None:
        body = [_parsed(f"class {class_name}: pass", ast.ClassDef, body)]
        if class_name not in names:
            # The class statement must not make the name a local one.
            body.insert(0, ast.Global([class_name]))
    elif not isinstance(definition, ast.Lambda) and definition.name not in names:
        # Nor must the definition: a function that calls itself finds itself where it always did.
        body.insert(0, ast.Global([definition.name]))
    # In a class, `__class__` is the class's own cell; elsewhere it is a parameter like any other.
    names = [name for name in names if name and (name != "__class__" or class_name is None)]
    factory = _parsed(f"def factory({', '.join(names)}): pass", ast.FunctionDef, body)
    factory.name = _FACTORY
    return ast.fix_missing_locations(ast.Module([factory], []))


_Block = TypeVar("_Block", ast.ClassDef, ast.FunctionDef)


def _parsed(text: str, kind: type[_Block], body: list[ast.stmt]) -> _Block:
    """A statement with another body; parsed, since its fields are not the same in all versions of Python."""
    statement = ast.parse(text).body[0]
    if not isinstance(statement, kind):
        raise TypeError(statement)
    statement.body = body
    return statement


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are nested in it, outermost first."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def _renamed(code: CodeType, prefix: str, qualname: str) -> CodeType:
    """The code with the qualified names that its nested functions and classes have in the file."""

    def renamed(constant: object) -> object:
        if isinstance(constant, CodeType):
            return _renamed(constant, prefix, qualname)
        if isinstance(constant, str) and constant.startswith(prefix):
            return qualname + constant[len(prefix) :]
        return constant

    changes: dict[str, Any] = {"co_consts": tuple(renamed(constant) for constant in code.co_consts)}
    if sys.version_info >= (3, 11):
        changes["co_qualname"] = renamed(code.co_qualname)
    return code.replace(**changes)


def function_of(program: Program, function: FunctionType) -> FunctionType:
    """The program as a function with all that belongs to this one: globals, cells, defaults, names, attributes."""
    import relaxpy.runtime

    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    runtime = CellType(relaxpy.runtime)
    closure = tuple(runtime if n == program.rewritten.runtime_name else cells[n] for n in program.code.co_freevars)
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

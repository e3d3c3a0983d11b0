"""From rewritten text to code that Python's tools take for the user's own.

It carries the user's file, lines and, where the text is untouched, columns; so tracebacks, breakpoints and coverage show
what the user wrote.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import sys
from types import CodeType, FunctionType
from typing import Any, TypeVar

from relaxpy.codes import codes
from relaxpy.definitions import FunctionSource
from relaxpy.errors import RelaxError
from relaxpy.relocation import Text, relocate

__all__ = ["FUTURE_FLAGS", "compile_code"]

# No identifier of the user's can be this, and no name of a nested function can start with it by accident.
_FACTORY = "relaxpy factory"
FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag
FUTURE_FLAGS &= ~inspect.CO_NESTED  # the flag of `nested_scopes` once, of nested code now


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
    flags = original.co_flags & FUTURE_FLAGS
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

"""Rewritten copies of modules, which take the places of the originals while this process runs."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.machinery
import importlib.util
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import relaxpy
import relaxpy.runtime
from relaxpy.definitions import module_source
from relaxpy.programs import function_of, program_of
from relaxpy.relocation import relocate
from relaxpy.transform import Rewritten, rewrite

__all__ = ["WAYS", "compiled", "decoded", "install"]

# Modules are relaxed by the import hook; or function by function, as `relax` does; or their text is merely rewritten.
WAYS = ("hook", "functions", "text")


def decoded(path: Path) -> str:
    with tokenize.open(path) as file:
        return file.read()


def compiled(text: str, path: str) -> tuple[CodeType, Rewritten]:
    """The code of the rewritten text, with the lines of the original."""
    rewritten = rewrite(text, filename=path)
    tree = ast.parse(rewritten.text)
    relocate(tree, module_source(text, path), rewritten)
    code: CodeType = compile(tree, path, "exec", dont_inherit=True)
    return code, rewritten


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the rewritten copy of a module.

    The runtime is a builtin to it, so that the module's namespace holds nothing that the original's does not.
    """

    runtime: ModuleType

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code, rewritten = compiled(decoded(Path(path)), path)
        setattr(builtins, rewritten.runtime_name, self.runtime)
        return code


class _FunctionLoader(importlib.machinery.SourceFileLoader):
    """Loads a module, and then rewrites its functions one by one, as the decorator does."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        for owner, name, function in list(_functions(module)):
            setattr(owner, name, function)


def _functions(module: ModuleType) -> Iterator[tuple[Any, str, Any]]:
    """The functions of a module and of its classes, rewritten; where, and under which names they stand there."""
    owners: list[Any] = [module]
    for owner in owners:
        for name, value in list(vars(owner).items()):
            inner = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            if isinstance(inner, FunctionType) and inner.__code__.co_filename == module.__file__:
                rewritten = function_of(program_of(inner), inner)
                yield owner, name, rewritten if value is inner else type(value)(rewritten)
            elif isinstance(value, type) and value.__module__ == module.__name__ and value not in owners:
                owners.append(value)


class _Finder:
    """Finds the copies."""

    def __init__(self, names: Sequence[str], loader: type[importlib.machinery.SourceFileLoader]) -> None:
        self.names = frozenset(names)
        self.loader = loader

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self.names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise ImportError(f"{name} is no Python source")
        spec.loader = self.loader(name, spec.origin)
        return spec


def install(names: Sequence[str], way: str, runtime: ModuleType = relaxpy.runtime) -> None:
    """Import rewritten copies of these modules, whoever has imported the originals before."""
    originals = [sys.modules.get(name) for name in names]
    if way == "hook":
        relaxpy.install(*names)
    else:
        _Loader.runtime = runtime
        sys.meta_path.insert(0, _Finder(names, _FunctionLoader if way == "functions" else _Loader))  # type: ignore[arg-type]
    for name, original in zip(names, originals, strict=True):
        if name not in sys.modules or sys.modules[name] is original:  # not by a package that imports it
            _import_anew(name)


def _import_anew(name: str) -> None:
    """Import a module again; the original stays in its place until the code of the copy is made, which may need it."""
    package, _, stem = name.rpartition(".")
    path = importlib.import_module(package).__path__ if package else None
    specs = (finder.find_spec(name, path) for finder in sys.meta_path)
    spec = next(spec for spec in specs if spec is not None)
    loader: Any = spec.loader
    code = loader.get_code(name)
    for key in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
        del sys.modules[key]
    loader.get_code = lambda _: code
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if package:
        setattr(sys.modules[package], stem, module)

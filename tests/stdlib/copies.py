"""Rewritten copies of modules, which take the places of the originals while this process runs."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.machinery
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from relaxpy.compiler import rewrite_function
from relaxpy.relocation import relocate
from relaxpy.source import FunctionSource
from relaxpy.transform import Rewritten, rewrite

__all__ = ["compiled", "decoded", "install"]


def decoded(path: Path) -> str:
    with tokenize.open(path) as file:
        return file.read()


def compiled(text: str, path: str) -> tuple[CodeType, Rewritten]:
    """The code of the rewritten text, with the lines of the original."""
    rewritten = rewrite(text, filename=path)
    lines = text.splitlines(keepends=True) or [""]
    whole = FunctionSource(text, path, 1, (0,) * len(lines), "", "", None, frozenset(), tuple(lines))
    tree = ast.parse(rewritten.text)
    relocate(tree, whole, rewritten)
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
                rewritten = rewrite_function(inner)
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


def install(names: Sequence[str], runtime: ModuleType, one_by_one: bool = False) -> None:
    """Import rewritten copies of these modules, whoever has imported the originals before."""
    for name in [key for key in sys.modules if any(key == m or key.startswith(m + ".") for m in names)]:
        del sys.modules[name]
    _Loader.runtime = runtime
    sys.meta_path.insert(0, _Finder(names, _FunctionLoader if one_by_one else _Loader))  # type: ignore[arg-type]
    for name in names:
        importlib.import_module(name)

"""Loaders that relax what they load.

A loader's class is extended, and its instance copied into the extended class, so that all else stays what it was: its type as
others check it, its data, its resources, and what it does to the code itself.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib.util
import io
import threading
import warnings
import zipimport
from collections.abc import Iterator
from importlib.machinery import (
    BuiltinImporter,
    ExtensionFileLoader,
    FrozenImporter,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import CodeType, ModuleType
from typing import Any

from relaxpy import hooked
from relaxpy.errors import RelaxWarning

__all__ = ["relaxing"]


class _Relaxing:
    """What is added to the class of a loader whose module is relaxed."""

    def get_code(self: Any, fullname: str) -> CodeType | None:
        source = _source(self, fullname)
        code = None if source is None else hooked.code_of(*source)
        return super().get_code(fullname) if code is None else code  # type: ignore[misc]


class _RelaxingFurther(_Relaxing):
    """For loaders that make code in their own way, and keep it under their own names, which relaxed code must not take."""

    def get_code(self: Any, fullname: str) -> CodeType | None:
        code: CodeType | None = super(_Relaxing, self).get_code(fullname)  # type: ignore[misc]
        return code

    def path_stats(self, path: str) -> Any:
        raise OSError(f"no bytecode of the relaxed {path} is kept by this loader")

    def source_to_code(self, data: Any, path: str = "<string>", *args: Any, **kwargs: Any) -> Any:
        make = super().source_to_code  # type: ignore[misc]
        source = _encoded(data) if isinstance(data, str) else data
        if not isinstance(source, bytes) or hooked.opted_out(source, path):
            return make(data, path, *args, **kwargs)
        tree = hooked.relaxed_tree(source, path)
        try:
            return make(tree, path, *args, **kwargs)
        except TypeError:  # it takes text alone, which it parses
            with _parsed_as(tree, path, make):
                return make(data, path, *args, **kwargs)


@contextlib.contextmanager
def _parsed_as(tree: ast.Module, file: str, function: Any) -> Iterator[None]:
    """A region in which a function's module gets this tree where it parses the file."""
    namespace, thread = function.__globals__, threading.get_ident()
    missing = object()
    outer = namespace.get("compile", missing)
    inner = compile if outer is missing else outer

    def compiled(source: Any, filename: Any, mode: str, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
        if flags & ast.PyCF_ONLY_AST and filename == file and threading.get_ident() == thread:
            return tree
        return inner(source, filename, mode, flags, *args, **kwargs)

    namespace["compile"] = compiled
    try:
        yield
    finally:
        if outer is missing:
            del namespace["compile"]
        else:
            namespace["compile"] = outer


class _RelaxingAssertions(_Relaxing):
    """pytest's loader, which explains asserts."""

    def exec_module(self: Any, module: ModuleType) -> None:
        from pathlib import Path

        from _pytest.assertion.rewrite import rewrite_asserts

        file = module.__spec__.origin  # type: ignore[union-attr]
        assert file is not None
        source = Path(file).read_bytes()
        if hooked.opted_out(source, file):
            super().exec_module(module)  # type: ignore[misc]
            return
        self._rewritten_names[module.__name__] = Path(file)
        tree = hooked.relaxed_tree(source, file, plain_asserts=True)
        rewrite_asserts(tree, source, file, self.config)
        exec(compile(tree, file, "exec", dont_inherit=True), module.__dict__)


def _source(loader: Any, fullname: str) -> tuple[bytes, str] | None:
    """Source and file of the module that a loader loads; None, and a warning, if it has no source."""
    file = loader.get_filename(fullname)
    if not file.endswith((".py", ".pyw")):
        text = loader.get_source(fullname)
        source = None if text is None else _encoded(text)
    else:
        try:
            source = loader.get_data(file)
        except OSError:  # a zip file may hold bytecode alone
            source = None
    if source is None:
        _warn_of_plain(fullname, _NO_SOURCE)
        return None
    return source, file


def _encoded(text: str) -> bytes:
    """The bytes of a source that was decoded."""
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)
    return text.encode(encoding)


_NO_SOURCE = "it has no Python source"


def _warn_of_plain(name: str, why: str) -> None:
    """Say that code of Python's stays as it is, though its module was named."""
    warnings.warn(f"the module {name} is not relaxed: {why}", RelaxWarning, stacklevel=4)


def relaxing(loader: Any, name: str) -> Any:
    """A loader of the same kind that also relaxes the module of this name; the same one if that cannot be."""
    kind = loader if isinstance(loader, type) else type(loader)
    if isinstance(loader, _Relaxing):
        return loader
    if isinstance(loader, importlib.util.LazyLoader):
        loader.loader = relaxing(loader.loader, name)  # type: ignore[attr-defined]
        return loader
    mixin = _mixin(kind)
    if mixin is None:
        if issubclass(kind, (SourcelessFileLoader, FrozenImporter)):
            _warn_of_plain(name, _NO_SOURCE)
        elif not issubclass(kind, (BuiltinImporter, ExtensionFileLoader)) and "NamespaceLoader" not in kind.__name__:
            _warn_of_plain(name, f"its loader, {kind.__qualname__}, gives no access to its code")
        return loader
    made = copy.copy(loader)
    made.__class__ = _relaxing_class(mixin, kind)
    return made


def _mixin(kind: type) -> type[_Relaxing] | None:
    if kind in (SourceFileLoader, zipimport.zipimporter):
        return _Relaxing
    if hasattr(kind, "source_to_code") and hasattr(kind, "get_code"):
        return _RelaxingFurther
    if kind.__name__ == "AssertionRewritingHook":
        return _RelaxingAssertions
    return None


_classes: dict[type, type] = {}


def _relaxing_class(mixin: type[_Relaxing], kind: type) -> type:
    if kind not in _classes:
        _classes[kind] = type(f"Relaxing{kind.__name__}", (mixin, kind), {"__module__": __name__})
    return _classes[kind]

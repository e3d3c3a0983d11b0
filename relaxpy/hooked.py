"""A relaxed module: its source becomes the code that runs instead, taken from the store where it can be.

Functions of the module are rewritten and get a gate each; the module's own statements stay as they are.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import linecache
import threading
import warnings
from collections.abc import Collection, Iterator
from types import CodeType

from relaxpy import cache
from relaxpy.deep import with_room
from relaxpy.definitions import module_source
from relaxpy.errors import RelaxSyntaxError, RelaxWarning

__all__ = ["code_of", "imported_to_rewrite", "listed", "load_rewriter", "opted_out", "relaxed_tree", "text_name"]


def text_name(file: str) -> str:
    """The name under which `linecache` knows the rewritten text of a file."""
    return f"{file} (relaxed)"


def opted_out(source: bytes, file: str) -> bool:
    """Does the module say ``__relaxpy__ = False``?"""
    if b"__relaxpy__" not in source:
        return False
    for statement in _parsed(source, file).body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == "__relaxpy__" for target in targets):
            value = statement.value
            if not (isinstance(value, ast.Constant) and isinstance(value.value, bool)):
                raise RelaxSyntaxError(
                    "`__relaxpy__` says whether a module is relaxed, before any of it runs",
                    remedy="write `__relaxpy__ = False` or `__relaxpy__ = True`",
                    file=file,
                    line=statement.lineno,
                    column=statement.col_offset,
                )
            return not value.value
    return False


def code_of(source: bytes, file: str) -> CodeType | None:
    """The code of a relaxed module: from the store, or made and stored; None if the module opted out."""
    path, key = cache.path_of(file), cache.key_of(source, file)
    code = cache.load_code(path, key)
    if code is None:
        if opted_out(source, file):
            return None
        code, notes = with_room(_compiled, source, file)
        cache.save(path, key, code, notes, file)
    linecache.cache[text_name(file)] = (lambda: rewritten_text(source, file),)
    return code


def rewritten_text(source: bytes, file: str) -> str:
    """The text that a module was rewritten to."""
    kept = cache.load(cache.path_of(file), cache.key_of(source, file))
    return (kept or with_room(_relaxed, source, file))[1].text


def relaxed_tree(source: bytes, file: str, *, plain_asserts: bool = False) -> ast.Module:
    """The tree of a relaxed module, every node in the user's own place, for loaders that change it further."""
    return with_room(_relaxed, source, file, plain_asserts)[0]


def _compiled(source: bytes, file: str) -> tuple[CodeType, cache.Notes]:
    tree, notes = _relaxed(source, file)
    return compile(tree, file, "exec", dont_inherit=True), notes


_rewriting = threading.local()


def imported_to_rewrite(name: str) -> bool:
    """Is this thread rewriting a module, so that what it imports is not the user's?"""
    names: list[str] | None = getattr(_rewriting, "names", None)
    if names is not None:
        names.append(name)
    return names is not None


@contextlib.contextmanager
def _as_rewriting(besides: str = "") -> Iterator[None]:
    if getattr(_rewriting, "names", None) is not None:
        yield
        return
    names = _rewriting.names = list[str]()
    try:
        yield
    finally:
        _rewriting.names = None
    names = [name for name in names if name != besides]
    if names:
        message = f"imported by the rewriter itself, and so not relaxed: {listed(names)}; import them before all others"
        warnings.warn(message, RelaxWarning, stacklevel=2)


def listed(names: Collection[str]) -> str:
    """Some names of modules, for a message."""
    return ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")


def load_rewriter(besides: str) -> None:
    """Import all that rewrites, so that it has its own of a module that it needs, besides the one that is relaxed."""
    with _as_rewriting(besides):
        import relaxpy.gates
        import relaxpy.relocation
        import relaxpy.transform  # noqa: F401


def _relaxed(source: bytes, file: str, plain_asserts: bool = False) -> tuple[ast.Module, cache.Notes]:
    with _as_rewriting():
        return _rewritten(source, file, plain_asserts)


def _rewritten(source: bytes, file: str, plain_asserts: bool) -> tuple[ast.Module, cache.Notes]:
    from relaxpy.gates import add_gates, free_names
    from relaxpy.relocation import relocate
    from relaxpy.transform import rewrite
    from relaxpy.transform.already import imports_runtime

    _parsed(source, file)  # Python's own errors and warnings first
    text = importlib.util.decode_source(source)
    rewritten = rewrite(text, filename=file, plain_asserts=plain_asserts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python has given them for the original
        tree = ast.parse(rewritten.text, file)
    free = free_names(tree, rewritten.text)
    relocate(tree, module_source(text, file), rewritten)
    if not imports_runtime(tree, rewritten.runtime_name):  # else it is rewritten already, and calls the runtime itself
        add_gates(tree, rewritten.runtime_name, free)
    return tree, cache.notes_of(rewritten)


def _parsed(source: bytes, file: str) -> ast.Module:
    return ast.parse(source, file)

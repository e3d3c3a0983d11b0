"""`install`: modules whose functions are relaxed when they are imported, with no decorator.

The finder asks the other finders where a module is, and replaces the class of the loader that they name by one that also
relaxes (see `relaxpy.loaders`). So zip files, editable installs and other import hooks work as they do without relaxpy.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from relaxpy import hooked
from relaxpy.children import STARTERS, tell_children
from relaxpy.errors import RelaxError, RelaxWarning
from relaxpy.loaders import relaxing
from relaxpy.runtime import installed
from relaxpy.runtime.installed import Installation, hook_of
from relaxpy.runtime.settings import Settings, checked

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Installed", "install"]


def install(*patterns: str, **options: Unpack[Settings]) -> Installed:
    """Relax modules as they are imported: every function in them behaves as if it were decorated with `relax`.

        relaxpy.install("research.algos", beta=20.0)
        from research.algos import shortest_path        # relaxed, with the modules below research.algos

    ``patterns`` are names of modules and packages, or globs of such names (``"research.*_algos"``); the options are those of
    `relaxpy.options`. Code at the top level of a module stays as it is, and so do a function that is decorated with
    `relaxpy.hard` and a module that says ``__relaxpy__ = False``. The result undoes it, by ``.uninstall()`` or at the end of
    a ``with`` block: modules that are imported from then on stay as they are.
    """
    settings = checked(options)
    names = _checked_patterns(patterns)
    return Installed(Installation(names, settings))


class Installed:
    """A handle of what `install` did."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        _add(installation)
        _warn_of_imported(installation)

    def uninstall(self) -> None:
        """Relax no more modules for this installation, and forget its options; a second time does nothing."""
        installed.remove(self._installation)
        if not installed.active():
            _finder.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstall()

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self._installation.settings.items())
        return f"<relaxpy.install({', '.join(map(repr, self._installation.patterns))}{settings})>"


def _add(installation: Installation) -> None:
    installed.add(installation)
    _finder.keep_first()
    if "multiprocessing.spawn" in sys.modules:
        tell_children()


def install_again(sent: bytes) -> None:
    """Install what the process had installed that started this one; see `relaxpy.children`."""
    import pickle

    try:
        for patterns, settings in pickle.loads(sent):
            _add(Installation(patterns, settings))
    except Exception as error:  # whatever the user's own objects raise
        message = f"relaxpy.install of the parent process has no effect here: {type(error).__name__}: {error}"
        warnings.warn(message, RelaxWarning, stacklevel=2)


def _checked_patterns(patterns: Iterable[object]) -> tuple[str, ...]:
    found: list[str] = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            remedy = "give its name, before it is imported" if isinstance(pattern, ModuleType) else ""
            raise RelaxError(f"install takes names of modules, not {pattern!r}", remedy=remedy)
        name = pattern.strip()
        if "/" in name or "\\" in name or name.endswith(".py"):
            stem = name.removesuffix(".py").strip("./\\").replace("/", ".").replace("\\", ".")
            raise RelaxError(f"install takes names of modules, not files such as {name!r}", remedy=f"write {stem!r}")
        if not all(part.replace("*", "a").replace("?", "a").isidentifier() or "[" in part for part in name.split(".")):
            raise RelaxError(f"{pattern!r} is no name of a module", remedy="write names such as 'package.module'")
        found.append(name)
    if not found:
        raise RelaxError("install was given no module", remedy="name one: relaxpy.install('package.module')")
    return tuple(found)


def _warn_of_imported(installation: Installation) -> None:
    late = [
        name
        for name, module in list(sys.modules.items())
        if installation.matches(name) and not _is_settled(module) and _has_source(module)
    ]
    if late:
        message = f"imported already, and so not relaxed: {hooked.listed(late)}; call relaxpy.install before the import"
        warnings.warn(message, RelaxWarning, stacklevel=4)


def _is_settled(module: ModuleType) -> bool:
    """Is it relaxed, or does it say that it is not to be?"""
    names = getattr(module, "__dict__", {})
    return hook_of(names) is not None or names.get("__relaxpy__") is False


def _has_source(module: object) -> bool:
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    return isinstance(origin, str) and origin.endswith(".py") and not _is_ours(getattr(module, "__name__", ""))


def _is_ours(name: str) -> bool:
    """The rewriter cannot rewrite what it consists of."""
    top = name.partition(".")[0]
    return top in ("relaxpy", "libcst") and not name.startswith("relaxpy.algorithms")


def _is_needed_to_rewrite(name: str) -> bool:
    """May the rewriter import this module, too?"""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in ("yaml", "typing_extensions")


class _Finder:
    """Finds nothing itself; stands in front, so that it sees what the others find."""

    def __init__(self) -> None:
        self._asking = threading.local()

    def keep_first(self) -> None:
        if not isinstance(sys.meta_path, _MetaPath):
            sys.meta_path = _MetaPath(sys.meta_path)
        sys.meta_path.keep_first(self)

    def leave(self) -> None:
        if self in sys.meta_path:
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if sys.meta_path[0] is not self:
            self.keep_first()
        if fullname in STARTERS:
            tell_children()
        if not installed.matching(fullname) or _is_ours(fullname) or hooked.imported_to_rewrite(fullname):
            return None
        names: set[str] = self._asking.__dict__.setdefault("names", set())
        if fullname in names:  # another hook asks all finders, too
            return None
        names.add(fullname)
        try:
            spec = self._found_by_others(fullname, path, target)
        finally:
            names.discard(fullname)
        if spec is not None and spec.loader is not None:
            if fullname not in sys.modules and _is_needed_to_rewrite(fullname):
                hooked.load_rewriter(fullname)
                sys.modules.pop(fullname, None)  # the rewriter's
            spec.loader = relaxing(spec.loader, fullname)
        return spec

    def _found_by_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None

    def invalidate_caches(self) -> None:
        """Nothing is kept here."""


class _MetaPath(list[Any]):
    """`sys.meta_path` with one finder that stays in front of those that others insert there later."""

    _first: Any = None

    def keep_first(self, finder: Any) -> None:
        self._first = finder
        if finder in self:
            self.remove(finder)
        super().insert(0, finder)

    def insert(self, index: Any, finder: Any) -> None:
        super().insert(index, finder)
        if self._first in self and self[0] is not self._first:
            self.keep_first(self._first)


_finder = _Finder()

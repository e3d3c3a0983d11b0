"""Which modules are relaxed as a whole, and the options that were given for them.

A relaxed module carries a `Hook` in its namespace, put there by the first statement of its rewritten code. Its options
are looked up when a call begins, so that they can be changed, and never get into rewritten code.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from relaxpy.runtime import registry

__all__ = [
    "HOOK",
    "Hook",
    "Installation",
    "active",
    "add",
    "hook_of",
    "hooked",
    "is_hooked",
    "is_in_rewritten",
    "matching",
    "remove",
    "settings_in",
]

HOOK = "__relaxpy_hook__"
_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, eq=False)
class Installation:
    """Modules that someone asked to relax, by the patterns of their names, and with which options."""

    patterns: tuple[str, ...]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        if any(map(_is_glob, self.patterns)):
            import fnmatch  # noqa: F401 before this one asks whether that is to be relaxed

    def matches(self, name: str) -> bool:
        return any(_matches(pattern, name) for pattern in self.patterns)


def _matches(pattern: str, name: str) -> bool:
    """A module's name stands for all modules below it, too; `*` and the like match dots.

    >>> _matches("research", "research.algos"), _matches("research", "researcher"), _matches("*.algos", "research.algos")
    (True, False, True)
    """
    if name == pattern or name.startswith(pattern + "."):
        return True
    if not _is_glob(pattern):
        return False
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


_active: tuple[Installation, ...] = ()


def add(installation: Installation) -> None:
    global _active
    _active = (*_active, installation)


def remove(installation: Installation) -> None:
    global _active
    _active = tuple(other for other in _active if other is not installation)


def active() -> tuple[Installation, ...]:
    return _active


def matching(name: str) -> tuple[Installation, ...]:
    """The installations that name a module, the oldest first."""
    return tuple(installation for installation in _active if installation.matches(name))


class Hook:
    """Says that a module's functions are rewritten ones; ``file`` is the one that their code came from."""

    def __init__(self, namespace: Mapping[str, Any], file: str, runtime_name: str, *, is_ejected: bool = False) -> None:
        self.spec = namespace.get("__spec__")
        # A module that runs as a script is `__main__`, and yet known by its own name.
        self.name: str = getattr(self.spec, "name", None) or namespace.get("__name__", "__main__")
        self.file = file
        self.runtime_name = runtime_name
        self.is_ejected = is_ejected  # its source is the rewritten one
        self.recordables: dict[int, Any] = {}  # of functions that nobody decorated, by their code (see recordable.py)
        self._seen: tuple[Installation, ...] | None = None
        self._settings = _NONE

    @property
    def settings(self) -> Mapping[str, Any]:
        """The options of all installations that name the module; the last one wins."""
        if self._seen is not _active:
            self._settings = {k: v for one in matching(self.name) for k, v in one.settings.items()}
            self._seen = _active
        return self._settings

    def __repr__(self) -> str:
        return f"<hook of the relaxed module {self.name!r}>"


def hooked(runtime_name: str) -> None:
    """Called first by the code of a relaxed module, with its name for the runtime."""
    frame = sys._getframe(1)
    frame.f_globals[HOOK] = Hook(frame.f_globals, frame.f_code.co_filename, runtime_name)


def hook_of(namespace: Mapping[str, Any]) -> Hook | None:
    """The hook of a module, by its namespace; none where the module was loaded again without it, which leaves its names."""
    hook: Hook | None = namespace.get(HOOK)
    return hook if hook is not None and hook.spec is namespace.get("__spec__") else None


def settings_in(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that were installed for the code of a module, by its namespace."""
    hook = hook_of(namespace)
    return _NONE if hook is None else hook.settings


def is_hooked(function: FunctionType) -> bool:
    """Is this function one of a relaxed module's own? (Made from text at run time, it would have another file.)"""
    hook = hook_of(function.__globals__)
    return hook is not None and function.__code__.co_filename == hook.file


def rewritten_with_module(function: FunctionType) -> bool:
    """Does a relaxed module's function use the runtime? One that is hard by its decorator does not."""
    hook = hook_of(function.__globals__)
    return hook is not None and is_hooked(function) and _names(function.__code__, hook.runtime_name)


def is_in_rewritten(frame: FrameType) -> bool:
    """Does rewritten code run in a frame, of a function or of a relaxed module?"""
    code = frame.f_code
    if registry.is_rewritten(code):
        return True
    hook = hook_of(frame.f_globals)
    return hook is not None and code.co_filename == hook.file and hook.runtime_name in code.co_names


def _names(code: CodeType, name: str) -> bool:
    return name in code.co_names or any(_names(inner, name) for inner in code.co_consts if isinstance(inner, CodeType))

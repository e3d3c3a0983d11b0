"""Names: fresh ones that the source does not use, and private ones as classes mangle them."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["FreshNames", "identifiers", "mangled", "runtime_name"]

_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def identifiers(source: str) -> frozenset[str]:
    """All that looks like an identifier in a text (in strings and comments too, which does no harm)."""
    return frozenset(_IDENTIFIER.findall(source))


def runtime_name(taken: frozenset[str]) -> str:
    """The name by which the text calls the runtime: ``_rt``, or ``_rt_2``, ... where that is taken."""
    name, number = "_rt", 1
    while name in taken:
        number += 1
        name = f"_rt_{number}"
    return name


class FreshNames:
    """Names for the temporaries of one function: ``_if1``, ``_if2``, ``_loop1``, ..., none of them in the source."""

    __slots__ = ("_counts", "_taken", "made")

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = taken
        self._counts: dict[str, int] = {}
        self.made = False

    def numbered(self, stem: str) -> str:
        self.made = True
        while True:
            number = self._counts[stem] = self._counts.get(stem, 0) + 1
            name = f"_{stem}{number}"
            if name not in self._taken:
                return name

    def plain(self, stem: str) -> str:
        """``_frame``, or a numbered one where that is taken."""
        self.made = True
        return self.numbered(stem) if f"_{stem}" in self._taken else f"_{stem}"


def mangled(name: str, class_name: str | None) -> str:
    """The name as it is at run time: private ones of a class carry the class's.

    >>> mangled("__x", "_Cell"), mangled("__x__", "Cell"), mangled("__x", None)
    ('_Cell__x', '__x__', '__x')
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    if class_name is None or not name.startswith("__") or name.endswith("__") or not class_name.strip("_"):
        return name
    return f"_{class_name.lstrip('_')}{name}"

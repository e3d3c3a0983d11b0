"""The rewritten text as pieces: slices of the source, and new text that belongs to a place in the source.

So all that is not rewritten survives byte for byte, and every place in the result knows where it came from.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass

__all__ = ["Assembled", "Pieces", "line_starts", "lines_of"]

_LINE_END = re.compile(r"\r\n|\r|\n")


def line_starts(text: str) -> list[int]:
    """Offsets of the first characters of all lines."""
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def lines_of(text: str) -> list[str]:
    """The lines as Python sees them, with their ends: form feeds and the like break none."""
    starts = line_starts(text)
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)]) if start < end]


class Pieces:
    """A growing text. A piece is (start, end, None) for a slice of the source, (place, place, text) for new text."""

    __slots__ = ("items", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.items: list[tuple[int, int, str | None]] = []

    def copy(self, start: int, end: int) -> None:
        """Append a slice of the source."""
        if start >= end:
            return
        items = self.items
        if items:
            last_start, last_end, text = items[-1]
            if text is None and last_end == start:
                items[-1] = (last_start, end, None)
                return
        items.append((start, end, None))

    def new(self, text: str, place: int) -> None:
        """Append new text that belongs to a place of the source; a blank keeps words apart (`return(a) < b`)."""
        if self.items and text and (text[0].isalnum() or text[0] == "_"):
            last = self.last()
            if last.isalnum() or last == "_":
                text = " " + text
        self.items.append((place, place, text))

    def extend(self, other: Pieces) -> None:
        """Append other pieces."""
        for start, end, text in other.items:
            if text is None:
                self.copy(start, end)
            else:
                self.items.append((start, end, text))

    def last(self) -> str:
        """The last character so far."""
        _, end, text = self.items[-1]
        return self.source[end - 1] if text is None else text[-1:]

    def count_new(self) -> int:
        """How many of the pieces are new text."""
        return sum(text is not None for _, _, text in self.items)

    def is_plain(self) -> bool:
        """Is all of it one slice of the source?"""
        return len(self.items) <= 1 and all(text is None for _, _, text in self.items)

    def assemble(self) -> Assembled:
        texts: list[str] = []
        starts: list[int] = []
        length = 0
        for start, end, text in self.items:
            part = self.source[start:end] if text is None else text
            texts.append(part)
            starts.append(length)
            length += len(part)
        places = [start for start, _, _ in self.items]
        own = [text is None for _, _, text in self.items]
        return Assembled("".join(texts), starts, places, own)


@dataclass(frozen=True)
class Assembled:
    """The text, and where each of its pieces begins, in it and in the source, and whether it is a slice of the source."""

    text: str
    starts: list[int]
    places: list[int]
    own: list[bool]

    def origin(self, offset: int) -> tuple[int, bool]:
        """The offset in the source that an offset in the text came from; False if the text there is new."""
        k = max(bisect.bisect_right(self.starts, offset) - 1, 0)
        if not self.places:
            return 0, False
        if self.own[k]:
            return self.places[k] + offset - self.starts[k], True
        return self.places[k], False

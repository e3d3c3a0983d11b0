"""The rewritten text as pieces: slices of the original and new text, so that every place knows where it came from."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

# new text, a slice (start, end) of the source, or an anchor: new text from here on belongs to this offset
Piece: TypeAlias = "str | tuple[int, int] | int"
Pieces: TypeAlias = "list[Piece]"


@dataclass(frozen=True)
class Assembled:
    """The text, and for each of its stretches (start in text, start in source, whether it is the source's own)."""

    text: str
    starts: tuple[int, ...]
    sources: tuple[int, ...]
    own: tuple[bool, ...]

    def source_of(self, offset: int) -> tuple[int, bool]:
        """Offset in the source of an offset in the text; False if the text there is new."""
        k = bisect.bisect_right(self.starts, offset) - 1
        if k < 0:
            return 0, False
        if self.own[k]:
            return self.sources[k] + offset - self.starts[k], True
        return self.sources[k], False


def assemble(source: str, pieces: Iterable[Piece]) -> Assembled:
    """Put the pieces together."""
    texts: list[str] = []
    starts: list[int] = []
    sources: list[int] = []
    own: list[bool] = []
    length = anchor = 0
    for piece in pieces:
        if isinstance(piece, int):
            anchor = piece
            continue
        if isinstance(piece, str):
            text, start, is_own = piece, anchor, False
        else:
            text, start, is_own = source[piece[0] : piece[1]], piece[0], True
            anchor = max(piece[0], piece[1] - 1) if not text.endswith("\n") else piece[0]
        if text:
            starts.append(length)
            sources.append(start)
            own.append(is_own)
            texts.append(text)
            length += len(text)
    return Assembled("".join(texts), tuple(starts), tuple(sources), tuple(own))


def is_plain(pieces: Iterable[Piece]) -> bool:
    """Are the pieces nothing but the source itself?"""
    return all(isinstance(piece, tuple) for piece in pieces)

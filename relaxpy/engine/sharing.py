"""The function `share`, which each thread of a team runs: calls of a function, some by each thread (see threads.py).

It takes one pointer to 64-bit numbers: the addresses of what says the number of a thread, of what says how many there are, and
of the function; the number of parts, and where each begins and the last ends, among the addresses of parameters that follow.
A team may have fewer threads than there are parts.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from relaxpy.engine.vectors import INT32, INT64
from relaxpy.engine.writer import POINTER, VOID, Writer, i64

_NUMBER, _COUNT, _FUNCTION, _PARTS, _ENDS = range(5)


class Sharing:
    """Writes the function."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer

    def write(self) -> None:
        with self.w.function("share"):
            builder = self.w.builder
            kind = ir.FunctionType(VOID, [POINTER])
            function, parts = self._pointer(i64(_FUNCTION), kind.as_pointer()), self._word(i64(_PARTS))
            addresses = builder.add(parts, i64(_ENDS + 1))
            thread, threads = (self._asked(place) for place in (_NUMBER, _COUNT))

            def part(k: Any) -> None:
                own = builder.icmp_signed("==", builder.srem(k, threads), thread)
                first, end = (self._word(builder.add(k, i64(place))) for place in (_ENDS, _ENDS + 1))

                def call(j: Any) -> None:
                    parameters = self._pointer(builder.add(addresses, j))
                    builder.call(function, [parameters])

                self.w.loop(builder.select(own, end, first), call, start=first)

            self.w.loop(parts, part)

    def _word(self, place: Any) -> Any:
        return self.w.load_word(self.w.parameters, place, INT64)

    def _pointer(self, place: Any, kind: Any = POINTER) -> Any:
        return self.w.builder.inttoptr(self._word(place), kind)

    def _asked(self, place: int) -> Any:
        """What a function without arguments says."""
        found = self.w.builder.call(self._pointer(i64(place), ir.FunctionType(INT32, []).as_pointer()), [])
        return self.w.builder.sext(found, INT64)

"""The functions `spread_forward` and `spread_backward`: marks on instructions go to those that depend on them, or that they need.

``flags`` has a byte for each of ``count`` instructions (1: marked, 2: never to be marked); the operands of instruction k are
computed by the instructions ``sources[starts[k]:starts[k + 1]]`` (-1: by none).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from relaxpy.engine.vectors import INT64
from relaxpy.engine.writer import Writer, i64

_BYTE = ir.IntType(8)
_MARK = ir.Constant(_BYTE, 1)


class Marking:
    """Writes the two functions."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer

    def write(self) -> None:
        with self.w.function("spread_forward"):
            self._instructions(backward=False)
        with self.w.function("spread_backward"):
            self._instructions(backward=True)

    def _instructions(self, backward: bool) -> None:
        w, builder = self.w, self.w.builder
        flags, sources, starts = (w.pointer(name) for name in ("flags", "sources", "starts"))
        count = w.parameter("count")
        concerned = _MARK if backward else ir.Constant(_BYTE, 0)

        def instruction(i: Any) -> None:
            k = builder.sub(builder.sub(count, i64(1)), i) if backward else i
            first = w.load_word(starts, k, INT64)
            operands = builder.sub(w.load_word(starts, builder.add(k, i64(1)), INT64), first)
            own = builder.gep(flags, [k], source_etype=_BYTE)
            holds = builder.icmp_unsigned("==", builder.load(own, typ=_BYTE), concerned)

            def operand(j: Any) -> None:
                source = w.load_word(sources, builder.add(first, j), INT64)
                # what no instruction computes stands for the instruction itself, where a mark changes nothing
                place = builder.select(builder.icmp_signed("<", source, i64(0)), k, source)
                other = builder.gep(flags, [place], source_etype=_BYTE)
                if backward:
                    builder.store(_MARK, other)
                else:
                    marked = builder.icmp_unsigned("==", builder.load(other, typ=_BYTE), _MARK)
                    builder.store(builder.select(marked, _MARK, builder.load(own, typ=_BYTE)), own)

            w.loop(builder.select(holds, operands, i64(0)), operand)

        w.loop(count, instruction)

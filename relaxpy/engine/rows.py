"""Instructions as they are read by the kernel: which rows they name, and the groups of lanes of which rows are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from relaxpy.engine.instructions import CONSTANT, FRESH, SPACE_SHIFT
from relaxpy.engine.vectors import INT32, INT64, Vectors
from relaxpy.engine.writer import POINTER, Body, Row, Writer, i64

BLOCKS = (4, 2, 1)  # groups of lanes for which a list is gone through at once


class Rows:
    """Rows by name, and loops over their groups, for code that runs the instruction ``words``."""

    words: list[Any]

    def __init__(self, writer: Writer) -> None:
        self.w = writer
        self.m: Vectors = writer.m

    def _begin(self, backward: bool) -> None:
        w = self.w
        self.vector_bytes = self.m.width * self.m.bytes
        self.row_bytes = w.builder.mul(w.parameter("width"), i64(self.m.bytes))
        self.end, self.arguments = w.builder.mul(w.parameter("groups"), i64(self.vector_bytes)), w.pointer("arguments")
        shared = i64(self.vector_bytes)
        masks = (i64(-1), i64(-1), i64(0), i64(0))
        sizes = (self.row_bytes, self.row_bytes, shared, shared)
        self.values = self._spaces(("local", "saved", "uniform", "constant"), masks, sizes)
        if backward:
            # constants have no gradients; what is added to them goes to one row that nobody reads
            names = ("local_gradient", "saved_gradient", "uniform_gradient", "trash")
            self.gradients = self._spaces(names, (*masks[:3], i64(-1)), (*sizes[:3], i64(0)))

    def _spaces(self, names: tuple[str, ...], masks: tuple[Any, ...], sizes: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        """Where the four spaces begin, and the masks and sizes of their rows, where they can be indexed."""
        builder = self.w.builder
        starts = [self.w.parameter(name) for name in names]
        tables = []
        for column in (starts, masks, sizes):
            table = builder.alloca(INT64, size=ir.Constant(INT32, len(names)))
            for space, value in enumerate(column):
                builder.store(value, builder.gep(table, [i64(space)], source_etype=INT64))
            tables.append(table)
        return tables[0], tables[1], tables[2]

    def _row(self, name: Any, gradient: bool = False) -> Row:
        """The row of that name."""
        builder = self.w.builder
        space = builder.zext(builder.lshr(name, ir.Constant(INT32, SPACE_SHIFT)), INT64)
        number = builder.zext(builder.and_(name, ir.Constant(INT32, FRESH - 1)), INT64)
        start, mask, size = (
            self.w.load_word(table, space, INT64) for table in (self.gradients if gradient else self.values)
        )
        place = builder.inttoptr(builder.add(start, builder.mul(number, size)), POINTER)
        if not gradient:
            return Row(place, mask, size)
        fresh = builder.icmp_signed("!=", builder.and_(name, ir.Constant(INT32, FRESH)), ir.Constant(INT32, 0))
        return Row(place, mask, size, self.m.for_all(fresh))

    def _divided(self, row: Row) -> tuple[Row, Row]:
        """Where gradients of a row with lanes of its own go, and where those of one that all lanes share: one is a row of no use.

        What is added to one vector again and again would have to wait for the memory each time.
        """
        builder = self.w.builder
        unused = builder.inttoptr(self.w.load_word(self.gradients[0], i64(CONSTANT), INT64), POINTER)
        shares = builder.icmp_signed("==", row.mask, i64(0))
        own = row._replace(start=builder.select(shares, unused, row.start), mask=i64(-1))
        shared = row._replace(start=builder.select(shares, row.start, unused), mask=i64(0))
        return own, shared

    def _argument(self, index: Any, gradient: bool = False) -> Row:
        return self._row(self.w.load_word(self.arguments, index, INT32), gradient)

    def _groups(self, body: Body) -> None:
        """body(offset) for each group of lanes"""
        self.w.loop(self.end, body, step=self.vector_bytes)

    def _blocks(self, body: Callable[[list[Any]], None]) -> None:
        """body(offsets) for a few groups at a time, for which a list is gone through at once; fewer and fewer at the end."""
        w, start, left = self.w, i64(0), self.w.parameter("groups")
        for size in BLOCKS:
            blocks = w.builder.sdiv(left, i64(size))

            def block(k: Any, size: int = size, start: Any = start) -> None:
                first = w.builder.mul(w.builder.add(start, w.builder.mul(k, i64(size))), i64(self.vector_bytes))
                body([w.builder.add(first, i64(n * self.vector_bytes)) for n in range(size)])

            w.loop(blocks, block)
            done = w.builder.mul(blocks, i64(size))
            start, left = w.builder.add(start, done), w.builder.sub(left, done)

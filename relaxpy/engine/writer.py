"""Writes LLVM functions over rows of lanes: parameters, loops, loads and stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir

from relaxpy.engine.kernel_parameters import PLACES
from relaxpy.engine.vectors import INT64, Vector, Vectors

POINTER = ir.PointerType()
VOID = ir.VoidType()
_BYTE = ir.IntType(8)
Body = Callable[[Any], None]
Step = Callable[[Any, list[Vector]], list[Vector]]


class Row(NamedTuple):
    """Where a row begins; what offsets in it are masked with (0: one vector stands for all); its size in bytes.

    ``fresh``: a truth for each lane of a vector, whether what is added is to be stored.
    """

    start: Any
    mask: Any
    size: Any
    fresh: Any = None


def i64(value: int) -> Any:
    return ir.Constant(INT64, value)


class Writer:
    """Writes one function after the other into a module."""

    def __init__(self, module: Any, double: bool, width: int) -> None:
        self.module = module
        self.m = Vectors(module, double, width)
        self.functions: dict[str, Any] = {}

    @property
    def builder(self) -> Any:
        return self.m.builder

    @contextmanager
    def function(self, name: str, exported: bool = True) -> Iterator[None]:
        """A function of one pointer to the parameters."""
        function = ir.Function(self.module, ir.FunctionType(VOID, [POINTER]), name)
        if not exported:
            function.linkage = "internal"
        self.functions[name] = function
        self.m.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.parameters = function.args[0]
        yield
        self.builder.ret_void()

    def parameter(self, name: str) -> Any:
        return self.load_word(self.parameters, i64(PLACES[name]), INT64)

    def pointer(self, name: str) -> Any:
        return self.builder.inttoptr(self.parameter(name), POINTER)

    def set_parameter(self, name: str, value: Any) -> None:
        if value.type == POINTER:
            value = self.builder.ptrtoint(value, INT64)
        self.builder.store(value, self.builder.gep(self.parameters, [i64(PLACES[name])], source_etype=INT64))

    def load_word(self, base: Any, index: Any, kind: Any) -> Any:
        return self.builder.load(self.builder.gep(base, [index], source_etype=kind), typ=kind)

    def bytes_on(self, base: Any, count: Any) -> Any:
        return self.builder.gep(base, [count], source_etype=_BYTE)

    def floats_on(self, base: Any, count: Any) -> Any:
        return self.builder.gep(base, [count], source_etype=self.m.scalar)

    def loop(self, count: Any, body: Body, start: Any = None, step: int = 1) -> None:
        """for i in range(start, count, step): body(i), from 0 without a start"""
        builder, start = self.builder, i64(0) if start is None else start
        before = builder.block
        inside, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, start), inside, after)
        builder.position_at_end(inside)
        i = builder.phi(INT64)
        i.add_incoming(start, before)
        body(i)
        following = builder.add(i, i64(step))
        i.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        builder.position_at_end(after)

    def fold(self, count: Any, starts: list[Vector], step: Step, first: int = 0, by: int = 1) -> list[Vector]:
        """starts, then step(i, totals) for i in range(first, count, by)"""
        builder = self.builder
        before = builder.block
        inside, after = builder.append_basic_block("fold"), builder.append_basic_block("folded")
        builder.cbranch(builder.icmp_signed(">", count, i64(first)), inside, after)
        builder.position_at_end(inside)
        i, totals = builder.phi(INT64), [builder.phi(self.m.type) for _ in starts]
        results = step(i, [Vector(self.m, total) for total in totals])
        following = builder.add(i, i64(by))
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        i.add_incoming(i64(first), before)
        i.add_incoming(following, builder.block)
        inside = builder.block
        builder.position_at_end(after)
        found = []
        for total, start, result in zip(totals, starts, results):
            total.add_incoming(start.value, before)
            total.add_incoming(result.value, inside)
            last = builder.phi(self.m.type)
            last.add_incoming(start.value, before)
            last.add_incoming(result.value, inside)
            found.append(Vector(self.m, last))
        return found

    def _place(self, row: Row, offset: Any) -> Any:
        return self.bytes_on(row.start, self.builder.and_(offset, row.mask))

    def load(self, row: Row, offset: Any) -> Vector:
        loaded = self.builder.load(self._place(row, offset), typ=self.m.type)
        loaded.align = self.m.width * self.m.bytes
        return Vector(self.m, loaded)

    def store(self, row: Row, offset: Any, vector: Vector) -> None:
        stored = self.builder.store(vector.value, self._place(row, offset))
        stored.align = self.m.width * self.m.bytes

    def add_to(self, row: Row, offset: Any, vector: Vector) -> None:
        self.store(row, offset, self.m.select(row.fresh, 0.0, self.load(row, offset)) + vector)

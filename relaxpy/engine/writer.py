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


class Row(NamedTuple):
    """Where a row begins; what groups of lanes are masked with (0: one vector stands for all); its size in bytes."""

    start: Any
    mask: Any
    size: Any


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

    def loop(self, count: Any, body: Body) -> None:
        """for i in range(count): body(i)"""
        builder = self.builder
        before = builder.block
        inside, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, i64(0)), inside, after)
        builder.position_at_end(inside)
        i = builder.phi(INT64)
        i.add_incoming(i64(0), before)
        body(i)
        following = builder.add(i, i64(1))
        i.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        builder.position_at_end(after)

    def fold(self, count: Any, start: Vector, step: Callable[[Any, Vector], Vector]) -> Vector:
        """start, then step(i, total) for i in range(count), count > 0"""
        builder = self.builder
        before = builder.block
        inside, after = builder.append_basic_block("fold"), builder.append_basic_block("folded")
        builder.branch(inside)
        builder.position_at_end(inside)
        i, total = builder.phi(INT64), builder.phi(self.m.type)
        i.add_incoming(i64(0), before)
        total.add_incoming(start.value, before)
        result = step(i, Vector(self.m, total))
        following = builder.add(i, i64(1))
        i.add_incoming(following, builder.block)
        total.add_incoming(result.value, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        builder.position_at_end(after)
        return result

    def _place(self, row: Row, group: Any) -> Any:
        return self.builder.gep(row.start, [self.builder.and_(group, row.mask)], source_etype=self.m.type)

    def load(self, row: Row, group: Any) -> Vector:
        place = self._place(row, group)
        loaded = self.builder.load(place, typ=self.m.type)
        loaded.align = self.m.width * self.m.bytes
        return Vector(self.m, loaded)

    def store(self, row: Row, group: Any, vector: Vector) -> None:
        stored = self.builder.store(vector.value, self._place(row, group))
        stored.align = self.m.width * self.m.bytes

    def add_to(self, row: Row, group: Any, vector: Vector) -> None:
        self.store(row, group, self.load(row, group) + vector)

"""The functions `forward` and `backward`: a program over chunks of lanes, in memory that stays in the cache.

Going backward, what the reverse of a segment's instructions reads is computed again before, so that between the two passes only
the rows that are read by a later segment (the saved ones) must be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from relaxpy.engine.instructions import CONSTANT, SAVED, SPACE_SHIFT, WORDS
from relaxpy.engine.kernel import Interpreter
from relaxpy.engine.marking import Marking
from relaxpy.engine.sharing import Sharing
from relaxpy.engine.vectors import INT32, INT64, Vectors
from relaxpy.engine.writer import POINTER, VOID, Writer, i64

_BYTE, _BIT = ir.IntType(8), ir.IntType(1)
COLUMNS = 5  # of the table of segments
_FLUSH = 0x8040  # "flush to zero" and "denormals are zero" in the SSE control register


def module_text(double: bool, width: int) -> str:
    """The source of the whole kernel for vectors of ``width`` floats."""
    import llvmlite.binding as llvm

    module = ir.Module("relaxpy")
    module.triple = llvm.get_process_triple()
    writer = Writer(module, double, width)
    interpreter = Interpreter(writer)
    interpreter.write()
    Marking(writer).write()
    Sharing(writer).write()
    chunks = Chunks(writer)
    chunks.write_forward()
    chunks.write_backward()
    return str(module)


class Chunks:
    """Writes the loops over chunks."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer
        self.m: Vectors = writer.m
        kind = ir.FunctionType(VOID, [POINTER, _BYTE, INT64, _BIT])
        self._memset = ir.Function(writer.module, kind, "llvm.memset.p0.i64")
        kind = ir.FunctionType(VOID, [POINTER, POINTER, INT64, _BIT])
        self._memcpy = ir.Function(writer.module, kind, "llvm.memcpy.p0.p0.i64")

    def _begin(self) -> None:
        w = self.w
        self.row_bytes = w.builder.mul(w.parameter("width"), i64(self.m.bytes))
        self.width, self.lanes = w.parameter("width"), w.parameter("lanes")
        self.chunk_bytes = w.builder.mul(w.parameter("saved_rows"), self.row_bytes)
        self.saved = w.pointer("saved")

    def _chunk(self, i: Any) -> Any:
        """Point the parameters to a chunk's saved rows, and set how many vectors it has; its first lane, its lanes."""
        builder = self.w.builder
        chunk = builder.add(self.w.parameter("first_chunk"), i)
        saved = self.w.bytes_on(self.saved, builder.mul(chunk, self.chunk_bytes))
        self.w.set_parameter("saved", saved)
        first = builder.mul(chunk, self.width)
        left = builder.sub(self.lanes, first)
        count = builder.select(builder.icmp_signed("<", self.width, left), self.width, left)
        whole = builder.add(count, i64(self.m.width - 1))
        self.w.set_parameter("groups", builder.sdiv(whole, i64(self.m.width)))
        return saved, first, count

    def _count_of_chunks(self) -> Any:
        return self.w.builder.sub(self.w.parameter("last_chunk"), self.w.parameter("first_chunk"))

    def _float(self, place: Any) -> Any:
        return self.w.builder.load(place, typ=self.m.scalar)

    def _zero(self, place: Any, count: Any) -> None:
        self.w.builder.call(self._memset, [place, ir.Constant(_BYTE, 0), count, ir.Constant(_BIT, 0)])

    def _copy(self, target: Any, source: Any, count: Any) -> None:
        self.w.builder.call(self._memcpy, [target, source, count, ir.Constant(_BIT, 0)])

    def _side_by_side(self, name: str) -> Any:
        """Are the lanes of a row of the caller's one after the other in memory?"""
        return self.w.builder.icmp_signed("==", self.w.parameter(f"{name}_lane"), i64(1))

    def _outside(self, name: str, k: Any) -> Callable[[Any], Any]:
        """Where a lane of row k of the caller's (rows, lanes) tensor lies, whose strides are among the parameters."""
        w, builder = self.w, self.w.builder
        start = w.floats_on(w.pointer(name), builder.mul(k, w.parameter(f"{name}_row")))
        stride = w.parameter(f"{name}_lane")
        return lambda lane: w.floats_on(start, builder.mul(lane, stride))

    @contextmanager
    def _flushing(self) -> Iterator[None]:
        """Subnormal numbers count as zero here, where the processor can do that: with them it is slower by far."""
        builder = self.w.builder
        if not self.w.module.triple.startswith("x86_64"):
            yield
            return
        store, load = (self._control(name) for name in ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr"))
        before, during = (builder.alloca(INT32) for _ in range(2))
        builder.call(store, [before])
        builder.store(builder.or_(builder.load(before), ir.Constant(INT32, _FLUSH)), during)
        builder.call(load, [during])
        yield
        builder.call(load, [before])

    def _control(self, name: str) -> Any:
        known = self.w.module.globals.get(name)
        return known or ir.Function(self.w.module, ir.FunctionType(VOID, [POINTER]), name)

    def write_forward(self) -> None:
        w = self.w
        with w.function("forward"), self._flushing():
            self._begin()

            def chunk(i: Any) -> None:
                saved, first, count = self._chunk(i)
                self._copy_inputs(saved, first, count)
                w.builder.call(w.functions["execute"], [w.parameters])
                self._copy_outputs(saved, first, count)

            w.loop(self._count_of_chunks(), chunk)
            w.set_parameter("saved", self.saved)

    def _copy_inputs(self, saved: Any, first: Any, count: Any) -> None:
        """Inputs are the first saved rows; lanes beyond the last are copies of it."""
        w, builder = self.w, self.w.builder

        def row(k: Any) -> None:
            source, target = self._outside("inputs", k), w.bytes_on(saved, builder.mul(k, self.row_bytes))

            def store(j: Any, value: Any) -> None:
                builder.store(value, w.floats_on(target, j))

            w.loop(count, lambda j: store(j, self._float(source(builder.add(first, j)))))
            last = self._float(w.floats_on(target, builder.sub(count, i64(1))))
            w.loop(self.width, lambda j: store(j, last), start=count)

        w.loop(w.parameter("input_count"), row)

    def _output_row(self, k: Any, saved: Any, uniform: str, constant: str) -> tuple[Any, Any]:
        """The row of output k, and what lanes are masked with: a uniform or constant row holds the same for all."""
        w, builder = self.w, self.w.builder
        name = w.load_word(w.pointer("output_rows"), k, INT64)
        space = builder.lshr(name, i64(SPACE_SHIFT))
        is_constant = builder.icmp_signed("==", space, i64(CONSTANT))
        own = builder.icmp_signed("==", space, i64(SAVED))
        base = builder.select(own, saved, builder.select(is_constant, w.pointer(constant), w.pointer(uniform)))
        number = builder.and_(name, i64((1 << SPACE_SHIFT) - 1))
        if constant == "trash":
            number = builder.select(is_constant, i64(0), number)
        size = builder.select(own, self.row_bytes, i64(self.m.width * self.m.bytes))
        return w.bytes_on(base, builder.mul(number, size)), builder.select(own, i64(-1), i64(0))

    def _copy_outputs(self, saved: Any, first: Any, count: Any) -> None:
        w, builder = self.w, self.w.builder

        def row(k: Any) -> None:
            target = w.floats_on(w.pointer("outputs"), builder.add(builder.mul(k, self.lanes), first))
            source, mask = self._output_row(k, saved, "uniform", "constant")

            # what all lanes share is one number here
            copied = builder.select(builder.icmp_signed("!=", mask, i64(0)), count, i64(0))
            self._copy(target, source, builder.mul(copied, i64(self.m.bytes)))
            w.loop(count, lambda j: builder.store(self._float(source), w.floats_on(target, j)), start=copied)

        w.loop(w.parameter("output_count"), row)

    def write_backward(self) -> None:
        w = self.w
        with w.function("backward"), self._flushing():
            self._begin()
            segments, count = w.pointer("segments"), w.parameter("segment_count")
            local, cleared = (
                w.builder.mul(w.parameter(f"{name}_rows"), self.row_bytes) for name in ("local", "cleared")
            )

            def chunk(i: Any) -> None:
                _, first, lanes = self._chunk(i)
                gradient = w.pointer("saved_gradient")
                self._zero(gradient, cleared)
                self._seed(gradient, first, lanes)

                def segment(j: Any) -> None:
                    place = w.builder.mul(w.builder.sub(w.builder.sub(count, i64(1)), j), i64(COLUMNS))
                    columns = [w.load_word(segments, w.builder.add(place, i64(k)), INT64) for k in range(COLUMNS)]
                    self._run("execute", "again", *columns[:2])
                    self._zero(w.pointer("local_gradient"), w.builder.mul(local, columns[4]))
                    self._run("reverse", "back", *columns[2:4])

                w.loop(count, segment)
                self._copy_input_gradient(gradient, first, lanes)

            w.loop(self._count_of_chunks(), chunk)
            w.set_parameter("saved", self.saved)

    def _run(self, function: str, name: str, first: Any, count: Any) -> None:
        """Run some of the instructions of that name."""
        start = self.w.builder.mul(first, i64(WORDS))
        self.w.set_parameter("code", self.w.builder.gep(self.w.pointer(name), [start], source_etype=INT32))
        self.w.set_parameter("count", count)
        self.w.builder.call(self.w.functions[function], [self.w.parameters])

    def _seed(self, gradient: Any, first: Any, count: Any) -> None:
        """Add the gradients of the first outputs, as many as are given, to their rows'."""
        w, builder = self.w, self.w.builder

        def row(k: Any) -> None:
            source = self._outside("output_gradient", k)
            target, mask = self._output_row(k, gradient, "uniform_gradient", "trash")

            def lanes(j: Any, kind: Any) -> None:
                place = w.floats_on(target, builder.and_(j, mask))
                known, part = (builder.load(each, typ=kind) for each in (place, source(builder.add(first, j))))
                known.align = part.align = self.m.bytes
                builder.store(builder.fadd(known, part), place).align = self.m.bytes

            # whole vectors where lanes lie side by side
            width = i64(self.m.width)
            together = builder.and_(builder.icmp_signed("!=", mask, i64(0)), self._side_by_side("output_gradient"))
            whole = builder.select(together, builder.mul(builder.sdiv(count, width), width), i64(0))
            w.loop(whole, lambda j: lanes(j, self.m.type), step=self.m.width)
            w.loop(count, lambda j: lanes(j, self.m.scalar), start=whole)

        w.loop(w.parameter("given_count"), row)

    def _copy_input_gradient(self, gradient: Any, first: Any, count: Any) -> None:
        w, builder = self.w, self.w.builder

        def row(k: Any) -> None:
            source = w.bytes_on(gradient, builder.mul(k, self.row_bytes))
            target = self._outside("input_gradient", k)
            w.loop(count, lambda j: builder.store(self._float(w.floats_on(source, j)), target(builder.add(first, j))))

        w.loop(w.parameter("input_count"), row)

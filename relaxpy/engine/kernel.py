"""The vector machine as LLVM code: an interpreter of instructions, generated from their rules.

Memory is made of rows in four spaces: local rows of a segment and saved rows of a chunk, of ``width`` floats, one a lane;
uniform rows (the same in all lanes) and constants, of a single vector that stands for all. An instruction is five 32-bit words:
its code, the row that it writes and the rows that it reads, each row named by space and number. The gradient of a row has the
same name in spaces of its own, so the same instructions, read backward, are the reverse program.

Exported functions take one pointer to 64-bit parameters, in the order of ``PARAMETERS``:
``execute`` and ``reverse`` run a list of instructions; ``forward`` and ``backward`` run a program over chunks of lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir

from relaxpy.engine.instructions import (
    CHECK,
    CODES,
    CONSTANT,
    DOT,
    RULES,
    SOFTMAX,
    SPACE_SHIFT,
    SUM,
    UNIFORM,
    WORDS,
    Rule,
)
from relaxpy.engine.vectors import INT32, INT64, Vector
from relaxpy.engine.writer import POINTER, Row, Writer, i64


class Interpreter:
    """The functions `execute` and `reverse`: a loop over instructions with one case for each."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer
        self.m = writer.m

    def write(self) -> None:
        with self.w.function("execute"):
            self._interpret(backward=False)
        with self.w.function("reverse"):
            self._interpret(backward=True)

    def _interpret(self, backward: bool) -> None:
        w = self.w
        self.row_bytes = w.builder.mul(w.parameter("width"), i64(self.m.bytes))
        self.groups, self.arguments = w.parameter("groups"), w.pointer("arguments")
        self.values = self._bases("local", "saved", "uniform", "constant")
        if backward:
            self.gradients = self._bases("local_gradient", "saved_gradient", "uniform_gradient", "trash")
        code, count = w.pointer("code"), w.parameter("count")

        def one(k: Any) -> None:
            place = w.builder.sub(w.builder.sub(count, i64(1)), k) if backward else k
            at = w.builder.gep(code, [w.builder.mul(place, i64(WORDS))], source_etype=INT32)
            self.words = [w.load_word(at, i64(j), INT32) for j in range(WORDS)]
            self._switch(backward)

        w.loop(count, one)

    def _bases(self, *names: str) -> Any:
        """The pointers to the four spaces, where they can be indexed."""
        builder = self.w.builder
        table = builder.alloca(POINTER, size=ir.Constant(INT32, 4))
        for space, name in enumerate(names):
            builder.store(self.w.pointer(name), builder.gep(table, [i64(space)], source_etype=POINTER))
        return table

    def _switch(self, backward: bool) -> None:
        builder = self.w.builder
        after = builder.append_basic_block("next")
        switch = builder.switch(self.words[0], after)
        listed: dict[str, Callable[[], None]] = {
            SUM: self._reverse_sum if backward else self._sum,
            DOT: self._reverse_dot if backward else self._dot,
            SOFTMAX: self._reverse_softmax if backward else self._softmax,
        }
        if not backward:
            listed[CHECK] = self._check
        for rule in RULES:
            if not backward:
                listed[rule.name] = partial(self._rule, rule)
            elif rule.reverse is not None:
                listed[rule.name] = partial(self._reverse_rule, rule.arity, rule.reverse)
        for name, write in listed.items():
            block = builder.append_basic_block(name)
            switch.add_case(ir.Constant(INT32, CODES[name]), block)
            builder.position_at_end(block)
            write()
            builder.branch(after)
        builder.position_at_end(after)

    def _row(self, name: Any, gradient: bool = False) -> Row:
        """The row of that name."""
        builder = self.w.builder
        space = builder.zext(builder.lshr(name, ir.Constant(INT32, SPACE_SHIFT)), INT64)
        number = builder.zext(builder.and_(name, ir.Constant(INT32, (1 << SPACE_SHIFT) - 1)), INT64)
        if gradient:
            # constants have no gradients; what is added to them goes to one row that nobody reads
            number = builder.select(builder.icmp_signed("==", space, i64(CONSTANT)), i64(0), number)
        table = self.gradients if gradient else self.values
        base = builder.load(builder.gep(table, [space], source_etype=POINTER), typ=POINTER)
        shared = builder.icmp_signed(">=", space, i64(UNIFORM))
        size = builder.select(shared, i64(self.m.width * self.m.bytes), self.row_bytes)
        start = self.w.bytes_on(base, builder.mul(number, size))
        return Row(start, builder.select(shared, i64(0), i64(-1)), size)

    def _argument(self, index: Any, gradient: bool = False) -> Row:
        return self._row(self.w.load_word(self.arguments, index, INT32), gradient)

    def _rule(self, rule: Rule) -> None:
        target = self._row(self.words[1])
        sources = [self._row(word) for word in self.words[2 : 2 + rule.arity]]

        def group(i: Any) -> None:
            operands = [self.w.load(source, i) for source in sources]
            self.w.store(target, i, rule.forward(self.m, *operands))

        self.w.loop(self.groups, group)

    def _reverse_rule(self, arity: int, reverse: Callable[..., tuple[Any, ...]]) -> None:
        names = self.words[2 : 2 + arity]
        target, target_gradient = self._row(self.words[1]), self._row(self.words[1], gradient=True)
        sources = [self._row(name) for name in names]
        gradients = [self._row(name, gradient=True) for name in names]

        def group(i: Any) -> None:
            operands = [self.w.load(source, i) for source in sources]
            g = self.w.load(target_gradient, i)
            for place, part in zip(gradients, reverse(self.m, g, self.w.load(target, i), *operands)):
                if part is not None:
                    self.w.add_to(place, i, part)

        self.w.loop(self.groups, group)

    def _list(self) -> tuple[Any, Any]:
        """Offset and length of an instruction's list of operands."""
        builder = self.w.builder
        return builder.sext(self.words[2], INT64), builder.sext(self.words[3], INT64)

    def _sum(self) -> None:
        target, (offset, length) = self._row(self.words[1]), self._list()

        def group(i: Any) -> None:
            def step(j: Any, total: Vector) -> Vector:
                return total + self.w.load(self._argument(self.w.builder.add(offset, j)), i)

            self.w.store(target, i, self.w.fold(length, self.m.constant(0.0), step))

        self.w.loop(self.groups, group)

    def _reverse_sum(self) -> None:
        gradient, (offset, length) = self._row(self.words[1], gradient=True), self._list()

        def operand(j: Any) -> None:
            place = self._argument(self.w.builder.add(offset, j), gradient=True)
            self.w.loop(self.groups, lambda i: self.w.add_to(place, i, self.w.load(gradient, i)))

        self.w.loop(length, operand)

    def _dot(self) -> None:
        """Of two lists, one after the other, of ``length`` operands each."""
        target, (offset, length) = self._row(self.words[1]), self._list()
        second = self.w.builder.add(offset, length)

        def group(i: Any) -> None:
            def step(j: Any, total: Vector) -> Vector:
                a = self.w.load(self._argument(self.w.builder.add(offset, j)), i)
                return total + a * self.w.load(self._argument(self.w.builder.add(second, j)), i)

            self.w.store(target, i, self.w.fold(length, self.m.constant(0.0), step))

        self.w.loop(self.groups, group)

    def _reverse_dot(self) -> None:
        gradient, (offset, length) = self._row(self.words[1], gradient=True), self._list()
        second = self.w.builder.add(offset, length)

        def operand(j: Any) -> None:
            places = (self.w.builder.add(offset, j), self.w.builder.add(second, j))
            (a, b), (to_a, to_b) = ([self._argument(place, of) for place in places] for of in (False, True))

            def group(i: Any) -> None:
                g = self.w.load(gradient, i)
                self.w.add_to(to_a, i, g * self.w.load(b, i))
                self.w.add_to(to_b, i, g * self.w.load(a, i))

            self.w.loop(self.groups, group)

        self.w.loop(length, operand)

    def _results(self, gradient: bool = False) -> Callable[[Any], Row]:
        """The rows that an instruction with as many results as operands writes, one after the other."""
        first = self._row(self.words[1], gradient)
        return lambda j: first._replace(start=self.w.bytes_on(first.start, self.w.builder.mul(j, first.size)))

    def _softmax(self) -> None:
        result, (offset, length), scale = self._results(), self._list(), self._row(self.words[4])

        def group(i: Any) -> None:
            def operand(j: Any) -> Vector:
                return self.w.load(self._argument(self.w.builder.add(offset, j)), i)

            largest = self.w.fold(length, operand(i64(0)), lambda j, top: self.m.maximum(top, operand(j)))
            factor = self.w.load(scale, i)

            def step(j: Any, total: Vector) -> Vector:
                power = self.m.exp((operand(j) - largest) * factor)
                self.w.store(result(j), i, power)
                return total + power

            share = 1.0 / self.w.fold(length, self.m.constant(0.0), step)
            self.w.loop(length, lambda j: self.w.store(result(j), i, self.w.load(result(j), i) * share))

        self.w.loop(self.groups, group)

    def _reverse_softmax(self) -> None:
        result, gradient, (offset, length) = self._results(), self._results(gradient=True), self._list()
        scale = self._row(self.words[4])  # a constant, which takes no gradient

        def group(i: Any) -> None:
            factor = self.w.load(scale, i)

            def step(j: Any, total: Vector) -> Vector:
                return total + self.w.load(gradient(j), i) * self.w.load(result(j), i)

            mean = self.w.fold(length, self.m.constant(0.0), step)

            def operand(j: Any) -> None:
                place = self._argument(self.w.builder.add(offset, j), gradient=True)
                share = self.w.load(gradient(j), i) - mean
                self.w.add_to(place, i, self.w.load(result(j), i) * share * factor)

            self.w.loop(length, operand)

        self.w.loop(self.groups, group)

    def _check(self) -> None:
        """Note the number of the check (word a) if a truth fails in any lane."""
        source, builder = self._row(self.words[1]), self.w.builder

        def group(i: Any) -> None:
            holds = builder.fcmp_ordered("!=", self.w.load(source, i).value, self.m.constant(0.0).value)
            every = builder.icmp_signed(
                "==", builder.bitcast(holds, ir.IntType(self.m.width)), ir.Constant(ir.IntType(self.m.width), -1)
            )
            with builder.if_then(builder.not_(every), likely=False):
                self.w.set_parameter("failed", builder.sext(self.words[2], INT64))

        self.w.loop(self.groups, group)

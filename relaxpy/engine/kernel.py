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

from relaxpy.engine.instructions import CHECK, CODES, DOT, RULES, SOFTMAX, SOFTMAX_MEAN, SOFTMIN_MEAN, SUM, WORDS, Rule
from relaxpy.engine.means import Means
from relaxpy.engine.vectors import INT32, INT64, Vector
from relaxpy.engine.writer import i64


class Interpreter(Means):
    """The functions `execute` and `reverse`: a loop over instructions with one case for each."""

    def write(self) -> None:
        with self.w.function("execute"):
            self._interpret(backward=False)
        with self.w.function("reverse"):
            self._interpret(backward=True)

    def _interpret(self, backward: bool) -> None:
        w = self.w
        self._begin(backward)
        code, count = w.pointer("code"), w.parameter("count")

        def one(k: Any) -> None:
            place = w.builder.sub(w.builder.sub(count, i64(1)), k) if backward else k
            at = w.builder.gep(code, [w.builder.mul(place, i64(WORDS))], source_etype=INT32)
            self.words = [w.load_word(at, i64(j), INT32) for j in range(WORDS)]
            self._switch(backward)

        w.loop(count, one)

    def _switch(self, backward: bool) -> None:
        builder = self.w.builder
        after = builder.append_basic_block("next")
        switch = builder.switch(self.words[0], after)
        listed: dict[str, Callable[[], None]] = {
            SUM: self._reverse_sum if backward else self._sum,
            DOT: self._reverse_dot if backward else self._dot,
            SOFTMAX: self._reverse_softmax if backward else self._softmax,
            SOFTMAX_MEAN: partial(self._reverse_mean if backward else self._mean, of_largest=True),
            SOFTMIN_MEAN: partial(self._reverse_mean if backward else self._mean, of_largest=False),
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

    def _rule(self, rule: Rule) -> None:
        target = self._row(self.words[1])
        sources = [self._row(word) for word in self.words[2 : 2 + rule.arity]]

        def group(i: Any) -> None:
            operands = [self.w.load(source, i) for source in sources]
            self.w.store(target, i, rule.forward(self.m, *operands))

        self._groups(group)

    def _reverse_rule(self, arity: int, reverse: Callable[..., tuple[Any, ...]]) -> None:
        names = self.words[2 : 2 + arity]
        target, target_gradient = self._row(self.words[1]), self._row(self.words[1], gradient=True)
        sources = [self._row(name) for name in names]
        gradients = [self._divided(self._row(name, gradient=True)) for name in names]

        def group(i: Any, totals: list[Vector]) -> list[Vector]:
            operands = [self.w.load(source, i) for source in sources]
            g = self.w.load(target_gradient, i)
            parts = reverse(self.m, g, self.w.load(target, i), *operands)
            for (own, _), part in zip(gradients, parts):
                if part is not None:
                    self.w.add_to(own, i, part)
            return [total if part is None else total + part for total, part in zip(totals, parts)]

        totals = self.w.fold(self.end, [self.m.constant(0.0)] * arity, group, by=self.vector_bytes)
        for (_, shared), total in zip(gradients, totals):
            self.w.add_to(shared, i64(0), total)

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

        self._groups(group)

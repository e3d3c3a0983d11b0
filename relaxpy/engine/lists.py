"""Instructions over lists of operands: sums, dot products and softmax, forward and in reverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relaxpy.engine.rows import Rows
from relaxpy.engine.vectors import INT64, Vector
from relaxpy.engine.writer import Row, i64


class Lists(Rows):
    """Writes their code."""

    def _list(self) -> tuple[Any, Any]:
        """Offset and length of an instruction's list of operands."""
        builder = self.w.builder
        return builder.sext(self.words[2], INT64), builder.sext(self.words[3], INT64)

    def _added_up(self, terms: int) -> None:
        """The sum of the products of lists, one after the other, of ``length`` operands each."""
        w = self.w
        target, (offset, length) = self._row(self.words[1]), self._list()
        starts = [offset]
        for _ in range(terms - 1):
            starts.append(w.builder.add(starts[-1], length))

        def block(places: list[Any]) -> None:
            def step(j: Any, totals: list[Vector]) -> list[Vector]:
                operands = [self._argument(w.builder.add(start, j)) for start in starts]
                factors = [[w.load(operand, i) for operand in operands] for i in places]
                return [total + _product(each) for total, each in zip(totals, factors)]

            totals = w.fold(length, [self.m.constant(0.0) for _ in places], step)
            for i, total in zip(places, totals):
                w.store(target, i, total)

        self._blocks(block)

    def _sum(self) -> None:
        self._added_up(1)

    def _dot(self) -> None:
        self._added_up(2)

    def _reverse_sum(self) -> None:
        gradient, (offset, length) = self._row(self.words[1], gradient=True), self._list()

        def operand(j: Any) -> None:
            place = self._argument(self.w.builder.add(offset, j), gradient=True)
            self._groups(lambda i: self.w.add_to(place, i, self.w.load(gradient, i)))

        self.w.loop(length, operand)

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

            self._groups(group)

        self.w.loop(length, operand)

    def _results(self, gradient: bool = False) -> Callable[[Any], Row]:
        """The rows that an instruction with as many results as operands writes, one after the other."""
        first = self._row(self.words[1], gradient)
        return lambda j: first._replace(start=self.w.bytes_on(first.start, self.w.builder.mul(j, first.size)))

    def _softmax(self) -> None:
        result, (offset, length), scale = self._results(), self._list(), self._row(self.words[4])
        w, m = self.w, self.m

        def block(places: list[Any]) -> None:
            def operand(j: Any) -> list[Vector]:
                row = self._argument(w.builder.add(offset, j))
                return [w.load(row, i) for i in places]

            def larger(j: Any, tops: list[Vector]) -> list[Vector]:
                return [m.either_larger(top, value) for top, value in zip(tops, operand(j))]

            largest = w.fold(length, operand(i64(0)), larger, first=1)
            factors = [w.load(scale, i) for i in places]

            def power(j: Any, totals: list[Vector]) -> list[Vector]:
                powers = [m.exp((value - top) * by) for value, top, by in zip(operand(j), largest, factors)]
                for i, each in zip(places, powers):
                    w.store(result(j), i, each)
                return [total + each for total, each in zip(totals, powers)]

            shares = [1.0 / total for total in w.fold(length, [m.constant(0.0) for _ in places], power)]

            def share(j: Any) -> None:
                for i, each in zip(places, shares):
                    w.store(result(j), i, w.load(result(j), i) * each)

            w.loop(length, share)

        self._blocks(block)

    def _reverse_softmax(self) -> None:
        result, gradient = self._results(), self._results(gradient=True)
        offset, length = self._list()
        scale = self._row(self.words[4])  # a constant, which takes no gradient
        w = self.w

        def block(places: list[Any]) -> None:
            def add(j: Any, totals: list[Vector]) -> list[Vector]:
                return [total + w.load(gradient(j), i) * w.load(result(j), i) for i, total in zip(places, totals)]

            means = w.fold(length, [self.m.constant(0.0) for _ in places], add)
            factors = [w.load(scale, i) for i in places]

            def operand(j: Any) -> None:
                target = self._argument(w.builder.add(offset, j), gradient=True)
                for i, mean, factor in zip(places, means, factors):
                    w.add_to(target, i, w.load(result(j), i) * (w.load(gradient(j), i) - mean) * factor)

            w.loop(length, operand)

        self._blocks(block)


def _product(factors: list[Vector]) -> Vector:
    first, *others = factors
    for other in others:
        first = first * other
    return first

"""The mean of a list of operands by its own softmax or softmin, the Boltzmann operator: forward and in reverse.

With the weights w_i = exp(c d_i) / sum_j exp(c d_j), where d_i = x_i - max x (of a softmin min x - x_i), the mean is
max x + sum_i w_i d_i (min x - ...), and its derivative by x_i is w_i (1 + c (d_i - sum_j w_j d_j)). Exponents are to the base
2 here, t_i = d_i c / log 2; sums of them, which are bounded where they count, do not overflow.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from llvmlite import ir

from relaxpy.engine.instructions import LONGEST_LIST
from relaxpy.engine.lists import Lists
from relaxpy.engine.rows import BLOCKS
from relaxpy.engine.vectors import INT32, Vector
from relaxpy.engine.writer import Row, i64


class _Moments(NamedTuple):
    """Of some groups of lanes: the largest or smallest operand, 1 / sum_j 2**t_j, sum_j w_j t_j, and c / log 2."""

    leaders: list[Vector]
    shares: list[Vector]
    means: list[Vector]
    factors: list[Vector]


class Means(Lists):
    """Writes their code."""

    def _begin(self, backward: bool) -> None:
        super()._begin(backward)
        if backward:
            self._kept = self.w.builder.alloca(self.m.type, size=ir.Constant(INT32, 2 * LONGEST_LIST * BLOCKS[0]))
            self._kept.align = self.vector_bytes

    def _place(self, j: Any, n: int, which: int) -> tuple[Row, Any]:
        """Where 2**t_j, and t_j 2**t_j, are kept for a few groups of lanes."""
        start = self.w.bytes_on(self._kept, self.w.builder.mul(j, i64(2 * BLOCKS[0] * self.vector_bytes)))
        return Row(start, i64(-1), i64(self.vector_bytes)), i64((2 * n + which) * self.vector_bytes)

    def _moments(self, of_largest: bool, places: list[Any], kept: bool) -> _Moments:
        w, m, scale, count = self.w, self.m, self._row(self.words[4]), len(places)
        offset, length = self._list()

        def operand(j: Any) -> list[Vector]:
            row = self._argument(w.builder.add(offset, j))
            return [w.load(row, i) for i in places]

        def leading(j: Any, leaders: list[Vector]) -> list[Vector]:
            further = m.either_larger if of_largest else m.either_smaller
            return [further(leader, value) for leader, value in zip(leaders, operand(j))]

        leaders = w.fold(length, operand(i64(0)), leading, first=1)
        factors = [w.load(scale, i) * (1 / math.log(2)) for i in places]

        def add(j: Any, totals: list[Vector]) -> list[Vector]:
            sums, weighted = [], []
            for n, value in enumerate(operand(j)):
                behind = value - leaders[n] if of_largest else leaders[n] - value
                power, exponent = m.exp2_of_negative(behind * factors[n])
                sums.append(totals[n] + power)
                weighted.append(m.fused(power, exponent, totals[count + n]))
                if kept:
                    w.store(*self._place(j, n, 0), power)
                    w.store(*self._place(j, n, 1), power * exponent)
            return [*sums, *weighted]

        totals = w.fold(length, [m.constant(0.0)] * (2 * count), add)
        shares = [1.0 / total for total in totals[:count]]
        return _Moments(leaders, shares, [total * share for total, share in zip(totals[count:], shares)], factors)

    def _mean(self, of_largest: bool) -> None:
        target = self._row(self.words[1])

        def block(places: list[Any]) -> None:
            found = self._moments(of_largest, places, kept=False)
            for i, leader, mean, factor in zip(places, found.leaders, found.means, found.factors):
                away = mean / factor
                self.w.store(target, i, leader + away if of_largest else leader - away)

        self._blocks(block)

    def _reverse_mean(self, of_largest: bool) -> None:
        gradient, w, m = self._row(self.words[1], gradient=True), self.w, self.m
        offset, length = self._list()

        def block(places: list[Any]) -> None:
            found = self._moments(of_largest, places, kept=True)
            seeds = [w.load(gradient, i) * share for i, share in zip(places, found.shares)]
            by_exponent = [seed * math.log(2) for seed in seeds]
            by_power = [m.fused(-mean, each, seed) for mean, each, seed in zip(found.means, by_exponent, seeds)]

            def operand(j: Any) -> None:
                target = self._argument(w.builder.add(offset, j), gradient=True)
                for n, i in enumerate(places):
                    power, weighted = (w.load(*self._place(j, n, which)) for which in (0, 1))
                    w.add_to(target, i, m.fused(by_power[n], power, by_exponent[n] * weighted))

            w.loop(length, operand)

        self._blocks(block)

"""Programs and inputs as Hypothesis draws them: it makes each choice of the writer, so it can make a failure small."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from tests.fuzz.check import Inputs
from tests.fuzz.program import Program, written

__all__ = ["Example", "each_example", "examples"]

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[int]], int]
Example = tuple[Program, Inputs]

# Hypothesis remembers all that it has drawn, so a long campaign is made of rounds.
ROUND = 500
# Among larger numbers Hypothesis prefers those that stand in the modules which happen to be imported, so that a seed would not
# always give the same programs.
SMALL = 100
DIGITS = st.integers(0, SMALL - 1)
OPTIONS = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Drawn(random.Random):
    """A source of choices for the writer.

    They shrink to what does not nest: fractions to almost one, other choices to the first and the least.
    """

    def __init__(self, draw: Draw) -> None:
        super().__init__(0)
        self._draw = draw

    def _below(self, count: int) -> int:
        return self._draw(st.integers(0, count - 1)) if count > 1 else 0

    def random(self) -> float:
        return 1.0 - (self._below(SMALL) + 0.5) / SMALL

    def choice(self, seq: Any) -> Any:
        return seq[self._below(len(seq))]

    def randint(self, a: int, b: int) -> int:
        return a + self._below(b - a + 1)

    def sample(self, population: Any, k: int, **_: Any) -> list[Any]:
        left = list(population)
        return [left.pop(self._below(len(left))) for _ in range(k)]


@st.composite
def examples(draw: Any) -> Example:
    """A program and its inputs."""
    kind = draw(
        st.sampled_from(("exact", "exact and guarded", "exact", "entangled", "entangled and guarded", "hazards"))
    )
    program = written(
        Drawn(draw),
        "<fuzz by hypothesis>",
        hazards=kind == "hazards",
        guards="guarded" in kind,
        entangled="entangled" in kind,
    )
    return program, Inputs.of(SMALL * draw(DIGITS) + draw(DIGITS))


def each_example(count: int, first_seed: int, visit: Callable[[Program, Inputs], None]) -> None:
    """Calls ``visit`` on so many different programs, always the same ones for a seed."""
    seen: set[str] = set()
    for number in itertools.count(first_seed):

        @seed(number)
        @settings(OPTIONS, max_examples=min(ROUND, 2 * count))
        @given(examples())
        def one_round(example: Example) -> None:
            program, inputs = example
            if program.source not in seen and len(seen) < count:
                seen.add(program.source)
                visit(program, inputs)

        one_round()
        if len(seen) == count:
            return

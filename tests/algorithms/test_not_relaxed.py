"""Algorithms whose usual form cannot be relaxed: the error says so, and another form of the same algorithm can."""

from __future__ import annotations

import heapq
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy.algorithms import counting, graphs, ordering


def ramp(n: int) -> torch.Tensor:
    return torch.linspace(0.0, 1.0, n, dtype=torch.float64)


def narrow(ascending: list[float], target: float, steps: int) -> int:
    """Search with two bounds, of which each forgets what the other knows: their middle may lie past the end."""
    low, high = 0, len(ascending)
    for _ in range(steps):
        middle = low if low < high else high
        if ascending[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low


def dijkstra_with_a_heap(lengths: list[list[float]]) -> list[float]:
    """Shortest distances from the first node; the queue decides in C which is next."""
    best = [0.0] + [float("inf")] * (len(lengths) - 1)
    queue = [(0.0, 0)]
    while queue:
        distance, node = heapq.heappop(queue)
        for other, length in enumerate(lengths[node]):
            if distance + length < best[other]:
                best[other] = distance + length
                heapq.heappush(queue, (best[other], other))
    return best


def kept_above(values: list[float], bound: float) -> list[float]:
    """A list whose length depends on comparisons."""
    kept = []
    for value in values:
        if value > bound:
            kept.append(value)
    return kept


def histogram_by_value(values: list[float]) -> dict[float, int]:
    """Counts under soft keys."""
    counts: dict[float, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def spelled(values: list[float]) -> str:
    """A text that depends on comparisons."""
    text = ""
    for value in values:
        text += "+" if value > 0.5 else "-"
    return text


def bits(value: float) -> list[int]:
    """A list as long as a soft integer."""
    return [0] * int(value * 4)


BLEND = (
    "give it values of one kind and shape on both sides (numbers, or lists of equal length), make the condition hard with "
    "relaxpy.hard(...), or follow each path by itself: estimator='exact'"
)
SIDES = "on the two sides of a soft condition, which cannot be blended"
# the algorithm, its arguments, the error, the line it names (its beginning), the message, the remedy
NOT_RELAXED: list[tuple[Callable[..., Any], tuple[Any, ...], type, str, str, str]] = [
    (
        ordering.quick_sort,
        (ramp(3),),
        relaxpy.SoftValueError,
        "below = [value for value",
        "a soft truth was used as a bool in code that relaxpy does not rewrite, which would decide silently",
        "write the test inside a relaxed function as a plain `if`, `while`, `and`, `or` or `not` (a comprehension's filter "
        "and library code can only take plain values), or use relaxpy.hard(x)",
    ),
    (
        narrow,
        (ramp(2), torch.tensor(0.6, dtype=torch.float64), 4),
        relaxpy.RelaxIndexError,
        "if ascending[middle]",
        "a soft integer points outside an axis of length 2 with probability 0.122",
        "keep the index inside (test it first), make the axis longer, or follow each path by itself: estimator='exact'",
    ),
    (
        dijkstra_with_a_heap,
        (torch.tensor([[9.0, 0.5], [0.5, 9.0]]),),
        relaxpy.BlendError,
        "if distance + length",
        f"`queue`, a list changed on a soft path, is [(SoftNumber(1), 0)] and [] {SIDES}: the lengths are 1 and 0",
        BLEND,
    ),
    (
        kept_above,
        (ramp(3), 0.4),
        relaxpy.BlendError,
        "if value > bound:",
        f"`kept`, a list changed on a soft path, is [SoftNumber(0)] and [] {SIDES}: the lengths are 1 and 0",
        BLEND,
    ),
    (
        histogram_by_value,
        (ramp(3),),
        relaxpy.SoftValueError,
        "counts[value] = counts.get(value, 0) + 1",
        "a soft number was used as a key of a dict, an element of a set or an argument of hash(), which would decide silently",
        "keep such values in lists and compare them (`any(x == y for y in ys)`); a table with ints for keys can be a list, "
        "indexed by int(x); for what is decided by the value as it is, use relaxpy.hard(x)",
    ),
    (
        spelled,
        (ramp(3),),
        relaxpy.BlendError,
        'text += "+" if value > 0.5',
        f"the value of a conditional expression is '+' and '-' {SIDES}",
        BLEND,
    ),
    (
        bits,
        (torch.tensor(0.6),),
        relaxpy.SoftValueError,
        "return [0] * int(value * 4)",
        "a soft integer was used as a plain int (an index, a length, a number of repetitions) in code that relaxpy does not "
        "rewrite, which would decide silently",
        "index inside a relaxed function (`a[i]`, `range(i)`), or use relaxpy.hard(i)",
    ),
]


@pytest.mark.parametrize(
    ("function", "arguments", "kind", "line", "message", "remedy"), NOT_RELAXED, ids=[f.__name__ for f, *_ in NOT_RELAXED]
)
def test_the_error_says_where_what_and_what_to_write(
    function: Callable[..., Any], arguments: tuple[Any, ...], kind: type, line: str, message: str, remedy: str
) -> None:
    with pytest.raises(relaxpy.RelaxError) as caught:
        relaxpy.relax(beta=3.0)(function)(*arguments)
    error = caught.value
    lines, first = inspect.getsourcelines(function)
    assert error.line is not None
    assert (type(error), lines[error.line - first].strip()[: len(line)]) == (kind, line)
    assert (error.message, error.remedy) == (message, remedy)


def test_another_form_of_the_same_algorithm_is_relaxed() -> None:
    assert len(relaxpy.relax(ordering.merge_sort)(ramp(3))) == 3
    found = relaxpy.relax(beta=3.0)(ordering.binary_search)(ramp(2), torch.tensor(0.6, dtype=torch.float64))
    assert 0 < float(found) < 2
    lengths = torch.tensor([[0.0, 0.5, 9.0], [0.5, 0.0, 0.25], [9.0, 0.25, 0.0]], dtype=torch.float64)
    reached = relaxpy.relax(beta=1e4)(graphs.dijkstra)(lengths)
    assert [float(x) for x in reached] == pytest.approx([0.0, 0.5, 0.75])
    assert float(relaxpy.relax(beta=1e4)(counting.histogram)(ramp(3), ramp(2))[0]) > 0

"""The rows of the benchmark: programs, sizes, and in which forms each is there.

The columns: "relaxed" is the plain Python program under `relax`, operation by operation, "tape" the same as one recorded
program, "tape, packed" that where llvmlite is not installed, "checkpoint=4" with an option that trades time for memory;
"AlgoVision" the same in its language, element by element; "AlgoVision, vectorised" where that language can say it; "torch by
hand" what one would write for a batch at once, which for bubble sort is another algorithm, the odd-even network of diffsort;
"compiled by hand" that under torch.compile.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.dynamic import edit_distance
from relaxpy.algorithms.numeric import newton_sqrt
from relaxpy.algorithms.ordering import selection_sort
from relaxpy.algorithms.rendering import pixel_by_edges
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import objectcode
from relaxpy.experiments.model import make_net
from tests.benchmarks import peers, vectorised
from tests.benchmarks.measure import Maker, Row
from tests.laws.test_algovision import peer_bubble_sort
from tests.laws.test_algovision_shortest_path import CONORMS, peer_shortest_path, shortest_path

RELAXED, TAPE, PACKED, CHECKPOINTED = "relaxed", "tape", "tape, packed", "relaxed, checkpoint=4"
ALGOVISION, ALGOVISION_VECTORISED = "AlgoVision", "AlgoVision, vectorised"
TORCH, COMPILED = "torch by hand", "compiled by hand"
COLUMNS = (RELAXED, TAPE, PACKED, CHECKPOINTED, ALGOVISION, ALGOVISION_VECTORISED, TORCH, COMPILED)
BETA = 8.0


def fresh(function: Callable[..., Any]) -> FunctionType:
    """A copy of a function that has never been rewritten, so that its first call is one."""
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy


def compiled(maker: Maker) -> Maker:
    """The program under torch.compile, from a cold start."""

    def make() -> Callable[..., Tensor]:
        torch._dynamo.reset()
        torch.compiler.config.force_disable_caches = True
        program: Callable[..., Tensor] = torch.compile(maker())
        return program

    return make


def by_hand(maker: Maker) -> dict[str, Maker]:
    return {TORCH: maker, COMPILED: compiled(maker)}


def plain_and_rewritten(
    function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]
) -> Callable[[], tuple[Callable[[], object], Callable[[], object]]]:
    """The rewritten and the undecorated function, each on plain values of its own."""

    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        relaxed = relax(function)
        return lambda: relaxed(*arguments()), lambda: function(*arguments())

    return make


def uniform(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def leaf(tensor: Tensor) -> Tensor:
    return tensor.clone().requires_grad_()


def floats(n: int) -> list[float]:
    generator = random.Random(0)
    return [generator.random() for _ in range(n)]


def bubble(n: int, batch: int = 100) -> Row:
    return Row(
        "bubble sort",
        f"n={n}, batch {batch}",
        n,
        lambda: (leaf(uniform(batch, n)),),
        {
            RELAXED: lambda: _first(relax(fresh(bubble_sort), batch=True, beta=BETA)),
            CHECKPOINTED: lambda: _first(relax(fresh(bubble_sort), batch=True, beta=BETA, checkpoint=4)),
            ALGOVISION: lambda: _first(peer_bubble_sort(BETA)),
            **by_hand(lambda: _first(vectorised.sorting_network(n, BETA))),
        },
        plain_and_rewritten(bubble_sort, lambda: (floats(n),)),
    )


def bubble_of_floats(n: int) -> Row:
    """On plain values only."""
    return Row(
        "bubble sort", f"{n} Python floats", n, lambda: (), {}, plain_and_rewritten(bubble_sort, lambda: (floats(n),))
    )


def _first(program: Callable[..., Any]) -> Callable[..., Tensor]:
    return lambda *inputs: program(*inputs)[0]


def levenshtein(n: int, batch: int, letters: int = 4) -> Row:
    def words() -> tuple[Tensor, ...]:
        return tuple(leaf(torch.softmax(3 * part, -1)) for part in uniform(2, batch, n, letters))

    def relaxed() -> Callable[..., Tensor]:
        distance = relax(fresh(edit_distance))
        return relax(lambda p, q: distance(relaxpy.categorical(p), relaxpy.categorical(q)), batch=True, beta=BETA)

    def algovision() -> Callable[..., Tensor]:
        program = peers.levenshtein(n, BETA)
        return lambda p, q: program(p, q)[:, -1, -1]

    return Row(
        "Levenshtein",
        f"n={n}, batch {batch}",
        n,
        words,
        {
            RELAXED: relaxed,
            ALGOVISION: algovision,
            **by_hand(lambda: lambda p, q: vectorised.levenshtein(p, q, BETA)),
        },
        plain_and_rewritten(edit_distance, lambda: ("acgt" * (n // 4), "gtca" * (n // 4))),
    )


def bellman_ford(size: int = 12, batch: int = 70) -> Row:
    def relaxed() -> Callable[..., Tensor]:
        program = relax(fresh(shortest_path), hard=("rounds",), batch=True, beta=BETA)
        # where a path begins and ends is certain: these are numbers
        return lambda cost: torch.stack(
            [on if isinstance(on, Tensor) else cost.new_full((batch,), on) for on in program(cost, size)]
        )

    conorm = CONORMS[0][1]
    return Row(
        "Bellman-Ford with traceback",
        f"{size}x{size}, batch {batch}",
        size,
        lambda: (leaf(uniform(batch, size, size) + 0.2),),
        {
            RELAXED: relaxed,
            ALGOVISION_VECTORISED: lambda: peer_shortest_path(BETA, size, conorm),
            **by_hand(lambda: lambda cost: vectorised.shortest_path(cost, size, BETA)),
        },
        plain_and_rewritten(shortest_path, lambda: (uniform(size, size).tolist(), size)),
    )


def silhouette(triangles: int, size: int = 64, beta: float = 100.0) -> Row:
    centres = (torch.arange(size) + 0.5) / size
    x, y = centres.repeat(size), centres.repeat_interleave(size)

    def relaxed(checkpoint: int | None) -> Callable[..., Tensor]:
        program = relax(fresh(pixel_by_edges), batch=(None, 0, 0), beta=beta, checkpoint=checkpoint)
        return lambda corners: program(corners, x, y)

    columns: dict[str, Maker] = {
        RELAXED: lambda: relaxed(None),
        CHECKPOINTED: lambda: relaxed(4),
        ALGOVISION: lambda: lambda corners: peers.silhouette(corners, x, y, beta),
    }
    if triangles <= 320:  # it keeps dozens of tensors of pixels x triangles
        columns[ALGOVISION_VECTORISED] = lambda: lambda corners: peers.vectorised_silhouette(corners, x, y, beta)
    columns.update(by_hand(lambda: lambda corners: vectorised.silhouette(corners, x, y, beta)))
    corners = uniform(triangles, 6)
    return Row(
        "silhouette, a pixel",
        f"{triangles} triangles, {size}x{size} lanes",
        triangles,
        lambda: (leaf(corners),),
        columns,
        plain_and_rewritten(pixel_by_edges, lambda: (corners.tolist(), 0.5, 0.5)),
    )


def newton(batch: int = 100) -> Row:
    return Row(
        "Newton's square root",
        f"batch {batch}",
        batch,
        lambda: (leaf(5 * uniform(batch) + 0.5),),
        {
            RELAXED: lambda: relax(fresh(newton_sqrt), batch=True, beta=BETA),
            ALGOVISION: lambda: peers.newton_sqrt(BETA),
            **by_hand(lambda: lambda square: vectorised.newton_sqrt(square, BETA)),
        },
        plain_and_rewritten(newton_sqrt, lambda: (4.7,)),
    )


def selection(n: int, batch: int = 100) -> Row:
    return Row(
        "selection sort",
        f"n={n}, batch {batch}",
        n,
        lambda: (leaf(uniform(batch, n)),),
        {
            RELAXED: lambda: relax(fresh(selection_sort), batch=True, beta=BETA),
            ALGOVISION: lambda: peers.selection_sort(n, BETA),
            **by_hand(lambda: lambda array: vectorised.selection_sort(array, BETA)),
        },
        plain_and_rewritten(selection_sort, lambda: (floats(n),)),
    )


def training_step(n: int = 5, batch: int = 100) -> Row:
    """A step of the sorting experiment: the network, a loss on its scores, gradients of all weights."""
    net = make_net("small", seed=0)

    def step(loss: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
        return lambda images: loss(net(images)).mean()

    def network_loss() -> Callable[..., Tensor]:
        sort = vectorised.sorting_network(n, BETA)
        return step(lambda scores: (sort(scores)[1] - torch.eye(n)).square())

    return Row(
        "training step, sorting",
        f"n={n}, batch {batch}",
        n,
        lambda: (leaf(uniform(batch, n, 28, 112)),),
        {
            RELAXED: lambda: step(_second(relax(fresh(bubble_sort), batch=True, beta=BETA))),
            ALGOVISION: lambda: step(_second(peer_bubble_sort(BETA))),
            **by_hand(network_loss),
        },
    )


def _second(program: Callable[..., Any]) -> Callable[..., Tensor]:
    return lambda *inputs: program(*inputs)[1]


def under(engine: str, maker: Maker) -> Maker:
    """A relaxed program under an engine."""

    def make() -> Callable[..., Tensor]:
        program = maker()

        def run(*inputs: Tensor) -> Tensor:
            with relaxpy.options(engine=engine):
                return program(*inputs)

        return run

    return make


def without_llvmlite(maker: Maker) -> Maker:
    """A recorded program as it runs where llvmlite is not installed."""

    def make() -> Callable[..., Tensor]:
        program = maker()

        def run(*inputs: Tensor) -> Tensor:
            available = objectcode.available
            objectcode.available = lambda: False
            try:
                return program(*inputs)
            finally:
                objectcode.available = available

        return run

    return make


def by_engines(row: Row) -> Row:
    """The row with its relaxed program operation by operation, and recorded."""
    recorded = under("tape", row.columns[RELAXED])
    columns = {RELAXED: under("eager", row.columns[RELAXED]), TAPE: recorded, PACKED: without_llvmlite(recorded)}
    return replace(row, columns={**columns, **{name: maker for name, maker in row.columns.items() if name != RELAXED}})


def table() -> list[Row]:
    """The whole table, its relaxed programs under whatever engine is chosen."""
    return [
        *(bubble(n) for n in (5, 7, 16, 32, 64)),
        bubble_of_floats(300),
        *(levenshtein(n, batch) for n in (8, 16, 32) for batch in (8, 64)),
        bellman_ford(),
        *(silhouette(triangles) for triangles in (20, 320, 1280)),
        newton(),
        *(selection(n) for n in (5, 10)),
        training_step(),
    ]


def rows() -> list[Row]:
    """The whole table, its relaxed programs under each engine."""
    return [by_engines(row) if RELAXED in row.columns else row for row in table()]


def small_rows() -> list[Row]:
    """The same programs at sizes that take no time: to see that they run and agree."""
    small = [
        bubble(4, 3),
        bubble_of_floats(4),
        levenshtein(4, 2),
        bellman_ford(4, 2),
        silhouette(3, 4),
        newton(4),
        selection(4, 3),
        training_step(3, 2),
    ]
    return [by_engines(row) if RELAXED in row.columns else row for row in small]


__all__ = ["COLUMNS", "RELAXED", "rows", "small_rows", "table"]

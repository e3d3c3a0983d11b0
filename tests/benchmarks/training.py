"""``python -m tests.benchmarks.training``: how much of a training step of the sorting experiment is spent in the algorithm.

The steps are those of the experiment: sets are drawn, scored, put in their true order and given to bubble sort; gradients, the
optimizer. The algorithm's time is that from its scores to the loss, and of the backward pass from the loss to the scores.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

import torch

import relaxpy
from relaxpy.experiments.data import Digits, load_digits
from relaxpy.experiments.model import NETS, make_net
from relaxpy.experiments.sets import draw_sets
from relaxpy.experiments.training import order_loss

ENGINES = ("eager", "auto")


def shares(net: torch.nn.Module, digits: Digits, n: int, batch: int, beta: float = 8.0) -> Iterator[tuple[float, float]]:
    """Of each step the seconds in the algorithm and those in all."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters())
    loss_of = order_loss(beta, "swaps")
    while True:
        start = time.perf_counter()
        sets = draw_sets(digits, batch, n, generator)
        scores = net(sets.images).gather(1, sets.values.argsort(dim=1, stable=True))
        called = time.perf_counter()
        loss = loss_of(scores)
        returned = time.perf_counter()
        passed = [_note_passing(tensor) for tensor in (loss, scores)]
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        (loss_reached,), (scores_reached,) = passed
        yield returned - called + scores_reached - loss_reached, time.perf_counter() - start


def _note_passing(tensor: torch.Tensor) -> list[float]:
    """A list to which the time is added at which the gradient of a tensor is known."""
    passed: list[float] = []
    tensor.register_hook(lambda _: passed.append(time.perf_counter()))
    return passed


def measure(name: str, digits: Digits, n: int, batch: int, steps: int, warm_up: int = 3) -> dict[str, tuple[float, float]]:
    """By engine the medians of the seconds in the algorithm, and of those of a step; the engines take turns."""
    runs = {engine: shares(make_net(name, seed=0), digits, n, batch) for engine in ENGINES}
    found: dict[str, list[tuple[float, float]]] = {engine: [] for engine in ENGINES}
    for _ in range(warm_up + steps):
        for engine, run in runs.items():
            with relaxpy.options(engine=engine):
                found[engine].append(next(run))
    return {engine: _medians(times[warm_up:]) for engine, times in found.items()}


def _medians(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    algorithm, whole = zip(*times)
    return statistics.median(algorithm), statistics.median(whole)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.training", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--n", type=int, default=5, help="numbers in a set (default: 5)")
    parser.add_argument("--batch", type=int, default=100, help="sets in a step (default: 100)")
    parser.add_argument("--steps", type=int, default=20, help="steps of each kind (default: 20)")
    parser.add_argument("--net", choices=sorted(NETS), action="append", help="default: all")
    options = parser.parse_args(argv)
    digits = load_digits()[0]
    for name in options.net or sorted(NETS):
        for engine, (algorithm, whole) in measure(name, digits, options.n, options.batch, options.steps).items():
            numbers = f"{1e3 * algorithm:8.2f} ms of {1e3 * whole:8.1f} ms: {algorithm / whole:6.1%}"
            print(f"{name:5} network, engine={engine!r:7} {numbers}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

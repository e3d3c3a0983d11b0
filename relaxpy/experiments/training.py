"""Training a network to order numbers, through a relaxed bubble sort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.experiments.data import Digits
from relaxpy.experiments.metrics import Metrics, measure
from relaxpy.experiments.sets import draw_sets

__all__ = ["LOSSES", "Curve", "Training", "evaluate", "order_loss", "train"]


@dataclass(frozen=True)
class Training:
    """What a run is made of."""

    n: int
    beta: float
    loss: str
    steps: int
    batch: int
    seed: int
    learning_rate: float


@dataclass
class Curve:
    """What was seen on the way: the training loss at each step, and measurements on the validation split at some."""

    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    validation: list[Metrics] = field(default_factory=list)


def order_loss(beta: float, loss: str) -> Callable[[Tensor], Tensor]:
    """Return a function from scores (sets, n), which should ascend, to a loss: what bubble sort says about their order.

    "swaps": the probability that bubble sort swaps anything, 1 - prod(1 - p) over the probabilities p of the swaps
    (paper, section 4.1). "sorted": minus the logarithm of the probability that it finds nothing to swap.
    """
    sort = relax(batch=True, beta=beta)(bubble_sort)
    finish = LOSSES[loss]

    def out_of_order(scores: Tensor) -> Tensor:
        _, swapped, _ = sort(scores)
        return finish(swapped).mean()

    return out_of_order


def _minus_log_sorted(swapped: Tensor) -> Tensor:
    # Where the probability of being sorted rounds to zero, the loss stays finite.
    return -torch.log((1 - swapped).clamp_min(torch.finfo(swapped.dtype).eps))


def _probability_of_swapping(swapped: Tensor) -> Tensor:
    return swapped


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"swaps": _probability_of_swapping, "sorted": _minus_log_sorted}


def train(net: nn.Module, plan: Training, train_digits: Digits, validation_digits: Digits) -> Iterator[Curve]:
    """Train ``net`` in place; yield the curve so far after each step.

    The network sees images alone, and is told their order, but never a value: the scores are arranged in the true order
    and given to bubble sort, which should find them sorted.
    """
    generator = torch.Generator().manual_seed(plan.seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=plan.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=plan.steps)
    loss_of = order_loss(plan.beta, plan.loss)
    looks = max(plan.steps // 20, 1)
    curve = Curve()
    for step in range(1, plan.steps + 1):
        sets = draw_sets(train_digits, plan.batch, plan.n, generator)
        true_order = sets.values.argsort(dim=1, stable=True)
        loss = loss_of(net(sets.images).gather(1, true_order))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        curve.losses.append(loss.item())
        if step % looks == 0 or step == plan.steps:
            curve.steps.append(step)
            curve.validation.append(evaluate(net, validation_digits, plan.n, sets=500))
        yield curve


@torch.no_grad()
def evaluate(net: nn.Module, digits: Digits, n: int, sets: int, seed: int = 0) -> Metrics:
    """Measure the order that ``net`` gives to sets drawn from ``digits``; the same sets at every call."""
    generator = torch.Generator().manual_seed(seed)
    scores, values = [], []
    for size in _chunks(sets, 100):  # in parts, for memory
        drawn = draw_sets(digits, size, n, generator)
        scores.append(net(drawn.images))
        values.append(drawn.values)
    return measure(torch.cat(scores), torch.cat(values))


def _chunks(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]

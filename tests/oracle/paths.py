"""Runs a plain function once for each path through its decisions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tests.oracle.leaves import Leaf, flatten


class PathBudgetExceeded(Exception):
    """The program has more paths, or a path more decisions, than the caller is willing to enumerate."""


@dataclass
class Run:
    """One path: the decisions to repeat, and from there on the likeliest ones, with the others left for later."""

    beta: float
    cut: float
    mass: Tensor
    decisions: list[int]
    limit: int
    taken: int = 0
    pending: list[list[int]] = field(default_factory=list)

    def decide(self, weights: Sequence[Tensor]) -> int:
        """Draws one of the outcomes with these probabilities (each of the shape of the lanes)."""
        if self.taken < len(self.decisions):
            outcome = self.decisions[self.taken]
        else:
            if self.taken >= self.limit:
                raise PathBudgetExceeded(f"more than {self.limit} decisions on one path")
            masses = [float((self.mass * weight).detach().max()) for weight in weights]
            outcome = max(range(len(weights)), key=masses.__getitem__)
            self.pending += [[*self.decisions, k] for k, m in enumerate(masses) if k != outcome and m > self.cut]
            self.decisions.append(outcome)
        self.taken += 1
        self.mass = self.mass * weights[outcome]
        return outcome

    def chance(self, p: Tensor, holds: Any) -> Tensor:
        """The probability of a comparison, which Python finds to hold or not, as this run has it."""
        return p


class StraightRun(Run):
    """A path of straight-through decisions: each has the value 0 or 1, and the derivative of its probability.

    A sum over paths of products of such weights has the value of the path that Python takes. Its derivative is that of
    this path and, by the product rule, of those that differ from it in one decision; the others have two factors 0.
    """

    def decide(self, weights: Sequence[Tensor]) -> int:
        hard = max(range(len(weights)), key=lambda k: float(weights[k].detach().max()))
        if self.taken < len(self.decisions):
            outcome = self.decisions[self.taken]
        else:
            if self.taken >= self.limit:
                raise PathBudgetExceeded(f"more than {self.limit} decisions on one path")
            outcome = hard
            if float(self.mass.detach().max()) > 0:
                self.pending += [[*self.decisions, k] for k in range(len(weights)) if k != hard]
            self.decisions.append(outcome)
        self.taken += 1
        self.mass = self.mass * weights[outcome]
        return outcome

    def chance(self, p: Tensor, holds: Any) -> Tensor:
        return torch.as_tensor(holds).to(p.dtype) + (p - p.detach())


_runs: list[Run] = []


def current_run() -> Run:
    if not _runs:
        raise RuntimeError("a value of the oracle was tested outside of expectation()")
    return _runs[-1]


@contextmanager
def _running(run: Run) -> Iterator[None]:
    _runs.append(run)
    try:
        yield
    finally:
        _runs.pop()


@dataclass(frozen=True)
class Expectation:
    """What a program gives: each leaf of its result by its place, of the shape of the lanes, unless it is no number."""

    leaves: dict[str, Leaf]
    paths: int


def expectation(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    *,
    beta: float,
    cut: float = 1e-15,
    budget: int = 2000,
    limit: int = 2000,
    left_out: tuple[type[BaseException], ...] = (),
    straight: bool = False,
) -> Expectation:
    """The expectation of ``function(*arguments)``, path by path.

    Tensors among the arguments have the lanes first: shape (lanes,) makes a number, (lanes, n) a list of n numbers,
    and so on. Other arguments are copied for each path. A decision is not followed to where the mass would be at most
    ``cut`` in every lane. Paths that end with an exception that is to be ``left_out`` have no share: the rest has it all.
    ``straight``: decisions are straight-through ones; for one lane, since each has a hard path of its own.
    """
    from tests.oracle.values import wrap

    lanes = next(argument.shape[0] for argument in arguments if isinstance(argument, Tensor))
    dtype = next(argument.dtype for argument in arguments if isinstance(argument, Tensor))
    kind = StraightRun if straight else Run
    todo: list[list[int]] = [[]]
    total: dict[str, Leaf] | None = None
    kept: Any = 0.0
    paths = 0
    while todo:
        if paths >= budget:
            raise PathBudgetExceeded(f"more than {budget} paths")
        run = kind(beta, cut, torch.ones(lanes, dtype=dtype), todo.pop(), limit)
        with _running(run):
            values = [wrap(a) if isinstance(a, Tensor) else copy.deepcopy(a) for a in arguments]
            try:
                result = flatten(function(*values))
            except left_out:
                result = None
        todo += run.pending
        paths += 1
        if result is not None:
            kept = kept + run.mass
            weighed = {k: _weigh(v, run.mass) for k, v in result.items()}
            total = weighed if total is None else _add(total, result, run.mass)
    if left_out and total is not None:
        total = {k: v / kept if isinstance(v, Tensor) else v for k, v in total.items()}
    return Expectation(total or {}, paths)


def _weigh(leaf: Leaf, mass: Tensor) -> Leaf:
    return leaf * mass if isinstance(leaf, (Tensor, int, float)) else leaf


def _add(total: dict[str, Leaf], result: dict[str, Leaf], mass: Tensor) -> dict[str, Leaf]:
    if total.keys() != result.keys():
        raise ValueError(f"paths give results of different structure: {list(total)} and {list(result)}")
    merged: dict[str, Leaf] = {}
    for place, leaf in result.items():
        before = total[place]
        if isinstance(before, Tensor) and isinstance(leaf, (Tensor, int, float)):
            merged[place] = before + leaf * mass
        elif before == leaf:
            merged[place] = leaf
        else:
            raise ValueError(f"paths give {before!r} and {leaf!r} at {place}")
    return merged

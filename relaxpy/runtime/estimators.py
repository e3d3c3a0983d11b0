"""Estimators that follow single paths through a program, one after the other, and mix their results only at the end.

``estimator="exact"`` follows every path whose mass is more than epsilon: the exact expectation, in which later conditions
read what each path made and not its mean (paper section 3, "Complexity and Merging of Paths"). ``estimator="sampled"``
draws ``samples`` paths; its gradient is that of the values plus the score function with a leave-one-out baseline
(Williams, REINFORCE, 1992; Kool et al., Buy 4 REINFORCE Samples, 2019). Where no decision has a gradient, or under
`torch.no_grad`, it is plain Monte Carlo, and no scores are kept. In a batch every lane draws its own paths, all lanes at
once (partlyplain.py: what is soft in one lane and plain in another).

A run is a scope, under which everything is journalled: objects are rolled back between paths, and at the end what the paths
returned and changed is mixed by the routine that mixes the exits of a loop.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import births, journal, ops, raising, scopes
from relaxpy.runtime.decisions import agreed, places
from relaxpy.runtime.exits import Exit, Exits
from relaxpy.runtime.frames import RESULT
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state

__all__ = ["Run", "expectation"]

_SUSPENDING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class Run(Exits):
    """Follows single paths through a function; its decisions ask here (decisions.py)."""

    __slots__ = ()

    def draws_here(self) -> bool:
        """Is a decision that is made now one of the run's?"""
        raise NotImplementedError

    def test(self, p: Tensor) -> bool | Tensor:
        """A truth of probability p that is tested: its outcome, or (of a batch) 0 or 1 per lane."""
        raise NotImplementedError

    def choose(self, weights: Tensor) -> int | Tensor:
        """One of several, with weights of shape (n, *lanes): its place, or (of a batch) weights of 0 and 1."""
        raise NotImplementedError

    def follow(self, call: Callable[[], Any], weight: ops.Mass = 1.0) -> None:
        """One path, from the state before; its result is noted, and what it changed rolled back."""
        self.open_with(weight)
        scopes.restart_log(self)
        try:
            result = call()
        except BaseException:
            if not self.leaves_out():
                raise
            self.log.undo()
            return
        self.exits.append(Exit(self.weight, {RESULT: result}, journal.delta((self.log,))))
        self.log.undo()
        births.end_path(self.place)  # what was made on this path means nothing to the next
        self.place = None

    def leaves_out(self) -> bool:
        """Is the exception one that a `raise` raised on a path too improbable to count?"""
        return raising.leaves(self)

    def follow_all(self, call: Callable[[], Any]) -> None:
        raise NotImplementedError


class Enumeration(Run):
    """Follows every path whose mass is more than epsilon, the likeliest outcomes first."""

    __slots__ = ("_decided", "_taken", "_pending")

    def __init__(self) -> None:
        super().__init__()
        # of the current path, decision by decision: the outcome, and how probable the outcomes were
        self._decided: list[tuple[int, Tensor]] = []
        self._pending: list[list[tuple[int, Tensor]]] = [[]]
        self._taken = 0

    def draws_here(self) -> bool:
        return state.scopes[-1] is self

    def test(self, p: Tensor) -> bool:
        return self.choose(torch.stack([1 - p, p])) == 1

    def choose(self, weights: Tensor) -> int:
        masses: Any = self.weight * weights
        if self._taken < len(self._decided):
            outcome = self._repeated(weights)
        else:
            outcome = self._fork(weights, masses)
        self._taken += 1
        self.set_weight(masses[outcome])
        return outcome

    def _repeated(self, weights: Tensor) -> int:
        """The outcome of a decision that this path shares with one before: it must be the same decision."""
        outcome, known = self._decided[self._taken]
        if known.shape != weights.shape or not _same(known, weights.detach()):
            raise RelaxError.here(
                "a path of the exact expectation did not repeat what the paths before it had decided",
                remedy="let the function depend on its arguments only (not on iterators, files, the time, or random numbers "
                "of its own generators), or use estimator='sampled' or 'merged'",
            )
        return outcome

    def _fork(self, weights: Tensor, masses: Tensor) -> int:
        """A decision that no path has met before: the likeliest outcome, and the others are left for later."""
        outside = state.scopes[-2].mass() if len(state.scopes) > 1 else 1.0
        sizes = ops.largest_rows(masses if ops.is_one(outside) else masses * ops.value_of(outside))
        outcome = max(range(len(sizes)), key=sizes.__getitem__)
        cut, known = state.options.epsilon, weights.detach()
        others = [k for k, size in enumerate(sizes) if k != outcome and size > cut]
        self._pending += [[*self._decided, (k, known)] for k in others]
        self._decided.append((outcome, known))
        return outcome

    def follow_all(self, call: Callable[[], Any]) -> None:
        with _same_random_numbers() as rewind:
            while self._pending:
                if len(self.exits) >= state.options.max_paths:
                    raise RelaxError(
                        f"the exact expectation has more than max_paths={state.options.max_paths} paths; "
                        f"{len(self._pending)} were still to be followed",
                        remedy="raise max_paths, epsilon or beta, or use estimator='sampled' or 'merged'",
                    )
                rewind()
                self._decided = self._pending.pop()
                self._taken = 0
                self.follow(call)


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(ops.concrete((a == b) | torch.isnan(a)).all())


class Sampling(Run):
    """Draws paths; remembers the logarithm of the probability of what was drawn, whose derivative is the score."""

    __slots__ = ("score",)

    def __init__(self) -> None:
        super().__init__()
        self.score: Any = 0.0

    def draws_here(self) -> bool:
        return not any(scope.merges for scope in state.scopes)

    def test(self, p: Tensor) -> bool | Tensor:
        p = self._of_all_lanes(p)
        held = torch.rand_like(p) < p.detach()
        self._note(torch.where(held, p, 1 - p))
        return agreed(held, p.dtype)

    def choose(self, weights: Tensor) -> int | Tensor:
        if state.lanes is not None and weights.dim() == 1:
            weights = weights.unsqueeze(-1).expand(-1, state.lanes)
        known = weights.detach()
        steps = known.cumsum(0)
        place = (steps <= torch.rand_like(steps[-1]) * steps[-1]).sum(0)
        # rounding: never beyond the last one that can be drawn
        place = torch.minimum(place, (places(known) * (known > 0)).amax(0))
        drawn = places(known) == place
        self._note(torch.where(drawn, weights, torch.zeros_like(weights)).sum(0))
        if state.lanes is None and ops.concrete(place).numel() == 1:
            return int(ops.concrete(place))
        return drawn.to(weights.dtype)

    def leaves_out(self) -> bool:
        self.set_weight(ops.times(self.weight, 1.0 / state.options.samples))
        return super().leaves_out()

    def _of_all_lanes(self, p: Tensor) -> Tensor:
        """A probability that the lanes share is drawn by each."""
        return p.expand(state.lanes) if state.lanes is not None and p.dim() == 0 else p

    def _note(self, p: Tensor) -> None:
        """The probability of what was drawn, in lanes that are on the path."""
        if not p.requires_grad:
            return
        mass = ops.value_of(scopes.path_mass())
        if isinstance(mass, TENSORS):
            p = torch.where(mass.detach() > 0, p, torch.ones_like(p))
        self.score = self.score + torch.log(p)

    def follow_all(self, call: Callable[[], Any]) -> None:
        scores: list[Any] = []
        for _ in range(state.options.samples):
            self.score = 0.0
            self.follow(call)
            if len(self.exits) > len(scores):
                scores.append(self.score)
        for exit_, weight in zip(self.exits, leave_one_out(scores)):
            exit_.mass = weight


def leave_one_out(scores: list[Any]) -> list[ops.Operand]:
    """Weights 1/n whose derivative makes that of their mean the score-function estimate.

    With f_s the result of path s and l_s the logarithm of its probability, the estimate with the mean of the others as
    baseline is 1/n sum_s (f_s - mean_{t != s} f_t) dl_s, which is sum_s f_s (dl_s - mean_t dl_t) / (n - 1).
    """
    n = max(len(scores), 2)
    tensors = [score for score in scores if isinstance(score, TENSORS)]
    if not tensors:
        return [1.0 / n] * n
    lifted = [torch.as_tensor(score, dtype=tensors[0].dtype, device=tensors[0].device) for score in scores]
    together = torch.stack(torch.broadcast_tensors(*lifted))  # type: ignore[no-untyped-call]
    ratio = (together - together.mean(0)) / (n - 1)
    return list((1.0 / n + ratio - ratio.detach()).unbind(0))


def expectation(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a rewritten function by the estimator in force; what its paths changed is left at its expectation."""
    if function.__code__.co_flags & _SUSPENDING:
        raise RelaxError(
            f"estimator={state.options.estimator!r} follows whole calls, and `{function.__name__}` is a generator or a "
            "coroutine, which gives values before it ends",
            remedy="call it in a function that collects what it gives, and relax that function",
        )
    for value in (*args, *kwargs.values()):
        if isinstance(value, Iterator):
            raise RelaxError(
                f"estimator={state.options.estimator!r} follows several paths, and the first would exhaust the iterator "
                f"{value!r}",
                remedy="pass a list or a tuple",
            )
    run = Enumeration() if state.options.estimator == "exact" else Sampling()
    scopes.push(run)
    outer, state.run = state.run, run
    try:
        run.follow_all(lambda: function(*args, **kwargs))
    finally:
        state.run = outer
    scopes.pop(run)
    (result,) = run.merged(run.exits)
    return result


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[Callable[[], None]]:
    """Every path meets the same random numbers, so that it repeats the decisions which it is told to."""
    generators: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
        (random.getstate, random.setstate),
        (torch.get_rng_state, torch.set_rng_state),
    ]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        generators.append((torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all))
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        generators.append((numpy.random.get_state, numpy.random.set_state))
    before = [read() for read, _ in generators]

    def rewind() -> None:
        for (_, write), known in zip(generators, before):
            write(known)

    yield rewind

"""The laws that each generated program is held to."""

from __future__ import annotations

import random
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy import relax
from relaxpy.relaxed import Relaxed
from tests.algorithms.watched import closest_comparison
from tests.fuzz.program import Program
from tests.oracle import PathBudgetExceeded, expectation, flatten

BETA = 3.0
EPSILON = 1e-13
TOLERANCE = 1e-8
SHARP = 1e6
# Values at SHARP are those of the hard program where no comparison was closer than this.
MARGIN = 1e-4
LANES = 3
Leaves = dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """``kind`` is the law that is broken, which a smaller program must break as well to be the same failure."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """``paths``: how many the oracle took, 0 where it was not asked; ``runs``: calls that ran as recorded programs."""

    failure: Failure | None = None
    paths: int = 0
    note: str = ""
    runs: int = 0


@dataclass(frozen=True)
class Inputs:
    """Leading axis: lanes. Odd multiples of 0.005, so that no compared difference is smaller than 0.0025."""

    x: Tensor
    y: Tensor
    a: Tensor

    @classmethod
    def of(cls, seed: int) -> Inputs:
        chosen = random.Random(seed)
        places = [chosen.sample(range(-80, 80), 8) for _ in range(LANES)]
        values = torch.tensor([[(2 * k + 1) * 0.005 for k in lane] for lane in places], dtype=torch.float64)
        return cls(values[:, :4].clone(), values[:, 4].clone(), values[:, 5:].clone())

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(t.clone().requires_grad_() for t in (self.x, self.y, self.a))  # type: ignore[return-value]

    def of_lane(self, lane: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.x[lane], self.y[lane], self.a[lane]

    def plain(self, lane: int) -> tuple[list[float], float, list[float]]:
        return self.x[lane].tolist(), self.y[lane].item(), self.a[lane].tolist()


@dataclass(frozen=True)
class Subject:
    """A program and its inputs, with its function as it was written and as it is relaxed."""

    program: Program
    inputs: Inputs
    plain: Callable[..., Any]
    relaxed: Relaxed


def check(program: Program, inputs: Inputs, *, budget: int = 400, engine: str = "eager") -> Verdict:
    """Hard identity; the oracle in value and gradient; batches against single calls; finite values and the limit."""
    relaxed = relax(program.load()["program"], engine=engine)  # type: ignore[call-overload]
    subject = Subject(program, inputs, program.load()["program"], relaxed)
    failure = _hard_identity(subject)
    if failure or program.hazards:
        return Verdict(failure, note="hazards")
    exact, note = None, "entangled"
    if not program.entangled:
        try:
            exact, note = expected_of(program, inputs, budget), ""
        except PathBudgetExceeded:
            note = "over budget"
    single = relaxed.with_options(beta=BETA, epsilon=EPSILON)
    batched = single.batch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            failure = _soft_laws(single, batched, inputs, exact) or _limit(subject)
    except Exception as error:
        failure = Failure(f"raises {type(error).__name__}", "".join(traceback.format_exception(error)))
    runs = single.engine_report().runs + batched.engine_report().runs
    return Verdict(failure, exact.paths if exact else 0, note, runs)


def _hard_identity(subject: Subject) -> Failure | None:
    inputs, program = subject.inputs, subject.program
    for lane in range(LANES):
        expected = _outcome(subject.plain, inputs.plain(lane), program)
        actual = _outcome(subject.relaxed, inputs.plain(lane), program)
        if expected != actual:
            return Failure("hard", f"on {inputs.plain(lane)}\nexpected {expected}\nactual   {actual}")
    return None


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...], program: Program) -> str:
    """What a call does, in words: result or exception with its line, and the arguments after it."""
    try:
        result = repr(flatten(function(*arguments)))
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == program.name]
        result = f"{type(error).__name__}: {error} at line {lines[-1:]}"
    return f"{result}; arguments {arguments!r}"


@dataclass(frozen=True)
class Outcome:
    leaves: Leaves
    gradients: tuple[Tensor, ...]
    paths: int = 0


def expected_of(program: Program, inputs: Inputs, budget: int) -> Outcome:
    tensors = inputs.tensors()
    exact = expectation(program.load()["program"], tensors, beta=BETA, budget=budget)
    return Outcome(exact.leaves, gradients(exact.leaves, tensors), exact.paths)


def _soft_laws(single: Relaxed, batched: Relaxed, inputs: Inputs, exact: Outcome | None) -> Failure | None:
    alone = [call(single, inputs.of_lane(lane), lanes=False) for lane in range(LANES)]
    for lane, outcome in enumerate(alone):
        failure = _finite("soft", outcome) or (compare("oracle", lane_of(exact, lane), outcome) if exact else None)
        if failure:
            return failure
    together = call(batched, inputs.tensors(), lanes=True)
    for lane, outcome in enumerate(alone):
        failure = compare("batch", outcome, lane_of(together, lane))
        if failure:
            return failure
    return None


def _limit(subject: Subject) -> Failure | None:
    """As sharp as this, values are those of the original, ties apart; gradients are finite anyway."""
    sharp = subject.relaxed.with_options(beta=SHARP)
    for lane in range(LANES):
        soft = call(sharp, subject.inputs.of_lane(lane), lanes=False)
        failure = _finite("limit", soft)
        if failure:
            return failure
        if closest_comparison(subject.plain, subject.inputs.plain(lane), ties=False) < MARGIN:
            continue
        hard = flatten(subject.plain(*subject.inputs.plain(lane)))
        failure = compare("limit", Outcome(hard, ()), Outcome(soft.leaves, ()))
        if failure:
            return failure
    return None


def _finite(kind: str, outcome: Outcome) -> Failure | None:
    for place, leaf in outcome.leaves.items():
        if isinstance(leaf, (Tensor, float)) and not bool(torch.as_tensor(leaf).isfinite().all()):
            return Failure(f"{kind} value not finite", f"{place}: {_show(leaf)}")
    for name, gradient in zip("xya", outcome.gradients, strict=True):
        if not bool(gradient.isfinite().all()):
            return Failure(f"{kind} gradient not finite", f"of {name}: {_show(gradient)}")
    return None


def call(function: Callable[..., Any], arguments: tuple[Tensor, ...], *, lanes: bool) -> Outcome:
    arguments = tuple(t.detach().requires_grad_() for t in arguments)
    before = [t.detach().clone() for t in arguments]
    leaves = flatten(function(*arguments), lanes=lanes)
    if not all(torch.equal(t, b) for t, b in zip(arguments, before, strict=True)):
        raise ValueError("a tensor of the caller was changed")
    return Outcome(leaves, gradients(leaves, arguments))


def gradients(leaves: Leaves, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    weighted = [
        (1 + 0.1 * k) * leaf.sum()
        for k, (_, leaf) in enumerate(sorted(leaves.items()))
        if isinstance(leaf, Tensor) and leaf.requires_grad
    ]
    if not weighted:
        return tuple(torch.zeros_like(t) for t in inputs)
    return torch.autograd.grad(torch.stack(weighted).sum(), inputs, allow_unused=True, materialize_grads=True)


def lane_of(outcome: Outcome, lane: int) -> Outcome:
    leaves = {k: v[lane] if isinstance(v, Tensor) and v.dim() else v for k, v in outcome.leaves.items()}
    return Outcome(leaves, tuple(g[lane] for g in outcome.gradients))


def compare(kind: str, expected: Outcome, actual: Outcome) -> Failure | None:
    if expected.leaves.keys() != actual.leaves.keys():
        return Failure(f"{kind} structure", f"expected {list(expected.leaves)}\nactual   {list(actual.leaves)}")
    for place, value in expected.leaves.items():
        if not _close(value, actual.leaves[place]):
            return Failure(f"{kind} value", f"{place}: expected {_show(value)}, actual {_show(actual.leaves[place])}")
    for name, wanted, given in zip("xya", expected.gradients, actual.gradients, strict=False):
        if not _close(wanted, given):
            return Failure(f"{kind} gradient", f"of {name}: expected {_show(wanted)}, actual {_show(given)}")
    return None


def _close(expected: Any, actual: Any) -> bool:
    if isinstance(expected, (Tensor, int, float)) and isinstance(actual, (Tensor, int, float)):
        wanted = torch.as_tensor(expected, dtype=torch.float64)
        error = (wanted - torch.as_tensor(actual, dtype=torch.float64)).abs()
        return bool((error <= TOLERANCE * (1 + wanted.abs())).all())
    return bool(expected == actual)


def _show(value: Any) -> str:
    return str(value.tolist()) if isinstance(value, Tensor) else repr(value)

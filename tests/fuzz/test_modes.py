"""Generated programs by single paths: the exact estimator, hard and straight-through decisions, beside the oracle."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import relax
from relaxpy.runtime.weights import Weights
from tests.fuzz.check import (
    BETA,
    EPSILON,
    LANES,
    Inputs,
    Outcome,
    call,
    compare,
    expected_of,
    gradients,
    lane_of,
)
from tests.fuzz.program import Program, generate
from tests.oracle import PathBudgetExceeded, expectation, flatten

CHUNK = 20
CHUNKS = range(1000, 1060, CHUNK)


def relaxed(program: Program, **options: Any) -> Any:
    return relax(program.load()["program"], beta=BETA, epsilon=EPSILON, **options)


def assert_same(kind: str, seed: int, program: Program, expected: Outcome, actual: Outcome) -> None:
    failure = compare(kind, expected, actual)
    assert failure is None, f"seed {seed}: {failure.kind}\n{failure.detail}\n{program.source}"


def programs(first: int) -> list[tuple[int, Program, Inputs]]:
    drawn = [(seed, generate(seed), Inputs.of(seed)) for seed in range(first, first + CHUNK)]
    return [each for each in drawn if not each[1].hazards]


@pytest.mark.parametrize("first", CHUNKS)
def test_exact_is_merged_where_conditions_read_inputs_only(first: int) -> None:
    for seed, program, inputs in programs(first):
        try:
            wanted = expected_of(program, inputs, budget=30)
        except PathBudgetExceeded:
            continue
        together = call(relaxed(program, estimator="exact", batch=True), inputs.tensors(), lanes=True)
        for lane in range(LANES):
            row = tuple(t[lane] for t in inputs.tensors())
            merged = call(relaxed(program), row, lanes=False)
            assert_same("alone", seed, program, merged, call(relaxed(program, estimator="exact"), row, lanes=False))
            assert_same("batch", seed, program, merged, lane_of(together, lane))
            assert_same("oracle", seed, program, lane_of(wanted, lane), lane_of(together, lane))


@pytest.mark.parametrize("first", CHUNKS)
def test_hard_mode_on_tensors_is_python_on_floats(first: int) -> None:
    for seed, program, inputs in programs(first):
        together = flatten(relaxed(program, mode="hard", batch=True)(*inputs.tensors()), lanes=True)
        for lane in range(LANES):
            plain = Outcome(flatten(program.load()["program"](*inputs.plain(lane))), ())
            alone = flatten(relaxed(program, mode="hard")(*(t[lane] for t in inputs.tensors())))
            assert_same("alone", seed, program, plain, Outcome(alone, ()))
            assert_same("batch", seed, program, plain, lane_of(Outcome(together, ()), lane))


@pytest.fixture
def meetings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often paths met that hard mode does not take: what they leave counts by its first order only (through.py)."""
    seen: list[int] = []

    make = Weights.__init__

    def watched(self: Weights, masses: Any, like: Any) -> None:
        make(self, masses, like)
        if not torch.stack(torch.broadcast_tensors(*map(torch.as_tensor, masses))).detach().sum(0).all():
            seen.append(1)

    monkeypatch.setattr(Weights, "__init__", watched)
    return seen


@pytest.mark.parametrize("first", CHUNKS)
def test_straight_through_has_hard_values_and_the_derivative_of_each_decision(first: int, meetings: list[int]) -> None:
    exactly = 0
    for seed, program, inputs in programs(first):
        meetings.clear()
        together = call(relaxed(program, mode="straight-through", batch=True), inputs.tensors(), lanes=True)
        for lane in range(LANES):
            row = tuple(t[lane].detach().clone()[None].requires_grad_() for t in inputs.tensors())
            paths = expectation(program.load()["program"], row, beta=BETA, straight=True)
            wanted = lane_of(Outcome(paths.leaves, gradients(paths.leaves, row)), 0)
            alone = call(relaxed(program, mode="straight-through"), tuple(t[0] for t in row), lanes=False)
            hard = flatten(relaxed(program, mode="hard")(*(t[0].detach() for t in row)))
            assert values(alone.leaves) == pytest.approx(values(hard), rel=1e-13, abs=1e-13)  # sums in another order
            if meetings:
                wanted, alone, part = (Outcome(each.leaves, ()) for each in (wanted, alone, lane_of(together, lane)))
            else:
                part = lane_of(together, lane)
                exactly += 1
            assert_same("alone", seed, program, wanted, alone)
            assert_same("batch", seed, program, wanted, part)
    assert exactly > LANES * CHUNK // 3


def values(leaves: dict[str, Any]) -> dict[str, Any]:
    """A truth is 0 or 1, as it is where it has a derivative."""
    return {k: _scalar(leaf) for k, leaf in leaves.items()}


def _scalar(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        return leaf.item()
    return float(leaf) if isinstance(leaf, bool) else leaf

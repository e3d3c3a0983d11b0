"""Programs as groups of torch operations: what torch gives operation by operation, however lanes are cut into chunks."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import weakref
from typing import Any

import pytest
import torch

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import packed
from relaxpy.engine.instructions import CODES
from relaxpy.engine.packed import Packed
from relaxpy.engine.schedule import schedule
from relaxpy.engine.tape import Tape
from tests.engine.drawn import CPU, Drawn, both_ways

EXECUTORS = ("packed",)


def packed_of(drawn: Drawn) -> Packed:
    return Packed(schedule(drawn.tape, drawn.outputs, CPU), torch.float64, CPU)


@pytest.mark.parametrize("most_bytes", [10_000, 1 << 27])
@pytest.mark.parametrize(("lanes", "uniform_inputs"), [(0, 0), (1, 0), (1, 2), (100, 0), (100, 3), (3000, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(
    seed: int, lanes: int, uniform_inputs: int, most_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", most_bytes)
    drawn = Drawn(seed, 120, 4, uniform_inputs, lanes)
    program = packed_of(drawn)
    for _ in range(2):  # in memory that is new, and that was used before
        outputs, run = program.forward(drawn.inputs, drawn.uniform)
        torch.testing.assert_close(outputs, drawn.expected.detach(), rtol=1e-12, atol=1e-12)
        seeds = torch.randn_like(outputs)
        theirs = torch.autograd.grad(drawn.expected, drawn.leaves, seeds, allow_unused=True, retain_graph=True)
        for ours, expected in zip(program.backward(run, seeds), theirs):
            torch.testing.assert_close(
                ours, torch.zeros_like(ours) if expected is None else expected, rtol=1e-10, atol=1e-10
            )
        del run


def test_what_does_not_depend_on_each_other_runs_together() -> None:
    tape = Tape()
    rows = [tape.lane_input() for _ in range(100)]
    for _ in range(3):
        rows = [tape.emit(CODES["sin"], tape.emit(CODES["mul"], a, b)) for a, b in itertools.pairwise(rows)]
    groups = schedule(tape, rows, CPU).groups
    assert [(group.target.first, group.target.size) for group in groups] == [
        (100, 99), (199, 99), (298, 98), (396, 98), (494, 97), (591, 97)
    ]  # fmt: skip
    assert all(operand.places is None for group in groups for operand in group.operands)


def test_lists_of_equal_rows_of_numbers_and_of_uniform_rows() -> None:
    tape = Tape()
    lane, shared, number = tape.lane_input(), tape.uniform_input(), tape.constant(0.5)
    twice = tape.emit(CODES["mul"], shared, shared)
    outputs = [
        tape.total([lane, lane, lane]),
        tape.total([lane, shared, number, twice]),
        *tape.softmax([lane, number, twice]),
        tape.total([twice, shared, number]),
        twice,
        number,
    ]
    program = Packed(schedule(tape, outputs, CPU), torch.float64, CPU)
    x, u = torch.randn(1, 7, dtype=torch.float64), torch.randn(1, dtype=torch.float64)
    leaf, of_all = x.clone().requires_grad_(), u.clone().requires_grad_()
    a, b = leaf[0], of_all.expand(7)
    half = torch.full((7,), 0.5, dtype=torch.float64)
    weights = torch.softmax(torch.stack([a, half, b * b]), 0)
    expected = torch.stack([3 * a, a + b + 0.5 + b * b, *weights, b * b + b + 0.5, b * b, half])
    found, run = program.forward(x, u)
    torch.testing.assert_close(found, expected.detach())
    seeds = torch.randn_like(found)
    for ours, theirs in zip(program.backward(run, seeds), torch.autograd.grad(expected, [leaf, of_all], seeds)):
        torch.testing.assert_close(ours, theirs)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 1 << 22)
    # of more, torch's own results depend on it in the last digit
    drawn = Drawn(7, 200, 4, 3, 40_000, "add sub mul maximum where neg abs total".split())
    program = packed_of(drawn)
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        results.append(both_ways(program, drawn))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_memory_serves_the_next_call_but_not_while_a_backward_pass_may_come() -> None:
    drawn = Drawn(5, 50, 3, 1, 10)
    program = packed_of(drawn)
    outputs, first = program.forward(drawn.inputs, drawn.uniform)
    _, second = program.forward(drawn.inputs + 1.0, drawn.uniform)
    assert first.values is not None
    assert first.values is not second.values
    expected = torch.autograd.grad(drawn.expected, drawn.leaves[0], torch.ones_like(outputs))[0]
    for _ in range(2):  # as torch's retain_graph allows
        torch.testing.assert_close(program.backward(first, torch.ones_like(outputs))[0], expected)
    used = first.values
    del first
    assert program.forward(drawn.inputs, drawn.uniform)[1].values is used


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "KEPT_BYTES", 100)
    drawn = Drawn(5, 50, 3, 1, 10)
    program = packed_of(drawn)
    _, run = program.forward(drawn.inputs, drawn.uniform)
    assert run.values is not None
    watched = weakref.ref(run.values.lanes)
    del run
    gc.collect()
    assert watched() is None


def test_a_call_takes_no_more_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 50_000)
    made: list[int] = []

    class Counted(packed.Memory):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self.lanes.nbytes)

    monkeypatch.setattr(packed, "Memory", Counted)
    monkeypatch.setattr(packed, "KEPT_BYTES", 0)
    drawn = Drawn(6, 100, 3, 1, 2000)
    program = packed_of(drawn)
    outputs, run = program.forward(drawn.inputs, drawn.uniform)
    assert run.values is None
    program.backward(run, torch.ones_like(outputs))
    assert max(made) <= 50_000
    assert sum(made) >= 3 * program.schedule.rows * 2000 * 8


def test_inference_mode_leaves_memory_that_serves_others() -> None:
    tape, eager = relax(bubble_sort, batch=True, engine="tape"), relax(bubble_sort, batch=True)
    x = torch.rand(3, 6, dtype=torch.float64, requires_grad=True)
    with torch.inference_mode():
        tape(x.detach())
    ours, theirs = (torch.autograd.grad(f(x)[0].square().sum(), x)[0] for f in (tape, eager))
    torch.testing.assert_close(ours, theirs)
    assert tape.engine_report().runs == 2


def chain(x: Any) -> Any:
    for _ in range(40):
        x = x / 2.0 if x > 1.0 else x * x + 0.1
    return x


def table(x: Any) -> Any:
    total = 0.0
    for a in x:
        for b in x:
            total = total + (a - b if a > b else b * b - a)
    return total


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("function", "size", "runs"), [(table, (3, 8), 2), (chain, (3,), 0), (table, (20_000, 8), 0)])
def test_auto_leaves_to_torch_what_it_does_as_fast(function: Any, size: tuple[int, ...], runs: int) -> None:
    auto, eager = relax(function, batch=True, engine="auto"), relax(function, batch=True)
    x = torch.rand(size, dtype=torch.float64)
    for _ in range(3):
        torch.testing.assert_close(auto(x), eager(x))
    assert auto.engine_report().runs == runs
    assert ("torch runs its operations as fast one by one" in auto.engine_report().eager) == (runs == 0)


WITHOUT_LLVMLITE = """
import sys, warnings
sys.modules["llvmlite"] = None  # import fails
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llvmlite" else find(name, *rest)
warnings.simplefilter("error")
import torch
from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
auto, eager = relax(bubble_sort, batch=True), relax(bubble_sort, batch=True, engine="eager")
x = torch.rand(5, 12, dtype=torch.float64, requires_grad=True)
for _ in range(3):
    ours, theirs = auto(x)[0], eager(x)[0]
    torch.testing.assert_close(ours, theirs)
    seeds = torch.randn_like(ours)
    torch.testing.assert_close(*(torch.autograd.grad(y, x, seeds)[0] for y in (ours, theirs)))
print(auto.engine_report())
"""


def test_without_llvmlite() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_LLVMLITE], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "1 program was recorded; 2 calls ran one",
        "they run as groups of torch operations; pip install relaxpy[fast] for a faster way",
        "1 call ran operation by operation: the first call of its kind",
    ]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_cuda_device() -> None:
    tape, eager = relax(bubble_sort, batch=True, engine="tape"), relax(bubble_sort, batch=True)
    x = torch.rand(5, 6, dtype=torch.float64, device="cuda", requires_grad=True)
    for _ in range(2):
        ours, theirs = tape(x)[0], eager(x)[0]
        torch.testing.assert_close(ours, theirs)
        seeds = torch.randn_like(ours)
        torch.testing.assert_close(*(torch.autograd.grad(y, x, seeds, create_graph=True)[0] for y in (ours, theirs)))
    assert tape.engine_report().executor == "torch"
    assert tape.engine_report().runs == 2
    auto = relax(bubble_sort, batch=True, engine="auto")
    for _ in range(2):
        torch.testing.assert_close(auto(x)[0], eager(x)[0])
    assert auto.engine_report().runs == 0

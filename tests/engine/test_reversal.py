"""The backward pass works out again and reverses what it must, and reads nothing that it did not write."""

from __future__ import annotations

import math

import pytest
import torch

from relaxpy.engine.instructions import CODES, NAMES
from relaxpy.engine.machine import Machine
from relaxpy.engine.planner import Program, plan
from relaxpy.engine.tape import Tape
from tests.engine.drawn import Drawn

EXECUTORS = ("machine",)


def names(code: object) -> list[str]:
    return [NAMES[operation] for operation in code[:, 0].tolist()]  # type: ignore[index]


@pytest.mark.parametrize("segment_rows", [5, 20, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_depends_on_what_was_in_memory(seed: int, segment_rows: int) -> None:
    drawn = Drawn(seed, 120, 4, seed % 3, 50)
    machine = Machine(plan(drawn.tape, drawn.outputs, segment_rows), torch.float64)
    seeds = torch.randn(len(drawn.outputs), 50, dtype=torch.float64)
    found = []
    for content in (0.0, math.nan, 1e300):
        outputs, run = machine.forward(drawn.inputs, drawn.uniform)
        for memory in run.division._free:
            memory.fill_(content)
        found.append((outputs, *machine.backward(run, seeds)))
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


def recorded(program: str) -> Program:
    """A program of two inputs, x and y."""
    tape = Tape()

    def emit(name: str, *rows: int) -> int:
        return tape.emit(CODES[name], *rows)

    space = {"x": tape.lane_input(), "y": tape.lane_input(), "half": tape.constant(0.5)}
    return plan(tape, [eval(program, {name: lambda *rows, name=name: emit(name, *rows) for name in NAMES}, space)])


@pytest.mark.parametrize(
    ("program", "again", "back"),
    [
        ("add(mul(x, y), sub(x, y))", [], ["mul", "sub", "add"]),
        ("mul(exp(x), sub(x, y))", ["exp", "sub"], ["exp", "sub", "mul"]),
        ("exp(exp(x))", ["exp"], ["exp", "exp"]),  # the outer one is saved
        ("tanh(add(mul(x, x), y))", [], ["mul", "add", "tanh"]),
        ("sin(add(mul(x, x), y))", ["mul", "add"], ["mul", "add", "sin"]),
        ("where(lt(x, y), mul(x, half), y)", ["lt"], ["mul", "where"]),
        ("mul(x, floor(exp(y)))", ["exp", "floor"], ["mul"]),
        ("floor(mul(x, y))", [], []),
    ],
)
def test_what_is_worked_out_again_and_what_is_reversed(program: str, again: list[str], back: list[str]) -> None:
    planned = recorded(program)
    assert sorted(names(planned.again)) == sorted(again)
    assert sorted(names(planned.back)) == sorted(back)


def test_results_of_a_softmax_to_which_no_gradient_comes() -> None:
    tape = Tape()
    rows = [tape.lane_input() for _ in range(3)]
    first, _, last = tape.softmax(rows)
    program = plan(tape, [tape.emit(CODES["mul"], first, last)])
    machine = Machine(program, torch.float64)
    inputs = torch.randn(3, 20, dtype=torch.float64, requires_grad=True)
    shares = torch.softmax(inputs, 0)
    product = shares[0] * shares[2]
    (expected,) = torch.autograd.grad(product.sum(), inputs)
    outputs, run = machine.forward(inputs.detach())
    for memory in run.division._free:
        memory.fill_(math.nan)
    torch.testing.assert_close(outputs[0], product.detach())
    torch.testing.assert_close(machine.backward(run, torch.ones_like(outputs))[0], expected)

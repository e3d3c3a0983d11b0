"""Each instruction gives the values and gradients of the torch function it stands for, at ordinary and at odd places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from relaxpy.engine.executor import Executor, executor as executor_of
from relaxpy.engine.instructions import BY_NAME, CODES, RULES
from relaxpy.engine.machine import Machine
from relaxpy.engine.packed import Packed
from relaxpy.engine.planner import plan
from relaxpy.engine.tape import Tape

ODD = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, math.inf, -math.inf, math.nan, 800.0, -800.0, 3.5, -2.5)


def truths(comparison: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *operands: comparison(*operands).to(operands[0].dtype)


PLAIN = (
    "add sub mul div neg abs sqrt rsqrt exp expm1 log log1p sigmoid logaddexp tanh sin cos tan asin acos atan sinh cosh "
    "asinh acosh atanh erf erfc pow hypot atan2 maximum minimum lerp sign floor ceil trunc round"
).split()
TRUTHS = {name: truths(getattr(torch, name)) for name in "lt le eq ne isfinite isnan".split()}
OTHERS: dict[str, Callable[..., Tensor]] = {
    "logsigmoid": functional.logsigmoid,
    "ramp": lambda a, b, c: torch.sigmoid((a - b) * c),
    "clamp": torch.clamp,
    "where": lambda c, a, b: torch.where(c != 0, a, b),
    "not": truths(torch.logical_not),
    "and": truths(torch.logical_and),
    "or": truths(torch.logical_or),
    "detach": torch.Tensor.detach,
    "floordiv": lambda a, b: torch.div(a, b, rounding_mode="floor").detach(),
}
MEANING = {**{name: getattr(torch, name) for name in PLAIN}, **TRUTHS, **OTHERS}


def operands_of(arity: int, dtype: torch.dtype) -> Tensor:
    odd = torch.tensor(list(itertools.product(ODD, repeat=arity)), dtype=dtype).t()
    return torch.cat([odd, torch.randn(arity, 37, dtype=dtype)], 1)


def run(
    program: Callable[[Tape, list[int]], list[int]], inputs: Tensor, segment_rows: int | None = None
) -> tuple[Tensor, Executor, Any]:
    tape = Tape()
    rows = program(tape, [tape.lane_input() for _ in range(inputs.shape[0])])
    machine = executor_of(tape, rows, inputs.dtype, inputs.device)
    if segment_rows is not None and isinstance(machine, Machine):
        machine = Machine(plan(tape, rows, segment_rows), inputs.dtype)
    outputs, kept = machine.forward(inputs.contiguous())
    return outputs, machine, kept


def instructions(machine: Executor) -> int:
    if isinstance(machine, Packed):
        return sum(group.target.size // (group.length or 1) for group in machine.schedule.groups)
    assert isinstance(machine, Machine)
    return len(machine.program.code)


def close(ours: Tensor, torchs: Tensor) -> None:
    tolerance = {"rtol": 1e-12, "atol": 1e-300} if ours.dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(ours, torchs, equal_nan=True, **tolerance)


def test_every_instruction_is_tested() -> None:
    assert MEANING.keys() == {rule.name for rule in RULES}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", MEANING)
def test_value_and_gradient_are_torchs(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    inputs = operands_of(BY_NAME[name].arity, dtype)
    if name == "clamp":
        # torch gives the bounds gradients as well; in programs they are plain numbers
        inputs[1] = inputs[1].nan_to_num(0.0)
        inputs[2] = inputs[1] + inputs[2].nan_to_num(0.0).abs()
    outputs, machine, kept = run(lambda tape, rows: [tape.emit(CODES[name], *rows)], inputs)
    leaf = inputs.clone().requires_grad_()
    rows = leaf.unbind(0)
    expected = MEANING[name](rows[0], *(row.detach() for row in rows[1:])) if name == "clamp" else MEANING[name](*rows)
    close(outputs[0], expected.detach())
    seed = torch.randn_like(outputs)
    gradient, _ = machine.backward(kept, seed)
    if not expected.requires_grad:
        assert not gradient.any()
        return
    (theirs,) = torch.autograd.grad(expected, leaf, seed[0])
    close(gradient, theirs)


def lists(tape: Tape, rows: list[int]) -> list[int]:
    weights = tape.softmax(rows[:5])
    products = [tape.emit(CODES["mul"], w, x) for w, x in zip(weights, rows)]
    return [tape.total(products), tape.total(rows), tape.total(rows[:1]), *weights]


@pytest.mark.parametrize("segment_rows", [3, 1000])
def test_sums_products_and_softmax(segment_rows: int) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(7, 21, dtype=torch.float64)
    outputs, machine, kept = run(lists, inputs, segment_rows=segment_rows)
    leaf = inputs.clone().requires_grad_()
    weights = leaf[:5].softmax(0)
    expected = torch.cat([(weights * leaf[:5]).sum(0)[None], leaf.sum(0)[None], leaf[:1], weights])
    close(outputs, expected.detach())
    seed = torch.randn_like(outputs)
    (theirs,) = torch.autograd.grad(expected, leaf, seed)
    close(machine.backward(kept, seed)[0], theirs)


def choice(tape: Tape, rows: list[int], factor: float) -> list[int]:
    """The weights of a soft maximum as they are recorded: of the differences to the largest, times beta."""
    largest = rows[0]
    for row in rows[1:]:
        largest = tape.emit(CODES["maximum"], largest, row)
    differences = [tape.emit(CODES["sub"], row, tape.emit(CODES["detach"], largest)) for row in rows]
    return tape.softmax([tape.emit(CODES["mul"], tape.constant(factor), each) for each in differences])


@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_a_choice_is_one_instruction(factor: float) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(4, 50, dtype=torch.float64)
    inputs[0, 0], inputs[1, 1] = math.inf, -math.inf
    inputs[:, 2] *= 1e308  # which times beta is infinite
    inputs[:, 3] = 0.5
    outputs, machine, kept = run(lambda tape, rows: choice(tape, rows, factor), inputs)
    leaf = inputs.clone().requires_grad_()
    expected = torch.softmax(factor * (leaf - leaf.detach().amax(0)), 0)
    close(outputs, expected.detach())
    seed = torch.randn_like(outputs)
    (theirs,) = torch.autograd.grad(expected, leaf, seed)
    finite = torch.isfinite(theirs).all(0)
    close(machine.backward(kept, seed)[0][:, finite], theirs[:, finite])
    assert finite.sum() >= 48
    assert instructions(machine) == 1


@pytest.mark.parametrize("factor", [-5.0, 0.0, math.inf])
def test_other_factors_stay_as_they_are(factor: float) -> None:
    inputs = torch.randn(4, 50, dtype=torch.float64)
    outputs, machine, _ = run(lambda tape, rows: choice(tape, rows, factor), inputs)
    close(outputs, torch.softmax(factor * (inputs - inputs.amax(0)), 0))
    assert instructions(machine) > 1


def test_a_softmax_less_something_else_than_its_largest_stays_as_it_is() -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        less = tape.emit(CODES["detach"], rows[0])
        return tape.softmax([tape.emit(CODES["sub"], row, less) for row in rows])

    inputs = torch.randn(4, 50, dtype=torch.float64)
    outputs, machine, _ = run(program, inputs)
    close(outputs, torch.softmax(inputs - inputs[0], 0))
    assert instructions(machine) == 6


@pytest.mark.parametrize("known", [0.0, 1.0])
@pytest.mark.parametrize("name", ["and", "or"])
def test_truths_that_are_known_leave_no_instruction(name: str, known: float) -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        truth = tape.emit(CODES["lt"], *rows)
        constant = tape.constant(known)
        return [tape.emit(CODES[name], truth, constant), tape.emit(CODES[name], constant, truth)]

    inputs = torch.randn(2, 50, dtype=torch.float64)
    outputs, machine, _ = run(program, inputs)
    expected = MEANING[name](MEANING["lt"](*inputs), torch.full((50,), known, dtype=torch.float64))
    close(outputs, expected.expand(2, -1))
    assert instructions(machine) <= 1


def test_a_check_notes_the_first_lane_that_fails() -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        assert tape.check(tape.emit(CODES["lt"], rows[0], tape.constant(3.0))) == 1
        return rows

    lanes = torch.arange(40.0)[None]
    assert run(program, lanes)[2].failed == 1
    assert run(program, lanes / 20)[2].failed == 0

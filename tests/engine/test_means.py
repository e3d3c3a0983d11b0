"""The mean of numbers by their own softmax or softmin is one instruction, with the values and gradients of torch's formula."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from relaxpy import relax
from relaxpy.engine.instructions import CODES, NAMES, SOFTMAX, SOFTMAX_MEAN, SOFTMIN_MEAN
from relaxpy.engine.machine import Machine
from relaxpy.engine.planner import MOST_COSTLY, SEGMENT_ROWS, plan
from relaxpy.engine.tape import Tape
from tests.engine.test_instructions import run

Lists = tuple[list[int], list[int]]
LENGTHS = (3, 4, 8, 31, 32)


def weighted(tape: Tape, rows: Sequence[int], sign: int, factor: float) -> Lists:
    """The softmax (sign -1: softmin) weights of rows as the runtime records them, and their products with the rows."""
    scores = [row if sign > 0 else tape.emit(CODES["neg"], row) for row in rows]
    largest = scores[0]
    for score in scores[1:]:
        largest = tape.emit(CODES["maximum"], largest, score)
    largest = tape.emit(CODES["detach"], largest)
    differences = [tape.emit(CODES["sub"], score, largest) for score in scores]
    weights = tape.softmax([tape.emit(CODES["mul"], row, tape.constant(factor)) for row in differences])
    return weights, [tape.emit(CODES["mul"], *pair) for pair in zip(weights, rows)]


def mean(tape: Tape, rows: Sequence[int], sign: int, factor: float) -> int:
    return tape.total(weighted(tape, rows, sign, factor)[1])


def expected(x: Tensor, sign: int, factor: float) -> Tensor:
    scores = sign * x
    weights = torch.softmax(factor * (scores - scores.detach().amax(0)), 0)
    return (weights * x).sum(0)


def compare(program: Callable[[Tape, list[int]], list[int]], torchs: Callable[[Tensor], Tensor], x: Tensor) -> None:
    outputs, machine, kept = run(program, x)
    leaf = x.double().requires_grad_()
    theirs = torchs(leaf)
    seed = torch.randn_like(outputs)
    (gradient,) = torch.autograd.grad(theirs, leaf, seed.double())
    tolerance = 1e-12 if x.dtype == torch.float64 else 2e-6
    scale = x.abs().amax().clamp(1.0).item()
    torch.testing.assert_close(outputs.double(), theirs.detach(), rtol=tolerance, atol=tolerance * scale)
    ours, _ = machine.backward(kept, seed)
    largest = gradient.abs().amax().clamp(1.0).item()
    torch.testing.assert_close(ours.double(), gradient, rtol=tolerance, atol=10 * tolerance * largest)


def used(program: Callable[[Tape, list[int]], list[int]], inputs: int) -> list[str]:
    tape = Tape()
    found = plan(tape, program(tape, [tape.lane_input() for _ in range(inputs)]))
    return [NAMES[code] for code in found.code[:, 0].tolist()]


@pytest.mark.parametrize("lanes", [1, 70, 100, 1000])
@pytest.mark.parametrize("factor", [1e-3, 1.0, 8.0, 1e3])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_means(dtype: torch.dtype, sign: int, length: int, factor: float, lanes: int) -> None:
    torch.manual_seed(length)
    x = (3 * torch.randn(length, lanes)).to(dtype)
    x[1] = x[0]  # a tie
    compare(lambda tape, rows: [mean(tape, rows, sign, factor)], lambda x: expected(x, sign, factor)[None], x)


@pytest.mark.parametrize(("sign", "name"), [(1, SOFTMAX_MEAN), (-1, SOFTMIN_MEAN)])
def test_a_mean_is_one_instruction(sign: int, name: str, executor: str) -> None:
    assert used(lambda tape, rows: [mean(tape, rows, sign, 8.0)], 5) == [name]


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_that_are_used_elsewhere_stay(sign: int) -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        weights, products = weighted(tape, rows, sign, 8.0)
        return [tape.total(products), *weights]

    def torchs(x: Tensor) -> Tensor:
        return torch.cat([expected(x, sign, 8.0)[None], torch.softmax(8.0 * sign * x, 0)])

    compare(program, torchs, torch.randn(5, 90, dtype=torch.float64))
    assert SOFTMAX in used(program, 5)


def other_values(tape: Tape, rows: list[int]) -> list[int]:
    weights, _ = weighted(tape, rows, 1, 8.0)
    return [tape.total([tape.emit(CODES["mul"], *pair) for pair in zip(weights, [*rows[1:], rows[0]])])]


def some_of_the_weights(tape: Tape, rows: list[int]) -> list[int]:
    return [tape.total(weighted(tape, rows, 1, 8.0)[1][:-1])]


@pytest.mark.parametrize("program", [other_values, some_of_the_weights])
def test_other_sums_are_no_means(program: Callable[[Tape, list[int]], list[int]], executor: str) -> None:
    assert not {SOFTMAX_MEAN, SOFTMIN_MEAN} & set(used(program, 5))


@pytest.mark.parametrize(("length", "factor"), [(33, 8.0), (5, 1e11), (5, 1e-11)])
def test_long_lists_and_extreme_factors_are_no_means(length: int, factor: float) -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        return [mean(tape, rows, 1, factor)]

    assert SOFTMAX_MEAN not in used(program, length)
    compare(program, lambda x: expected(x, 1, factor)[None], torch.randn(length, 20, dtype=torch.float64))


@pytest.mark.parametrize("sign", [1, -1])
def test_rows_that_come_twice_numbers_and_what_all_lanes_share(sign: int) -> None:
    tape = Tape()
    lane, shared, half = tape.lane_input(), tape.uniform_input(), tape.constant(0.5)
    doubled = tape.emit(CODES["mul"], shared, shared)
    rows = [
        mean(tape, [lane, half, lane, shared, doubled], sign, 8.0),
        mean(tape, [shared, doubled, half], sign, 2.0),  # of the prologue
    ]
    machine = Machine(plan(tape, [tape.emit(CODES["add"], *rows), rows[0]]), torch.float64)
    x, u = torch.randn(90, dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    outputs, kept = machine.forward(x[None], u)
    a, b = x.clone().requires_grad_(), u.clone().requires_grad_()
    number = torch.full_like(a, 0.5)
    first = expected(torch.stack([a, number, a, b.expand(90), (b * b).expand(90)]), sign, 8.0)
    second = expected(torch.stack([b.expand(90), (b * b).expand(90), number]), sign, 2.0)
    theirs = torch.stack([first + second, first])
    torch.testing.assert_close(outputs, theirs.detach(), rtol=1e-12, atol=1e-14)
    seed = torch.randn(2, 90, dtype=torch.float64)
    to_a, to_b = torch.autograd.grad(theirs, (a, b), seed)
    ours = machine.backward(kept, seed)
    torch.testing.assert_close(ours[0][0], to_a, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours[1], to_b, rtol=1e-10, atol=1e-12)


LARGE = sys.float_info.max


@pytest.mark.parametrize(
    ("numbers", "smallest"),
    [
        ([LARGE] * 4, LARGE),  # the sum of which is infinite
        ([LARGE, 5.0, LARGE], 5.0),
        ([LARGE, -LARGE, 0.0], -LARGE),
        ([5e-324, 1.0, 2.0, 0.0], 0.0),
    ],
)
def test_numbers_at_the_edge_of_what_there_is(numbers: list[float], smallest: float) -> None:
    x = torch.tensor(numbers, dtype=torch.float64)[:, None]
    outputs, machine, kept = run(lambda tape, rows: [mean(tape, rows, -1, 1000.0)], x)
    gradient, _ = machine.backward(kept, torch.ones_like(outputs))
    assert float(outputs) == pytest.approx(smallest, abs=1e-300)
    assert torch.isfinite(gradient).all()
    assert float(gradient.sum()) == pytest.approx(1.0)


def test_not_a_number_stays_one() -> None:
    for place in range(3):
        x = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
        x[place] = torch.nan
        outputs, machine, kept = run(lambda tape, rows: [mean(tape, rows, -1, 8.0)], x)
        assert outputs.isnan().all()
        assert machine.backward(kept, torch.ones_like(outputs))[0].isnan().all()


def smallest_of_sums(x: list[float]) -> float:
    first = min(x[0], x[1], x[2])
    return max([first + x[3], x[1] * first, x[2], first])


@pytest.mark.parametrize("segment", [1, 1000])
def test_programs_with_means_have_derivatives_of_any_order(segment: int) -> None:
    x = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    tape, eager = (relax(smallest_of_sums, batch=True, beta=3.0, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    torch.testing.assert_close(tape(x), eager(x), rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(tape, (x,))
    assert torch.autograd.gradgradcheck(tape, (x,))
    assert tape.engine_report().recorded


def test_what_is_read_going_backward_is_kept_where_it_would_cost_much_to_work_it_out_again(executor: str) -> None:
    def program(tape: Tape, rows: list[int]) -> list[int]:
        first = mean(tape, rows, 1, 8.0)
        return [tape.emit(CODES["mul"], first, tape.emit(CODES["exp"], first))]

    tape = Tape()
    found = plan(tape, program(tape, [tape.lane_input() for _ in range(4)]))
    assert [NAMES[code] for code in found.again[:, 0].tolist()] == ["exp"]
    compare(program, lambda x: (expected(x, 1, 8.0) * expected(x, 1, 8.0).exp())[None], torch.rand(4, 50).double())


def test_few_rows_of_a_segment_are_kept(executor: str) -> None:
    """What is kept between the two passes is a part of the rows, also of a program of nothing but means."""
    tape = Tape()
    rows = [tape.lane_input() for _ in range(3)]
    for _ in range(10 * SEGMENT_ROWS):
        rows = [*rows[1:], tape.emit(CODES["mul"], mean(tape, rows, 1, 8.0), rows[0])]
    found = plan(tape, rows[-1:])
    means = sum(code == CODES[SOFTMAX_MEAN] for code in found.code[:, 0].tolist())
    assert means == 10 * SEGMENT_ROWS
    assert 20 * MOST_COSTLY <= found.saved_rows <= 20 * MOST_COSTLY + 200

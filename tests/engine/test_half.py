"""Calls in half precision: a program computes them in float32, and gives results and gradients in the types of the eager path.

So they are compared with calls on float32 copies of the arguments, from which they differ by one rounding; operation by operation
each step rounds.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from tests.algorithms.pool import POOL
from tests.algorithms.test_laws import numbers
from tests.engine.test_parity import arguments, gradients

HALF = [torch.bfloat16, torch.float16]
NAMES = {"bubble_sort", "selection_sort", "edit_distance", "newton_sqrt", "linear_search", "majority_vote"}
CASES = [case for case in POOL if case.function.__name__ in NAMES]

pytestmark = [
    pytest.mark.usefixtures("groups_pay"),
    pytest.mark.filterwarnings("ignore::relaxpy.errors.RelaxWarning"),
]
each_type = pytest.mark.parametrize("dtype", HALF, ids=str)


def in_type(args: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Copies of the floats among some arguments."""
    return tuple(
        x.detach().to(dtype).requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x for x in args
    )


def tensors(result: Any) -> list[Any]:
    return [x for x in numbers(result) if isinstance(x, Tensor)]


def assert_rounded(ours: Any, precise: Any, dtype: torch.dtype, roundings: float = 1.0) -> None:
    """The same but for so many roundings, of values that are not tiny."""
    eps = roundings * torch.finfo(dtype).eps
    torch.testing.assert_close(ours.float(), precise.float(), rtol=eps, atol=1e-3 * eps)


def with_early_exit(x: Any, limit: Any = 2.0) -> Any:
    total, count = 0.0, 0
    for item in x:
        total = total + item * 0.1
        if total > limit:
            break
        count += 1
    return total, count


@each_type
@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_algorithms(case: Any, batch: bool, dtype: torch.dtype) -> None:
    eager, tape = (relax(beta=case.beta, batch=batch, engine=engine)(case.function) for engine in ("eager", "tape"))  # type: ignore[call-overload]
    halves = in_type(arguments(case, batch), dtype)
    floats = in_type(halves, torch.float32)
    ours, precise, theirs = tape(*halves), eager(*floats), eager(*halves)
    assert tape.engine_report().runs == 1
    assert [x.dtype for x in tensors(ours)] == [x.dtype for x in tensors(theirs)]
    assert len(tensors(ours)) == len(tensors(precise))
    for x, y in zip(tensors(ours), tensors(precise), strict=True):
        assert_rounded(x, y, dtype)
    found, expected = gradients(ours, halves), gradients(precise, floats)
    assert (found is None) == (expected is None)
    for x, y in zip(found or (), expected or (), strict=True):
        assert x.dtype == dtype
        # seeds are rounded, too, and so is what comes by several outputs
        scale = float(y.abs().max()) + 1e-3
        torch.testing.assert_close(x.float() / scale, y / scale, rtol=0, atol=8 * torch.finfo(dtype).eps)


@each_type
def test_loops_that_are_left_early(dtype: torch.dtype) -> None:
    tape, eager = (relax(with_early_exit, batch=True, beta=4.0, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = (8 * torch.rand(20, 9, generator=torch.Generator().manual_seed(0))).to(dtype).requires_grad_()
    copy = x.detach().float().requires_grad_()
    (total, count), (precise, counted), (rounded, _) = tape(x), eager(copy), eager(x)
    assert total.dtype == rounded.dtype == dtype
    assert_rounded(total, precise, dtype)
    assert_rounded(count, counted, dtype)
    # a constant is no more rounded than the rest: operation by operation the errors are many times as large
    assert (total.float() - precise).abs().max() < (rounded.float() - precise).abs().max()
    ours, theirs = (torch.autograd.grad(f.float().sum(), y)[0] for f, y in ((total, x), (precise, copy)))
    assert ours.dtype == dtype
    assert_rounded(ours, theirs, dtype, 2.0)
    assert tape.engine_report().recorded == 1


def asked(x: Any) -> Any:
    smallest = torch.finfo(x.dtype).eps
    wide = x.float() * 3.0
    back = wide.to(x.dtype)
    ones = torch.ones_like(x)
    y = x + smallest if x > 0.5 else x - smallest
    return y, wide, back, ones * y, x.double().dtype == torch.float64 if x.dtype == torch.float64 else x.dtype.itemsize


@each_type
def test_what_a_function_asks_of_types_is_said_of_those_of_the_arguments(dtype: torch.dtype) -> None:
    tape, eager = relax(asked, engine="tape"), relax(asked)
    x = torch.tensor(0.75, dtype=dtype)
    *ours, size = tape(x)
    *theirs, wanted = eager(x)
    assert size == wanted == 2
    assert [t.dtype for t in ours] == [t.dtype for t in theirs] == [dtype, torch.float32, dtype, dtype]
    for a, b in zip(ours, theirs, strict=True):
        assert_rounded(a, b, dtype, 2.0)
    assert tape.engine_report().runs == 1


def scaled_up_and_down(x: Any, large: Any = 300.0) -> Any:
    y = x * large
    if y > 0.0:
        y = y + 1.0
    return y / large, y


def test_beyond_the_range_of_float16_a_result_is_infinite_and_what_leads_to_others_is_not() -> None:
    tape = relax(scaled_up_and_down, batch=True, engine="tape")
    back, large = tape(torch.tensor([1000.0, 2.0], dtype=torch.float16))
    assert back.tolist() == [1000.0, pytest.approx(2.0033, abs=2e-3)]
    assert large.tolist() == [math.inf, 601.0]
    assert tape.engine_report().runs == 1


def shifted(x: Any, steps: Any) -> Any:
    y = x * 0.5 if x > 0.2 else x
    return y + steps, y * 0.0 + steps, steps * 2


@each_type
def test_integers_are_exact_beyond_what_half_precision_holds(dtype: torch.dtype) -> None:
    tape, eager = relax(shifted, batch=True, engine="tape"), relax(shifted, batch=True)
    x, steps = torch.tensor([0.5, 0.1, 0.9], dtype=dtype), torch.tensor([4099, 301, -7])
    ours, theirs = tape(x, steps), eager(x, steps)
    assert [t.dtype for t in ours] == [t.dtype for t in theirs]
    assert ours[2].tolist() == [8198, 602, -14]
    precise = eager(x.float(), steps)
    for a, b in zip(ours, precise, strict=True):
        assert_rounded(a, b, dtype)
    tape(x, torch.tensor([2**24 + 1, 0, 0]))
    assert tape.engine_report().eager == {"its integers are too large": 1}


@each_type
@pytest.mark.parametrize("of_beta", [None, torch.float32, torch.float64, "same"], ids=str)
def test_beta_may_be_a_number_or_a_tensor_of_any_type(of_beta: Any, dtype: torch.dtype) -> None:
    kind = dtype if of_beta == "same" else of_beta
    beta: Any = 3.3 if kind is None else torch.nn.Parameter(torch.tensor(3.3, dtype=kind))
    precise_beta: Any = 3.3 if kind is None else beta.detach().float().requires_grad_()
    tape, eager = (relax(bubble_sort, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = torch.rand(5, 4, generator=torch.Generator().manual_seed(2)).to(dtype).requires_grad_()
    copy = x.detach().float().requires_grad_()
    ours, precise = tape.with_options(beta=beta)(x)[0], eager.with_options(beta=precise_beta)(copy)[0]
    assert ours.dtype == dtype
    assert_rounded(ours, precise, dtype)
    assert tape.engine_report().runs == 1
    if kind is None:
        for another in (3.4, 3.5):  # of which one program takes care
            assert_rounded(tape.with_options(beta=another)(x)[0], eager.with_options(beta=another)(copy)[0], dtype)
        assert tape.engine_report().recorded == 2
        return
    weights = torch.tensor([1.0, 2.0, -1.0, 0.5])  # which half precision holds
    found = torch.autograd.grad((ours * weights.to(dtype)).sum(), [x, beta])
    expected = torch.autograd.grad((precise * weights).sum(), [copy, precise_beta])
    assert [g.dtype for g in found] == [dtype, kind]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.float(), b, rtol=4 * torch.finfo(dtype).eps, atol=1e-4)


@each_type
@pytest.mark.parametrize("of_weights", [None, torch.float32], ids=["half", "float"])
def test_captured_parameters(of_weights: torch.dtype | None, dtype: torch.dtype) -> None:
    weights = torch.nn.Parameter(torch.tensor([0.5, 1.5, 0.25], dtype=of_weights or dtype))

    def weighted(x: Any) -> Any:
        y = (x * weights).sum()
        return y * 0.5 if y > 1.0 else y + 0.25

    tape, eager = relax(weighted, engine="tape"), relax(weighted)
    x = torch.tensor([0.5, 0.75, 0.3], dtype=dtype, requires_grad=True)
    ours, theirs = tape(x), eager(x)
    assert ours.dtype == theirs.dtype == weights.dtype
    assert_rounded(ours, theirs, dtype, 4.0)
    found, expected = (torch.autograd.grad(result, [x, weights]) for result in (ours, theirs))
    for a, b, given in zip(found, expected, (x, weights), strict=True):
        assert a.dtype == b.dtype == given.dtype
        assert_rounded(a, b, dtype, 8.0)
    assert tape.engine_report().runs == 1


@pytest.mark.parametrize("wide", [torch.float64, torch.bfloat16])
def test_parameters_of_a_type_that_a_program_cannot_hold_leave_the_call_to_torch(wide: torch.dtype) -> None:
    weights = torch.nn.Parameter(torch.tensor([0.5, 1.5], dtype=wide))

    def weighted(x: Any) -> Any:
        y = x * weights
        return y[0] + y[1] if y[0] > 0.2 else y[1] + y[0] * 2.0

    tape, eager = relax(weighted, engine="tape"), relax(weighted)
    x = torch.tensor([0.3, 0.7])
    torch.testing.assert_close(tape(x), eager(x))
    assert tape.engine_report().eager == {f"it mixes {wide} with torch.float32": 1}


@each_type
def test_derivatives_of_derivatives_and_many_gradients_at_once(dtype: torch.dtype) -> None:
    tape, eager = (relax(bubble_sort, batch=True, beta=3.0, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = torch.rand(3, 4, generator=torch.Generator().manual_seed(3)).to(dtype).requires_grad_()
    copy = x.detach().float().requires_grad_()
    for values, seeds in ((x, torch.eye(4, dtype=dtype)), (copy, torch.eye(4))):
        assert seeds.dtype == values.dtype
    weights = torch.tensor([1.0, -0.5, 0.25, 2.0])

    def second(f: Any, values: Tensor) -> Tensor:
        total = (f(values)[0] * weights.to(values.dtype)).sum()
        (first,) = torch.autograd.grad(total, values, create_graph=True)
        assert first.dtype == values.dtype
        (found,) = torch.autograd.grad((first * first).sum(), values)
        return found

    ours, precise = second(tape, x), second(eager, copy)
    assert ours.dtype == dtype
    torch.testing.assert_close(
        ours.float(), precise, rtol=0, atol=16 * torch.finfo(dtype).eps * float(precise.abs().max())
    )
    seeds = torch.eye(4)[:, None].expand(4, 3, 4)
    (ours,), (precise,) = (
        torch.autograd.grad(f(values)[0], values, seeds.to(values.dtype), is_grads_batched=True)
        for f, values in ((tape, x), (eager, copy))
    )
    assert ours.dtype == dtype
    assert_rounded(ours, precise, dtype, 4.0)
    assert tape.engine_report().runs == 2


def halved_in_place(values: Any) -> Any:
    for k in range(len(values)):
        if values[k] > 0.5:
            values[k] = values[k] / 2.0
    return values[0] + values[1]


@each_type
def test_changes_in_place(dtype: torch.dtype) -> None:
    tape, eager = relax(halved_in_place, engine="tape"), relax(halved_in_place)
    values = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in (0.75, 0.3, 0.6)]
    ours, theirs, precise = list(values), list(values), [v.detach().float() for v in values]
    result, rounded, wanted = tape(ours), eager(theirs), eager(precise)
    assert [v.dtype for v in (result, *ours)] == [v.dtype for v in (rounded, *theirs)] == [dtype] * 4
    for a, b in zip((result, *ours), (wanted, *precise), strict=True):
        assert_rounded(a, b, dtype)
    result.mul_(2.0)
    torch.autograd.grad(result + ours[2], values)
    assert tape.engine_report().runs == 1


def many(x: Any) -> Any:
    return [y * 2.0 if y > 0.3 else y + 0.25 for y in x]


@each_type
def test_many_results(dtype: torch.dtype) -> None:
    tape, eager = relax(many, batch=True, engine="tape"), relax(many, batch=True)
    x = torch.rand(6, 9, generator=torch.Generator().manual_seed(4)).to(dtype).requires_grad_()
    copy = x.detach().float().requires_grad_()
    ours, precise = tape(x), eager(copy)
    for a, b in zip(ours, precise, strict=True):
        assert a.dtype == dtype
        assert_rounded(a, b, dtype)
    found, expected = (
        torch.autograd.grad(torch.stack(list(results)).sum(), values)[0]
        for results, values in ((ours, x), (precise, copy))
    )
    assert_rounded(found, expected, dtype, 2.0)
    (curved,) = torch.autograd.grad(torch.autograd.grad(tape(x)[0].sum(), x, create_graph=True)[0].sum(), x)
    assert curved.dtype == dtype


def compared(x: Any, y: Any) -> Any:
    z = x + y if x > y else x * y
    for _ in range(6):
        z = z * 0.75 if z > 0.5 else z + 0.125
    return z, x * 2.0, y * 2.0


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("other", [torch.float32, torch.float16])
def test_types_may_be_mixed_that_float32_holds(other: torch.dtype, batch: bool) -> None:
    tape, eager = relax(compared, batch=batch, engine="tape"), relax(compared, batch=batch)
    x, y = (
        torch.tensor(v, dtype=t, requires_grad=True) for v, t in (([0.3, 0.9], torch.bfloat16), ([0.6, 0.1], other))
    )
    given, copies = ((x, y), (x.float(), y.float())) if batch else ((x[0], y[0]), (x[0].float(), y[0].float()))
    ours, theirs, precise = tape(*given), eager(*given), eager(*copies)
    assert [t.dtype for t in ours] == [t.dtype for t in theirs] == [torch.float32, torch.bfloat16, other]
    assert tape.engine_report().runs == 1
    torch.testing.assert_close(ours[0], precise[0])
    found, expected = (torch.autograd.grad(result[0].sum(), [x, y]) for result in (ours, precise))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a.float(), b.float(), rtol=2 * torch.finfo(a.dtype).eps, atol=1e-6)


def rounding(x: Any, y: Any) -> Any:
    z = (x * y).to(y.dtype)
    return z + y if z > 0.25 else z


@pytest.mark.parametrize(
    ("types", "why"),
    [
        ((torch.float32, torch.bfloat16), "it rounds torch.float32 to torch.bfloat16"),
        ((torch.float16, torch.bfloat16), "it rounds torch.float32 to torch.bfloat16"),
        ((torch.float64, torch.bfloat16), "its arguments are torch.bfloat16 and torch.float64"),
    ],
    ids=str,
)
def test_what_the_function_rounds_itself_is_left_to_torch(types: tuple[torch.dtype, ...], why: str) -> None:
    tape, eager = relax(rounding, batch=True, engine="tape"), relax(rounding, batch=True)
    given = [torch.tensor([0.3, 0.9], dtype=dtype) for dtype in types]
    torch.testing.assert_close(tape(*given), eager(*given))
    assert tape.engine_report().eager == {why: 1}


def test_each_type_has_its_program() -> None:
    auto = relax(bubble_sort, batch=True, engine="auto")
    x = torch.rand(4, 5)
    for _ in range(3):
        for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
            assert auto(x.to(dtype))[0].dtype == dtype
    report = auto.engine_report()
    assert (report.recorded, report.runs) == (4, 8)
    assert report.eager == {"the first call of its kind": 4}


# torch.autocast


@each_type
@pytest.mark.parametrize("engine", ["tape", "auto"])
def test_scores_of_a_network_under_autocast(engine: Any, dtype: torch.dtype) -> None:
    sort, eager = relax(bubble_sort, batch=True, engine=engine), relax(bubble_sort, batch=True)
    torch.manual_seed(5)
    net, inputs = torch.nn.Linear(3, 5), torch.rand(8, 3)
    for _ in range(2):
        with torch.autocast("cpu", dtype=dtype):
            scores = net(inputs)
            found, *_ = sort(scores)
            rounded, *_ = eager(scores)
            floats, *_ = sort(inputs)  # which autocast leaves as they are
        assert scores.dtype == found.dtype == rounded.dtype == dtype
        torch.testing.assert_close(floats, eager(inputs)[0])
    assert_rounded(found, eager(scores.float())[0], dtype)
    (ours,), (theirs,) = (
        torch.autograd.grad(f.float().square().sum(), net.bias, retain_graph=True) for f in (found, rounded)
    )
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=0.1, atol=0.1)
    assert sort.engine_report().runs == (4 if engine == "tape" else 2)
    sort(inputs)  # of which nothing is known without autocast
    assert sort.engine_report().recorded == (3 if engine == "tape" else 2)


def product_of_matrices(x: Any) -> Any:
    y = x @ x
    return y[0] * 2.0 if y[0][0] > 0.5 else y[0]


def product_of_all(x: Any) -> Any:
    y = x.prod()
    return y * 2.0 if y > 0.1 else y


@pytest.mark.parametrize(
    ("function", "dtype", "name"),
    [
        (product_of_matrices, torch.float32, "matmul"),
        (product_of_matrices, torch.bfloat16, "matmul"),
        (product_of_matrices, torch.float64, None),
        (product_of_all, torch.float32, None),
        (product_of_all, torch.bfloat16, "prod"),
    ],
)
def test_what_autocast_runs_in_another_type_is_left_to_torch(
    function: Any, dtype: torch.dtype, name: str | None
) -> None:
    tape, eager = relax(function, engine="tape"), relax(function)
    x = torch.tensor([[0.5, 0.75], [0.9, 0.8]], dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, theirs = tape(x), eager(x)
    torch.testing.assert_close(ours, theirs)
    report = tape.engine_report()
    assert report.runs == (name is None)
    assert list(report.eager) == ([] if name is None else [f"autocast is on, which changes torch's `{name}`"])
    torch.testing.assert_close(tape(x).float(), eager(x).float(), rtol=0.02, atol=0.0)
    assert tape.engine_report().runs == report.runs + 1


def test_autocast_takes_one_half_precision() -> None:
    tape = relax(with_early_exit, batch=True, engine="tape")
    x = torch.rand(3, 4).half()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tape(x)
    assert tape.engine_report().eager == {"autocast to torch.bfloat16 is on, which takes no other half precision": 1}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_infinite_numbers_are_compared_while_a_call_is_recorded(dtype: torch.dtype) -> None:
    """torch looks into what it takes for a tensor where a number may stand, too, before it hands it over."""
    x = torch.tensor([0.0, math.inf, 1.0, -math.inf, 2.0], dtype=dtype)
    for _ in range(3):
        tape = relax(lambda values: (min(values), max(values)), engine="tape", distribution="normal")
        assert [float(each) for each in tape(x.clone().requires_grad_())] == [-math.inf, math.inf]

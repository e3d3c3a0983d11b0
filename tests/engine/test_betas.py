"""A beta that is another number at each call, as in annealing, is an input of one program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax, schedules
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.runtime.settings import DISTRIBUTIONS

BETAS = [0.3 * 1.2**k for k in range(30)]
X = torch.tensor([[0.3, 0.1, 0.7, 0.2], [0.9, 0.2, 0.4, 0.35]], dtype=torch.float64, requires_grad=True)

pytestmark = pytest.mark.usefixtures("groups_pay")


def by_option(f: Any, beta: float) -> Any:
    return f.with_options(beta=beta)(X)


def by_region(f: Any, beta: float) -> Any:
    with relaxpy.options(beta=beta):
        return f(X)


def by_schedule(f: Any, beta: float) -> Any:
    schedule = schedules.linear(beta / 2.0, beta, 1)
    schedule.step()
    return f.with_options(beta=schedule)(X)


def by_module(f: Any, beta: float) -> Any:
    return f.module(beta=schedules.constant(beta))(X)


def value_and_gradient(result: Any) -> tuple[Any, Any]:
    first = result[0] if isinstance(result, tuple) else result
    (gradient,) = torch.autograd.grad((first * torch.arange(first[0].numel())).sum(), X)
    return first, gradient


@pytest.mark.parametrize("way", [by_option, by_region, by_schedule, by_module])
@pytest.mark.parametrize(("engine", "recorded"), [("auto", 1), ("tape", 2)])
def test_annealing_records_once(way: Callable[..., Any], engine: Any, recorded: int) -> None:
    """With "tape" the first call is recorded, too, before it is known that beta varies."""
    tape, eager = relax(bubble_sort, batch=True, engine=engine), relax(bubble_sort, batch=True, engine="eager")
    for beta in BETAS:
        ours, theirs = (value_and_gradient(way(f, beta)) for f in (tape, eager))
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    assert tape.engine_report().recorded == recorded
    assert tape.engine_report().runs == len(BETAS) - (engine == "auto")


def steps(x: Any) -> Any:
    for _ in range(6):
        x = x / 2.0 if x > 0.5 else x + 0.1
    return x


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_distributions_and_types(distribution: Any, dtype: torch.dtype) -> None:
    options: Any = {"batch": True, "distribution": distribution, "epsilon": 0.0}
    tape, eager = (relax(steps, engine=engine, **options) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = torch.tensor([0.4, 0.6, 3.0, -1.0], dtype=dtype, requires_grad=True)
    close = 1e-10 if dtype == torch.float64 else 1e-5
    for beta in (1.0, 2.0, 1e-6, 1e8, 30.0, 1.0, 2.0):
        ours, theirs = (f.with_options(beta=beta)(x) for f in (tape, eager))
        torch.testing.assert_close(ours, theirs, rtol=close, atol=close)
        if beta < 1e3:  # beyond, one rounding of x decides
            grads = [torch.autograd.grad(r.sum(), x, materialize_grads=True)[0] for r in (ours, theirs)]
            torch.testing.assert_close(*grads, rtol=100 * close, atol=100 * close)
    assert tape.engine_report().runs == 7, tape.engine_report()
    assert tape.engine_report().recorded <= 3


def test_two_betas_that_take_turns() -> None:
    auto, eager = relax(steps, batch=True), relax(steps, batch=True, engine="eager")
    x = torch.tensor([0.4, 3.0], dtype=torch.float64)
    with relaxpy.options(engine="auto"):
        for _ in range(4):
            for beta in (5.0, 10.0):
                torch.testing.assert_close(
                    auto.with_options(beta=beta)(x), eager.with_options(beta=beta)(x), rtol=1e-10, atol=1e-10
                )
    assert (auto.engine_report().recorded, auto.engine_report().runs) == (1, 7)


def reads_beta(x: Any) -> Any:
    with relaxpy.options() as now:
        y = x * now.beta
    for _ in range(6):
        y = y / 2.0 if x > 0.5 else y + 0.1
    return y


def compares_beta(x: Any) -> Any:
    with relaxpy.options() as now:
        if now.beta > 2.0:
            x = x * 100.0
    return steps(x)


def own_regions(x: Any) -> Any:
    with relaxpy.options(beta=7.0):
        x = x / 2.0 if x > 0.5 else x + 0.1
    return steps(x)


def rounds(x: Any) -> Any:
    return round(steps(x)) + steps(x)


def halves(x: Any) -> Any:
    n = 0.0
    while x > 1.0:
        x = x / 2.0
        n = n + 1.0
    return x + n


@pytest.mark.parametrize("function", [reads_beta, compares_beta, own_regions, rounds, halves])
def test_what_depends_on_beta_is_never_out_of_date(function: Any) -> None:
    # how many steps of a rounded number count depends on beta: so that it makes no difference, all of them do
    options: Any = {"batch": True, "epsilon": 1e-12} if function is rounds else {"batch": True}
    tape, eager = relax(function, engine="tape", **options), relax(function, engine="eager", **options)
    x = torch.tensor([0.4, 0.6, 3.0], dtype=torch.float64, requires_grad=True)
    for beta in (1.5, 3.0, 2.0, 2.5, 10.0, 4.0, 1.5, 3.0):
        for _ in range(2):
            ours, theirs = (f.with_options(beta=beta)(x) for f in (tape, eager))
            # the eager path leaves out what is negligible now, a program what was when it was recorded
            close = 1e-3 if function is halves else 1e-10
            torch.testing.assert_close(ours, theirs, rtol=close, atol=close)


def test_a_beta_that_means_nothing_is_an_error() -> None:
    tape = relax(steps, batch=True, engine="tape")
    for beta in (1.0, 2.0, 3.0):
        tape.with_options(beta=beta)(X[0].detach())
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(relaxpy.RelaxError, match="`beta` is a positive finite number"):
            tape.with_options(beta=wrong)


def test_tensors_and_numbers_take_turns() -> None:
    tape, eager = relax(steps, batch=True, engine="tape"), relax(steps, batch=True, engine="eager")
    x = torch.tensor([0.4, 3.0], dtype=torch.float64)
    learned = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    for beta in (5.0, learned, 8.0, learned, 9.0):
        ours, theirs = (f.with_options(beta=beta)(x) for f in (tape, eager))
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
        assert ours.requires_grad == isinstance(beta, Tensor)
        if isinstance(beta, Tensor):
            first, second = (torch.autograd.grad(r.sum(), beta)[0] for r in (ours, theirs))
            torch.testing.assert_close(first, second)


def test_objects_are_told_apart_for_any_beta() -> None:
    class Level:
        def __init__(self, level: float) -> None:
            self.level = level

    def above(x: Any, limit: Any) -> Any:
        return x / 2.0 if x > limit.level else x + 0.1

    tape, eager = relax(above, engine="tape"), relax(above, engine="eager")
    x = torch.tensor(0.4, dtype=torch.float64)
    for level in (0.2, 0.5, 0.9):
        limit = Level(level)
        for beta in (1.0, 2.0, 3.0):
            ours, theirs = (f.with_options(beta=beta)(x, limit) for f in (tape, eager))
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
            limit.level += 0.05

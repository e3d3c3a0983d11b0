"""A side that cannot be reached does no harm, in value and in gradient, alone or in a batch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax

# In float64 too, each probability is exactly 0 or 1 here, so that epsilon=0 changes nothing.
FAR = [-500.0, -90.0, 90.0, 500.0]
DTYPES = [torch.float32, torch.float64]


def reciprocal(x: Any) -> Any:
    return 1.0 / x if x > 0 else 0.0 * x


def root(x: Any) -> Any:
    if x > 0:
        return x**0.5
    return -x


def torch_root(x: Any) -> Any:
    return torch.sqrt(x) if x > 0 else x * 2.0


def logarithm(x: Any) -> Any:
    if x > 0:
        y = torch.log(x)
    else:
        y = 1.0 + x
    return y


def method_log(x: Any) -> Any:
    y = x.log() if x > 0 else 1.0 + x
    return y


def library_log(x: Any) -> Any:
    return math.log(x) if x > 0 else x * x


def grows(x: Any) -> Any:
    if x < 0:
        return x
    return torch.exp(-x)


def through_a_list(x: Any) -> Any:
    out = [0.0]
    if x > 0:
        out[0] = torch.sqrt(x) + 1.0 / x
    else:
        out[0] = x
    return out[0] * 2.0


def after_a_guard(x: Any) -> Any:
    if x < 0:
        return x
    y = torch.sqrt(x)
    return y + 1.0 / torch.sqrt(x)


def nested(x: Any) -> Any:
    y = 0.0
    if x > 0:
        y = torch.log(x)
        if x > 300:
            y = torch.log(x - 300.0)
    return y + x


def in_a_loop(x: Any) -> Any:
    total = 0.0
    for _k in range(3):
        if x < 0:
            break
        total = total + torch.sqrt(x) / x
    return total + x


PLAIN = {
    reciprocal: lambda x: 1 / x if x > 0 else 0 * x,
    root: lambda x: x**0.5 if x > 0 else -x,
    torch_root: lambda x: x.sqrt() if x > 0 else 2 * x,
    logarithm: lambda x: x.log() if x > 0 else 1 + x,
    method_log: lambda x: x.log() if x > 0 else 1 + x,
    library_log: lambda x: x.log() if x > 0 else x * x,
    grows: lambda x: x if x < 0 else (-x).exp(),
    through_a_list: lambda x: 2 * (x.sqrt() + 1 / x) if x > 0 else 2 * x,
    after_a_guard: lambda x: x.sqrt() + 1 / x.sqrt() if x > 0 else x,
    nested: lambda x: (x.log() if x < 300 else (x - 300).log()) + x if x > 0 else x,
    in_a_loop: lambda x: 3 * x.sqrt() / x + x if x > 0 else x,
}


def expected(program: Any, value: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    x = torch.tensor(value, dtype=dtype, requires_grad=True)
    y = PLAIN[program](x)
    return y.detach(), torch.autograd.grad(y, x)[0]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("program", PLAIN, ids=lambda program: program.__name__)
def test_far_from_the_decision_nothing_of_the_other_side_is_left(program: Any, dtype: torch.dtype) -> None:
    relaxed = relax(program)
    for value in FAR:
        x = torch.tensor(value, dtype=dtype, requires_grad=True)
        y = relaxed(x)
        wanted, slope = expected(program, value, dtype)
        assert y.dtype == dtype
        assert torch.allclose(y, wanted)
        assert torch.allclose(torch.autograd.grad(y, x)[0], slope)


@pytest.mark.parametrize("epsilon", [1e-5, 0.0])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("program", PLAIN, ids=lambda program: program.__name__)
def test_lanes_far_away_do_not_harm_their_company(program: Any, dtype: torch.dtype, epsilon: float) -> None:
    values = [*FAR, 1.5]
    x = torch.tensor(values, dtype=dtype, requires_grad=True)
    y = relax(program, batch=True, epsilon=epsilon)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert bool(torch.isfinite(y).all())
    assert bool(torch.isfinite(gradient).all())
    for lane, value in enumerate(values[:4]):
        wanted, slope = expected(program, value, dtype)
        assert torch.allclose(y[lane], wanted)
        assert torch.allclose(gradient[lane], slope)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_infinite_until_found(dtype: torch.dtype) -> None:
    def least_above(values: Any, bound: Any) -> Any:
        best = math.inf
        for v in values:
            if v > bound:
                if v < best:
                    best = v
        return best

    values = torch.tensor([-50.0, 30.0, 70.0, 90.0], dtype=dtype, requires_grad=True)
    bound = torch.tensor(50.0, dtype=dtype, requires_grad=True)
    best = relax(least_above)(values, bound)
    assert torch.allclose(best, torch.tensor(70.0, dtype=dtype))
    gradients = torch.autograd.grad(best, (values, bound))
    assert torch.allclose(gradients[0], torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=dtype))
    assert torch.allclose(gradients[1], torch.tensor(0.0, dtype=dtype))


def test_the_smallest_of_values_starting_from_infinity() -> None:
    def smallest(values: Any) -> Any:
        best = math.inf
        for v in values:
            if v < best:
                best = v
        return best

    rows = torch.tensor([[3.0, 1.0, 2.0], [-30.0, 5.0, 90.0]], requires_grad=True)
    best = relax(smallest, batch=True, beta=100.0)(rows)
    assert torch.allclose(best, torch.tensor([1.0, -30.0]))
    (gradient,) = torch.autograd.grad(best.sum(), rows)
    assert torch.allclose(gradient, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), atol=1e-5)


def test_infinities_compare_as_in_python() -> None:
    def compares(x: Any) -> Any:
        inf = x * math.inf
        return inf > x, inf == inf, inf < math.inf, -inf < x, x != inf

    x = torch.tensor(2.0, requires_grad=True)
    results = relax(compares)(x)
    assert [float(r) for r in results] == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_none_until_found_surely() -> None:
    def first_above(values: Any, bound: Any) -> Any:
        found = None
        for v in values:
            if v > bound:
                found = v
                break
        return found

    values = torch.tensor([1.0, 50.0, 90.0], requires_grad=True)
    found = relax(first_above)(values, torch.tensor(20.0))
    assert torch.allclose(found, torch.tensor(50.0))
    assert torch.autograd.grad(found, values)[0].tolist() == [0.0, 1.0, 0.0]


def test_nan_on_the_dead_side() -> None:
    def program(x: Any) -> Any:
        y = math.nan
        if x > 0:
            y = x
        return y

    x = torch.tensor([40.0, 90.0], requires_grad=True)
    y = relax(program, batch=True)(x)
    assert torch.equal(y, x)
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [1.0, 1.0]


def test_equality_far_apart_has_gradient_zero() -> None:
    def program(x: Any) -> Any:
        return x if x == 0 else x * 2.0

    for dtype in (*DTYPES, torch.float16, torch.bfloat16):
        x = torch.tensor(100.0, dtype=dtype, requires_grad=True)
        y = relax(program, beta=5.0)(x)
        assert y.item() == 200.0
        assert torch.autograd.grad(y, x)[0].item() == 2.0


def test_a_live_infinity_is_not_hidden() -> None:
    def program(x: Any) -> Any:
        y = math.inf
        if x > 0:
            y = x
        return y

    assert relax(program)(torch.tensor(0.0)).item() == math.inf

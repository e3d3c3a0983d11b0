"""Expected staircases against draws of the noise, their formulas, and exact functions of soft integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import categorical, options, probabilities, relax
from relaxpy.runtime.distributions import DISTRIBUTIONS
from tests.runtime.noise import NAMES, WITHOUT_MEAN, assert_mean, draws

D = torch.float64
BETA = 2.0


def number(value: float, dtype: torch.dtype = D) -> Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def away_from_zero(x: Tensor) -> Tensor:
    return torch.where(x >= 0, x.floor(), x.ceil())


ROUNDINGS: dict[str, tuple[Callable[[Any], Any], Callable[[Tensor], Tensor]]] = {
    "floor": (lambda x: math.floor(x), torch.floor),
    "ceil": (lambda x: math.ceil(x), torch.ceil),
    "trunc": (lambda x: math.trunc(x), away_from_zero),
    "int": (lambda x: int(x), away_from_zero),
    "round": (lambda x: round(x), torch.round),
    "round to tenths": (lambda x: round(x, 1), lambda x: (x * 10).round() / 10),
    "round to tens": (lambda x: round(x, -1), lambda x: (x / 10).round() * 10),
    "x // 0.4": (lambda x: x // 0.4, lambda x: (x / 0.4).floor()),
    "3.0 // (x + 9)": (lambda x: 30.0 // (x + 9.0), None),  # type: ignore[dict-item]
    "torch.floor": (lambda x: torch.floor(x), torch.floor),
    "torch.round": (lambda x: torch.round(x), torch.round),
}
DRAWN = [name for name, (_, sampled) in ROUNDINGS.items() if sampled is not None]


@pytest.mark.parametrize("rounding", DRAWN)
@pytest.mark.parametrize("name", [each for each in NAMES if each not in WITHOUT_MEAN])
def test_the_expectation_is_the_mean_of_draws(name: str, rounding: str) -> None:
    program, sampled = ROUNDINGS[rounding]
    noise = draws(name) / BETA
    for x in (0.3, -1.2, 2.5):
        value = relax(program, beta=BETA, epsilon=1e-9, distribution=name)(number(x))
        assert_mean(value, sampled(x + noise))


@pytest.mark.parametrize("name", NAMES)
def test_the_probabilities_are_differences_of_the_cdf(name: str) -> None:
    def program(x: Any) -> Any:
        shifted = [math.floor(x), math.ceil(x), round(x), int(x)]
        return [[1.0 if k == value else 0.0 for value in range(-3, 4)] for k in shifted]

    x = -0.4
    edges: list[Callable[[int], float]] = [
        lambda k: k,
        lambda k: k - 1,
        lambda k: k - 0.5,
        lambda k: k if k > 0 else k - 1,
    ]
    cdf = DISTRIBUTIONS[name].cdf
    results = relax(program, beta=BETA, epsilon=1e-12, distribution=name)(number(x))
    for found, edge in zip(results, edges, strict=True):
        for k, p in zip(range(-3, 4), found, strict=True):
            ends = torch.tensor([BETA * (edge(k) - x), BETA * (edge(k + 1) - x)], dtype=D)
            low, high = cdf(ends)
            torch.testing.assert_close(torch.as_tensor(p, dtype=D), high - low, atol=1e-10, rtol=1e-6)


@pytest.mark.parametrize("program", [program for program, _ in ROUNDINGS.values()], ids=list(ROUNDINGS))
@pytest.mark.parametrize("name", NAMES)
def test_gradients(name: str, program: Callable[[Any], Any]) -> None:
    f = relax(program, beta=BETA, distribution=name, epsilon=0.0, max_iter=20)
    for x in (0.31, -1.23):
        assert torch.autograd.gradcheck(f, (number(x),))


def test_the_staircase_is_steep_for_large_beta() -> None:
    for x in (-2.7, -0.5001, -0.3, 0.2, 1.4999, 7.9):
        for program, _ in ROUNDINGS.values():
            hard = program(x) if program not in (ROUNDINGS["torch.floor"][0], ROUNDINGS["torch.round"][0]) else None
            if hard is not None:
                assert float(relax(program, beta=1e7)(number(x)).detach()) == pytest.approx(hard, abs=1e-6)


def test_remainders_are_what_the_quotients_leave() -> None:
    def program(x: Any, y: Any) -> Any:
        return x % y, x // y, divmod(x, y), math.fmod(x, y), math.remainder(x, y), x % 0.7, 5.0 % y

    f = relax(program, beta=3.0, epsilon=1e-10)
    x, y = number(2.3), number(0.7)
    m, q, (q2, m2), trunc, nearest, plain, reflected = f(x, y)
    torch.testing.assert_close(m, x - y * q)
    assert (q2, m2) == (q, m)
    torch.testing.assert_close(plain, m)
    sharp = f.with_options(beta=1e6)(x, y)
    assert float(sharp[0].detach()) == pytest.approx(2.3 % 0.7)
    assert float(sharp[3].detach()) == pytest.approx(math.fmod(2.3, 0.7))
    assert float(sharp[4].detach()) == pytest.approx(math.remainder(2.3, 0.7))
    assert float(sharp[6].detach()) == pytest.approx(5.0 % 0.7)
    assert all(torch.isfinite(each) for each in (trunc, nearest, reflected))
    assert torch.autograd.gradcheck(lambda x, y: f.with_options(epsilon=0.0)(x, y)[0], (x, y))
    assert float(relax(lambda x, y: x // y, beta=1e6)(number(2.3), number(-0.7)).detach()) == -4


def test_a_quotient_by_zero_is_python_s_error() -> None:
    for program in (lambda x: x // 0, lambda x: x % 0.0, lambda x: divmod(x, 0)):
        with pytest.raises(ZeroDivisionError):
            relax(program)(number(1.0))


def test_lanes_that_are_far_apart_have_their_own_steps() -> None:
    xs = torch.tensor([0.4, -123456.7, 9.9e7, 3.5], dtype=D, requires_grad=True)

    def program(x: Any) -> Any:
        k = round(x)
        return k, (1.0 if k == 0 else 0.0), k % 2

    together = relax(program, batch=True, beta=4.0)(xs)
    for lane, x in enumerate(xs):
        alone = relax(program, beta=4.0)(x)
        for each, single in zip(together, alone, strict=True):
            torch.testing.assert_close(each[lane], torch.as_tensor(single, dtype=D), atol=2e-5, rtol=1e-9)
    assert torch.autograd.gradcheck(relax(lambda x: round(x), batch=True, beta=4.0, epsilon=0.0), (xs[[0, 3]],))


def test_the_steps_end_where_epsilon_says_so_also_for_heavy_tails() -> None:
    def program(x: Any) -> Any:
        return probabilities(round(x) + 6000, 12001)

    for name in WITHOUT_MEAN:
        p = relax(program, distribution=name, beta=10.0, epsilon=1e-4)(number(0.3))
        assert float(p.sum().detach()) == pytest.approx(1.0)
        assert (p > 0).sum() < 9000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, D], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_extremes(name: str, dtype: torch.dtype) -> None:
    values = [0.0, torch.finfo(dtype).tiny, 0.5, -0.5, 3e3, -3e3]
    x = torch.tensor(values, dtype=dtype, requires_grad=True)
    y = torch.ones_like(x, requires_grad=True)
    beta = torch.tensor(10.0, dtype=dtype, requires_grad=True)
    for program in (lambda x, y: math.floor(x), lambda x, y: round(x), lambda x, y: x // y, lambda x, y: x % y):
        result = relax(program, batch=True, beta=beta, distribution=name)(x, y)
        assert result.dtype == dtype
        assert torch.isfinite(result).all()
        for gradient in torch.autograd.grad(
            result.float().sum(), (x, y, beta), allow_unused=True, materialize_grads=True
        ):
            assert torch.isfinite(gradient).all()


def test_infinities_are_refused_as_python_does() -> None:
    for value in (math.inf, math.nan):
        with pytest.raises(OverflowError, match="cannot convert float infinity or NaN to integer"):
            relax(lambda x: round(x))(number(value))


SOFT = [
    ("k // 2", lambda k, j: k // 2),
    ("k % 3", lambda k, j: k % 3),
    ("k // j", lambda k, j: k // j),
    ("k % j", lambda k, j: k % j),
    ("7 // j", lambda k, j: 7 // j),
    ("-k // 2", lambda k, j: -k // 2),
    ("abs(k - 2)", lambda k, j: abs(k - 2)),
    ("k & 1", lambda k, j: k & 1),
    ("k | j", lambda k, j: k | j),
    ("k ^ j", lambda k, j: k ^ j),
    ("k << 1", lambda k, j: k << 1),
    ("k >> 1", lambda k, j: k >> 1),
    ("1 << k", lambda k, j: 1 << k),
    ("~k", lambda k, j: ~k),
    ("divmod(k, j)[1]", lambda k, j: divmod(k, j)[1]),
    ("pow(k, 2, 3)", lambda k, j: pow(k, 2, 3)),
    ("round(k)", lambda k, j: round(k)),
    ("round(10 * k, -1)", lambda k, j: round(10 * k, -1)),
    ("int(k)", lambda k, j: int(k)),
    ("math.floor(k)", lambda k, j: math.floor(k)),
    ("math.gcd(k, j)", lambda k, j: math.gcd(k, j)),
    ("math.comb(4, k)", lambda k, j: math.comb(4, k)),
    ("k // 1.5", lambda k, j: k // 1.5),
]


@pytest.mark.parametrize(("text", "function"), SOFT, ids=[text for text, _ in SOFT])
def test_functions_of_soft_integers_map_their_supports(text: str, function: Callable[[Any, Any], Any]) -> None:
    def program(p: Any, q: Any) -> Any:
        result = function(categorical(p), categorical(q) + 1)
        return result, probabilities(result + 20, 60)

    p = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=D)
    q = torch.tensor([0.5, 0.2, 0.3], dtype=D)
    expected = torch.zeros(60, dtype=D)
    for k in range(4):
        for j in range(3):
            expected[int(function(k, j + 1)) + 20] += p[k] * q[j]
    mean, found = relax(program)(p, q)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(mean, (expected * (torch.arange(60) - 20)).sum())


def test_a_real_function_of_a_soft_integer_is_its_expectation() -> None:
    p = torch.tensor([0.1, 0.2, 0.7], dtype=D)
    torch.testing.assert_close(relax(lambda p: categorical(p) % 1.5)(p), 0.2 * p.new_tensor(1.0) + 0.7 * 0.5)


def test_values_for_which_a_function_is_not_defined_must_be_improbable() -> None:
    program = relax(lambda p: 6 // categorical(p))
    torch.testing.assert_close(program(torch.tensor([0.0, 0.5, 0.5])), torch.tensor(4.5))
    with pytest.raises(ZeroDivisionError):
        program(torch.tensor([0.2, 0.3, 0.5]))


def test_hard_integers_that_differ_between_lanes_are_exact() -> None:
    ks = torch.tensor([7, -7, 4, 2**60 + 1])
    quotient, rest = relax(lambda k: (k // 2, k % 5), batch=True)(ks)
    assert quotient.tolist() == [float(k // 2) for k in ks.tolist()]
    assert rest.tolist() == [float(k % 5) for k in ks.tolist()]
    with pytest.raises(ZeroDivisionError):
        relax(lambda k: 6 // k, batch=True)(torch.tensor([1, 0]))


def test_options_of_a_region_reach_the_staircase() -> None:
    def program(x: Any) -> Any:
        with options(beta=1e6):
            sharp = round(x)
        return sharp, round(x)

    sharp, soft = relax(program, beta=1.0)(number(0.4))
    assert float(sharp.detach()) == 0
    assert 0.1 < float(soft.detach()) < 0.9

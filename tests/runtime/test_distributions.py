"""Each distribution: its CDF, its density ratio, its filter, exact tails and finite gradients in every precision."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, relax
from relaxpy.runtime import settings
from relaxpy.runtime.distributions import DISTRIBUTIONS, Distribution, Symmetric
from tests.runtime.noise import NAMES, SYMMETRIC, assert_mean, draws

D = torch.float64
HALF = (torch.float16, torch.bfloat16)
DTYPES = (*HALF, torch.float32, torch.float64)


def less(x: Any, y: Any) -> Any:
    return 1.0 if x < y else 0.0


def same(x: Any, y: Any) -> Any:
    return 1.0 if x == y else 0.0


def number(value: float, dtype: torch.dtype = D) -> Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def gradients(p: Any, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
    """Of what may be constant: then they are 0."""
    p = torch.as_tensor(p).float()
    if not p.requires_grad:
        return [torch.zeros_like(each) for each in inputs]
    return torch.autograd.grad(p.sum(), inputs, allow_unused=True, materialize_grads=True)


def test_all_are_here() -> None:
    assert tuple(DISTRIBUTIONS) == NAMES == settings.DISTRIBUTIONS


@pytest.mark.parametrize("name", NAMES)
def test_less_is_the_probability_of_the_noise(name: str) -> None:
    noise = draws(name)
    for difference in (-1.7, -0.3, 0.0, 0.4, 1.1, 2.5):
        p = relax(less, beta=1.3, distribution=name)(number(0.2), number(0.2 + difference))
        assert_mean(p, noise < 1.3 * difference)


@pytest.mark.parametrize("name", NAMES)
def test_greater_is_less_swapped(name: str) -> None:
    def program(x: Any, y: Any) -> Any:
        return (1.0 if x > y else 0.0), (1.0 if x >= y else 0.0), (1.0 if y < x else 0.0), (1.0 if y <= x else 0.0)

    results = relax(program, beta=1.3, distribution=name)(number(0.9), number(0.2))
    assert all(torch.as_tensor(each).equal(torch.as_tensor(results[0])) for each in results)


@pytest.mark.parametrize("name", NAMES)
def test_the_density_is_the_derivative_of_the_cdf_and_integrates_to_one(name: str) -> None:
    noise = DISTRIBUTIONS[name]
    z = torch.linspace(-4.013, 4.017, 101, dtype=D, requires_grad=True)
    (slope,) = torch.autograd.grad(noise.cdf(z).sum(), z)
    density = noise.log_density(z).exp()
    # a constant of the density may be left out
    where = slope > 1e-6
    ratio = (density / slope)[where]
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))
    assert (density[~where] < 1e-4).all()
    torch.testing.assert_close(noise.survival(z), 1 - noise.cdf(z))


EQUALITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": lambda z: 1 / torch.cosh(z / 2) ** 2,
    "normal": lambda z: torch.exp(-(z**2) / 2),
    "laplace": lambda z: torch.exp(-z.abs()),
    "cauchy": lambda z: 1 / (1 + z**2),
    "reciprocal": lambda z: 1 / (1 + 2 * z.abs()) ** 2,
    "uniform": lambda z: (z.abs() <= 1).double(),
    "cubic_hermite": lambda z: (1 - z**2).clamp(min=0),
    "gudermannian": lambda z: 1 / torch.cosh(z),
    "gumbel_max": lambda z: torch.exp(1 - z.abs() - torch.exp(-z.abs())),
    "gumbel_min": lambda z: torch.exp(1 - z.abs() - torch.exp(-z.abs())),
    "exponential": lambda z: torch.exp(-z.abs()),
    "mirrored_exponential": lambda z: torch.exp(-z.abs()),
}


@pytest.mark.parametrize("name", NAMES)
def test_equality_is_the_ratio_of_densities(name: str) -> None:
    f = relax(same, batch=True, beta=1.3, distribution=name)
    x = torch.linspace(-3, 3, 61, dtype=D)
    y = torch.full_like(x, 0.05)
    torch.testing.assert_close(f(x, y), EQUALITIES[name](1.3 * (x - y)))
    torch.testing.assert_close(f(x, y), f(y, x))
    assert relax(same, distribution=name)(number(0.3), number(0.3)) == 1


def test_the_two_derivations_of_equation_9_agree() -> None:
    """The density ratio, and the normalised conjunction of not less and not greater."""

    def neither(x: Any, y: Any) -> Any:
        return 1.0 if not x < y and not x > y else 0.0

    x, y = torch.linspace(-3, 3, 41, dtype=D), torch.zeros(41, dtype=D)
    options: dict[str, Any] = {"beta": 2.5, "batch": True, "epsilon": 0.0}
    torch.testing.assert_close(relax(same, **options)(x, y), relax(neither, **options)(x, y) / 0.25)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_comparisons(name: str) -> None:
    def program(x: Any, y: Any, beta: Any) -> Any:
        f = relax(lambda x, y: (1.0 if x < y else 0.0) + (2.0 if x == y else 0.0), epsilon=0.0, max_iter=20)
        return f.with_options(beta=beta, distribution=name)(x, y)

    for x, y in ((0.2, 0.5), (0.7, 0.1)):
        assert torch.autograd.gradcheck(program, (number(x), number(y), number(1.3)))


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_derivative_of_less_at_equality_is_the_density(name: str) -> None:
    x, y = number(0.3), number(0.3)
    (slope,) = torch.autograd.grad(relax(less, beta=1.0, distribution=name)(x, y), y)
    step = 1e-6
    density = (DISTRIBUTIONS[name].cdf(number(step)) - DISTRIBUTIONS[name].cdf(number(-step))) / (2 * step)
    torch.testing.assert_close(slope, density.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_extremes(name: str, dtype: torch.dtype) -> None:
    largest, tiny = torch.finfo(dtype).max, torch.finfo(dtype).tiny
    values = [0.0, tiny, 1.0, -1.0, 100.0, -100.0, largest, -largest, math.inf, -math.inf]
    pairs = [(a, b) for a in values for b in values]
    x = torch.tensor([a for a, _ in pairs], dtype=dtype, requires_grad=True)
    y = torch.tensor([b for _, b in pairs], dtype=dtype, requires_grad=True)
    beta = torch.tensor(5.0, dtype=dtype, requires_grad=True)
    for program, holds in ((less, operator.lt), (same, operator.eq)):
        p = relax(program, batch=True, beta=beta, distribution=name)(x, y)
        assert ((p >= 0) & (p <= 1)).all()
        for each, (a, b) in zip(p.tolist(), pairs, strict=True):
            if math.isinf(a) or math.isinf(b):
                assert each == holds(a, b)
        for gradient in gradients(p, (x, y, beta)):
            assert torch.isfinite(gradient).all()


def test_equality_far_apart_has_gradient_zero() -> None:
    for name in NAMES:
        for dtype in DTYPES:
            x = number(100.0, dtype)
            (gradient,) = gradients(relax(same, beta=5.0, distribution=name)(x, number(0.0, dtype)), (x,))
            assert torch.isfinite(gradient)
            if name not in ("cauchy", "reciprocal"):
                assert gradient == 0


def test_tails_are_exact() -> None:
    """Small probabilities keep their digits: P(x < y) for y far below x."""
    tails = {
        "logistic": math.exp(-60.0),
        "normal": math.erfc(20 / math.sqrt(2)) / 2,
        "laplace": math.exp(-60.0) / 2,
        "cauchy": math.atan(1e-9) / math.pi,
        "reciprocal": 0.5 / (1 + 2e9),
        "gudermannian": 2 / math.pi * math.exp(-60.0),
        "gumbel_min": -math.expm1(-math.exp(-60.0)),
        "mirrored_exponential": math.exp(-60.0),
    }
    for name, tail in tails.items():
        z = {"normal": 20.0, "cauchy": 1e9, "reciprocal": 1e9}.get(name, 60.0)
        p = relax(less, beta=1.0, epsilon=0.0, distribution=name)(number(z), number(0.0))
        assert float(p) == pytest.approx(tail, rel=1e-9)


class Triangular(Symmetric):
    """The example of the documentation."""

    def tail(self, z: Tensor) -> Tensor:
        return 0.5 * (1 - z).clamp(min=0) ** 2

    def log_density(self, z: Tensor) -> Tensor:
        inside = z.abs() < 1
        return torch.where(inside, torch.log1p(-torch.where(inside, z, 0 * z).abs()), -math.inf)


def test_one_s_own_distribution() -> None:
    f = relax(less, beta=2.0, distribution=Triangular())
    assert f(number(0.0), number(0.25)).item() == pytest.approx(1 - 0.5 * 0.5**2)
    assert float(f(number(0.0), number(3.0))) == 1
    assert relax(same, beta=2.0, distribution=Triangular())(number(0.0), number(0.25)).item() == pytest.approx(0.5)

    def rounded(x: Any) -> Any:
        return round(x)

    assert relax(rounded, beta=2.0, distribution=Triangular())(number(0.4)).item() == pytest.approx(0.5 * 0.8**2)
    assert Triangular() == Triangular()
    assert repr(Triangular()) == "Triangular()"
    with pytest.raises(RelaxError, match=r"instance of relaxpy\.Distribution"):
        relax(less, distribution=Triangular)  # type: ignore[call-overload]
    with pytest.raises(NotImplementedError):
        Distribution().cdf(torch.zeros(()))


def test_names_of_mirrored_ones() -> None:
    assert repr(DISTRIBUTIONS["gumbel_min"]) == "Mirrored(GumbelMax())"
    assert DISTRIBUTIONS["gumbel_min"] != DISTRIBUTIONS["mirrored_exponential"]

"""Draws of each distribution, by the inverse of its CDF as it is written in textbooks, and comparison of means with them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

DRAWS = 10**6
NAMES = (
    "logistic",
    "normal",
    "laplace",
    "cauchy",
    "reciprocal",
    "uniform",
    "cubic_hermite",
    "gudermannian",
    "gumbel_max",
    "gumbel_min",
    "exponential",
    "mirrored_exponential",
)
SYMMETRIC = NAMES[:8]
WITHOUT_MEAN = ("cauchy", "reciprocal")


def draws(name: str) -> Tensor:
    """A million independent draws of the standard form."""
    u = torch.rand(DRAWS, dtype=torch.float64)
    if name == "logistic":
        return torch.log(u) - torch.log1p(-u)
    if name == "normal":
        return torch.randn(DRAWS, dtype=torch.float64)
    if name == "laplace":
        return torch.where(u < 0.5, torch.log(2 * u), -torch.log(2 - 2 * u))
    if name == "cauchy":
        return torch.tan(math.pi * (u - 0.5))
    if name == "reciprocal":
        return (u - 0.5) / (1 - (2 * u - 1).abs())
    if name == "uniform":
        return 2 * u - 1
    if name == "cubic_hermite":
        return -2 * torch.sin(torch.asin(1 - 2 * u) / 3)
    if name == "gudermannian":
        return torch.log(torch.tan(math.pi / 2 * u))
    return {
        "gumbel_max": -torch.log(-torch.log(u)),
        "gumbel_min": torch.log(-torch.log1p(-u)),
        "exponential": -torch.log1p(-u),
        "mirrored_exponential": torch.log(u),
    }[name]


def assert_mean(value: Tensor | float, sample: Tensor) -> None:
    """The value is the mean of the sample, within 4 standard errors; what is too rare to be drawn may be missing."""
    sample = sample.double()
    error = float(sample.std()) / math.sqrt(len(sample))
    value = float(torch.as_tensor(value).detach())
    difference = abs(value - float(sample.mean()))
    assert difference <= 4 * error + 20 / DRAWS, f"{value} instead of {float(sample.mean())} +- {error}"


# as textbooks have them
DENSITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": lambda z: torch.exp(-z) / (1 + torch.exp(-z)) ** 2,
    "normal": lambda z: torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi),
    "laplace": lambda z: torch.exp(-z.abs()) / 2,
    "cauchy": lambda z: 1 / (math.pi * (1 + z**2)),
    "reciprocal": lambda z: 1 / (1 + 2 * z.abs()) ** 2,
    "uniform": lambda z: (z.abs() <= 1).double() / 2,
    "cubic_hermite": lambda z: 0.75 * (1 - z**2).clamp(min=0),
    "gudermannian": lambda z: 1 / (math.pi * torch.cosh(z)),
    "gumbel_max": lambda z: torch.exp(-z - torch.exp(-z)),
    "gumbel_min": lambda z: torch.exp(z - torch.exp(z)),
    "exponential": lambda z: torch.where(z >= 0, torch.exp(-z), 0.0),
    "mirrored_exponential": lambda z: torch.where(z <= 0, torch.exp(z), 0.0),
}

"""How a comparison is perturbed: the distribution of the noise, one small class each.

    relax(f, distribution="cauchy")(x)
    relax(f, distribution=MyDistribution())(x)

A claim such as `a < b` holds with probability P(noise < beta (b - a)), where the noise has the standard form of the
distribution (paper Eq. 8, with the logistic distribution's CDF, the sigmoid); `a > b` is `b < a`. Equality is a ratio of
densities (Eq. 9), a soft number as an index a filter of densities (section 3.2).

To add a distribution, derive from ``Distribution`` (or ``Symmetric``) and write ``cdf`` and ``log_density``; see there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["DISTRIBUTIONS", "Distribution", "Symmetric"]

# Below -80 the density of a Gumbel distribution is exp(-exp(80)), and exp(80) still is a float32.
_GUMBEL_END = 80.0


class Distribution:
    """The distribution of the noise of a comparison.

        class Triangular(Symmetric):
            def tail(self, z):                                     # P(noise > z) for z >= 0
                return 0.5 * (1 - z).clamp(min=0) ** 2
            def log_density(self, z):
                inside = z.abs() < 1
                return torch.where(inside, torch.log1p(-torch.where(inside, z, 0 * z).abs()), -math.inf)

        relax(f, distribution=Triangular())

    A subclass that is not symmetric writes ``cdf``, ``log_density`` and, where 1 - cdf(z) would lose the upper tail to
    rounding, ``survival``. All take a float32 or float64 tensor of finite values (half precision is computed in float32) and
    return one of the same shape. Values must be exact in the tails and derivatives finite everywhere: where a density is 0,
    ``log_density`` is -inf and must send back no gradient, as above. Instances of a class must be interchangeable, or else
    define ``__eq__`` and ``__hash__``. The density at 0 must not be 0, nor should there be much larger ones elsewhere.
    """

    def cdf(self, z: Tensor) -> Tensor:
        """P(noise < z)"""
        raise NotImplementedError

    def log_density(self, z: Tensor) -> Tensor:
        """The logarithm of the density; a constant may be left out."""
        raise NotImplementedError

    def survival(self, z: Tensor) -> Tensor:
        """P(noise > z)"""
        return 1 - self.cdf(z)

    def equality(self, z: Tensor) -> Tensor:
        """Eq. 9: the density at z over that at 0; of the two ratios that it equates the larger, where they differ."""
        log_ratio = torch.maximum(self.log_density(z), self.log_density(-z)) - self._log_density_at_zero()
        return log_ratio.exp().clamp(max=1)

    def balanced(self, z: Tensor) -> Tensor:
        """The CDF if noise of this distribution has either sign, for decisions among equals: balanced(z) + balanced(-z) = 1."""
        return (self.cdf(z) + self.survival(-z)) / 2

    def filter(self, z: Tensor) -> Tensor:
        """Weights of the positions of an axis, shape (n, *lanes), at distances z from a soft index (paper section 3.2).

        Densities divided by their sum in the forward pass only: its gradient is left out, as the paper says. Where all
        densities are 0 (an index beyond the end, or a narrow filter of compact support) the nearest position has weight 1.
        """
        log_density = self.log_density(z)
        highest = log_density.detach().amax(0)
        nowhere = highest == -math.inf
        density = (log_density - torch.where(nowhere, torch.zeros_like(highest), highest)).exp()
        weights = density / torch.where(nowhere, torch.ones_like(highest), density.detach().sum(0))
        positions = torch.arange(z.shape[0], device=z.device).reshape((-1,) + (1,) * (z.dim() - 1))
        nearest = positions == z.detach().abs().argmin(0)
        return torch.where(nowhere, nearest.to(z.dtype), weights)

    @functools.lru_cache(maxsize=256)  # noqa: B019 (distributions are few, and live as long as the program)
    def reach(self, mass: float) -> tuple[float, float]:
        """How far down and up the noise reaches, but for ``mass`` on either side; at most 2**20."""
        return _end(lambda z: self.cdf(-z), mass), _end(self.survival, mass)

    @functools.lru_cache(maxsize=1)  # noqa: B019
    def _log_density_at_zero(self) -> float:
        return float(self.log_density(torch.zeros((), dtype=torch.float64)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(type(self))


def _end(tail: Callable[[Tensor], Tensor], mass: float) -> float:
    def beyond(z: float) -> float:
        return float(tail(torch.tensor(z, dtype=torch.float64)))

    low, high = 0.0, 1.0
    while beyond(high) > mass and high < 2**20:
        low, high = high, 2 * high
    while high - low > 1e-3 * high and high > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > mass else (low, middle)
    return high


class Symmetric(Distribution):
    """Noise that has either sign with equal probability; a subclass writes ``tail`` (or cdf) and ``log_density``."""

    def tail(self, z: Tensor) -> Tensor:
        """P(noise > z) for z >= 0"""
        raise NotImplementedError

    def cdf(self, z: Tensor) -> Tensor:
        # clamp sends the gradient through at its bound, so that the derivative at 0 is the density
        return torch.where(z < 0, self.tail(-z.clamp(max=0)), 1 - self.tail(z.clamp(min=0)))

    def survival(self, z: Tensor) -> Tensor:
        return self.cdf(-z)

    def balanced(self, z: Tensor) -> Tensor:
        return self.cdf(z)

    def equality(self, z: Tensor) -> Tensor:
        return (self.log_density(z) - self._log_density_at_zero()).exp()


class Logistic(Symmetric):
    """The paper's choice. CDF 1 / (1 + exp(-z)), equality sech^2(z / 2)."""

    def cdf(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    def log_density(self, z: Tensor) -> Tensor:
        return functional.logsigmoid(z) + functional.logsigmoid(-z)

    def equality(self, z: Tensor) -> Tensor:
        return 4 * torch.sigmoid(z) * torch.sigmoid(-z)


class Normal(Symmetric):
    """The standard normal distribution. CDF erfc(-z / sqrt(2)) / 2, equality exp(-z^2 / 2)."""

    def cdf(self, z: Tensor) -> Tensor:
        return 0.5 * torch.erfc(z * -math.sqrt(0.5))

    def log_density(self, z: Tensor) -> Tensor:
        return -0.5 * z * z


class Laplace(Symmetric):
    """Density exp(-|z|) / 2, equality exp(-|z|)."""

    def tail(self, z: Tensor) -> Tensor:
        return 0.5 * torch.exp(-z)

    def log_density(self, z: Tensor) -> Tensor:
        return -z.abs()


class Cauchy(Symmetric):
    """Density 1 / (pi (1 + z^2)), equality 1 / (1 + z^2); it has no mean, so staircases are cut at epsilon."""

    def cdf(self, z: Tensor) -> Tensor:
        return torch.atan2(torch.ones_like(z), -z) / math.pi

    def log_density(self, z: Tensor) -> Tensor:
        return -2 * torch.log(torch.hypot(torch.ones_like(z), z))


class Reciprocal(Symmetric):
    """CDF 1/2 + z / (1 + 2 |z|), equality 1 / (1 + 2 |z|)^2; it has no mean, so staircases are cut at epsilon."""

    def tail(self, z: Tensor) -> Tensor:
        return 0.5 / (1 + 2 * z)

    def log_density(self, z: Tensor) -> Tensor:
        return -2 * torch.log1p(2 * z.abs())


class Uniform(Symmetric):
    """Noise between -1 and 1: a linear ramp; equality 1 within, 0 without."""

    def cdf(self, z: Tensor) -> Tensor:
        return ((z + 1) / 2).clamp(0, 1)

    def log_density(self, z: Tensor) -> Tensor:
        return torch.where(z.abs() <= 1, torch.zeros_like(z) + math.log(0.5), -math.inf)


class CubicHermite(Symmetric):
    """The smooth step y^2 (3 - 2 y) with y = (1 + z) / 2 between -1 and 1; equality 1 - z^2."""

    def cdf(self, z: Tensor) -> Tensor:
        y = ((z + 1) / 2).clamp(0, 1)
        return y * y * (3 - 2 * y)

    def log_density(self, z: Tensor) -> Tensor:
        inside = z.abs() < 1
        within = torch.where(inside, z, torch.zeros_like(z))
        return torch.where(inside, math.log(0.75) + torch.log1p(-within * within), -math.inf)


class Gudermannian(Symmetric):
    """The hyperbolic secant distribution. CDF (2 / pi) atan(exp(z)), equality sech(z)."""

    def tail(self, z: Tensor) -> Tensor:
        return torch.atan(torch.exp(-z)) * (2 / math.pi)

    def log_density(self, z: Tensor) -> Tensor:
        return math.log(2 / math.pi) - torch.logaddexp(z, -z)


class GumbelMax(Distribution):
    """The largest of many. CDF exp(-exp(-z)), equality exp(1 - |z| - exp(-|z|))."""

    def cdf(self, z: Tensor) -> Tensor:
        return torch.exp(-torch.exp(-z.clamp(min=-10)))

    def survival(self, z: Tensor) -> Tensor:
        return -torch.expm1(-torch.exp(-z.clamp(min=-10)))

    def log_density(self, z: Tensor) -> Tensor:
        inside = z > -_GUMBEL_END
        within = torch.where(inside, z, torch.zeros_like(z))
        return torch.where(inside, -within - torch.exp(-within), -math.inf)


class Exponential(Distribution):
    """Noise that is never negative: a claim that is false stays false. CDF 1 - exp(-z) for z >= 0, equality exp(-|z|)."""

    def cdf(self, z: Tensor) -> Tensor:
        return -torch.expm1(-z.clamp(min=0))

    def survival(self, z: Tensor) -> Tensor:
        return torch.exp(-z.clamp(min=0))

    def log_density(self, z: Tensor) -> Tensor:
        return torch.where(z >= 0, -z, -math.inf)


class Mirrored(Distribution):
    """The noise of another distribution with its sign changed."""

    def __init__(self, inner: Distribution) -> None:
        self.inner = inner

    def cdf(self, z: Tensor) -> Tensor:
        return self.inner.survival(-z)

    def survival(self, z: Tensor) -> Tensor:
        return self.inner.cdf(-z)

    def log_density(self, z: Tensor) -> Tensor:
        return self.inner.log_density(-z)

    def __repr__(self) -> str:
        return f"Mirrored({self.inner!r})"


DISTRIBUTIONS: dict[str, Distribution] = {
    "logistic": Logistic(),
    "normal": Normal(),
    "laplace": Laplace(),
    "cauchy": Cauchy(),
    "reciprocal": Reciprocal(),
    "uniform": Uniform(),
    "cubic_hermite": CubicHermite(),
    "gudermannian": Gudermannian(),
    "gumbel_max": GumbelMax(),
    "gumbel_min": Mirrored(GumbelMax()),
    "exponential": Exponential(),
    "mirrored_exponential": Mirrored(Exponential()),
}

"""What `and` and `or` make of two probabilities: t-norms and their conorms, one small class each.

    relax(f, t_norm="minimum")(x)
    relax(f, t_norm="hamacher(0.5)")(x)
    relax(f, t_norm=Hamacher(0.5))(x)

`p and q`, `all`, and chains `a < b < c` use the t-norm; `p or q`, `any` and `in` its conorm 1 - T(1 - p, 1 - q). The families
are those of Klement, Mesiar and Pap, Triangular Norms, chapter 4, with their parameter. To add one's own, derive from
``TNorm`` and write ``conjunction``.
"""

from __future__ import annotations

import functools
import math
import re

import torch
from torch import Tensor

from relaxpy.errors import RelaxError, did_you_mean

__all__ = ["TNorm", "named"]


class TNorm:
    """How two probabilities combine.

        class Drastic(TNorm):
            def conjunction(self, p, q):
                return torch.where(torch.maximum(p, q) == 1, torch.minimum(p, q), 0.0)

        relax(f, t_norm=Drastic())

    Takes float32 or float64 tensors between 0 and 1 (half precision is computed in float32). T(p, 1) must be p, T(p, 0) must
    be 0, and derivatives finite at 0 and 1, too.
    """

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        raise NotImplementedError

    def disjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return 1 - self.conjunction(1 - p, 1 - q)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(type(self))


class Product(TNorm):
    """T = p q, S = p + q - p q: the paper's choice, exact for independent events."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return p * q

    def disjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return p + q - p * q


class Minimum(TNorm):
    """T = min(p, q), S = max(p, q)."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return torch.minimum(p, q)

    def disjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return torch.maximum(p, q)


class Family(TNorm):
    """A t-norm with a parameter; ``smallest`` is the bound of it."""

    smallest = 0.0
    closed = False  # whether the bound itself is a parameter

    def __init__(self, p: float) -> None:
        if not (p > self.smallest or self.closed and p == self.smallest) or math.isinf(p):
            bound = f"{'at least' if self.closed else 'more than'} {self.smallest:g}"
            raise RelaxError(f"the parameter of {type(self).__name__} is {bound} and finite, not {p!r}")
        self.p = float(p)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.p:g})"


class Hamacher(Family):
    """T = p q / (c + (1 - c)(p + q - p q)); c = 1 is the product, c = 2 the Einstein product."""

    closed = True

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return _quotient(p * q, self.p + (1 - self.p) * (p + q - p * q))

    def disjunction(self, p: Tensor, q: Tensor) -> Tensor:
        top = p + q + (self.p - 2) * p * q
        bottom = 1 + (self.p - 1) * p * q
        return torch.where(bottom > 0, _quotient(top, bottom), torch.ones_like(top)).clamp(max=1)


class Einstein(Hamacher):
    """T = p q / (1 + (1 - p)(1 - q)), S = (p + q) / (1 + p q)."""

    def __init__(self) -> None:
        super().__init__(2.0)

    def __repr__(self) -> str:
        return "Einstein()"


class Frank(Family):
    """T = log_c(1 + (c^p - 1)(c^q - 1) / (c - 1)); c = 1 is the product."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        if self.p == 1:
            return p * q
        base = math.log(self.p)
        return torch.log1p(torch.expm1(p * base) * torch.expm1(q * base) / math.expm1(base)) / base


class Yager(Family):
    """S = min(1, (p^c + q^c)^(1 / c)); c = 1 is that of Lukasiewicz."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return 1 - self.disjunction(1 - p, 1 - q)

    def disjunction(self, p: Tensor, q: Tensor) -> Tensor:
        if self.p == 1:
            return (p + q).clamp(max=1)
        return _log_norm(_log(p), _log(q), self.p).exp().clamp(max=1)


class AczelAlsina(Family):
    """-log T = ((-log p)^c + (-log q)^c)^(1 / c); c = 1 is the product."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        logs = [_log(-_log(x).clamp(min=-1e30)) for x in (p, q)]
        return torch.exp(-torch.exp(_log_norm(logs[0], logs[1], self.p).clamp(max=_EXP_END)))


class Dombi(Family):
    """(1 - T) / T = (((1 - p) / p)^c + ((1 - q) / q)^c)^(1 / c); c = 1 is that of Hamacher with 0."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        odds = [_log(1 - x) - _log(x).clamp(min=-1e30) for x in (p, q)]
        return torch.sigmoid(-_log_norm(odds[0].clamp(max=1e30), odds[1].clamp(max=1e30), self.p))


class SchweizerSklar(Family):
    """T = max(0, p^c + q^c - 1)^(1 / c); c = 1 is that of Lukasiewicz, 0 the product, -1 that of Hamacher with 0."""

    smallest = -math.inf

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        if self.p == 0:
            return p * q
        log_p, log_q = self.p * _log(p), self.p * _log(q)
        low, high = torch.minimum(log_p, log_q), torch.maximum(log_p, log_q)
        # rest: p^c + q^c - 1 over exp(m), which does not overflow for c < 0, and is exact at q = 1
        m = high.detach().clamp(0, 1e30)
        if self.p > 0:
            rest = torch.exp(low) + torch.expm1(high)
        else:
            rest = torch.exp(high - m) + torch.exp(low - m) - torch.exp(-m)
        positive = (rest > 0) & (p > 0) & (q > 0)
        log_rest = torch.log(torch.where(positive, rest, torch.ones_like(rest)))
        return torch.where(positive, torch.exp((log_rest + m) / self.p), torch.zeros_like(rest)).clamp(max=1)


# exp(-exp(80)) is 0 in every precision, and exp(80) is finite
_EXP_END = 80.0


def _quotient(top: Tensor, bottom: Tensor) -> Tensor:
    """top / bottom, 0 where both are 0."""
    positive = bottom > 0
    return torch.where(positive, top / torch.where(positive, bottom, torch.ones_like(bottom)), torch.zeros_like(top))


def _log(x: Tensor) -> Tensor:
    """log x; -inf at 0, and no gradient from there."""
    positive = x > 0
    return torch.where(positive, torch.log(torch.where(positive, x, torch.ones_like(x))), -math.inf)


def _log_norm(log_x: Tensor, log_y: Tensor, c: float) -> Tensor:
    """log (x^c + y^c)^(1/c), without overflow; where both are 0 there is no gradient."""
    both_zero = (log_x == -math.inf) & (log_y == -math.inf)
    zero = torch.zeros_like(log_x)
    x, y = torch.where(both_zero, zero, log_x), torch.where(both_zero, zero, log_y)
    return torch.where(both_zero, -math.inf, torch.logaddexp(c * x, c * y) / c)


_NAMED: dict[str, type[TNorm]] = {
    "product": Product,
    "minimum": Minimum,
    "einstein": Einstein,
    "hamacher": Hamacher,
    "frank": Frank,
    "yager": Yager,
    "aczel_alsina": AczelAlsina,
    "dombi": Dombi,
    "schweizer_sklar": SchweizerSklar,
}
_FORM = re.compile(r"\s*(\w+)\s*(?:\(\s*([^()]*?)\s*\))?\s*")


@functools.lru_cache(maxsize=64)
def named(text: str) -> TNorm:
    """The t-norm of a name such as "minimum" or "yager(2)".

    >>> named("yager(2)")
    Yager(2)
    """
    match = _FORM.fullmatch(text)
    name, parameter = match.groups() if match else (text, None)
    kind = _NAMED.get(name)
    forms = [
        f"{each}(p)" if issubclass(made, Family) and made is not Einstein else each for each, made in _NAMED.items()
    ]
    if kind is None:
        remedy = did_you_mean(name, _NAMED) or "there are " + ", ".join(forms)
        raise RelaxError(f"there is no t-norm `{text}`", remedy=remedy)
    takes = issubclass(kind, Family) and kind is not Einstein
    if takes != bool(parameter):
        wanted = f"takes a parameter: `{name}(2)`" if takes else "takes no parameter"
        raise RelaxError(f"the t-norm `{name}` {wanted}")
    if not takes:
        return kind()
    try:
        value = float(parameter or "")
    except ValueError:
        raise RelaxError(f"the parameter of the t-norm `{text}` is no number") from None
    return kind(value)  # type: ignore[call-arg]

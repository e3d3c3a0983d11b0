"""The options in force, applied to lanes: beta, the distribution of the noise, and the t-norm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from relaxpy.runtime import ops
from relaxpy.runtime.distributions import DISTRIBUTIONS, Distribution
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.standins import TENSORS, StandIn
from relaxpy.runtime.state import state
from relaxpy.runtime.through import straight
from relaxpy.runtime.tnorms import TNorm, named

_HALF = (torch.float16, torch.bfloat16)


def distribution() -> Distribution:
    """The distribution of the options in force."""
    chosen = state.options.distribution
    return DISTRIBUTIONS[chosen] if isinstance(chosen, str) else chosen


def scaled(difference: Tensor | float, step: Tensor | float = 1.0) -> Tensor:
    """beta times a difference (times a step), finite even where it overflows, so that beta's gradient is, too."""
    beta = state.options.beta
    if not isinstance(difference, TENSORS):
        difference = torch.as_tensor(difference)
    if isinstance(beta, TENSORS):
        if beta.dtype != difference.dtype:
            beta = beta.to(difference.dtype)
        difference = _finite(difference)
    elif difference.dtype not in _HALF:  # which would round it
        beta = ops.constant(beta, difference)
    return difference * beta if isinstance(step, float) and step == 1.0 else difference * (beta * step)


def _finite(z: Tensor) -> Tensor:
    largest = ops.limits(z).max
    return z.clamp(-largest, largest)


def evaluated(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """A function of the distribution at finite arguments, in float32 at least."""
    if z.dtype in _HALF:
        return function(_finite(z.float())).to(z.dtype)
    return function(_finite(z))


def ahead(x: Operand, y: Operand) -> Tensor:
    """P(noise < beta (x - y)) of finite values; a recorded program has an instruction for that."""
    if state.recorder is not None and (isinstance(x, StandIn) or isinstance(y, StandIn)):
        beta = state.options.beta
        if state.options.distribution == "logistic" and not isinstance(beta, TENSORS):
            ramp: Tensor = state.recorder.ramp(x, y, beta)
            return ramp
    return below(x - y)


def below(difference: Tensor | float) -> Tensor:
    """P(noise < beta difference): that a claim holds by so much (paper Eq. 8)."""
    z = scaled(difference)
    if state.options.distribution == "logistic":
        return z.sigmoid()
    return evaluated(distribution().cdf, z)


def choice(x: Tensor) -> Tensor:
    """softmax(beta x) along the first axis, for logistic noise (paper Eq. 10); a recorded program has an instruction for that."""
    beta = state.options.beta
    if state.recorder is not None and isinstance(x, StandIn) and not isinstance(beta, TENSORS):
        weights: Tensor = state.recorder.choice(x, beta)
        return weights
    return scaled(x - x.detach().amax(0)).softmax(0)


def alike(difference: Tensor | float) -> Tensor:
    """The probability that two values are equal that differ by so much (paper Eq. 9)."""
    z = scaled(difference)
    if state.options.distribution == "logistic":
        return 4 * z.sigmoid() * (-z).sigmoid()
    return evaluated(distribution().equality, z)


def leads(difference: Tensor | float) -> Tensor:
    """The probability of being the larger of two (for `min`, `max`, `sorted`): p of one and 1 - p of the other."""
    z = scaled(difference)
    if state.options.distribution == "logistic":
        return z.sigmoid()
    return evaluated(distribution().balanced, z)


def filter_weights(index: Tensor, n: int) -> Tensor:
    """Weights of a real-valued index over positions 0..n-1, shape (n, *lanes) (paper section 3.2)."""
    precise = index.float() if index.dtype in _HALF else index
    # further beyond the ends float32 would not tell positions apart, and float16 not hold the derivatives
    margin = 64.0 if index.dtype == torch.float16 else 2.0**16
    precise = precise.clamp(-margin, n + margin)
    positions = torch.arange(n, dtype=precise.dtype, device=precise.device).reshape((-1,) + (1,) * precise.dim())
    return evaluated(distribution().filter, scaled(positions - precise)).to(index.dtype)


def t_norm() -> TNorm:
    """The t-norm of the options in force."""
    chosen = state.options.t_norm
    return named(chosen) if isinstance(chosen, str) else chosen


def conjunction(p: Tensor, q: Tensor) -> Tensor:
    """What `and` makes of two probabilities."""
    if state.options.t_norm == "product":
        return p * q
    return _of_mode(_combined(t_norm().conjunction, p, q), (p > 0.5) & (q > 0.5))


def disjunction(p: Tensor, q: Tensor) -> Tensor:
    """What `or` makes of two probabilities."""
    if state.options.t_norm == "product":
        return p + q - p * q
    return _of_mode(_combined(t_norm().disjunction, p, q), (p > 0.5) | (q > 0.5))


def _of_mode(p: Tensor, hard: Tensor) -> Tensor:
    """In hard and straight-through mode a t-norm's value is exact; its formula may round."""
    mode = state.options.mode
    if mode == "soft":
        return p
    return straight(hard, p) if mode == "straight-through" else hard.to(p.dtype)


def _combined(operation: Callable[[Tensor, Tensor], Tensor], p: Tensor, q: Tensor) -> Tensor:
    dtype = torch.promote_types(p.dtype, q.dtype)
    precise = torch.float32 if dtype in _HALF else dtype
    return operation(p.to(precise), q.to(precise)).clamp(0, 1).to(dtype)

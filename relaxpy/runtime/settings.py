"""Settings: the options that someone has set, checked where they are set."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from relaxpy.errors import RelaxError, did_you_mean
from relaxpy.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from relaxpy.runtime.distributions import Distribution
    from relaxpy.runtime.tnorms import TNorm


class Settings(TypedDict, total=False):
    """The options by name, for type checkers; at run time settings are a plain mapping."""

    beta: float | Tensor | Schedule
    max_iter: int
    epsilon: float
    distribution: str | Distribution
    t_norm: str | TNorm
    mode: str
    estimator: str
    engine: str
    max_paths: int
    samples: int
    checkpoint: int | None


# What each option of a few values can be.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("soft", "hard", "straight-through"),
    "estimator": ("merged", "exact", "sampled"),
    "engine": ("auto", "eager", "tape"),
}
DISTRIBUTIONS = (
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


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refusal(name: str, value: object, wanted: str) -> RelaxError:
    return RelaxError(f"`{name}` is {wanted}, not {shown(value)}")


def is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _may_be_positive(value: Any) -> bool:
    """Is a tensor of one element positive and finite, as far as its value can be seen?"""
    try:
        number = float(value.detach())
    except RuntimeError:  # under a transform of torch
        return True
    return number > 0 and math.isfinite(number)


def _beta(value: Any) -> object:
    wanted = "a positive finite number, a floating-point tensor of one element, or a schedule"
    if isinstance(value, Schedule):
        return value
    if is_tensor(value):
        if value.numel() != 1 or not value.is_floating_point() or not _may_be_positive(value):
            raise _refusal("beta", value, wanted)
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _refusal("beta", value, wanted)
    number = float(value)
    if not (number > 0 and math.isfinite(number)):
        raise _refusal("beta", value, wanted)
    return number


def _number_of(what: str, name: str, smallest: int) -> Callable[[Any], object]:
    wanted = f"a number of {what}: an int, {smallest} or more"

    def check(value: Any) -> object:
        if isinstance(value, bool) or is_tensor(value):
            raise _refusal(name, value, wanted)
        try:
            number = operator.index(value)
        except TypeError:
            raise _refusal(name, value, wanted) from None
        if number < smallest:
            raise _refusal(name, value, wanted)
        return number

    return check


def _checkpoint(value: Any) -> object:
    return None if value is None else _number_of("parts", "checkpoint", 1)(value)


def _epsilon(value: Any) -> object:
    wanted = "a probability below which a path is left out: 0 <= epsilon < 1"
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < 1:
        raise _refusal("epsilon", value, wanted)
    return float(value)


def _distribution(value: Any) -> object:
    if isinstance(value, str):
        return _one_of("distribution", value, DISTRIBUTIONS)
    if "torch" in sys.modules:
        from relaxpy.runtime.distributions import Distribution

        if isinstance(value, Distribution):
            return value
    raise _refusal("distribution", value, "a name or an instance of relaxpy.Distribution")


def _t_norm(value: Any) -> object:
    if value == "product":
        return value
    from relaxpy.runtime.tnorms import TNorm, named

    if isinstance(value, str):
        named(value)
        return value
    if isinstance(value, TNorm):
        return value
    raise _refusal("t_norm", value, "a name or an instance of relaxpy.TNorm")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "beta": _beta,
    "max_iter": _number_of("soft tests", "max_iter", 0),
    "max_paths": _number_of("paths", "max_paths", 1),
    "samples": _number_of("paths", "samples", 2),
    "epsilon": _epsilon,
    "distribution": _distribution,
    "t_norm": _t_norm,
    "checkpoint": _checkpoint,
}
_NAMES = (*_CHECKS, *_CHOICES)
# What someone may take for an option of a region or call, and where it is said instead.
_ELSEWHERE: Mapping[str, str] = {
    "batch": "it belongs to a function: `relax(batch=True)` or `f.batch()`",
    "hard": "it belongs to a function: `relax(hard=('name',))`; for one value write `relaxpy.hard(value)`",
}


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> object:
    if value in choices:
        return value
    remedy = did_you_mean(value, choices) if isinstance(value, str) else ""
    listed = " or ".join(f"{choice!r}" for choice in choices)
    raise RelaxError(f"`{name}` can be {listed}, not {shown(value)}", remedy=remedy)


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, known to be options with values that mean something.

    >>> checked({"beta": 3})
    {'beta': 3.0}
    >>> checked({"betta": 3})
    Traceback (most recent call last):
    relaxpy.errors.RelaxError: there is no option `betta`
      remedy: did you mean `beta`?
    """
    result: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _CHECKS:
            result[name] = _CHECKS[name](value)
        elif name in _CHOICES:
            result[name] = _one_of(name, value, _CHOICES[name])
        else:
            remedy = _ELSEWHERE.get(name) or did_you_mean(name, _NAMES) or "the options are " + ", ".join(_NAMES)
            raise RelaxError(f"there is no option `{name}`", remedy=remedy)
    return result

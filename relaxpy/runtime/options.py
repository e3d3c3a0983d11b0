"""How soft decisions are smoothed: what may be set, what holds where nothing is, and regions of code with settings of their own.

*Settings* are the options that someone has set, as a mapping; they are checked where they are set. `Options` is what is in force:
settings on top of the defaults. Nothing here changes the rewritten code.
"""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict

from relaxpy.errors import RelaxError, did_you_mean
from relaxpy.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from relaxpy.runtime.distributions import Distribution
    from relaxpy.runtime.tnorms import TNorm

__all__ = ["DEFAULTS", "Options", "Region", "Settings", "checked", "options", "resolve"]


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


@dataclass(frozen=True)
class Options:
    """The options in force.

    >>> Options().beta
    10.0

    ``beta``: the inverse temperature of comparisons; a tensor or parameter gets a gradient, a schedule gives its value now.
    ``max_iter``: after so many soft tests a while loop stops, with a warning about the mass that is left.
    ``epsilon``: a path whose mass is no more than this in any lane is not followed.
    ``distribution``: of the perturbation of a comparison, by name (see relaxpy.runtime.distributions) or one's own;
    ``t_norm``: what `and` makes of two probabilities, by name such as "yager(2)" (see relaxpy.runtime.tnorms) or one's own;
    ``mode``: "soft"; "hard", in which decisions are Python's, plain values where nothing differs between lanes, and gradients
    go through values only; or "straight-through": each decision, be it a branch, a loop's test, an index or a builtin's choice,
    has the value h of hard mode, bit for bit, and the derivative of the probability p that it has in soft mode: it counts as
    h + (p - p without its gradient), wherever p would. So a result is hard mode's; its derivative is that of the path taken,
    plus, for each decision on it, the derivative of p times the difference that the decision makes, the others as they are.
    ``estimator``: "merged", as in the paper; "exact", the expectation over all paths (of a mass above epsilon, ``max_paths``
    at most); or "sampled", over ``samples`` drawn paths, with the score function and a leave-one-out baseline as gradient
    (without gradients it is plain Monte Carlo).
    ``checkpoint``: a call keeps nothing for the backward pass, which runs it again for each of so many parts of what it needs:
    about 1 / checkpoint of the memory for (checkpoint + 1) / 2 further runs. Such a call may depend on its arguments only, and
    change nothing else (see relaxpy.runtime.checkpoints). None: everything is kept.
    ``engine``: how calls run, "eager" operation by operation, "tape" as one recorded program where that can be,
    "auto" so from the second call of a kind on, but for few operations and long vectors, which are as fast without.
    """

    beta: float | Tensor = 10.0
    max_iter: int = 1024
    epsilon: float = 1e-5
    distribution: str | Distribution = "logistic"
    t_norm: str | TNorm = "product"
    mode: str = "soft"
    estimator: str = "merged"
    engine: str = "eager"
    max_paths: int = 4096
    samples: int = 128
    checkpoint: int | None = None

    @property
    def follows_single_paths(self) -> bool:
        """Is it the estimator that decides, which draws each decision? In the other modes nothing is left to draw."""
        return self.estimator != "merged" and self.mode == "soft"


DEFAULTS = Options()

# What each option of a few values can be.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("soft", "hard", "straight-through"),
    "estimator": ("merged", "exact", "sampled"),
    "engine": ("auto", "eager", "tape"),
}


_DISTRIBUTIONS = (
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


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refusal(name: str, value: object, wanted: str) -> RelaxError:
    return RelaxError(f"`{name}` is {wanted}, not {_shown(value)}")


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _beta(value: Any) -> object:
    wanted = "a positive finite number, a floating-point tensor of one element, or a schedule"
    if isinstance(value, Schedule):
        return value
    if _is_tensor(value):
        if value.numel() != 1 or not value.is_floating_point():
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
        if isinstance(value, bool) or _is_tensor(value):
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
        return _one_of("distribution", value, _DISTRIBUTIONS)
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
    raise RelaxError(f"`{name}` can be {listed}, not {_shown(value)}", remedy=remedy)


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


def resolve(settings: Mapping[str, Any]) -> Options:
    """What is in force under checked settings; a beta of shape (1,) becomes a scalar, with its gradient."""
    if not settings:
        return DEFAULTS
    beta = settings.get("beta")
    if isinstance(beta, Schedule):
        return Options(**{**settings, "beta": beta.value})
    if _is_tensor(beta) and beta.dim():  # type: ignore[union-attr]
        settings = {**settings, "beta": beta.reshape(())}  # type: ignore[union-attr]
    return Options(**settings)


class Region:
    """A stretch of code with settings of its own; see `options`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self._outer: list[tuple[Mapping[str, Any], Options]] = []

    def __enter__(self) -> Options:
        from relaxpy.runtime.state import state

        estimator = self.settings.get("estimator", "merged")
        if state.call is not None and estimator not in ("merged", state.options.estimator):
            raise RelaxError(
                f"estimator={estimator!r} follows whole calls, and cannot begin in the middle of one",
                remedy=f"give it to a function or a call: `f.with_options(estimator={estimator!r})`",
            )
        if state.call is not None and self.settings.get("checkpoint") != state.options.checkpoint and (
            "checkpoint" in self.settings
        ):
            raise RelaxError(
                "`checkpoint` is of whole calls, and cannot begin in the middle of one",
                remedy="give it to a function or a call: `f.with_options(checkpoint=...)`",
            )
        self._outer.append((state.settings, state.options))
        state.settings = {**state.settings, **self.settings}
        state.options = resolve(state.settings)
        return state.options

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from relaxpy.runtime.state import state

        state.settings, state.options = self._outer.pop()

    def __repr__(self) -> str:
        return f"options({', '.join(f'{name}={_shown(value)}' for name, value in self.settings.items())})"


if TYPE_CHECKING:
    from typing_extensions import Unpack


def options(**settings: Unpack[Settings]) -> Region:
    """Set options for the relaxed calls of a region, or, inside relaxed code, for the decisions of a region.

    >>> with options(beta=2.0, max_iter=50) as now:
    ...     now.beta
    2.0

    The innermost wins: a region inside the relaxed code, then the call, the decorator, a region around the call, the defaults.
    """
    return Region(checked(settings))

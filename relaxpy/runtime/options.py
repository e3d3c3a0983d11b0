"""How soft decisions are smoothed: what holds where nothing is set, and regions of code with settings of their own.

*Settings* are the options that someone has set, as a mapping (see settings.py). `Options` is what is in force: settings on top of
the defaults. Nothing here changes the rewritten code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from relaxpy.errors import RelaxError
from relaxpy.runtime.settings import checked, is_tensor, shown
from relaxpy.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from relaxpy.runtime.distributions import Distribution
    from relaxpy.runtime.tnorms import TNorm

__all__ = ["DEFAULTS", "Options", "Region", "options", "resolve"]


def _usual_engine() -> str:
    """The engine where none is chosen: ``$RELAXPY_ENGINE``, or "auto"."""
    chosen = os.environ.get("RELAXPY_ENGINE") or "auto"
    try:
        return str(checked({"engine": chosen})["engine"])
    except RelaxError as error:
        raise RelaxError(f"the environment variable RELAXPY_ENGINE: {error}") from None


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
    "auto" (the default, unless the environment variable ``RELAXPY_ENGINE`` names another) so from the second call of a kind on,
    but for few operations and long vectors, which are as fast without.
    """

    beta: float | Tensor = 10.0
    max_iter: int = 1024
    epsilon: float = 1e-5
    distribution: str | Distribution = "logistic"
    t_norm: str | TNorm = "product"
    mode: str = "soft"
    estimator: str = "merged"
    engine: str = _usual_engine()
    max_paths: int = 4096
    samples: int = 128
    checkpoint: int | None = None

    @property
    def follows_single_paths(self) -> bool:
        """Is it the estimator that decides, which draws each decision? In the other modes nothing is left to draw."""
        return self.estimator != "merged" and self.mode == "soft"


DEFAULTS = Options()


def resolve(settings: Mapping[str, Any]) -> Options:
    """What is in force under checked settings; a beta of shape (1,) becomes a scalar, with its gradient."""
    if not settings:
        return DEFAULTS
    beta = settings.get("beta")
    if isinstance(beta, Schedule):
        return Options(**{**settings, "beta": beta.value})
    if is_tensor(beta) and beta.dim():  # type: ignore[union-attr]
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

        if not self._outer:
            raise RelaxError("a region of options was left that had not begun", remedy="write `with relaxpy.options(...):`")
        state.settings, state.options = self._outer.pop()

    def __repr__(self) -> str:
        return f"options({', '.join(f'{name}={shown(value)}' for name, value in self.settings.items())})"


if TYPE_CHECKING:
    from typing_extensions import Unpack

    from relaxpy.runtime.settings import Settings


def options(**settings: Unpack[Settings]) -> Region:
    """Set options for the relaxed calls of a region, or, inside relaxed code, for the decisions of a region.

    >>> with options(beta=2.0, max_iter=50) as now:
    ...     now.beta
    2.0

    The innermost wins: a region inside the relaxed code, then the call, the decorator, a region around the call, the defaults.
    """
    return Region(checked(settings))

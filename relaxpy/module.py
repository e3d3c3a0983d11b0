"""A relaxed function as a part of a model: its smoothing moves, trains and is saved with the model.

Example::

    layer = bubble_sort.module(beta=8.0, learn_beta=True)
    model = nn.Sequential(encoder, layer)
    model(images).sum().backward()  # layer.log_beta has a gradient
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from relaxpy.bound import BoundRelaxed
from relaxpy.errors import RelaxError
from relaxpy.schedules import Schedule

if TYPE_CHECKING:
    from relaxpy.relaxed import Relaxed

__all__ = ["RelaxedModule", "ScheduledModule", "module"]


class RelaxedModule(nn.Module):
    """Calls a relaxed function with options of its own; made by ``f.module(...)``.

    ``beta`` is kept as its logarithm, ``log_beta``: a parameter if it is learned (so that it stays positive), else a buffer;
    both are saved under the same name. The other options are those of `relaxpy.options`.
    """

    log_beta: Tensor

    def __init__(
        self,
        function: Relaxed | BoundRelaxed,
        settings: Mapping[str, Any],
        beta: float | Tensor,
        learn_beta: bool = False,
    ) -> None:
        super().__init__()
        self.function = function
        self.settings = dict(settings)
        start = torch.as_tensor(beta, dtype=None if isinstance(beta, Tensor) else torch.get_default_dtype())
        log_beta = start.detach().reshape(()).log()
        if learn_beta:
            self.log_beta = nn.Parameter(log_beta)
        else:
            self.register_buffer("log_beta", log_beta)

    @property
    def beta(self) -> Tensor | float:
        """The inverse temperature now."""
        return self.log_beta.exp()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        settings: Any = {**self.settings, "beta": self.beta}
        if torch.compiler.is_compiling():
            from relaxpy.runtime import compiling

            function = self.function
            if isinstance(function, BoundRelaxed):
                return compiling.call(function.__func__, function.__self__, args, kwargs, settings)
            return compiling.call(function, None, args, kwargs, settings)
        return self.function.with_options(**settings)(*args, **kwargs)

    def extra_repr(self) -> str:
        return f"{self._named()}, beta={self.log_beta.detach().exp().item():.4g}{self._others()}"

    def _named(self) -> str:
        return str(getattr(self.function, "__qualname__", self.function))

    def _others(self) -> str:
        return "".join(f", {name}={value!r}" for name, value in self.settings.items())


class ScheduledModule(RelaxedModule):
    """Follows a schedule, which its owner steps; the schedule's state is saved with the module's."""

    def __init__(self, function: Relaxed | BoundRelaxed, settings: Mapping[str, Any], schedule: Schedule) -> None:
        nn.Module.__init__(self)
        self.function = function
        self.settings = dict(settings)
        self.schedule = schedule

    @property
    def beta(self) -> Tensor | float:
        return self.schedule.value

    def get_extra_state(self) -> dict[str, float]:
        return self.schedule.state_dict()

    def set_extra_state(self, state: dict[str, float]) -> None:
        self.schedule.load_state_dict(state)

    def extra_repr(self) -> str:
        return f"{self._named()}, beta={self.schedule!r}{self._others()}"


def module(
    function: Relaxed | BoundRelaxed, settings: Mapping[str, Any], beta: float | Tensor | Schedule, learn_beta: bool
) -> RelaxedModule:
    """The module of a relaxed function."""
    if not isinstance(beta, Schedule):
        return RelaxedModule(function, settings, beta, learn_beta)
    if learn_beta:
        raise RelaxError(
            "a beta that follows a schedule is not learned", remedy="give it a number, or leave out learn_beta"
        )
    return ScheduledModule(function, settings, beta)

"""A program run by torch operations, one after the other: slow, and differentiable as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.instructions import CHECK, DOT, LISTS, NAMES, RULES, SOFTMAX, SOFTMIN_MEAN, SUM, WORDS


class TorchMathematics:
    """What the rules are written over, as torch functions; truths are tensors of bools, and become 0.0 or 1.0."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(torch, name)
        return function

    def both(self, first: Tensor, second: Tensor) -> Tensor:
        return first & second

    def either(self, first: Tensor, second: Tensor) -> Tensor:
        return first | second

    def lt(self, a: Any, b: Any) -> Tensor:
        return torch.as_tensor(a < b)

    def le(self, a: Any, b: Any) -> Tensor:
        return torch.as_tensor(a <= b)

    def select(self, mask: Tensor, a: Any, b: Any) -> Tensor:
        return torch.where(mask, a, b)

    def fused(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return a * b + c

    def truth(self, mask: Tensor) -> Tensor:
        return mask.to(self.dtype)

    def minimum(self, a: Tensor, b: Any) -> Tensor:
        return torch.minimum(a, b if isinstance(b, Tensor) else torch.full_like(a, b))

    def detach(self, a: Tensor) -> Tensor:
        return a.detach()


# torch's own functions, where a rule's forward side would lose the derivative of a derivative at some places, or digits
OWN: dict[str, Callable[..., Tensor]] = {
    "logsigmoid": torch.nn.functional.logsigmoid,
    "logaddexp": torch.logaddexp,
    "lerp": torch.lerp,
    "clamp": torch.clamp,
    "rsqrt": torch.rsqrt,
    "floordiv": partial(torch.div, rounding_mode="floor"),
}


class Replay:
    """The instructions of a tape that are needed for its outputs; ``sources`` says which row comes from where."""

    def __init__(
        self,
        code: Sequence[int],
        arguments: Sequence[int],
        lane_inputs: Sequence[int],
        uniform_inputs: Sequence[int],
        constants: dict[int, float],
        outputs: Sequence[int],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.code = code
        self.arguments = arguments
        self.lane_inputs = lane_inputs
        self.uniform_inputs = uniform_inputs
        self.constants = constants
        self.outputs = outputs
        self.dtype = dtype
        self.device = device

    def __call__(self, lanes: Tensor | None, uniform: Tensor | None, count: int) -> Tensor:
        """The outputs, shape (outputs, lanes)."""
        m = TorchMathematics(self.dtype)
        values: dict[int, Tensor] = {
            row: torch.full((count,), value, dtype=self.dtype, device=self.device) for row, value in self.constants.items()
        }
        if lanes is not None:
            values.update(zip(self.lane_inputs, lanes.unbind(0)))
        if uniform is not None:
            values.update((row, value.expand(count)) for row, value in zip(self.uniform_inputs, uniform.unbind(0)))
        work_out(self.code, self.arguments, values, m)
        return torch.stack([values[row] for row in self.outputs])


def work_out(
    code: Sequence[int], arguments: Sequence[int], values: dict[int, Tensor], m: TorchMathematics, start: int = 0
) -> None:
    """Add the rows that the instructions from ``start`` on write to the ``values`` of the others, all of one shape."""
    for k in range(start, len(code), WORDS):
        operation, row, a, b, c = code[k : k + WORDS]
        name = NAMES[operation]
        if name == CHECK:
            continue
        if name in LISTS:
            _work_out_list(name, row, arguments[a : a + (2 if name == DOT else 1) * b], c, values)
            continue
        rule = RULES[operation]
        operands = [values[operand] for operand in (a, b, c)[: rule.arity]]
        own = OWN.get(name)
        values[row] = rule.forward(m, *operands) if own is None else own(*operands)


def _work_out_list(name: str, row: int, listed: Sequence[int], scale: int, values: dict[int, Tensor]) -> None:
    stacked = torch.stack([values[operand] for operand in listed])
    if name == SUM:
        values[row] = stacked.sum(0)
    elif name == DOT:
        first, second = stacked.chunk(2)
        values[row] = (first * second).sum(0)
    else:
        scores = -stacked if name == SOFTMIN_MEAN else stacked
        weights = torch.softmax((scores - scores.detach().amax(0)) * values[scale], 0)
        if name == SOFTMAX:
            values.update(enumerate(weights.unbind(0), row))
        else:
            values[row] = (weights * stacked).sum(0)

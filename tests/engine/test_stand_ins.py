"""What stands for a tensor while a call is recorded: torch's parser takes it for none, and user code sees no difference."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax
from relaxpy.engine.recorded import Arriving, Leaving, Recorded

X = torch.tensor([0.3, -1.5, 2.0, 0.7])
TYPES = [torch.float64, torch.float32, torch.bfloat16]
each_type = pytest.mark.parametrize("dtype", TYPES, ids=str)

# torch's functions in which a number may stand in the place of a tensor
MIXED: dict[str, Callable[[Any], Any]] = {
    "where": lambda h: torch.where(h > 0, h, 0.0) + torch.where(h > 0, 0.0, h),
    "where with infinities": lambda h: torch.exp(torch.where(h > 0, h, -torch.inf)),
    "pow": lambda h: torch.pow(h, 2.0) + torch.pow(2.0, h) + 2.0**h + h**2,
    "float_power": lambda h: torch.float_power(h * h, 0.5),
    "clamp": lambda h: torch.clamp(h, 0.0, 1.0) + torch.clamp(h, 0.0),
    "clamp of a tensor": lambda h: torch.clamp(torch.ones(4, dtype=h.dtype), h * 0, h * h),
    "lerp": lambda h: torch.lerp(h, h * 2, 0.25),
    "remainder": lambda h: torch.remainder(h, 2.0) + torch.remainder(2.0, h),
    "arithmetic": lambda h: torch.add(h, 1.0, alpha=2) + torch.sub(1.0, h) + torch.mul(2.0, h) + torch.div(1.0, h),
    "comparisons": lambda h: torch.gt(h, 0.5) * h + torch.le(h, 0.5) * 1.0 + torch.eq(h, 2.0) * 3.0,
    "xlogy": lambda h: torch.xlogy(2.0, h * h) + torch.xlogy(h * h, 2.0),
    "fmod": lambda h: torch.fmod(h, 2.0),
    "masked_fill": lambda h: h.masked_fill(h > 0, 0.0),
    "maximum": lambda h: torch.maximum(h, torch.zeros(4, dtype=h.dtype)),
    "index by a mask": lambda h: torch.arange(4.0, dtype=h.dtype)[h > 0].sum() * h,
    "index": lambda h: torch.arange(4.0, dtype=h.dtype)[(h[2] - 1).long()] + h,
    "store": lambda h: torch.zeros(4, dtype=h.dtype).index_fill(0, torch.tensor([1]), 2.0) + h,
    "full": lambda h: torch.full_like(h, 2.0) + torch.full((4,), 2.0, dtype=h.dtype) * h,
    "as_tensor": lambda h: torch.as_tensor(h) + torch.stack([h[0], h[1], h[2], h[3]]),
    "isclose": lambda h: torch.isclose(h, h) * h + torch.isin(h, 2.0) * 1.0,
    "powers of integers": lambda h: torch.arange(4) ** 3 * h + torch.pow(torch.arange(4), torch.arange(4)) * h,
    "linspace": lambda h: torch.linspace(0.0, h[2], 4, dtype=h.dtype),
}


def assert_as_eager(function: Callable[..., Any], x: torch.Tensor) -> Any:
    """By both engines alike, value, gradient or error; what has been recorded says so."""
    outcomes: list[Any] = []
    for engine in ("eager", "tape", "tape"):
        program, leaf = relax(function, engine=engine), x.clone().requires_grad_()
        try:
            result = program(leaf)
            gradient = torch.autograd.grad(result.sum(), leaf, allow_unused=True) if result.requires_grad else None
            outcomes.append((result.detach(), gradient))
        except Exception as error:
            outcomes.append(type(error))
    for outcome in outcomes[1:]:
        if isinstance(outcomes[0], type):
            assert outcome is outcomes[0]
        else:
            rounding = {"rtol": 4 * torch.finfo(x.dtype).eps, "atol": 4 * torch.finfo(x.dtype).eps}
            torch.testing.assert_close(outcome, outcomes[0], **rounding)
    return program.engine_report()


def test_no_stand_in_claims_to_be_a_tensor() -> None:
    for kind in (Recorded, Leaving, Arriving):
        assert not issubclass(kind, torch.Tensor)
        assert not isinstance(kind.__new__(kind), torch.Tensor)


@each_type
@pytest.mark.parametrize("function", MIXED.values(), ids=MIXED)
def test_numbers_among_plain_tensors(function: Callable[[Any], Any], dtype: torch.dtype) -> None:
    def program(x: Any) -> Any:
        return function(relaxpy.hard(x)) + x

    assert_as_eager(program, X.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)  # for the others see test_half.py
@pytest.mark.parametrize("function", MIXED.values(), ids=MIXED)
def test_numbers_among_soft_values(function: Callable[[Any], Any], dtype: torch.dtype) -> None:
    assert_as_eager(lambda x: function(x) + x, X.to(dtype))


def test_ordinary_mixtures_are_recorded() -> None:
    def program(x: Any) -> Any:
        h = relaxpy.hard(x)
        return torch.where(h > 0, torch.pow(h, 2.0), 0.0) * x

    assert "programs" in str(assert_as_eager(program, X))


def asked(x: Any) -> Any:
    h = relaxpy.hard(x)
    answers = (isinstance(h, torch.Tensor), isinstance(h, (int, list)), type(h) is torch.Tensor, callable(h))
    return x * sum(2.0**k for k, answer in enumerate(answers) if answer)


def matched(x: Any) -> Any:
    match relaxpy.hard(x):
        case torch.Tensor():
            return x * 2.0
        case _:
            return x * 3.0


def matched_within(x: Any) -> Any:
    match [1, relaxpy.hard(x)]:
        case [1, torch.Tensor() as h]:
            return x * h
        case _:
            return x * 3.0


def asked_of_torch(x: Any) -> Any:
    return x * 2.0 if torch.is_tensor(relaxpy.hard(x)) else x * 3.0


def given_to_a_library(x: Any) -> Any:
    h = relaxpy.hard(x)
    return x * library.scale(h) + x * library.scale_all([h]) + x * library.scale_all({"h": (h,)}.values())


class Asking(torch.nn.Module):
    def forward(self, h: Any) -> float:
        return 2.0 if isinstance(h, torch.Tensor) else 3.0


ASKING = Asking()


def given_to_a_module(x: Any) -> Any:
    return x * ASKING(relaxpy.hard(x))


def copied(x: Any) -> Any:
    return copy.deepcopy(relaxpy.hard(x)) * x + copy.copy(relaxpy.hard(x))


library = types.ModuleType("library_of_others")
exec(
    "import torch\n"
    "def scale(h):\n    return 2.0 if isinstance(h, torch.Tensor) else 3.0\n"
    "def scale_all(given):\n    return 5.0 if all(isinstance(h, (torch.Tensor, tuple)) for h in given) else 7.0\n",
    library.__dict__,
)


ASKED = [asked, matched, matched_within, asked_of_torch, given_to_a_library, given_to_a_module, copied]


@pytest.mark.parametrize("function", ASKED)
def test_plain_tensors_are_tensors_to_all_who_ask(function: Callable[[Any], Any]) -> None:
    assert_as_eager(function, X.double())

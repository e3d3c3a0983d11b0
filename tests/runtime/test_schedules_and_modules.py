"""Schedules of beta, and relaxed functions as modules."""

from __future__ import annotations

import copy
import io
import math
from typing import Any

import pytest
import torch
from torch import nn

from relaxpy import RelaxError, options, relax, schedules
from relaxpy.module import RelaxedModule


@relax
def above(x: Any, level: Any) -> Any:
    return 1.0 if x > level else 0.0


class Gate:
    def __init__(self, level: float) -> None:
        self.level = level

    @relax(beta=3.0)
    def above(self, x: Any) -> Any:
        return 1.0 if x > self.level else 0.0


SCHEDULES = {
    "constant": (schedules.constant(7.0), [7.0, 7.0, 7.0, 7.0, 7.0, 7.0]),
    "linear": (schedules.linear(1.0, 9.0, steps=4), [1.0, 3.0, 5.0, 7.0, 9.0, 9.0]),
    "exponential": (schedules.exponential(1.0, 16.0, steps=4), [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]),
    "cosine": (
        schedules.cosine(9.0, 1.0, steps=4),
        [1 + 4 * (1 + math.cos(math.pi * k / 4)) for k in range(5)] + [1.0],
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_values_by_step(name: str) -> None:
    schedule, values = copy.deepcopy(SCHEDULES[name][0]), SCHEDULES[name][1]
    x, level = torch.tensor(0.3), torch.tensor(0.1)
    f = above.with_options(beta=schedule)
    found, results = [], []
    for value in values:
        found.append(schedule.value)
        results.append(float(f(x, level)))
        assert f.options.beta == pytest.approx(value)
        schedule.step()
    assert found == pytest.approx(values)
    assert results == pytest.approx([1 / (1 + math.exp(-0.2 * value)) for value in values], rel=1e-5)


def test_a_schedule_goes_on_from_its_saved_state() -> None:
    schedule = schedules.cosine(1.0, 10.0, steps=5)
    schedule.step()
    schedule.step()
    buffer = io.BytesIO()
    torch.save(schedule.state_dict(), buffer)
    buffer.seek(0)
    other = schedules.cosine(2.0, 3.0, steps=7)
    other.load_state_dict(torch.load(buffer))
    assert other.value == schedule.value
    assert repr(other) == "cosine(1, 10, steps=5, last_step=2)"


def test_a_region_can_follow_a_schedule() -> None:
    schedule = schedules.linear(1.0, 3.0, steps=1)
    x, level = torch.tensor(0.3), torch.tensor(0.1)
    for beta in (1.0, 3.0):
        with options(beta=schedule):
            assert float(above(x, level)) == pytest.approx(1 / (1 + math.exp(-0.2 * beta)), rel=1e-5)
        schedule.step()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.0, 1.0, 3), "`start` of a schedule is a positive finite number, not 0.0"),
        ((1.0, math.inf, 3), "`end` of a schedule is a positive finite number, not inf"),
        ((1.0, 2.0, -1), "`steps` of a schedule is an int, 0 or more, not -1"),
        ((1.0, 2.0, 2.5), "`steps` of a schedule is an int, 0 or more, not 2.5"),
    ],
)
def test_what_a_schedule_cannot_be(arguments: Any, text: str) -> None:
    with pytest.raises(RelaxError, match=text.replace(".", r"\.")):
        schedules.linear(*arguments)


def test_a_module_learns_its_beta() -> None:
    layer = above.module(beta=2.0, learn_beta=True)
    x = torch.tensor(0.4, requires_grad=True)
    layer(x, torch.tensor(0.1)).backward()
    p = torch.sigmoid(torch.tensor(0.6))
    assert layer.log_beta.grad is not None
    assert x.grad is not None
    torch.testing.assert_close(layer.log_beta.grad, p * (1 - p) * 0.6)
    torch.testing.assert_close(x.grad, p * (1 - p) * 2.0)
    assert [name for name, _ in layer.named_parameters()] == ["log_beta"]
    assert repr(layer) == "RelaxedModule(above, beta=2)"


def test_training_sharpens() -> None:
    layer = above.module(beta=1.0, learn_beta=True, epsilon=0.0)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    for _ in range(20):
        optimizer.zero_grad()
        (1 - layer(torch.tensor(0.9), torch.tensor(0.1))).backward()
        optimizer.step()
    assert float(torch.as_tensor(layer.beta)) > 2


def test_a_module_that_does_not_learn_has_a_buffer_of_the_same_name() -> None:
    layer = nn.Sequential(nn.Identity(), above.module(beta=2.0))
    assert not list(layer.parameters())
    assert list(layer.state_dict()) == ["1.log_beta"]
    layer.load_state_dict(nn.Sequential(nn.Identity(), above.module(beta=5.0, learn_beta=True)).state_dict())
    assert torch.as_tensor(layer[1].beta).item() == pytest.approx(5.0)
    assert layer.double()[1].log_beta.dtype == torch.float64
    assert layer.to("meta")[1].log_beta.device.type == "meta"


def test_a_module_follows_a_schedule_and_saves_it() -> None:
    schedule = schedules.linear(1.0, 5.0, steps=4)
    layer = above.module(beta=schedule)
    schedule.step()
    assert layer.beta == 2.0
    other = above.module(beta=schedules.linear(1.0, 5.0, steps=4))
    other.load_state_dict(layer.state_dict())
    assert other.beta == 2.0
    assert repr(layer) == "ScheduledModule(above, beta=linear(1, 5, steps=4, last_step=1))"
    with pytest.raises(RelaxError, match="is not learned"):
        above.module(beta=schedule, learn_beta=True)


def test_options_of_a_module() -> None:
    x, level = torch.tensor([0.4, 0.2]), torch.tensor([0.1, 0.3])
    layer = above.batch().module(distribution="cauchy", epsilon=0.0)
    assert isinstance(layer, RelaxedModule)
    torch.testing.assert_close(layer(x, level), torch.atan(10 * (x - level)) / math.pi + 0.5)
    assert repr(layer) == "RelaxedModule(above, beta=10, distribution='cauchy', epsilon=0.0)"
    assert relax(above, beta=4.0).module().beta == pytest.approx(4.0)
    with pytest.raises(RelaxError, match="there is no option"):
        above.module(betta=1.0)  # type: ignore[call-arg]


def test_a_module_of_a_method_and_copies() -> None:
    gate = Gate(0.25)
    layer = gate.above.module(learn_beta=True)
    expected = torch.sigmoid(torch.tensor(3.0 * 0.25))
    torch.testing.assert_close(layer(torch.tensor(0.5)).detach(), expected)
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        twin.log_beta += 1.0
    torch.testing.assert_close(layer(torch.tensor(0.5)).detach(), expected)
    assert float(twin(torch.tensor(0.5))) > float(expected)

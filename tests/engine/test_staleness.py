"""Whatever changes between two calls, a program never gives what would have been right before."""

from __future__ import annotations

import builtins
import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import relaxpy
from relaxpy import relax
from tests.engine import programs_to_change as module

X = torch.tensor([0.7, -0.3, 1.2], dtype=torch.float64)


def both(function: Callable[..., Any], **options: Any) -> tuple[Any, Any]:
    return relax(function, batch=True, engine="tape", **options), relax(function, batch=True, **options)


def assert_same_now(tape: Any, eager: Any, *args: Any) -> None:
    for _ in range(2):
        torch.testing.assert_close(tape(*args), eager(*args), rtol=1e-12, atol=1e-12)


CHANGES: list[tuple[Any, Callable[[pytest.MonkeyPatch], None]]] = [
    (module.by_global, lambda patch: patch.setattr(module, "LEVEL", 2.0)),
    (module.by_global, lambda patch: patch.setattr(module, "LEVEL", torch.tensor(1.5, dtype=torch.float64))),
    (module.by_list, lambda patch: patch.setattr(module, "LEVELS", (0.5, 1.0, 2.0)[::-1])),
    (module.by_list, lambda patch: patch.setattr(module, "LEVELS", [3.0, 4.0])),
    (module.by_dict, lambda patch: patch.setitem(module.FACTORS, "low", 11.0)),
    (module.by_helper, lambda patch: patch.setattr(module, "helper", lambda x: x * 5.0)),
]


@pytest.mark.parametrize(("function", "change"), CHANGES)
def test_a_global_or_helper_changes(function: Any, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tape, eager = both(function)
    assert_same_now(tape, eager, X)
    before = tape(X)
    assert tape.engine_report().recorded == 1
    with monkeypatch.context() as patch:
        change(patch)
        fresh = relax(function, batch=True)
        torch.testing.assert_close(tape(X), fresh(X), rtol=1e-12, atol=1e-12)
        assert not torch.equal(tape(X), before)
    torch.testing.assert_close(tape(X), before)


@pytest.mark.parametrize(
    ("holder", "name", "new"),
    [
        (math, "sqrt", lambda x: 3.0 * x),
        (math, "pi", 1.5),
        (builtins, "abs", lambda x: x + module.LEVEL),
        (torch, "relu", torch.tanh),
        (torch.nn.functional, "logsigmoid", torch.sigmoid),
    ],
)
def test_a_name_of_a_library_stands_for_something_else(
    holder: Any, name: str, new: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def function(x: Any) -> Any:
        y = torch.relu(x + math.pi) if x > math.sqrt(0.25) else x * abs(-2.0)
        return torch.nn.functional.logsigmoid(y)

    tape, eager = both(function)
    assert_same_now(tape, eager, X)
    before = tape(X)
    assert tape.engine_report().recorded == 1
    with monkeypatch.context() as patch:
        patch.setattr(holder, name, new)
        for _ in range(2):
            changed = tape(X)
            assert not torch.equal(changed, before)
            torch.testing.assert_close(changed, eager(X), rtol=1e-12, atol=1e-12)
        patch.setattr(module, "LEVEL", 2.0)
        torch.testing.assert_close(tape(X), eager(X), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tape(X), before)


def test_a_captured_variable_changes() -> None:
    level = 0.5

    def function(x: Any) -> Any:
        return x * level if x > level else x

    tape, eager = both(function)
    assert_same_now(tape, eager, X)
    level = 2.0
    assert_same_now(tape, eager, X)


def test_a_captured_tensor_changes_in_place() -> None:
    table = torch.tensor([1.0, 2.0], dtype=torch.float64)

    def function(x: Any) -> Any:
        return x * table[0] if x > table[1] else x

    tape, eager = both(function)
    assert_same_now(tape, eager, X)
    assert tape.engine_report().runs == 2
    table.data.fill_(0.25)
    assert_same_now(tape, eager, X)


def test_a_captured_list_changes_in_place() -> None:
    levels = [0.5, 1.0]

    def function(x: Any) -> Any:
        return x * levels[0] if x > 0.0 else x * levels[1]

    tape, eager = both(function)
    assert_same_now(tape, eager, X)
    levels[0] = 7.0
    assert_same_now(tape, eager, X)
    levels.insert(0, 8.0)
    assert_same_now(tape, eager, X)
    assert tape.engine_report().runs == 6


def test_a_parameter_is_read_anew_and_gets_its_gradient() -> None:
    level = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def function(x: Any) -> Any:
        return x * 2.0 if x > level else x

    tape, eager = both(function)
    for _ in range(3):
        assert_same_now(tape, eager, X)
        ours, theirs = (torch.autograd.grad(f(X).sum(), level)[0] for f in (tape, eager))
        torch.testing.assert_close(ours, theirs)
        with torch.no_grad():
            level.add_(0.3)
    assert tape.engine_report().recorded == 1


@dataclasses.dataclass
class Settings:
    level: float
    scale: Tensor


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.4, dtype=torch.float64))
        self.settings = Settings(0.5, torch.tensor(2.0, dtype=torch.float64))

    @relax(batch=True, engine="tape")
    def tape(self, x: Any) -> Any:
        return x * self.settings.scale if x > self.weight else x * self.settings.level

    @relax(batch=True)
    def eager(self, x: Any) -> Any:
        return x * self.settings.scale if x > self.weight else x * self.settings.level


def test_attributes_of_an_object_change() -> None:
    model = Model()
    assert_same_now(model.tape, model.eager, X)
    assert model.tape.engine_report().runs > 0
    model.settings.level = 9.0
    assert_same_now(model.tape, model.eager, X)
    model.settings.scale.mul_(3.0)
    assert_same_now(model.tape, model.eager, X)
    model.weight = nn.Parameter(torch.tensor(-0.2, dtype=torch.float64))
    assert_same_now(model.tape, model.eager, X)
    ours, theirs = (torch.autograd.grad(f(X).sum(), model.weight)[0] for f in (model.tape, model.eager))
    torch.testing.assert_close(ours, theirs)
    other = Model()
    other.settings.level = -3.0
    assert_same_now(other.tape, other.eager, X)


def branch(x: Any, k: Any = 2) -> Any:
    return x * k if x > 0.5 else x


def product(x: Any, k: Any) -> Any:
    return x * k


def test_shapes_types_and_arguments_change() -> None:
    tape, eager = both(branch)
    for args in ((X,), (X[:2],), (X.float(),), (X, 3), (X, 3.0), (X, True), (X, -0.0), (X, 0.0), (X[:1], 5)):
        result, expected = tape(*args), eager(*args)
        torch.testing.assert_close(result, expected, rtol=1e-6, atol=1e-7)
        assert result.dtype == expected.dtype
    tape, eager = both(product)
    for zero in (0.0, -0.0):
        assert math.copysign(1.0, float(tape(X, zero)[0])) == math.copysign(1.0, float(eager(X, zero)[0]))


def test_hard_arguments_change_by_name_or_mark_also_in_place() -> None:
    def function(x: Any, table: Any) -> Any:
        return x * table[0] if x > 0.0 else x

    for tape, eager in (both(function, hard="table"),):
        table = torch.tensor([2.0, 3.0], dtype=torch.float64)
        assert_same_now(tape, eager, X, table)
        table[0] = 5.0
        assert_same_now(tape, eager, X, table)
    tape, eager = both(function)
    for value in (2.0, 3.0):
        mark = relaxpy.hard(torch.tensor([value], dtype=torch.float64))
        assert_same_now(tape, eager, X, mark)


def test_options_change() -> None:
    tape, eager = both(branch)
    changes: list[dict[str, Any]] = [
        {},
        {"beta": 3.0},
        {"distribution": "cauchy"},
        {"epsilon": 0.3},
        {"beta": torch.tensor(2.0)},
    ]
    for options in changes:
        for _ in range(2):
            with relaxpy.options(**options):
                ours, theirs = tape(X), eager(X)
            torch.testing.assert_close(ours, theirs)
    beta = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    for step in range(3):
        ours, theirs = (torch.autograd.grad(f.with_options(beta=beta)(X).sum(), beta)[0] for f in (tape, eager))
        torch.testing.assert_close(ours, theirs)
        with torch.no_grad():
            beta.add_(step)


def test_the_default_type_changes() -> None:
    def function(x: Any) -> Any:
        return x * torch.ones(()) / 3.0 if x > 0.1 else x

    tape, eager = both(function)
    assert_same_now(tape, eager, X.float())
    torch.set_default_dtype(torch.float64)
    try:
        assert_same_now(tape, eager, X.float())
    finally:
        torch.set_default_dtype(torch.float32)


def test_values_decide_how_long_a_loop_is() -> None:
    def halve(x: Any) -> Any:
        n = 0
        while x > 1.0:
            x = x / 2.0
            n += 1
        return x, n

    tape, eager = both(halve, beta=40.0)
    for scale in (1.0, 10.0, 100.0, 1.0, 1000.0, 5.0, 10000.0, 20.0):
        for ours, theirs in zip(tape(X * scale), eager(X * scale)):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)
    assert tape.engine_report().runs >= 5
    assert tape.engine_report().recorded <= 5


def test_infinite_values_are_found_out() -> None:
    def blend(x: Any, y: Any) -> Any:
        return x if x > y else y

    tape, eager = both(blend)
    for y in (0.0, math.inf, -math.inf, 1.0, math.inf):
        args = (X, torch.full_like(X, y))
        torch.testing.assert_close(tape(*args), eager(*args), equal_nan=True)


COUNT: dict[str, int] = {"calls": 0}
SEEN: list[Any] = []


def counting(x: Any) -> Any:
    COUNT["calls"] += 1
    return x * 2.0 if x > 0.0 else x


def remembering(x: Any) -> Any:
    SEEN.append(1)
    return x * 2.0 if x > 0.0 else x


def printing(x: Any) -> Any:
    print("called")
    return x * 2.0 if x > 0.0 else x


def timing(x: Any) -> Any:
    return x + time.time() if x > 0.0 else x


def drawing(x: Any) -> Any:
    return x + torch.rand(()) if x > 0.0 else x


def assigning(x: Any) -> Any:
    global ASSIGNED
    ASSIGNED = 1
    return x * 2.0 if x > 0.0 else x


@pytest.mark.parametrize("function", [printing, timing, drawing, assigning, counting, remembering])
def test_effects_and_randomness_are_left_to_the_eager_path(function: Any, capsys: pytest.CaptureFixture[str]) -> None:
    COUNT["calls"] = 0
    SEEN.clear()
    tape = relax(function, batch=True, engine="tape")
    for _ in range(3):
        tape(X)
    report = tape.engine_report()
    assert report.runs == 0
    assert sum(report.eager.values()) == 3
    assert COUNT["calls"] == (3 if function is counting else 0)
    assert len(SEEN) == (3 if function is remembering else 0)
    assert capsys.readouterr().out.count("called") == (3 if function is printing else 0)


def test_arguments_are_changed_as_often_as_the_function_is_called() -> None:
    def fill(x: Any, out: Any) -> None:
        out.append(x * 2.0 if x > 0.0 else x)

    tape = relax(fill, engine="tape")
    out: list[Any] = []
    for count in (1, 2, 3):
        tape(X[0], out)
        assert len(out) == count
        assert all(type(x) is Tensor for x in out)
    for _ in range(2):
        del out[2:]
        tape(X[0], out)
        assert len(out) == 3
    assert tape.engine_report().recorded == 3
    assert tape.engine_report().runs == 5


def test_lists_are_told_apart_by_aliasing() -> None:
    def swap(x: Any, y: Any) -> Any:
        x[0], y[0] = y[1], x[1]
        return x[0] + 2.0 * y[0]

    def function(x: Any, y: Any, z: Any) -> Any:
        return swap(x, y) if z > 0.0 else z

    tape, eager = relax(function, engine="tape"), relax(function)
    a, b = X.clone(), X.clone()
    for args in ((a, b, X[0]), (a, a, X[0]), (a, b, X[0])):
        torch.testing.assert_close(tape(*args), eager(*args))


def test_exceptions_come_from_the_eager_path() -> None:
    def fails(x: Any) -> Any:
        if x > 0.0:
            raise ValueError("too large")
        return x

    tape = relax(fails, engine="tape", beta=1e6)
    for _ in range(3):
        with pytest.raises(ValueError, match="too large"):
            tape(X[0])
    assert float(tape(-X[0])) == pytest.approx(-0.7)


def test_a_handler_of_the_user_does_not_swallow_a_refusal() -> None:
    def careless(x: Any) -> Any:
        try:
            y = torch.fft.fft(x).real[0]
        except BaseException:
            y = 0.0
        return y if y > 0.0 else x[0]

    tape, eager = relax(careless, engine="tape"), relax(careless)
    torch.testing.assert_close(tape(X), eager(X))


def test_results_are_new_at_every_call() -> None:
    def pair(x: Any) -> Any:
        return [x, {"twice": x * 2.0 if x > 0.0 else x}]

    tape = relax(pair, batch=True, engine="tape")
    first = tape(X)
    first[1]["twice"].zero_()
    first.append(None)
    second = tape(X)
    assert len(second) == 2
    assert second[0] is X
    assert second[1]["twice"].any()

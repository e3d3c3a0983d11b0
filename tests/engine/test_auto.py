"""engine="auto": a program from the second call of a kind on, where it pays."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import programs

FIRST = "the first call of its kind"


pytestmark = pytest.mark.usefixtures("groups_pay")


def clip(x: Any) -> Any:
    return x if x > 0.0 else 0.0


def norm(x: Any) -> Any:
    for _ in range(4):
        x = x / (1.0 + (x * x).sum()) if x[0] > 0.0 else x
    return x


def test_the_second_call_of_a_kind_is_recorded() -> None:
    auto, eager = relax(bubble_sort, batch=True, engine="auto"), relax(bubble_sort, batch=True)
    for size in (4, 5):
        for runs in (0, 1, 2):
            x = torch.rand(3, size, dtype=torch.float64)
            before = auto.engine_report().runs
            torch.testing.assert_close(auto(x)[0], eager(x)[0])
            assert auto.engine_report().runs - before == (runs > 0)
    assert auto.engine_report().recorded == 2
    assert auto.engine_report().eager == {FIRST: 2}


@pytest.mark.parametrize(
    ("function", "size", "why"),
    [(clip, (), "it takes few operations"), (norm, (10_000,), "long vectors")],
)
def test_what_torch_does_well_is_left_to_it(function: Any, size: tuple[int, ...], why: str) -> None:
    x = torch.rand(size, dtype=torch.float64)
    auto, tape, eager = (relax(function, engine=engine) for engine in ("auto", "tape", "eager"))  # type: ignore[call-overload]
    for _ in range(3):
        torch.testing.assert_close(auto(x), eager(x))
    assert auto.engine_report().recorded == 0
    assert why in str(auto.engine_report())
    if not size:
        tape(x)
        assert tape.engine_report().recorded == 1
        torch.testing.assert_close(auto.with_options(engine="tape")(x), eager(x))
        assert auto.engine_report().recorded == 1


def steps(x: Any, count: Any = 8) -> Any:
    for _ in range(count):
        x = x / 2.0 if x > 1.0 else x + 0.1
    return x


@contextlib.contextmanager
def followed() -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: None)
    try:
        yield
    finally:
        sys.settrace(before)


CIRCUMSTANCES = {
    "anomaly detection": torch.autograd.detect_anomaly,
    "a debugger": followed,
    "a mode": lambda: torch.device("cpu"),
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_where_somebody_looks_at_every_operation_or_line_calls_are_eager(name: str) -> None:
    auto, eager = relax(steps, batch=True, engine="auto"), relax(steps, batch=True)
    x = torch.tensor([0.5, 3.0], dtype=torch.float64)
    with CIRCUMSTANCES[name]():
        for _ in range(3):
            torch.testing.assert_close(auto(x), eager(x))
        assert auto.engine_report().runs == 0
    for runs in (0, 1, 2):
        torch.testing.assert_close(auto(x), eager(x))
        assert auto.engine_report().runs == runs


def test_a_traced_model_holds_every_operation() -> None:
    auto = relax(steps, batch=True, engine="auto")
    x, other = torch.tensor([0.5, 3.0]), torch.tensor([4.0, 0.2])
    for _ in range(3):
        auto(x)
    traced = torch.jit.trace(lambda x: auto(x), (x,))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(traced(other), auto(other))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Any) -> None:
    auto, eager = relax(steps, batch=True, engine="auto"), relax(steps, batch=True)
    x = torch.tensor([0.5, 3.0], dtype=torch.float64, requires_grad=True)
    with mode():
        for _ in range(3):
            result = auto(x)
            torch.testing.assert_close(result, eager(x))
            assert not result.requires_grad
    assert auto.engine_report().runs == 2
    ours, theirs = (torch.autograd.grad(f(x).sum(), x)[0] for f in (auto, eager))
    torch.testing.assert_close(ours, theirs)


def test_plain_values_never_meet_the_engine() -> None:
    auto = relax(steps, engine="auto")
    assert [auto(3.0) for _ in range(3)] == [steps(3.0)] * 3
    assert auto([1.0], count=0) == [1.0]
    assert str(auto.engine_report()) == "no program was recorded"


@pytest.mark.parametrize(("most", "recorded"), [(1, 5), (250, 5), (10_000, 3)])
def test_programs_that_are_not_used_go_when_there_are_too_many_instructions(
    most: int, recorded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MOST_INSTRUCTIONS", most)
    tape, eager = (relax(bubble_sort, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    for size in (4, 5, 6, 4, 6, 6):
        x = torch.rand(3, size, dtype=torch.float64)
        torch.testing.assert_close(tape(x)[0], eager(x)[0])
    kept = [variant.size for entry in tape._made.programs.entries.values() for variant in entry.variants]
    assert sum(kept) <= most or len(kept) == 1
    assert tape.engine_report().recorded == recorded


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.factors = [2.0, 3.0]

    @relax(batch=True, engine="auto")
    def forward(self, x: Any) -> Any:
        for factor in self.factors * 3:
            x = x / factor if x > self.level else x * self.level
        return x


def test_programs_keep_no_object_alive_and_know_one_from_the_next_at_its_address() -> None:
    x = torch.tensor([0.5, 3.0], dtype=torch.float64)
    gone, before = 0, Model.forward.engine_report().runs  # type: ignore[attr-defined]
    for level in (1.0, 2.0, 0.1, 1.5):
        model = Model()
        model.level.data.fill_(level)
        model.factors[0] = 2.0 + level
        expected = Model.forward.with_options(engine="eager")(model, x)
        for _ in range(3):
            torch.testing.assert_close(model(x), expected)
        watched = weakref.ref(model)
        del model
        gc.collect()
        gone += watched() is None
    assert gone == 4
    assert Model.forward.engine_report().runs - before == 2 * 4  # type: ignore[attr-defined]


TABLE = list(range(50_000))


def lookup(x: Any) -> Any:
    for _ in range(6):
        x = x / 2.0 if x > TABLE[1] else x + 0.1
    return x


def of_table(x: Any, table: Any) -> Any:
    for _ in range(6):
        x = x / 2.0 if x > table[1] else x + 0.1
    return x


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [(lookup, (), "it takes few operations for all that it reads"), (of_table, (TABLE,), "too many parts")],
)
def test_what_would_be_compared_for_too_long_is_left_to_torch(function: Any, args: tuple[Any, ...], why: str) -> None:
    auto, eager = relax(function, engine="auto"), relax(function)
    x = torch.tensor(3.0, dtype=torch.float64)
    for _ in range(40):
        torch.testing.assert_close(auto(x, *args), eager(x, *args))
    assert auto.engine_report().runs == 0
    assert why in str(auto.engine_report())


def test_a_function_that_is_always_refused_is_looked_at_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def noisy(x: Any) -> Any:
        return float(str(1.0)) * x if x > 0.0 else print(end="") or x

    auto = relax(noisy, engine="auto")
    arguments = programs.Arguments

    def counted(*args: Any) -> Any:
        looked.append(1)
        return arguments(*args)

    monkeypatch.setattr(programs, "Arguments", counted)
    x = torch.tensor(3.0)
    for _ in range(300):
        auto(x)
    assert 16 < len(looked) < 30
    assert sum(auto.engine_report().eager.values()) == 300

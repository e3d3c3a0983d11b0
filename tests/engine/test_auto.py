"""engine="auto": a program from the second call of a kind on, where it pays."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("llvmlite")

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort

FIRST = "the first call of its kind"


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


def test_without_llvmlite_auto_is_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relaxpy.engine._HAVE_MACHINE", False)
    auto = relax(bubble_sort, batch=True, engine="auto")
    x = torch.rand(3, 4)
    for _ in range(3):
        torch.testing.assert_close(auto(x)[0], relax(bubble_sort, batch=True)(x)[0])
    assert auto.engine_report().recorded == 0

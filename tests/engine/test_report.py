"""What is said about how calls ran, and the choice of the engine."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import relax
from relaxpy.errors import RelaxError


def clip(x: Any) -> Any:
    return x if x > 0.0 else 0.0


def noisy(x: Any) -> Any:
    print("a call")
    return clip(x)


def test_programs_and_reasons_are_counted() -> None:
    f = relax(clip, engine="tape")
    for _ in range(3):
        f(torch.tensor(1.0))
    assert (f.engine_report().recorded, f.engine_report().runs, f.engine_report().eager) == (1, 3, {})
    g = relax(noisy, engine="tape")
    g(torch.tensor(1.0))
    assert g.engine_report().eager == {"it calls `print`": 1}
    assert str(g.engine_report()) == (
        "0 programs were recorded; 0 calls ran one\n1 call ran operation by operation: it calls `print`"
    )


def test_eager_records_nothing() -> None:
    f = relax(clip, engine="eager")
    f(torch.tensor(1.0))
    assert str(f.engine_report()) == "no program was recorded"


def test_without_numpy_calls_are_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relaxpy.engine._HAVE_NUMPY", False)
    f = relax(clip, engine="tape")
    assert float(f(torch.tensor(5.0))) == 5.0
    assert f.engine_report().eager == {"numpy is not installed (pip install numpy)": 1}


def test_what_runs_programs_is_reported(executor: str) -> None:
    f = relax(clip, engine="tape")
    f(torch.tensor(1.0))
    report = f.engine_report()
    assert report.executor == {"machine": "llvmlite", "packed": "torch"}[executor]
    said = "they run as groups of torch operations; pip install relaxpy[fast] for a faster way"
    assert (said in str(report)) == (executor == "packed")


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RelaxError, match="auto"):
        relax(clip, engine="warp")  # type: ignore[arg-type]


@pytest.mark.parametrize("circumstance", ["vmap", "grad", "dual", "mode"])
def test_transformations_are_left_to_the_eager_path(circumstance: str) -> None:
    f = relax(clip, engine="tape", beta=3.0)
    eager = relax(clip, beta=3.0)
    x = torch.tensor([0.3, -0.2])
    if circumstance == "vmap":
        torch.testing.assert_close(torch.vmap(f)(x), torch.vmap(eager)(x))
    elif circumstance == "grad":
        torch.testing.assert_close(torch.func.grad(f)(x[0]), torch.func.grad(eager)(x[0]))
    elif circumstance == "dual":
        torch.testing.assert_close(torch.func.jvp(f, (x[0],), (x[1],)), torch.func.jvp(eager, (x[0],), (x[1],)))
    else:
        with torch.device("cpu"):
            torch.testing.assert_close(f(x[0]), eager(x[0]))
    assert f.engine_report().runs == 0

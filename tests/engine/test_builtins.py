"""Python's builtins and math on soft values are recorded, and give what they give operation by operation."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("llvmlite")

from relaxpy import relax

PROGRAMS: list[Callable[[Any], Any]] = [
    lambda x: (max(x), min(x), sum(x)),
    lambda x: (max(x[0], x[1], 0.3), min(x[2], x[3]), max(x[0], x[1], key=abs)),
    lambda x: (sorted(x), sorted([x[0], x[1]], reverse=True)),
    lambda x: (x.argmax(), x.max(), x.min(), torch.max(x[0], x[1])),
    lambda x: (x[0] // 0.75, x[1] % 0.5, divmod(x[2], -0.3)),
    lambda x: (round(x[0]), math.floor(x[1]), math.ceil(x[2]), int(x[3]), math.trunc(x[4])),
    lambda x: (any(v > 0.0 for v in x), all(v > -2.0 for v in x), sum(1 for v in x if v > 0.0)),
    lambda x: (list(reversed(x)), list(itertools.pairwise(x)), [v * k for k, v in enumerate(x)]),
    lambda x: functools.reduce(lambda a, b: a if a > b else a + b, x),
    lambda x: list(itertools.accumulate(x, lambda a, b: a + b if b > 0.0 else a)),
    lambda x: (math.dist([x[0]], [x[1]]), math.fsum(x), math.prod(x), math.hypot(x[0], x[1])),
    lambda x: (math.erf(x[0]), math.tanh(x[1]), math.degrees(x[2]), math.log(x[3] ** 2 + 2.0, 3), math.copysign(1.5, x[4])),
    lambda x: (abs(x[0]), -x[1], +x[2], x[3] ** 3, pow(x[4], 2)),
]


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_builtins(program: Callable[[Any], Any], batch: bool) -> None:
    tape, eager = (relax(program, batch=batch, beta=2.0, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn((4, 5) if batch else (5,), generator=generator, dtype=torch.float64, requires_grad=True)
        ours, theirs = (torch.utils._pytree.tree_flatten(function(x)) for function in (tape, eager))
        assert ours[1] == theirs[1]
        torch.testing.assert_close(ours[0], theirs[0], rtol=1e-10, atol=1e-10)
        totals = (sum(part.sin().sum() for part in parts if part.requires_grad) for parts in (ours[0], theirs[0]))
        first, second = (torch.autograd.grad(total, x)[0] for total in totals)
        torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-10)
    assert tape.engine_report().runs == 3, tape.engine_report()


def rounded(x: Any) -> Any:
    return round(x[0]), math.floor(x[1]) + x[2] // 0.75, x[3] % (x[4] * x[4] + 0.5)


def test_rounding_under_betas_that_change_is_recorded_seldom() -> None:
    options: Any = {"batch": True, "epsilon": 1e-12}  # so that the same steps matter, whatever their number
    tape, eager = (relax(rounded, engine=engine, **options) for engine in ("tape", "eager"))
    parameter = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    for k in range(12):
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(k), dtype=torch.float64, requires_grad=True)
        with torch.no_grad():
            parameter.mul_(1.2)
        for beta in (1.2**k, parameter):
            ours, theirs = (function.with_options(beta=beta)(x) for function in (tape, eager))
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
            wanted = (x, parameter) if beta is parameter else (x,)
            first, second = (torch.autograd.grad(sum(y.sum() for y in results), wanted) for results in (ours, theirs))
            torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-10)
    report = tape.engine_report()
    assert report.runs == 24
    assert report.recorded <= 6

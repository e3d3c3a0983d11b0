"""Conditions and builtins on values far apart, equal, tiny and infinite, in every precision: all is finite, gradients too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import probabilities, relax
from tests.oracle import flatten
from tests.runtime.noise import NAMES
from tests.runtime.test_tnorms import NAMES as T_NORMS

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def values(dtype: torch.dtype) -> list[float]:
    limits = torch.finfo(dtype)
    return [0.0, limits.tiny, 1.0, 1.0, -1.0, 100.0, -100.0, limits.max / 4, -limits.max / 4]


def chain(a: Any) -> Any:
    return [1.0 if a[i] < a[i + 1] <= a[i + 2] else 0.0 for i in range(len(a) - 2)]


def branches(a: Any) -> Any:
    total = 0.0
    for i in range(len(a) - 1):
        if a[i] == a[i + 1] or a[i] > a[0] and a[i] != a[1]:
            total = total + 1.0
    return total


def first_place(a: Any) -> Any:
    m = 0
    for j in range(1, len(a)):
        if a[j] > a[m]:
            m = j
    return m


def loop(a: Any) -> Any:
    i = 0
    while i < len(a) - 1 and a[i] < a[5]:
        i += 1
    return i


# each gives probabilities, places or counts, all between 0 and 9
DECISIONS: dict[str, Callable[[Any], Any]] = {
    "a chain": chain,
    "branches": branches,
    "a place found by comparisons": first_place,
    "a loop": loop,
    "any": lambda a: any(x > 0.5 for x in a),
    "all": lambda a: all(x >= -200.0 for x in a),
    "in": lambda a: 100.0 in list(a),
    "count": lambda a: list(a).count(1.0),
    "index": lambda a: list(a).index(1.0),
    "index of the minimum": lambda a: list(a).index(min(a)),
    "sum of truths": lambda a: sum(x > 0 for x in a),
    "sum with a filter": lambda a: sum(1 for x in a if x > 0.0),
    "argmin": lambda a: min(range(9), key=lambda i: a[i]),
    "argmax of torch": lambda a: probabilities(torch.argmax(a), 9),
    "places in order": lambda a: sorted(range(9), key=lambda i: a[i]),
    "places in order, downwards": lambda a: sorted(range(9), key=lambda i: a[i], reverse=True),
    "a soft truth of a number": lambda a: [1.0 if x else 0.0 for x in a],
}
# and these give values again
VALUES: dict[str, Callable[[Any], Any]] = {
    "sorted": lambda a: sorted(a),
    "min and max": lambda a: (min(a), max(a), min(a[0], a[5]), max(a[2], a[3])),
    "abs": lambda a: [abs(x) for x in a],
    "a median of three": lambda a: max(min(a[0], a[2]), min(max(a[0], a[2]), a[4])),
}


def gradients(leaves: list[Tensor], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    total = sum((leaf.double().sum() for leaf in leaves if leaf.requires_grad), torch.zeros((), dtype=torch.float64))
    if not total.requires_grad:
        return []
    return list(torch.autograd.grad(total, inputs, allow_unused=True, materialize_grads=True))


def tensors(result: Any) -> list[Tensor]:
    """Plain numbers as float64."""
    return [leaf if isinstance(leaf, Tensor) else torch.tensor(leaf, dtype=torch.float64) for leaf in flatten(result).values()]


def run(
    program: Callable[[Any], Any], dtype: torch.dtype, given: list[float], **options: Any
) -> tuple[list[Tensor], list[Tensor]]:
    a = torch.tensor(given, dtype=dtype, requires_grad=True)
    beta = torch.tensor(5.0, dtype=dtype, requires_grad=True)
    leaves = tensors(relax(program, beta=beta, **options)(a))
    return leaves, gradients(leaves, (a, beta))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_decisions_stay_in_their_range(name: str, dtype: torch.dtype) -> None:
    for text, program in DECISIONS.items():
        leaves, slopes = run(program, dtype, values(dtype), distribution=name)
        for leaf in leaves:
            assert ((leaf >= -1e-3) & (leaf <= 9.01)).all(), text
        assert all(torch.isfinite(slope).all() for slope in slopes), text


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_values_stay_finite(name: str, dtype: torch.dtype) -> None:
    for text, program in VALUES.items():
        leaves, slopes = run(program, dtype, values(dtype), distribution=name)
        assert all(torch.isfinite(leaf).all() for leaf in leaves), text
        assert all(torch.isfinite(slope).all() for slope in slopes), text


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", T_NORMS)
def test_every_t_norm_of_extreme_comparisons(name: str, dtype: torch.dtype) -> None:
    for text in ("a chain", "branches", "any", "all", "in", "index"):
        leaves, slopes = run(DECISIONS[text], dtype, values(dtype), t_norm=name)
        assert all(((leaf >= -1e-3) & (leaf <= 9.01)).all() for leaf in leaves), text
        # some have infinite slopes: what float32 holds of them, float16 may not
        assert dtype == torch.float16 or all(torch.isfinite(slope).all() for slope in slopes), text


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_infinite_values_decide_as_in_python_and_send_back_no_nan(name: str, dtype: torch.dtype) -> None:
    given = [0.0, math.inf, 1.0, -math.inf, 1.0, 100.0, -math.inf, math.inf, 3.0]
    for text, program in DECISIONS.items():
        leaves, slopes = run(program, dtype, given, distribution=name)
        assert all(torch.isfinite(leaf).all() for leaf in leaves), text
        assert all(torch.isfinite(slope).all() for slope in slopes), text
    leaves, slopes = run(VALUES["min and max"], dtype, given, distribution=name)
    assert [float(leaf.detach()) for leaf in leaves[:2]] == [-math.inf, math.inf]
    assert all(torch.isfinite(slope).all() for slope in slopes)
    leaves, _ = run(VALUES["sorted"], dtype, given, distribution=name)
    found = [float(leaf.detach()) for leaf in leaves]
    assert (found[:2], found[-2:]) == ([-math.inf] * 2, [math.inf] * 2)
    assert all(map(math.isfinite, found[2:-2]))


@pytest.mark.parametrize("mode", ["hard", "straight-through"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_other_modes(mode: str, dtype: torch.dtype) -> None:
    for text, program in (DECISIONS | VALUES).items():
        leaves, slopes = run(program, dtype, values(dtype), mode=mode)
        hard = tensors(program(values(dtype))) if text != "argmax of torch" else leaves
        assert [float(leaf.detach()) for leaf in leaves] == [float(leaf.to(dtype)) for leaf in hard], text
        assert all(torch.isfinite(slope).all() for slope in slopes), text

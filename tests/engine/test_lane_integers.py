"""Integers and truths that differ between samples are read anew by a program, as floats are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.dynamic import edit_distance

BATCH, N = 6, 5


@pytest.fixture(autouse=True)
def in_double_precision() -> Iterator[None]:
    """Soft integers have torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def weighted(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(N):
        if x[i] > 0.1:
            total = total + x[i] * k[i]
    return total


def matches(x: Any, k: Any) -> Any:
    count = 0
    for i in range(N):
        if x[i] > k[i] or k[i] == k[0]:
            count += 1
    return count


def chosen(x: Any, k: Any) -> Any:
    best = x[k[0]]
    for i in range(1, N):
        if x[k[i]] > best:
            best = x[k[i]]
    return best, k[0] + k[1], k[2]


def stored(x: Any, k: Any) -> Any:
    counts = [0.0] * N
    for i in range(N):
        counts[k[i]] += x[i] if x[i] > 0.0 else 1.0
    return counts


def masked(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(N):
        if k[i] and x[i] > 0.0:
            total = total + x[i]
        elif not k[i]:
            total = total - x[i] ** 2
    return total


def shifted(x: Any, k: Any) -> Any:
    n = 2 * k[0] - 3
    return x[0] * (n % 3) if x[0] > n // 2 else x[1]


def equal(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(N):
        if k[i] == k[N - 1 - i] or k[i] > 2:
            total = total + x[i]
    return total


def inputs(seed: int, truths: bool = False, batch: int = BATCH) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, N, generator=generator).requires_grad_()
    k = torch.randint(0, N, (batch, N), generator=generator)
    return x, k > 2 if truths else k


def assert_same(tape: Any, eager: Any, *args: Any, wanted: Tensor) -> None:
    ours, theirs = (torch.utils._pytree.tree_leaves(f(*args)) for f in (tape, eager))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    first, second = (
        torch.autograd.grad(sum(y.sin().sum() for y in results if y.requires_grad), wanted) for results in (ours, theirs)
    )
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("program", [weighted, matches, chosen, stored, masked, shifted, equal])
def test_they_are_read_anew(program: Any) -> None:
    tape, eager = relax(program, batch=True, engine="tape"), relax(program, batch=True)
    for seed in range(5):
        x, k = inputs(seed, truths=program is masked)
        assert_same(tape, eager, x, k, wanted=x)
    report = tape.engine_report()
    assert report.runs == 5
    assert report.recorded <= 2  # the first may not hold all that comes


def test_values_that_a_program_does_not_hold_are_recorded() -> None:
    tape, eager = relax(equal, batch=True, engine="tape"), relax(equal, batch=True)
    x, k = inputs(0)
    for recorded, values in ((1, k), (2, k + 3), (3, k - 7), (3, k)):
        assert_same(tape, eager, x, values, wanted=x)
        assert tape.engine_report().recorded == recorded
    assert tape.engine_report().runs == 4


@pytest.mark.parametrize("far", [2**40, -(2**40)])
def test_values_far_apart_are_left_to_torch(far: int) -> None:
    tape, eager = relax(chosen, batch=True, engine="tape"), relax(chosen, batch=True)
    x, k = inputs(0)
    for values in (torch.where(k == 2, k + far, k),) * 2:
        for function in (tape, eager):
            with pytest.raises(IndexError):
                function(x, values)
    assert "have many values" in str(tape.engine_report())


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.int64])
def test_kinds_of_integers(dtype: torch.dtype) -> None:
    tape, eager = relax(weighted, batch=True, engine="tape"), relax(weighted, batch=True)
    for seed in range(2):
        x, k = inputs(seed)
        assert_same(tape, eager, x, k.to(dtype), wanted=x)
    assert tape.engine_report().runs == 2


def test_in_single_precision_they_are_exact_or_left_to_torch() -> None:
    torch.set_default_dtype(torch.float32)
    tape, eager = relax(weighted, batch=True, engine="tape"), relax(weighted, batch=True)
    x, k = inputs(0)
    for values, runs in ((k, 1), (k + 2**24 - 5, 2), (k + 2**24 + 1, 2), (-k - 2**24, 2)):
        torch.testing.assert_close(tape(x, values), eager(x, values), rtol=1e-5, atol=1e-5)
        assert tape.engine_report().runs == runs


def test_what_becomes_inexact_on_the_way_is_left_to_torch() -> None:
    def program(x: Any, k: Any) -> Any:
        n = k[0] * 4096
        return x[0] if x[0] > 0.0 and n * 4096 + 1 == n * 4096 else x[1]

    torch.set_default_dtype(torch.float32)
    tape, eager = relax(program, batch=True, engine="tape"), relax(program, batch=True)
    x, k = inputs(0)
    for _ in range(2):
        torch.testing.assert_close(tape(x, k + 1), eager(x, k + 1))
    assert tape.engine_report().runs == 0


def test_in_containers_by_name_and_beside_shared_ones() -> None:
    def program(pair: Any, table: Any, *, k: Any) -> Any:
        x, more = pair["x"], pair["more"]
        total = 0.0
        for i in range(N):
            if x[i] > 0.0:
                total = total + x[i] * more[0][i] * table[i] + k[i]
        return total

    tape, eager = relax(program, batch=(0, None), engine="tape"), relax(program, batch=(0, None))
    for seed in range(3):
        x, more = inputs(seed)
        for table in (torch.arange(N), torch.arange(N) + 1):
            pair = {"x": x, "more": [more]}
            torch.testing.assert_close(tape(pair, table, k=more + seed), eager(pair, table, k=more + seed))
    report = tape.engine_report()
    assert (report.recorded, report.runs) == (2, 6)  # what all samples share is a constant


def test_one_tensor_for_all_and_lane_by_lane() -> None:
    def program(x: Any, k: Any, shared: Any) -> Any:
        return x[0] * k[0] + shared[0, 0] if x[0] > 0.0 else x[1]

    tape, eager = relax(program, batch=(0, 0, None), engine="tape"), relax(program, batch=(0, 0, None))
    x, k = inputs(0)
    for _ in range(2):
        torch.testing.assert_close(tape(x, k, k), eager(x, k, k))


def test_labels_of_an_edit_distance() -> None:
    distance = relax(edit_distance)

    def program(p: Any, labels: Any) -> Any:
        return distance(relaxpy.categorical(p), labels)

    tape, eager = relax(program, batch=True, engine="tape"), relax(program, batch=True)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        p = torch.softmax(torch.randn(BATCH, 4, 5, generator=generator), -1).requires_grad_()
        labels = torch.randint(0, 5, (BATCH, 6), generator=generator)
        assert_same(tape, eager, p, labels, wanted=p)
    report = tape.engine_report()
    assert (report.recorded, report.runs) == (1, 3)

"""Results are built anew at each call, with the aliases, objects and arguments that the eager path gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

import relaxpy
from relaxpy import relax

X = torch.tensor([0.7, -0.3, 1.2], dtype=torch.float64)
KEPT: list[float] = [1.0]


@dataclasses.dataclass
class Found:
    value: Any
    place: Any
    more: list[Any] = dataclasses.field(default_factory=list)


class Pair(NamedTuple):
    first: Any
    second: Any


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def larger(x: Any) -> Any:
    return x * 2.0 if x > 0.0 else x


def aliases(x: Any) -> Any:
    row = [larger(x)]
    return row, [row, {"row": row}], row[0]


def objects(x: Any) -> Any:
    found = Found(larger(x), 3)
    found.more.append(found)
    return Pair(found, found.more)


def test_parts_that_are_one_stay_one() -> None:
    tape = relax(aliases, batch=True, engine="tape")
    for _ in range(2):
        row, (again, inside), number = tape(X)
        assert row is again is inside["row"]
        assert row[0] is number
    assert tape.engine_report().runs == 2
    assert tape(X)[0] is not tape(X)[0]


def test_objects_that_a_call_makes_are_made_anew() -> None:
    tape, eager = relax(objects, batch=True, engine="tape"), relax(objects, batch=True)
    first, second = tape(X), tape(X)
    assert tape.engine_report().runs == 2
    assert type(first) is Pair
    for found, more in (first, second):
        assert type(found) is Found
        assert found.more is more
        assert more[0] is found
        assert found.place == 3
        torch.testing.assert_close(found.value, eager(X).first.value)
    assert first.first is not second.first


def test_arguments_come_back_as_they_are() -> None:
    def function(x: Any, rows: Any) -> Any:
        return [rows, rows["a"], x, larger(x)]

    tape = relax(function, batch=(0, None), engine="tape")
    for _ in range(2):
        rows = {"a": [1.0]}
        result = tape(X, rows)
        assert result[0] is rows
        assert result[1] is rows["a"]
        assert result[2] is X
    assert tape.engine_report().runs == 2


def local_class(x: Any) -> Any:
    class Local:
        value = 1.0

    made = Local()
    made.value = larger(x)
    return made


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: (larger(x), KEPT), "there before"),
        (lambda x: Slotted(larger(x)), "Slotted"),
        (local_class, "Local"),
    ],
    ids=["captured", "slots", "local class"],
)
def test_what_cannot_be_made_anew_is_left_to_the_eager_path(function: Callable[..., Any], why: str) -> None:
    tape, eager = relax(function, batch=True, engine="tape"), relax(function, batch=True)
    assert type(tape(X)).__qualname__ == type(eager(X)).__qualname__
    assert tape.engine_report().runs == 0
    assert why in str(tape.engine_report())


def test_deep_arguments_are_left_to_the_eager_path() -> None:
    def function(x: Any, rows: Any) -> Any:
        return larger(x)

    rows: Any = []
    for _ in range(5000):
        rows = [rows]
    tape = relax(function, engine="tape")
    torch.testing.assert_close(tape(X[0], rows), relax(function)(X[0], rows))
    assert "too deeply" in str(tape.engine_report())


def scaled(x: Any) -> Any:
    rows = x * 1.0
    for _ in range(12):
        rows = rows * 0.5 if rows[0] > 0.0 else rows + 0.25
    return rows, rows[0] * 2.0, rows[0] > 0.1


@pytest.mark.parametrize("batch", [False, True])
def test_results_can_be_changed_in_place(batch: bool) -> None:
    found = []
    for engine in ("eager", "tape"):
        x = torch.stack([X, 2 * X]).requires_grad_() if batch else X.clone().requires_grad_()
        rows, first, truth = relax(scaled, batch=batch, engine=engine)(x)
        rows.mul_(3.0)
        first.add_(rows.sum())
        first.sum().backward()
        found.append((rows, first, truth, x.grad))
    torch.testing.assert_close(found[1], found[0])


def sorted_in_place(values: Any) -> Any:
    for i in range(len(values)):
        for j in range(len(values) - 1 - i):
            if values[j] > values[j + 1]:
                values[j], values[j + 1] = values[j + 1], values[j]
    return values


def filled(table: Any, name: Any) -> Any:
    table[name] = larger(table["x"])
    table["rows"].append(table["x"])
    table["rows"][0] = 2.0
    del table["gone"]
    return table["rows"], table[name]


def grown(values: Any, other: Any) -> Any:
    values += [larger(values[0]), other]
    other.append(values[0])
    return len(values)


def columns(count: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(count)]


def test_lists_are_sorted_in_place() -> None:
    tape, eager = relax(sorted_in_place, batch=True, engine="tape"), relax(sorted_in_place, batch=True)
    for _ in range(2):
        ours, theirs = columns(), columns()
        mine, others = list(ours), list(theirs)
        assert tape(mine) is mine
        eager(others)
        torch.testing.assert_close(mine, others, rtol=1e-12, atol=1e-12)
        for holder in (mine, others):
            sum(k * y.sum() for k, y in enumerate(holder)).backward()
        torch.testing.assert_close([x.grad for x in ours], [x.grad for x in theirs], rtol=1e-12, atol=1e-12)
    assert tape.engine_report().runs == 2


def test_dicts_and_the_lists_in_them_are_changed() -> None:
    tape, eager = relax(filled, batch=True, engine="tape"), relax(filled, batch=True)
    for _ in range(2):
        results = []
        for function in (tape, eager):
            (x,) = columns(1)
            rows = [0.5, "kept"]
            table = {"x": x, "gone": 1, "rows": rows, "more": (rows, {})}
            returned, value = function(table, relaxpy.hard("new"))
            assert returned is rows is table["rows"] is table["more"][0]
            assert table["new"] is value
            assert table["x"] is x is rows[2]
            assert rows[:2] == [2.0, "kept"]
            results.append((list(table), value))
        assert results[0][0] == results[1][0] == ["x", "rows", "more", "new"]
        torch.testing.assert_close(results[0][1], results[1][1])
    assert tape.engine_report().runs == 2


def test_lists_that_hold_each_other_are_changed() -> None:
    tape, eager = (relax(grown, batch=True, beta=1.0, engine=engine) for engine in ("tape", "eager"))
    for function in (tape, eager, tape):
        (x,) = columns(1)
        other: list[Any] = []
        values = [x, other]
        assert function(values, other) == 4
        assert values[0] is x is other[0]
        assert values[1] is values[3] is other
        torch.testing.assert_close(values[2], torch.lerp(x, 2.0 * x, torch.sigmoid(x)))  # type: ignore[arg-type]
    assert tape.engine_report().runs == 2


def test_arguments_are_as_they_were_if_a_program_does_not_hold() -> None:
    def shrinks(values: Any) -> Any:
        values.append(1.0)
        while values[0] > 1.0:
            values[0] = values[0] / 2.0
        return values[0]

    tape, eager = relax(shrinks, batch=True, engine="tape"), relax(shrinks, batch=True)
    for size in (1.5, 1e4, 3.0):
        mine, others = ([torch.tensor([size, 0.1], dtype=torch.float64)] for _ in range(2))
        torch.testing.assert_close(tape(mine), eager(others), rtol=1e-5, atol=1e-5)
        assert len(mine) == len(others) == 2
        torch.testing.assert_close(mine, others, rtol=1e-5, atol=1e-5)
    assert tape.engine_report().recorded == 2


def test_what_is_not_used_is_no_part_of_the_graph() -> None:
    def program(x: Any, unused: Any, compared: Any, shared: Any, kept: Any) -> Any:
        kept.append(larger(x))
        return larger(x) if bool(compared.detach()[0] < 100.0) else shared[0]

    x, leaf, compared = columns(3)
    shared = torch.ones(2, dtype=torch.float64, requires_grad=True)
    for engine in ("eager", "tape"):
        function = relax(program, batch=(0, 0, None, None, None), engine=engine)  # type: ignore[call-overload]
        kept: list[Any] = []
        for _ in range(3):
            unused = leaf * leaf
            unused.sum().backward()
            result = function(x, unused, compared, shared, kept)
            gradients = torch.autograd.grad(result.sum(), (x, unused, compared, shared), allow_unused=True)
            assert gradients[0] is not None
            assert gradients[1:] == (None, None, None)
            assert not function(x.detach(), unused, compared, shared, []).requires_grad
        assert len(kept) == 3


def running(values: Any) -> Any:
    sums = [values[0] * 1.0]
    for value in values[1:]:
        sums.append(sums[-1] + value if sums[-1] > value else sums[-1] * value)
    return sums


def use_few(sums: list[torch.Tensor]) -> torch.Tensor:
    return (sums[1] * sums[5]).sum()


def change_some(sums: list[torch.Tensor]) -> torch.Tensor:
    sums[2].mul_(3.0)
    sums[3] += sums[2].detach()
    return torch.stack(sums).square().sum()


def keep_gradients(sums: list[torch.Tensor]) -> torch.Tensor:
    sums[4].retain_grad()
    total = torch.stack(sums).sum()
    total.backward(retain_graph=True)
    assert sums[4].grad is not None
    return total + sums[4].grad.sum()


@pytest.mark.parametrize("use", [use_few, change_some, keep_gradients])
def test_each_of_many_numbers_is_a_tensor_of_its_own(use: Callable[[list[torch.Tensor]], torch.Tensor]) -> None:
    found = []
    for engine in ("eager", "tape"):
        x = torch.randn(4, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
        sums = relax(running, batch=True, engine=engine)(x)  # type: ignore[call-overload]
        assert [each.shape for each in sums] == [(4,)] * 9
        if engine == "eager":
            sums = [each.clone() for each in sums]  # what torch has kept of them would miss it
        assert all(each._base is None for each in sums)
        result = use(sums)
        result.backward()
        found.append((result.detach(), x.grad))
    torch.testing.assert_close(*found)


def test_many_numbers_without_a_gradient() -> None:
    tape, eager = (relax(running, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    x = torch.randn(4, 9, dtype=torch.float64)
    for given in (x, x.clone().requires_grad_()):
        with torch.no_grad():
            ours, theirs = tape(given), eager(given)
        torch.testing.assert_close(ours, theirs)
        assert not any(each.requires_grad for each in ours)

"""Keys and attributes that one side of a soft block alone defines: what can be asked about them, and what is refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from relaxpy import BlendError, RelaxError, relax
from tests.laws.support import FINE, above, array, assert_same, mixture, number


def by_get(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    return table.get("a", 7.0)


def by_in(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    return table["a"] if "a" in table else 7.0  # noqa: SIM401


def by_not_in(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    if "a" not in table:
        table["a"] = 7.0
    return table["a"]


def by_setdefault(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    found = table.setdefault("a", 7.0)
    return (found + sum(table.values())) / 2


def by_getattr(x: Any, y: Any) -> Any:
    holder = SimpleNamespace()
    if x > 0:
        holder.a = 1.0
    return getattr(holder, "a", 7.0)


def by_hasattr(x: Any, y: Any) -> Any:
    holder = SimpleNamespace()
    if x > 0:
        holder.a = 1.0
    return holder.a if hasattr(holder, "a") else 7.0


def by_break(x: Any, y: Any) -> Any:
    table: dict[int, Any] = {}
    for k in range(3):
        if x < 0:
            break
        table[k] = 1.0
    return table.get(0, 7.0)


def by_return(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}

    def fill() -> None:
        if x < 0:
            return
        table["a"] = 1.0

    fill()
    return table.get("a", 7.0)


@pytest.mark.parametrize(
    "program", [by_get, by_in, by_not_in, by_setdefault, by_getattr, by_hasattr, by_break, by_return]
)
@pytest.mark.parametrize("value", [0.4, -0.9])
def test_one_may_ask_for_what_exists_with_a_probability(program: Callable[..., Any], value: float) -> None:
    x = number(value)
    p = above(x)
    expected = mixture((p, 1.0), (1 - p, 7.0))
    assert_same(relax(program, **FINE)(x, x), expected, [x])
    assert_same(relax(program, estimator="exact", **FINE)(x, x), expected, [x])


def nested(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        if y > 0:
            table["a"] = 1.0
    return table.get("a", 7.0)


def in_turn(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    if y > 0:
        table["a"] = 3.0
    return table.get("a", 7.0)


def certain_later(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    table["a"] = y
    return table.get("a", 7.0), len(table), "a" in table, dict(table)["a"]


def on_both_sides(x: Any, y: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        if y > 0:
            table["a"] = 1.0
    else:
        table["a"] = 3.0
    return table.get("a", 7.0)


def test_probabilities_of_existence_are_mixed_as_values_are() -> None:
    x, y = number(0.4), number(-0.3)
    p, q = above(x), above(y)
    assert_same(relax(nested, **FINE)(x, y), p * q + (1 - p * q) * 7.0, [x, y])
    assert_same(relax(certain_later, **FINE)(x, y), (y, 1, True, y), [x, y])
    assert_same(relax(on_both_sides, **FINE)(x, y), p * q + p * (1 - q) * 7.0 + (1 - p) * 3.0, [x, y])
    assert_same(relax(in_turn, **FINE)(x, y), q * 3.0 + (1 - q) * (p + (1 - p) * 7.0), [x, y])


def counted_by_hand(values: Any) -> Any:
    counts: dict[str, Any] = {}
    for value in values:
        if value > 0:
            if "a" not in counts:
                counts["a"] = 0
            counts["a"] += 1
    return counts.get("a", 0)


def counted_with_a_default(values: Any) -> Any:
    counts: dict[str, Any] = {}
    for value in values:
        if value > 0:
            counts["a"] = counts.get("a", 0) + 1
    return counts.get("a", 0)


def counted_by_attribute(values: Any) -> Any:
    counts = SimpleNamespace()
    for value in values:
        if value > 0:
            if hasattr(counts, "a"):
                counts.a += 1
            else:
                counts.a = 1
    return getattr(counts, "a", 0)


@pytest.mark.parametrize("program", [counted_by_hand, counted_with_a_default, counted_by_attribute])
def test_what_is_counted_where_there_may_be_no_key_yet(program: Callable[..., Any]) -> None:
    values = array(0.4, -0.9, 0.1, 0.7)
    assert_same(relax(program, **FINE)(values), above(values).sum(), [values])


def test_on_the_sides_of_its_test_a_key_exists_or_does_not() -> None:
    def program(x: Any) -> Any:
        table: dict[str, Any] = {"b": 2.0}
        if x > 0:
            table["a"] = 1.0
        if "a" in table:
            sizes = sum(table.values())
            del table["a"]
        else:
            sizes = sum(table.values())
        return sizes, sorted(table)

    x = number(0.4)
    p = above(x)
    sizes, keys = relax(program, **FINE)(x)
    assert_same(sizes, p * 3.0 + (1 - p) * 2.0, [x])
    assert keys == ["b"]


def test_a_test_says_nothing_about_what_was_stored_after_it() -> None:
    def program(x: Any) -> Any:
        table: dict[str, Any] = {}
        if x > 0:
            table["a"] = 1.0
        missing = "a" not in table
        table["a"] = 5.0
        if missing:
            table["b"] = 1.0
        return table["a"], table.get("b", 0.0), "a" in table

    x = number(0.4)
    assert_same(relax(program, **FINE)(x), (5.0, 1 - above(x), True), [x])


def test_a_batch_has_a_probability_in_each_lane() -> None:
    x = array(0.4, -0.9, 3.0)
    p = above(x)
    assert_same(relax(by_get, batch=True, **FINE)(x, x), p * 1.0 + (1 - p) * 7.0, [x])


@pytest.mark.parametrize("made", [Counter, lambda: defaultdict(float), lambda: defaultdict(int)])
def test_counters_give_zero_where_there_is_no_key(made: Callable[[], Any]) -> None:
    def program(values: Any) -> Any:
        counts = made()
        for value in values:
            if value > 0:
                counts["positive"] += 1
            else:
                counts["negative"] += 1
        return counts["positive"], counts["negative"]

    values = array(0.4, -0.9, 0.1)
    p = above(values)
    assert_same(relax(program, **FINE)(values), (p.sum(), (1 - p).sum()), [values])


@pytest.mark.parametrize(
    "asked",
    [
        lambda table: sum(table.values()),
        lambda table: max(table.items()),
        lambda table: list(table),
        lambda table: dict(table),
        lambda table: table.pop("a"),
        lambda table: table.clear(),
        lambda table: table.update(b=1.0),
        lambda table: sorted(table),
    ],
)
def test_what_needs_all_keys_is_refused(asked: Callable[..., Any]) -> None:
    def program(x: Any) -> Any:
        table = {"b": 2.0}
        if x > 0:
            table["a"] = 1.0
        return asked(table)

    with pytest.raises(RelaxError, match=r"the key 'a' exists with a probability of 0\.69 only"):
        relax(program, **FINE)(torch.tensor(0.4))


def test_loops_over_keys_are_refused() -> None:
    def program(x: Any) -> Any:
        table = {"b": 2.0}
        if x > 0:
            table["a"] = 1.0
        total = 0.0
        for key in table:
            total += table[key]
        return total

    with pytest.raises(RelaxError, match=r"the key 'a' exists with a probability of 0\.69 only"):
        relax(program, **FINE)(torch.tensor(0.4))
    assert relax(program)(torch.tensor(30.0)) == 3.0


def test_none_for_a_missing_key_cannot_be_blended() -> None:
    def program(x: Any) -> Any:
        table = {}
        if x > 0:
            table["a"] = 1.0
        return table.get("a")

    with pytest.raises(BlendError, match=r"the value of the key 'a' is 1\.0 and None"):
        relax(program, **FINE)(torch.tensor(0.4))
    assert relax(program)(torch.tensor(30.0)) == 1.0


def test_a_key_that_one_side_alone_defines_keeps_its_value() -> None:
    def program(x: Any) -> Any:
        table = {}
        if x > 0:
            table["a"] = 2.0 * x
        return table["a"]

    x = number(0.4)
    assert_same(relax(program, **FINE)(x), 2.0 * x, [x])

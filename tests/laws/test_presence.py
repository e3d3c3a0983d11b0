"""Keys and attributes that one side of a soft block alone defines: what can be asked about them, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import json
from collections import Counter, OrderedDict, defaultdict
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


def doubtful(x: Any) -> Any:
    table = {"b": 2.0}
    if x > 0:
        table["a"] = 1.0
    return table


def keywords(**table: Any) -> Any:
    return len(table)


def matched(table: Any) -> Any:
    match table:
        case {"a": value}:
            return value
        case _:
            return 7.0


def unpacked(table: Any) -> Any:
    _, *rest = table
    return rest


def in_place(table: Any) -> Any:
    other = {"c": 1.0}
    other |= table
    return other


def updated(table: Any) -> Any:
    other = {"c": 1.0}
    other.update(table)
    return other


def suppressed(table: Any) -> Any:
    found = 7.0
    with contextlib.suppress(LookupError):
        found = table["a"]
    return found


def caught(table: Any) -> Any:
    try:
        return table["a"]
    except KeyError:
        return 7.0


NEED_ALL_KEYS: list[Callable[[Any], Any]] = [
    lambda table: sum(table.values()),
    lambda table: max(table.items()),
    lambda table: list(table),
    lambda table: dict(table),
    lambda table: table.pop("a"),
    lambda table: table.clear(),
    lambda table: table.update(b=1.0),
    lambda table: sorted(table),
    lambda table: len(table),
    lambda table: [(key, 1) for key in table],
    lambda table: sum(1.0 for key in table),
    lambda table: any(key == "a" for key in table),
    lambda table: [*table],
    lambda table: {**table},
    lambda table: keywords(**table),
    lambda table: table | {"c": 1.0},
    lambda table: {"c": 1.0} | table,
    lambda table: table == {"b": 2.0},
    lambda table: [table] != [{"b": 2.0}],
    lambda table: table or 1.0,
    lambda table: set(table),
    lambda table: next(iter(table)),
    lambda table: list(zip(table, range(3), strict=False)),
    lambda table: copy.copy(table),
    lambda table: copy.deepcopy([table]),
    lambda table: json.dumps({"of": table}),
    lambda table: Counter(table),
    lambda table: ",".join(table),
    matched,
    unpacked,
    in_place,
    updated,
    suppressed,
    caught,
]


@pytest.mark.parametrize("asked", NEED_ALL_KEYS)
@pytest.mark.parametrize("made_first", [True, False])
def test_what_needs_all_keys_is_refused(asked: Callable[..., Any], made_first: bool) -> None:
    def program(x: Any) -> Any:
        if made_first:
            table = doubtful(x)
            return asked(table)
        return asked(doubtful(x))

    with pytest.raises(RelaxError, match=r"the key 'a' exists with a probability of 0\.69 only"):
        relax(program, **FINE)(torch.tensor(0.4))
    for x in (30.0, -30.0):  # where it surely exists, and where it surely does not
        try:
            expected = program(x)
        except KeyError:
            with pytest.raises(KeyError):
                relax(program)(torch.tensor(x))
        else:
            assert relax(program)(torch.tensor(x)) == expected


def test_the_truth_of_a_dict_is_that_of_its_only_key() -> None:
    def program(x: Any, y: Any) -> Any:
        table: dict[str, Any] = {}
        if x > 0:
            table["a"] = 1.0
        chosen = table["a"] if table else 7.0
        if not table:
            table["b"] = 3.0
        else:
            table["b"] = 2.0 * table["a"]
        return chosen, table["b"], bool({"c": 1.0}), 1.0 if table else 2.0

    x = number(0.4)
    p = above(x)
    assert_same(relax(program, **FINE)(x, x), (p + (1 - p) * 7.0, p * 2.0 + (1 - p) * 3.0, True, 1.0), [x])

    def two(x: Any, y: Any) -> Any:
        table: dict[str, Any] = {}
        if x > 0:
            table["a"] = 1.0
        if y > 0:
            table["b"] = 1.0
        return 1.0 if table else 2.0

    with pytest.raises(RelaxError, match="the key 'a' exists with a probability"):
        relax(two, **FINE)(x, x)


KEPT: dict[str, Any] = {}


class Holder:
    count = 3.0

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}


def given_back(x: Any) -> Any:
    return [doubtful(x)]


def in_an_argument(x: Any, holder: Any) -> Any:
    if x > 0:
        holder.table["a"] = 1.0
    return x


def as_an_attribute(x: Any, holder: Any) -> Any:
    if x > 0:
        holder.a = 1.0
    return x


def in_a_global(x: Any) -> Any:
    return _stored_globally(x)


def _stored_globally(x: Any) -> Any:
    if x > 0:
        KEPT["a"] = 1.0
    return x


def in_a_closure(x: Any) -> Any:
    table = doubtful(x)
    return lambda: len(table)


@pytest.mark.parametrize("program", [given_back, in_an_argument, as_an_attribute, in_a_global, in_a_closure])
def test_what_may_not_exist_does_not_leave_the_call(program: Callable[..., Any]) -> None:
    KEPT.clear()
    arguments = [Holder()] if program in (in_an_argument, as_an_attribute) else []
    with pytest.raises(RelaxError, match=r"the (key 'a'|attribute `a`) exists with a probability of 0\.69 only"):
        relax(program, **FINE)(torch.tensor(0.4), *arguments)


def test_where_an_object_lacks_an_attribute_it_has_that_of_its_class() -> None:
    def program(x: Any) -> Any:
        holder = Holder()
        if x > 0:
            holder.count = 1.0
        return holder.count, hasattr(holder, "count"), getattr(holder, "count", 7.0)

    x = number(0.4)
    p = above(x)
    expected = p + (1 - p) * 3.0
    assert_same(relax(program, **FINE)(x), (expected, True, expected), [x])


class Asking:
    def __getattr__(self, name: str) -> Any:
        return 4.0


class Missing(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return 9.0


def asks_getattr(x: Any) -> Any:
    holder = Asking()
    if x > 0:
        holder.a = 1.0  # type: ignore[attr-defined]
    return holder.a


def asks_missing(x: Any) -> Any:
    table = Missing()
    if x > 0:
        table["a"] = 1.0
    return table["a"]


def asks_for_a_list(x: Any) -> Any:
    table: defaultdict[str, Any] = defaultdict(list)
    if x > 0:
        table["a"] = [1.0]
    return table["a"]


def overrides_a_method(x: Any) -> Any:
    holder = Asking()
    if x > 0:
        holder.__getattr__ = 1.0  # type: ignore[method-assign, assignment]
    return holder


@pytest.mark.parametrize(
    ("program", "what"),
    [
        (asks_getattr, "attribute `a` was stored under a soft condition, and on the other path `Asking.__getattr__`"),
        (asks_missing, "key 'a' was stored under a soft condition, and on the other path `Missing.__missing__`"),
        (asks_for_a_list, "key 'a' was stored under a soft condition, and on the other path `defaultdict.__missing__`"),
        (overrides_a_method, "attribute `__getattr__` was stored under a soft condition, and on the other path `Asking.__"),
    ],
)
def test_what_is_asked_for_what_does_not_exist_is_not_called(program: Callable[..., Any], what: str) -> None:
    with pytest.raises(RelaxError, match=f"the {what}"):
        relax(program, **FINE)(torch.tensor(0.4))


def test_an_attribute_that_a_handler_waits_for() -> None:
    def program(x: Any) -> Any:
        holder = SimpleNamespace()
        if x > 0:
            holder.a = 1.0
        try:
            return holder.a
        except AttributeError:
            return 7.0

    with pytest.raises(RelaxError, match="a `try` catches `AttributeError`, and the attribute `a` exists with"):
        relax(program, **FINE)(torch.tensor(0.4))
    assert relax(program)(torch.tensor(30.0)) == 1.0


def test_an_ordered_dict_stays_in_order() -> None:
    def program(x: Any) -> Any:
        table: OrderedDict[str, Any] = OrderedDict(b=2.0)
        if x > 0:
            table["a"] = 1.0
        if "a" not in table:
            table["a"] = 7.0
        table.move_to_end("b")
        return table

    x = number(0.4)
    table = relax(program, **FINE)(x)
    assert list(table) == ["a", "b"]
    assert_same(table["a"], above(x) + (1 - above(x)) * 7.0, [x])


def test_what_a_counter_has_is_counted_but_not_known_to_exist() -> None:
    def counted(x: Any) -> Any:
        counts: Counter[str] = Counter()
        if x > 0:
            counts["a"] += 1
        return counts

    def program(x: Any) -> Any:
        counts = counted(x)
        return counts["a"], counts.get("a", 0), "a" in counts

    x = number(0.4)
    assert_same(relax(program, **FINE)(x), (above(x),) * 3, [x])

    def by_key(x: Any) -> Any:
        counts = counted(x)
        if "a" in counts:
            return counts["a"]
        return 5.0

    for asked, words in [
        (by_key, "whether there is a key 'a' was asked of a counter, which gives 0 where there is none"),
        (lambda x: counted(x).get("a", 5), "the key 'a' exists with a probability"),
        (lambda x: counted(x).most_common(), "the key 'a' exists with a probability"),
    ]:
        with pytest.raises(RelaxError, match=words):
            relax(asked, **FINE)(torch.tensor(0.4))


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

"""What the caller's containers, objects, globals and closures hold when a relaxed call is over."""

from __future__ import annotations

import functools
import gc
import sys
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, hard, probabilities, relax
from tests.laws.support import FINE, above, assert_same, mixture, number

Pair = namedtuple("Pair", ["left", "right"])
STORED: dict[str, Any] = {}
LAST: Any = None


@dataclass
class Point:
    x: Any
    y: Any = 0.0
    tags: list[Any] = field(default_factory=list)


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def is_plain(value: Any) -> bool:
    """Whether nothing of the runtime's own is in it."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, (Point, Slotted)):
        names = Slotted.__slots__ if isinstance(value, Slotted) else vars(value)
        return all(is_plain(getattr(value, name)) for name in names)
    return value is None or type(value) in (int, float, bool, str, Tensor)


def test_a_list_changed_in_place_stays_changed_and_is_plain() -> None:
    def program(x: Any, out: Any) -> Any:
        if x > 0:
            out[0] = x
            out[1].append(x * 2.0)
        else:
            out[1].append(3)
        out.append(x > 0)

    x = number(0.4)
    p = above(x)
    inner: list[Any] = []
    out: list[Any] = [1.0, inner]
    assert relax(program, **FINE)(x, out) is None
    assert out[1] is inner
    assert is_plain(out)
    assert_same(out, mixture((p, [x, [2 * x], 1.0]), (1 - p, [1.0, [3], 0.0])), [x])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_same_after_an_exception(error: type[BaseException]) -> None:
    def program(x: Any, out: Any, interrupt: Any) -> Any:
        out["truth"] = x > 0
        out["count"] = 1 if x > 0 else 5
        if x > 0:
            out["value"] = x
            interrupt()
        return x

    def interrupt() -> None:
        raise error("stop")

    x = number(0.4)
    out: dict[str, Any] = {"value": 0.0}
    relaxed = relax(program, **FINE)
    with pytest.raises(error):
        relaxed(x, out, hard(interrupt) if callable(hard) else interrupt)
    assert is_plain(out)
    p = above(x)
    # The branch that the exception crossed ends as if its side were certain.
    assert_same(out, {"value": x, "truth": p, "count": p + 5 * (1 - p)}, [x])
    # And the next call starts afresh.
    assert relaxed(1.0, out, lambda: None) == 1.0
    assert out == {"value": 1.0, "truth": True, "count": 1}


def test_an_exception_on_a_soft_path_says_where_it_was() -> None:
    def program(x: Any) -> Any:
        if x > 0:
            return [1.0][3]
        return x

    with pytest.raises(IndexError, match="list index out of range") as caught:
        relax(program, **FINE)(number(0.4))
    first = program.__code__.co_firstlineno
    assert notes_of(caught) == (
        f'on a soft path of probability 0.69:\n  File "{__file__}", line {first + 1}: `if x > 0:` holds'
    )


def notes_of(caught: Any) -> str:
    """What is said about the path: in a note, or where Python knows none in a warning."""
    if sys.version_info >= (3, 11):
        return "\n".join(caught.value.__notes__)
    return str(caught.value.args)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there the text is a warning")
def test_the_note_names_every_step_of_the_path() -> None:
    def look_up(x: Any, i: Any) -> Any:
        return [x][i]

    def program(x: Any) -> Any:
        n = 0.0
        while x > n:
            if not (x > 3 or x < 1):
                if x > 4:
                    n = n + 0.5
                else:
                    n = n + (2.0 if x < 2 else look_up(x, 3))
            n = n + 1.0
        return n

    first = program.__code__.co_firstlineno
    x = torch.tensor([2.5, 2.0], dtype=torch.float64)
    with pytest.raises(IndexError) as caught:
        relax(program, batch=True, beta=2.0)(x)
    p = above(x) * above(3.0, x) * above(x, 1.0) * above(4.0, x) * above(x, 2.0)
    assert notes_of(caught).splitlines() == [
        f"on a soft path of probability {p.min():.3g} to {p.max():.3g} in the 2 lanes of the batch:",
        f'  File "{__file__}", line {first + 2}: `while x > n:` in iteration 1',
        f'  File "{__file__}", line {first + 3}: `if not (x > 3 or x < 1):` holds',
        f'  File "{__file__}", line {first + 4}: `if x > 4:` does not hold',
        f'  File "{__file__}", line {first + 7}: `n = n + (2.0 if x < 2 else look_up(x, 3))` does not hold',
    ]


def test_an_exception_carries_plain_values_out() -> None:
    def program(x: Any) -> Any:
        kept = [x * 2.0]
        raise LookupError("no", x > 0, kept)

    x = number(0.4)
    with pytest.raises(LookupError) as caught:
        relax(program, **FINE)(x)
    text, truth, kept = caught.value.args
    assert text == "no"
    assert is_plain([truth, kept])
    assert_same([truth, kept], [above(x), [2 * x]], [x])


def test_soft_values_stored_in_globals_objects_and_closures_become_plain() -> None:
    def make() -> Any:
        kept: Any = None

        def program(x: Any, point: Any, slotted: Any) -> Any:
            global LAST
            nonlocal kept
            kept = 1 if x > 0 else 2
            LAST = x > 0
            STORED["number"] = x * 2.0
            STORED["nested"] = [(x, {"k": x > 0})]
            point.x = x
            point.tags.append(x > 0)
            slotted.value = 7 if x > 0 else 8
            return None

        return program, lambda: kept

    program, kept = make()
    x, point, slotted = number(0.4), Point(1.0), Slotted(0)
    relax(program, **FINE)(x, point, slotted)
    p = above(x)
    assert is_plain([kept(), LAST, STORED, point, slotted])
    assert_same(kept(), 2 - p, [x])
    assert_same(LAST, p, [x])
    assert_same(STORED, {"number": 2 * x, "nested": [(x, {"k": p})]}, [x])
    assert_same(point, Point(x, 0.0, [p]), [x])
    assert_same(slotted.value, 8 - p, [x])


def test_soft_values_kept_by_a_closure_made_inside_become_plain() -> None:
    def program(x: Any) -> Any:
        y = x * 2.0
        c = x > 0
        return lambda: (y, c)

    x = number(0.4)
    y, c = relax(program, **FINE)(x)()
    assert is_plain([y, c])
    assert_same([y, c], [2 * x, above(x)], [x])


class Node:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.after: Any = None


def test_whatever_leaves_is_plain() -> None:
    @relax
    def inner(y: Any) -> Any:
        return y

    def program(x: Any) -> Any:
        y = x * 2.0

        def with_defaults(a: Any = x > 0, *, b: Any = y) -> Any:
            return a, b

        @relax
        def relaxed(z: Any) -> Any:
            return y + z

        node = Node(x > 0)
        node.after = SimpleNamespace(value=y)
        return with_defaults, relaxed, functools.partial(max, y, key=lambda v: v + y), node, Node(node).value_of

    Node.value_of = lambda self: self.value.value  # type: ignore[attr-defined]
    x = number(0.4)
    p = above(x)
    with_defaults, relaxed, partial, node, method = relax(program, **FINE)(x)
    assert_same(with_defaults(), (p, 2 * x), [x])
    assert_same(relaxed(1.0), 2 * x + 1, [x])
    assert_same(partial(0.1), 2 * x, [x])
    assert_same([node.value, node.after.value, method()], [p, 2 * x, p], [x])
    assert is_plain([*with_defaults(), relaxed(1.0), partial(0.1), node.value, node.after.value, method()])


def test_containers_may_be_deeper_than_the_stack() -> None:
    def total(chain: Any) -> Any:
        result = 0.0
        new: Any = None
        while chain is not None:
            value, chain = chain
            result = result + (value if value > 0 else 0.0)
            new = [result, new]
        return new

    x = number(0.4)
    chain: Any = None
    for _ in range(3000):
        chain = [x, chain]
    result = relax(total, **FINE)(chain)
    assert chain[0] is x
    assert is_plain(result[0])
    assert_same(result[0], 3000 * above(x) * x, [x])


def test_probabilities_leave_as_tensors_and_integers_as_their_expectation() -> None:
    def program(x: Any) -> Any:
        k = 1 if x > 0 else 4
        return k, x > 0, probabilities(k, 5), 3, True, "name", None, 2.5

    x = number(0.4)
    p = above(x)
    result = relax(program, **FINE)(x)
    assert is_plain(result)
    assert [type(each) for each in result[3:]] == [int, bool, str, type(None), float]
    assert_same(result[:3], (4 - 3 * p, p, [0.0, p, 0.0, 0.0, 1 - p]), [x])


MAKERS = [Pair, Point, lambda a, b: {"left": a, "right": b}, lambda a, b: [a, b]]


@pytest.mark.parametrize("make", MAKERS, ids=["named tuple", "dataclass", "dict", "list"])
def test_containers_of_tensors_as_arguments(make: Any) -> None:
    def larger(pair: Any) -> Any:
        if isinstance(pair, Point):
            left, right = pair.x, pair.y
        elif isinstance(pair, dict):
            left, right = pair["left"], pair["right"]
        else:
            left, right = pair
        return left if left > right else right

    x, y = number(0.4), number(0.1)
    p = above(x, y)
    pair = make(x, y)
    assert_same(relax(larger, **FINE)(pair), p * x + (1 - p) * y, [x, y])
    # The caller's container holds the caller's own tensors again.
    values = list(vars(pair).values())[:2] if isinstance(pair, Point) else list(getattr(pair, "values", lambda: pair)())
    assert values[0] is x
    assert values[1] is y


def test_containers_come_back_as_what_they_are() -> None:
    def program(x: Any) -> Any:
        y = 1.0
        if x > 0:
            y = x
        ordered = OrderedDict(b=y, a=x)
        counted = defaultdict(list)
        counted["k"].append(y)
        return Pair(x, y), Point(y), ordered, counted, (y,), [y]

    pair, point, ordered, counted, single, listed = relax(program)(number(0.4))
    assert type(pair) is Pair
    assert type(point) is Point
    assert type(ordered) is OrderedDict
    assert list(ordered) == ["b", "a"]
    assert type(counted) is defaultdict
    assert counted.default_factory is list
    assert is_plain([tuple(pair), point, dict(ordered), dict(counted), single, listed])


def test_dataclasses_of_equal_structure_blend_into_a_new_one() -> None:
    def program(x: Any) -> Any:
        first, second = Point(1.0, x), Point(5.0, 2.0, [])
        chosen = first if x > 0 else second
        return chosen, chosen is first, first

    x = number(0.4)
    p = above(x)
    chosen, same, first = relax(program, **FINE)(x)
    assert type(chosen) is Point
    assert same is False
    assert_same((chosen.x, chosen.y), mixture((p, (1.0, x)), (1 - p, (5.0, 2.0))), [x])
    assert_same(first, Point(1.0, x), [x])


def test_an_object_that_refers_to_itself() -> None:
    def program(x: Any, node: Any) -> Any:
        if x > 0:
            node["value"] = x
        return node

    node: dict[str, Any] = {"value": 1.0}
    node["self"] = node
    x = number(0.4)
    result = relax(program, **FINE)(x, node)
    assert result is node
    assert result["self"] is node
    assert_same(node["value"], mixture((above(x), x), (1 - above(x), 1.0)), [x])


def test_an_object_that_some_of_three_paths_share_holds_on_each_what_it_held_there() -> None:
    def exchanged(x: Any, y: Any) -> Any:
        rows = [[1.0], [2.0], [3.0]]
        if x > 0:
            rows[0], rows[1] = rows[1], rows[0]
            return rows
        if y > 0:
            rows[1][0] = 20.0
            return rows
        rows[1][0] = 40.0
        return rows

    def nested(x: Any, y: Any) -> Any:
        inner, other = [2.0], [5.0]
        if x > 0:
            return [other, 0.0], (other, 1.0)
        if y > 0:
            inner[0] = 20.0
            return [inner, 1.0], (inner, 1.0)
        inner[0] = 40.0
        return [inner, 2.0], (inner, 1.0)

    x, y = number(0.3), number(-0.2)
    p, q = above(x), above(y)
    for options in ({}, {"estimator": "exact"}):
        result = relax(exchanged, **FINE, **options)(x, y)
        paths = (
            (p, [[2.0], [1.0], [3.0]]),
            ((1 - p) * q, [[1.0], [20.0], [3.0]]),
            ((1 - p) * (1 - q), [[1.0], [40.0], [3.0]]),
        )
        assert_same(result, mixture(*paths), [x, y])
        result = relax(nested, **FINE, **options)(x, y)
        paths = (
            (p, ([[5.0], 0.0], ([5.0], 1.0))),
            ((1 - p) * q, ([[20.0], 1.0], ([20.0], 1.0))),
            ((1 - p) * (1 - q), ([[40.0], 2.0], ([40.0], 1.0))),
        )
        assert_same(result, mixture(*paths), [x, y])


def test_nothing_of_a_call_is_kept_alive() -> None:
    def program(x: Any) -> Any:
        total = [0.0]
        for k in range(3):
            if x > k:
                total[0] += x
        return total[0]

    relaxed = relax(program)
    for _ in range(3):  # a program that is recorded stays
        relaxed(torch.tensor(0.4, requires_grad=True))
    gc.collect()
    before = sum(isinstance(each, Tensor) for each in gc.get_objects())
    relaxed(torch.tensor(0.5, requires_grad=True))
    gc.collect()
    assert sum(isinstance(each, Tensor) for each in gc.get_objects()) == before


def test_a_hard_call_returns_the_callers_own_objects() -> None:
    def program(values: Any, flag: Any) -> Any:
        if flag:
            values[0] = 9
        return values

    values = [1, 2]
    assert relax(program)(values, True) is values
    assert values == [9, 2]


def test_errors_of_relaxpy_leave_no_trace_either() -> None:
    def program(x: Any, out: Any) -> Any:
        out[0] = x > 0
        if x > 0:
            name = "a"
        else:
            name = "b"
        return name

    out: list[Any] = [0.0]
    x = number(0.4)
    with pytest.raises(RelaxError):
        relax(program, **FINE)(x, out)
    assert is_plain(out)
    assert_same(out, [above(x)], [x])

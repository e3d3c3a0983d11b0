"""Objects that are made on a soft path: they count on no path on which they do not exist."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
import torch

from relaxpy import BlendError, relax
from relaxpy.runtime import births
from tests.laws.support import BETA, FINE, above, array, assert_same, mixture, number
from tests.oracle import expectation, flatten


class Box:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.items = [value, 1.0]


@dataclasses.dataclass
class Pair:
    first: Any
    second: Any


def a_dict_that_changes_its_keys(x: Any, y: Any) -> Any:
    u = 1.0
    if x > 0:
        z = {"k": x}
        z["m"] = y
        u = z.pop("k") + z["m"]
    return u


def a_list_that_grows_on_the_other_side(x: Any, y: Any) -> Any:
    if x > 0:
        return [x, y, 1.0]
    found = []
    found.append(y)
    found.extend([x, 2.0])
    return found


def a_store_into_what_only_one_side_has(x: Any, y: Any) -> Any:
    kept = [0.0]
    if x > 0:
        z = [1.0, 2.0]
        z[0] = y
        kept[0] = z[0]
        if y > 0.3:
            z[1] = x
    else:
        z = [x, y]
    z[1] += 1.0
    return z, kept


def kept_in_an_attribute(x: Any, y: Any) -> Any:
    box = Box(y)
    if x > 0:
        inner = Box(x)
        inner.items.append(y)
        inner.value = inner.items.pop() + inner.items[0]
        box.value = inner.value
    return box.value, box.items


def made_before_and_after_an_exit(x: Any, y: Any) -> Any:
    z = [0.0]
    total = 0.0
    for step in range(3):
        w = [total]
        if x > step * 0.2:
            w.append(1.0)
            break
        w[0] = y
        z[0] = z[0] + w[0]
        total = total + w[0] * 0.5
        w.append(total)
    return z, total, w[0]


def returned_by_helpers(x: Any, y: Any) -> Any:
    if x > 0:
        z = pair_of(x, y)
        z.append(x)
        z[0] = 5.0
        return z[0] + z[-1]
    return y


def pair_of(x: Any, y: Any) -> Any:
    return [x, y]


def copied(x: Any, y: Any) -> Any:
    rows = [[x, y], [1.0, 2.0]]
    if y > 0.5:
        deep, flat, part = copy.deepcopy(rows), rows[0].copy(), rows[1][:]
        deep[0][0] = 7.0
        deep[1].append(3.0)
        flat.append(x)
        part.pop()
        extra = [x, *sorted([3.0, 1.0])]
        extra[0] = y
        more = [0.0] * 2
        more.append(extra[0])
        return deep[0][0] + deep[1][2] + flat[2] + part[0] + extra[0] + more[2], rows
    return x, rows


def other_containers(x: Any, y: Any) -> Any:
    if x > 0:
        queue = deque([x])
        queue.append(y)
        seen = set()
        seen.add(1)
        pair = Pair(x, y)
        pair.first = queue.popleft() * 2.0
        return pair.first + pair.second + len(seen)
    return x


def comprehensions(x: Any, y: Any) -> Any:
    if x < y:
        squares = [v * v for v in [x, y]]
        squares.append(1.0)
        table = {name: [v] for name, v in zip("ab", squares)}
        table["a"].append(2.0)
        del table["b"]
        return squares[2] + table["a"][1] + table["a"][0]
    return 0.0


def made_where_nothing_goes_on(x: Any, y: Any) -> Any:
    box = Box(y)
    if x > 0:
        if y > 0.2:
            return joined(box, x)
        z = {"k": x}
        z["m"] = y
        return z.pop("k") + box.value, box.items, z["m"]
    return joined(box, y)


def joined(box: Box, x: Any) -> Any:
    if x > 0.1:
        z = {"k": x * box.value}
        z["m"] = 2.0
        box.items[0] = z.pop("k") + z["m"]
        return box.value, box.items, x
    return x, box.items, 1.0


def a_dict_beside_an_exit_that_waits_for_a_clean_up(x: Any, y: Any) -> Any:
    u = 1.0
    try:
        if x > 0:
            z = {"k": 0.5}
            z["m"] = y
            u = z.pop("k") + z["m"]
            return u
        z = {"k": y}
        z["m"] = 2.0 * x
        u = z.pop("k") + z["m"]
    finally:
        w = {"k": y}
        w["m"] = 3.0
        v = w.pop("k") + w["m"]
    return u + v


def dicts_of_a_body_and_of_its_handler(x: Any, y: Any) -> Any:
    u = y
    try:
        if x > 0:
            raise ValueError
        z = {"k": 0.5}
        z["m"] = 2.0 * x
        u = z.pop("k") + z["m"]
    except ValueError:
        z = {"k": u}
        z["m"] = 3.0 * x
        u = z.pop("k") + z["m"]
    return u, z


def made_where_a_loop_is_left_for_good(x: Any, y: Any) -> Any:
    kept = [{"p": 1.0}]
    while True:
        w = {"k": y}
        w["m"] = x
        if x > 0:
            w.pop("k")
            break
        z = {"k": 0.5}
        z["m"] = x * y
        u = z.pop("k") + z["m"] + w.pop("k")
        kept[0]["p"] = u
        return u, kept[0]["p"]
    return w["m"], kept[0]["p"]


def made_after_a_raise_on_a_path_that_returns(x: Any, y: Any) -> Any:
    kept = [1.0]
    try:
        w = {"k": y}
        w["m"] = x
        if x > 0:
            w.pop("k")
            raise ValueError
        z = {"k": 0.5}
        z["m"] = x * y
        kept[0] = z.pop("k") + z["m"] + w.pop("k")
        return kept[0], kept
    except ValueError:
        kept[0] = w["m"]
    return kept[0] * 2.0, kept


def made_after_a_continue_on_a_path_that_returns(x: Any, y: Any) -> Any:
    kept, rows = [1.0], [[0.0]]
    for i in range(3):
        earlier = {"g": y}
        earlier["h"] = x
        kept[0] = kept[0] + earlier.pop("g")
        if x > i:
            rows[0] = [kept[0]]
            continue
        z = {"k": x}
        z["m"] = y
        row = [z.pop("k")]
        row.append(z["m"])
        rows[0] = [row.pop() * row[0]]
        return kept, rows, earlier["h"]
    rows[0][0] = rows[0][0] + 1.0
    return kept, rows, x


def made_before_a_break_beside_an_else(x: Any, y: Any) -> Any:
    kept, rows = [1.0, y], [[0.0]]
    while x > 0.1:
        z = {"k": x}
        z["m"] = y
        row = [z.pop("k")]
        row.append(z["m"])
        kept[0] = row.pop() * row[0]
        rows[0] = row
        break
    else:
        e = {"k": y}
        e["m"] = 2.0
        kept[1] = e.pop("k") + e["m"] * kept[0]
        rows.append([kept[1]])
        rows[0] = rows.pop()
    return kept, rows


def made_before_a_return_beside_an_else(x: Any, y: Any) -> Any:
    kept = [1.0]
    for i in range(3):
        earlier = {"g": y}
        earlier["h"] = x
        if x > 0.4 * i:
            z = {"k": x + i}
            z["m"] = y
            kept[0] = z.pop("k") * z["m"] + earlier.pop("g")
            if y > 0:
                return kept, earlier["h"]
            break
        kept[0] = kept[0] + earlier.pop("g") * 0.5
    else:
        e = {"k": kept[0]}
        e["m"] = x
        kept[0] = e.pop("k") + 1.0
        if y > 0.3:
            return kept, e["m"]
    return kept, x * y


PROGRAMS: list[Callable[[Any, Any], Any]] = [
    a_dict_that_changes_its_keys,
    a_list_that_grows_on_the_other_side,
    a_store_into_what_only_one_side_has,
    kept_in_an_attribute,
    made_before_and_after_an_exit,
    returned_by_helpers,
    copied,
    other_containers,
    comprehensions,
    made_where_nothing_goes_on,
    a_dict_beside_an_exit_that_waits_for_a_clean_up,
    dicts_of_a_body_and_of_its_handler,
    made_where_a_loop_is_left_for_good,
    made_after_a_raise_on_a_path_that_returns,
    made_after_a_continue_on_a_path_that_returns,
    made_before_a_break_beside_an_else,
    made_before_a_return_beside_an_else,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program.__name__))
def test_equals_the_enumeration_of_paths(program: Any) -> None:
    x = array(0.3, -0.2, 0.7)
    y = array(0.9, 0.1, -0.4)
    exact = expectation(program, (x, y), beta=BETA).leaves
    for lane in range(3):
        alone = {place: leaf[lane] if torch.is_tensor(leaf) and leaf.dim() else leaf for place, leaf in exact.items()}
        assert_same(relax(program, **FINE)(x[lane], y[lane]), alone, [x, y])
    together = flatten(relax(program, batch=True, **FINE)(x, y), lanes=True)
    assert together.keys() == exact.keys()
    for place, leaf in exact.items():
        assert_same(torch.as_tensor(together[place], dtype=x.dtype).expand(3), torch.as_tensor(leaf).expand(3), [x, y])


def test_arrays_made_on_one_side_keep_their_elements() -> None:
    def program(x: Any, a: Any) -> Any:
        if x > 0:
            b = a * 2.0
            b[0] = 5.0
            c = torch.zeros(2, dtype=torch.float64)
            c[1] = x
        return b, c

    x = number(0.3)
    a = array(1.0, 2.0)
    b, c = relax(program, **FINE)(x, a)
    assert b.tolist() == [5.0, 4.0]
    assert c.tolist() == [0.0, 0.3]


def test_rows_of_an_older_array_are_as_old_as_it() -> None:
    def program(x: Any, a: Any) -> Any:
        if x > 0:
            a[0][1] = 5.0
        return a

    x = number(0.3)
    a = array([1.0, 2.0], [3.0, 4.0])
    p = torch.sigmoid(BETA * x)
    expected = torch.stack([torch.stack([a[0, 0], p * 5.0 + (1 - p) * a[0, 1]]), a[1]])
    torch.testing.assert_close(relax(program, **FINE)(x, a), expected)


class Node:
    """An ordinary class, no dataclass."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.trail = [value, 0.0]

    def grow(self, step: Any) -> Node:
        self.trail[1] = self.trail[1] + step
        return self


def test_instances_that_were_each_made_on_their_own_side_are_blended_attribute_by_attribute() -> None:
    def program(x: Any, y: Any) -> Any:
        if x > y:
            node = Node(x).grow(1.0)
        elif x > 0.2:
            node = Node(3.0)
        else:
            node = Node(y).grow(x)
        node.value = node.value * 2.0
        return node.value, node.trail

    x, y = number(0.3), number(0.4)
    p, q = above(x, y), above(x, 0.2)
    paths = [(p, (x * 2, [x, 1.0])), ((1 - p) * q, (6.0, [3.0, 0.0])), ((1 - p) * (1 - q), (y * 2, [y, x]))]
    for estimator in ("merged", "exact"):
        assert_same(relax(program, estimator=estimator, **FINE)(x, y), mixture(*paths), [x, y])


def test_instances_of_the_caller_are_not_blended() -> None:
    """Which of two objects that others hold is meant cannot be a mean: a new object would be an alias of neither."""
    first, second = Node(1.0), Node(2.0)

    def program(x: Any) -> Any:
        node = first if x > 0 else second
        return node.value

    with pytest.raises(BlendError, match="cannot be blended"):
        relax(program)(number(0.1))


def test_what_a_helper_returns_is_new_also_where_python_holds_it_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does while torch.compile evaluates frames: a call then has one reference more than when it was first counted."""
    monkeypatch.setattr(births, "_OWN_REFERENCES", births._OWN_REFERENCES - 1)
    test_equals_the_enumeration_of_paths(returned_by_helpers)

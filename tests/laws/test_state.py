"""State other than local names: what one side of a branch changes is blended, through whatever name it was changed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import relax
from tests.laws.support import FINE, above, array, assert_same, mixture, number


def swap(values: Any, i: int, j: int) -> None:
    values[i], values[j] = values[j], values[i]


def clear(values: Any) -> None:
    for i in range(len(values)):
        values[i] = 0.0


def test_a_helper_that_changes_its_argument() -> None:
    def order(values: Any) -> Any:
        if values[0] > values[1]:
            swap(values, 0, 1)
        return values

    values = array(0.7, 0.2, 0.5)
    a, b, c = values.unbind()
    p = above(a, b)
    expected = mixture((p, [b, a, c]), (1 - p, [a, b, c]))
    assert_same(relax(order, **FINE)(values), expected, [values])
    plain = [a, b, c]
    assert relax(order, **FINE)(plain) is plain
    assert_same(plain, expected, [values])


def test_helpers_within_helpers_on_both_sides() -> None:
    def choose(x: Any, y: Any) -> Any:
        values = [x, y, 1.0]
        if x > 0:
            swap(values, 0, 2)
            if y > 0:
                clear(values)
        else:
            swap(values, 1, 2)
        return values

    x, y = number(0.3), number(-0.4)
    p, q = above(x), above(y)
    expected = mixture((p * q, [0.0, 0.0, 0.0]), (p * (1 - q), [1.0, y, x]), (1 - p, [x, 1.0, y]))
    assert_same(relax(choose, **FINE)(x, y), expected, [x, y])


def test_an_alias_made_before_the_branch() -> None:
    def through_alias(x: Any) -> Any:
        values = [1.0, 2.0, 3.0]
        other = values
        if x > 0:
            values[0] = x
            other[1] = 5.0
        else:
            other[2] = 9.0
        other[1] = other[1] + 1.0
        return values, values is other

    x = number(0.2)
    p = above(x)
    expected = mixture((p, [x, 6.0, 3.0]), (1 - p, [1.0, 3.0, 9.0]))
    values, same = relax(through_alias, **FINE)(x)
    assert same is True
    assert_same(values, expected, [x])


def test_a_name_bound_to_another_list_on_one_side() -> None:
    def rebinds(x: Any) -> Any:
        values = [1.0, 2.0]
        other = values
        if x > 0:
            values[0] = x
            other = [7.0, 8.0]
            other[1] = x
        else:
            other[1] = 9.0
        return values, other

    x = number(-0.3)
    p = above(x)
    expected = mixture((p, ([x, 2.0], [7.0, x])), (1 - p, ([1.0, 9.0], [1.0, 9.0])))
    assert_same(relax(rebinds, **FINE)(x), expected, [x])


def test_lists_that_grow_and_shrink_on_one_side() -> None:
    def rotates(x: Any) -> Any:
        values = [1.0, x, 3.0]
        other = values
        if x > 0:
            values.append(values.pop(0))
        else:
            del values[-1]
            other.insert(0, 4.0)
        return other

    x = number(0.1)
    p = above(x)
    assert_same(relax(rotates, **FINE)(x), mixture((p, [x, 3.0, 1.0]), (1 - p, [4.0, 1.0, x])), [x])


class Account:
    """State in attributes, a list among them, and a property."""

    def __init__(self, balance: Any) -> None:
        self.balance = balance
        self.log = [0.0, 0.0]

    @property
    def doubled(self) -> Any:
        return self.balance * 2.0

    def pay(self, amount: Any) -> Any:
        self.balance = self.balance - amount
        if amount > 0.5:
            self.log[0] = amount
            return self.doubled
        self.log[1] += 1.0
        return self.balance


def test_attributes_changed_by_a_method_with_an_exit_after_a_store() -> None:
    def run(x: Any, y: Any) -> Any:
        account = Account(3.0)
        alias = account
        paid = 0.0
        if y > 0:
            paid = alias.pay(x)
        else:
            account.balance = y
        return paid, account.balance, account.log

    x, y = number(0.8), number(0.3)
    p, q = above(y), above(x, 0.5)
    expected = mixture(
        (p * q, (2.0 * (3.0 - x), 3.0 - x, [x, 0.0])),
        (p * (1 - q), (3.0 - x, 3.0 - x, [0.0, 1.0])),
        (1 - p, (0.0, y, [0.0, 0.0])),
    )
    assert_same(relax(run, **FINE)(x, y), expected, [x, y])


def test_nonlocal_names_changed_on_one_side() -> None:
    def counts(x: Any, y: Any) -> Any:
        total = 1.0

        def add(amount: Any) -> Any:
            nonlocal total
            if amount > 0:
                total = total + amount
                return total
            total = total * 2.0
            return 0.0

        first = add(x)
        second = 0.0
        if y > 0:
            second = add(y)
        return first, second, total

    x, y = number(0.4), number(-0.2)
    p, q = above(x), above(y)
    expected = mixture(
        (p * q * q, (1.0 + x, 1.0 + x + y, 1.0 + x + y)),
        (p * q * (1 - q), (1.0 + x, 0.0, 2.0 * (1.0 + x))),
        (p * (1 - q), (1.0 + x, 0.0, 1.0 + x)),
        ((1 - p) * q * q, (0.0, 2.0 + y, 2.0 + y)),
        ((1 - p) * q * (1 - q), (0.0, 0.0, 4.0)),
        ((1 - p) * (1 - q), (0.0, 0.0, 2.0)),
    )
    assert_same(relax(counts, **FINE)(x, y), expected, [x, y])


COUNT = 0.0


def note(amount: Any) -> None:
    global COUNT
    COUNT += amount


def test_globals_changed_on_one_side_become_plain_after_the_call() -> None:
    def twice(x: Any) -> Any:
        global COUNT
        COUNT = 1.0
        if x > 0:
            note(x)
            note(2.0)
        return COUNT

    x = number(0.25)
    p = above(x)
    expected = mixture((p, 3.0 + x), (1 - p, 1.0))
    assert_same(relax(twice, **FINE)(x), expected, [x])
    assert type(COUNT) is torch.Tensor
    assert_same(COUNT, expected)


def test_entries_of_dicts_and_nested_containers() -> None:
    def nested(x: Any) -> Any:
        table = {"rows": [[1.0, 2.0], [3.0, 4.0]], "best": 0.0}
        row = table["rows"][1]
        if x > 0:
            row[0] = x
            table["best"] = 5.0
        else:
            table["rows"][0][1] -= 1.0
            table["best"] += x
        return table, row

    x = number(0.6)
    p = above(x)
    expected = mixture(
        (p, ({"rows": [[1.0, 2.0], [x, 4.0]], "best": 5.0}, [x, 4.0])),
        (1 - p, ({"rows": [[1.0, 1.0], [3.0, 4.0]], "best": x}, [3.0, 4.0])),
    )
    assert_same(relax(nested, **FINE)(x), expected, [x])


def test_rows_of_an_array_are_references() -> None:
    def rows(grid: Any) -> Any:
        row = grid[0]
        if row[0] > grid[1, 0]:
            row[1] = 9.0
            grid[1] = row
        grid[0][0] = 1.0
        return grid, row

    grid = array([0.3, 0.1], [0.2, 0.4])
    p = above(grid[0, 0], grid[1, 0])
    changed = [[1.0, 9.0], [1.0, 9.0]]
    kept = [[1.0, grid[0, 1]], [grid[1, 0], grid[1, 1]]]
    result, row = relax(rows, **FINE)(grid)
    assert_same(row, mixture((p, changed[0]), (1 - p, kept[0])), [grid])
    # After the block, row 1 is an alias of row 0 on neither path: it is a blend of two rows.
    first = mixture((p, [grid[0, 0], 9.0]), (1 - p, [grid[1, 0], grid[1, 1]]))
    assert_same(result[1], first, [grid])


def test_several_targets_store_what_was_there_before() -> None:
    def turn(values: Any) -> Any:
        if values[0] > 0:
            values[0], values[1], values[2] = values[1], values[2], values[0]
        else:
            values[0] = values[1] = values[2]
        return values

    values = array(0.1, 0.5, -0.7)
    a, b, c = values.unbind()
    p = above(a)
    assert_same(relax(turn, **FINE)(values), mixture((p, [b, c, a]), (1 - p, [c, c, c])), [values])


@pytest.mark.parametrize("first", [0.4, -0.4])
def test_a_name_that_one_side_alone_defines_keeps_that_value(first: float) -> None:
    def defines(x: Any) -> Any:
        if x > 0:
            y = 2.0 * x
        return y

    x = number(first)
    assert_same(relax(defines, **FINE)(x), 2.0 * x, [x])

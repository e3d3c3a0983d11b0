"""Law 1 where it is easily broken: lifetimes, `locals()`, the order of stores in `with`, and what is imported."""

from __future__ import annotations

import collections
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from relaxpy import relax


class Thing:
    """Can be referred to weakly, and is false at will."""

    def __init__(self, truth: bool = True) -> None:
        self.truth = truth

    def __bool__(self) -> bool:
        return self.truth


class Context:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, *error: object) -> None:
        return None


def loop_variable() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    things = [thing]
    del thing
    for item in things:
        item.truth = False
    del things, item
    return reference()


def several_targets() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    box: list[Any] = [None]
    name = box[0] = thing
    del name, thing
    box[0] = None
    return reference()


def unpacking() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    box: list[Any] = [None]
    box[0], _ = thing, 1
    del thing
    box[0] = None
    return reference()


def right_of_and() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    thing.truth = False
    value = thing and 1
    del value, thing
    return reference()


def left_of_or() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    value = thing or 1
    del value, thing
    return reference()


def middle_of_a_chain() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    things = [thing]
    held = None is not things[0] is not None
    del things, thing
    assert held
    return reference()


def as_a_subscript() -> Any:
    thing = Thing()
    reference = weakref.ref(thing)
    box: list[Any] = [None]
    with Context(thing) as box[0]:
        pass
    del thing
    box.clear()
    return reference()


@pytest.mark.parametrize(
    "function",
    [loop_variable, several_targets, unpacking, right_of_and, left_of_or, middle_of_a_chain, as_a_subscript],
    ids=lambda function: function.__name__,
)
def test_no_object_lives_longer_than_in_the_original(function: Callable[[], Any]) -> None:
    assert relax(function)() == function()


def stored_before_the_next_is_entered(box: list[Any]) -> Any:
    with Context(3) as box[0], Context(box[0] + 1) as box[1], Context(box[1] + 1) as last:
        return box, last


def test_with_stores_each_target_before_it_enters_the_next() -> None:
    assert relax(stored_before_the_next_is_entered)([0, 0]) == ([3, 4], 5)


def names_that_exist(limit: int) -> list[str]:
    if limit > 0:
        found = limit
    for number in range(3):
        if number > limit:
            break
        found = number
    return sorted(locals())


def test_locals_shows_the_names_of_the_user_alone() -> None:
    assert relax(names_that_exist)(1) == names_that_exist(1) == ["found", "limit", "number"]


def updated(entries: dict[str, int]) -> dict[str, int]:
    made = collections.UserDict(entries)
    made.update(b=2)
    return dict(made)


def test_functions_that_are_frozen_into_python_are_called_as_they_are() -> None:
    assert relax(updated)({"a": 1}) == {"a": 1, "b": 2}


PROGRAM = """
import sys
from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
array = [3, 1, 2]
relax(bubble_sort)(array)
print("torch" in sys.modules)
"""


def test_plain_values_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""What cannot be relaxed is refused, in words that say what, where and what to write instead."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from relaxpy import BlendError, RelaxError, SoftValueError, categorical, relax, truth
from tests.laws.support import array, number

X = number(0.4)
PAIR = array(1.0, 2.0)
BLENDABLE = (
    "  remedy: give it values of one kind and shape on both sides (numbers, or lists of equal length), "
    "or make the condition hard with relaxpy.hard(...)"
)


def message(function: Callable[..., Any], *arguments: Any, error: type[Exception] = RelaxError, **options: Any) -> str:
    with pytest.raises(error) as caught:
        relax(function, **options)(*arguments)
    return str(caught.value)


def place(function: Callable[..., Any], offset: int, text: str) -> str:
    """The lines of a message that point to a line of this file."""
    return f'  File "{__file__}", line {function.__code__.co_firstlineno + offset}\n    {text}\n'


def test_shapes_that_differ_between_the_sides() -> None:
    def program(x: Any) -> Any:
        if x > 0:
            b = torch.zeros(2)
        else:
            b = torch.zeros(3)
        return b

    assert message(program, X, error=BlendError) == (
        "`b` is tensor([0., 0.]) and tensor([0., 0., 0.]) on the two sides of a soft condition, "
        "which cannot be blended: their shapes are (2,) and (3,)\n" + place(program, 1, "if x > 0:") + BLENDABLE
    )


def test_a_string_ordered_against_a_tensor() -> None:
    def program(x: Any) -> Any:
        return 1.0 if x > "a" else 2.0

    assert message(program, X, error=TypeError) == (
        "a soft number cannot be ordered against a str\n"
        "  remedy: compare numbers with numbers; convert the other side first"
    )


def test_strings_that_differ_between_the_sides() -> None:
    def program(x: Any) -> Any:
        name = "unknown"
        if x > 0:
            name = "positive"
        return name

    assert message(program, X, error=BlendError) == (
        "`name` is 'positive' and 'unknown' on the two sides of a soft condition, which cannot be blended\n"
        + place(program, 2, "if x > 0:")
        + BLENDABLE
    )


def test_none_against_a_number() -> None:
    def program(x: Any) -> Any:
        best = None
        if x > 0:
            best = x
        return best * 2.0

    assert message(program, X, error=BlendError) == (
        "`best` is SoftNumber(0.4) and None on the two sides of a soft condition, which cannot be blended\n"
        + place(program, 2, "if x > 0:")
        + BLENDABLE
    )


def test_a_name_that_cannot_be_blended_and_is_not_read_does_no_harm() -> None:
    def program(x: Any) -> Any:
        for name in ("a", "b"):
            if x > 0:
                found = name
            else:
                found = None
            del found
        return x

    assert relax(program)(X) == X


def test_lists_of_different_lengths() -> None:
    def program(x: Any) -> Any:
        values = [1.0]
        if x > 0:
            values.append(2.0)
        return values

    assert message(program, X, error=BlendError) == (
        "a list changed on a soft path is [1.0, 2.0] and [1.0] on the two sides of a soft condition, "
        "which cannot be blended: the lengths are 2 and 1\n" + place(program, 2, "if x > 0:") + BLENDABLE
    )


def test_an_entry_that_cannot_be_blended() -> None:
    def program(x: Any) -> Any:
        state = {"mode": "off"}
        if x > 0:
            state["mode"] = "on"
        return state

    assert message(program, X, error=BlendError) == (
        "dict['mode'] is 'on' and 'off' on the two sides of a soft condition, which cannot be blended\n"
        + place(program, 2, "if x > 0:")
        + BLENDABLE
    )


USES: list[tuple[str, Callable[[Any], Any], str]] = [
    (
        "heapq",
        lambda c: heapq.heappush([c], c),
        "a soft truth was used as a bool in code that relaxpy does not rewrite, which would decide silently\n"
        "  remedy: write the test inside a relaxed function as a plain `if`, `while`, `and`, `or` or `not` "
        "(a comprehension's filter and library code can only take plain values), or use relaxpy.hard(x)",
    ),
    (
        "operator.index",
        operator.index,
        "a soft truth was used as an index in code that relaxpy does not rewrite, which would decide silently\n"
        "  remedy: index inside a relaxed function (`a[i]`, `range(i)`), or use relaxpy.hard(i)",
    ),
    (
        "numpy",
        np.asarray,
        "a soft truth was used as a numpy array, which would decide silently\n"
        "  remedy: use the torch function of that name, or relaxpy.hard(x)",
    ),
    (
        "complex",
        complex,
        "a soft truth was used as a complex number, which would decide silently\n"
        "  remedy: use torch functions on real numbers, or relaxpy.hard(x)",
    ),
]


@pytest.mark.parametrize(("use", "text"), [(use, text) for _, use, text in USES], ids=[name for name, _, _ in USES])
def test_a_soft_truth_used_outside(use: Callable[[Any], Any], text: str) -> None:
    def program(x: Any) -> Any:
        return use(x > 0)

    assert message(program, X, error=SoftValueError) == text


def test_a_slice_by_a_soft_integer() -> None:
    def program(x: Any) -> Any:
        k = 1 if x > 0 else 0
        return [1.0, 2.0][k:]

    assert "a soft integer was used as" in message(program, X, error=SoftValueError)


def test_an_index_outside_the_axis() -> None:
    def program(x: Any) -> Any:
        k = 5 if x > 0 else 0
        return [1.0, 2.0][k]

    assert message(program, X, error=IndexError) == (
        "a soft integer points outside an axis of length 2 with probability 0.982\n"
        + place(program, 2, "return [1.0, 2.0][k]")
        + "  remedy: keep the index inside (test it first), or make the axis longer"
    )


def test_a_store_to_a_captured_tensor() -> None:
    captured = torch.zeros(3)

    def program(x: Any) -> Any:
        if x > 0:
            captured[0] = x
        return captured

    assert message(program, X, error=SoftValueError) == (
        "a tensor that was made outside the relaxed call cannot take a store that is soft or on a soft path\n"
        "  remedy: store to a list, to `tensor.clone()`, or to a tensor made inside by torch.zeros(...)"
    )
    assert captured.tolist() == [0.0, 0.0, 0.0]


def test_a_store_to_a_numpy_array() -> None:
    def program(x: Any) -> Any:
        values = np.zeros(3)
        if x > 0:
            values[0] = 1.0
        return values

    assert message(program, X, error=SoftValueError) == (
        "a numpy array cannot be stored to on a soft path or with a soft value\n  remedy: use a list or a torch tensor"
    )


def test_soft_values_are_made_inside_only() -> None:
    for name, make in (("truth", truth), ("categorical", categorical)):
        with pytest.raises(RelaxError) as caught:
            make(X)
        assert str(caught.value) == (
            f"relaxpy.{name} makes a soft value, which lives inside a relaxed call only\n"
            "  remedy: call it in a function that is decorated with @relax"
        )


def test_batches_of_different_sizes() -> None:
    def program(x: Any, y: Any) -> Any:
        return x + y

    assert message(program, torch.zeros(2), torch.zeros(3), batch=True) == (
        f"the arguments of `{program.__qualname__}` have batches of different sizes (argument 1: 2, argument 2: 3)\n"
        "  remedy: give all of them the same size along the batch axis, or mark shared ones with relaxpy.hard(...)"
    )


def test_a_batch_of_nothing() -> None:
    def program(x: Any) -> Any:
        return x

    assert message(program, X, batch=True) == (
        "argument 1 is a tensor of no dimension, so it has no batch axis\n"
        "  remedy: stack the samples along axis 0, or mark it with relaxpy.hard(...) or None in `batch`"
    )


@pytest.mark.parametrize("batch", [False, True])
def test_an_array_as_a_condition(batch: bool) -> None:
    def program(a: Any) -> Any:
        if a > 0:
            return 1.0
        return 2.0

    text = message(program, PAIR.reshape(1, 2) if batch else PAIR, error=SoftValueError, batch=batch)
    assert "array" in text
    assert "ambiguous" in text
    assert "remedy: " in text

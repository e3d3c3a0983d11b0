"""What cannot be relaxed is refused, in words that say what, where and what to write instead."""

from __future__ import annotations

import cmath
import enum
import heapq
import linecache
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from relaxpy import BlendError, RelaxError, SoftValueError, categorical, relax, truth
from tests.laws.support import FINE, above, array, assert_same, number

X = number(0.4)
PAIR = array(1.0, 2.0)
BLENDABLE = (
    "  remedy: give it values of one kind and shape on both sides (numbers, or lists of equal length), "
    "make the condition hard with relaxpy.hard(...), or follow each path by itself: estimator='exact'"
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
        + place(program, 1, 'return 1.0 if x > "a" else 2.0')
        + "  remedy: compare numbers with numbers; convert the other side first"
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
        "`values`, a list changed on a soft path, is [1.0, 2.0] and [1.0] on the two sides of a soft condition, "
        "which cannot be blended: the lengths are 2 and 1\n" + place(program, 2, "if x > 0:") + BLENDABLE
    )


def test_an_entry_that_cannot_be_blended() -> None:
    def program(x: Any) -> Any:
        state = {"mode": "off"}
        if x > 0:
            state["mode"] = "on"
        return state

    assert message(program, X, error=BlendError) == (
        "`state['mode']` is 'on' and 'off' on the two sides of a soft condition, which cannot be blended\n"
        + place(program, 2, "if x > 0:")
        + BLENDABLE
    )


class Holder:
    def __init__(self) -> None:
        self.items: Any = [1.0]

    def grow(self, x: Any) -> None:
        if x > 0:
            self.items.append(2.0)


def an_attribute(x: Any) -> Any:
    holder = Holder()
    if x > 0:
        holder.items.append(2.0)
    return holder.items


def an_attribute_of_its_own(x: Any) -> Any:
    holder = Holder()
    holder.grow(x)
    return holder.items


def an_item(x: Any) -> Any:
    rows = [[0.0], [1.0]]
    if x > 0:
        rows[1].append(2.0)
    return rows


def a_value(x: Any) -> Any:
    state = {"open": [1.0]}
    if x > 0:
        state["open"].append(2.0)
    return state


def an_argument(x: Any) -> Any:
    def grow(values: Any) -> None:
        values.append(2.0)

    found = [1.0]
    if x > 0:
        grow(found)
    return found


def an_entry(x: Any) -> Any:
    holder = Holder()
    if x > 0:
        holder.items = None
    return holder


def a_cell(x: Any) -> Any:
    mode = "off"

    def switch() -> None:
        nonlocal mode
        mode = "on"

    if x > 0:
        switch()
    return mode


def bytes_of_two_lengths(x: Any) -> Any:
    buffer = bytearray(b"ab")
    if x > 0:
        buffer.append(99)
    return buffer


def a_byte(x: Any) -> Any:
    buffer = bytearray(b"ab")
    if x > 0:
        buffer[0] = 99
    return buffer


def a_byte_after_another(x: Any) -> Any:
    buffer = bytearray(b"ab")
    if x > 0:
        buffer.reverse()
    return buffer


LONGER = (
    "is [1.0, 2.0] and [1.0] on the two sides of a soft condition, which cannot be blended: the lengths are 2 and 1"
)
CHANGED = f"a list changed on a soft path, {LONGER}"
SIDES = "on the two sides of a soft condition, which cannot be blended"
NAMED: list[tuple[Callable[[Any], Any], str]] = [
    (an_attribute, f"`holder.items`, {CHANGED}"),
    (an_attribute_of_its_own, f"`self.items`, {CHANGED}"),
    (an_item, f"`rows[1]`, {CHANGED}"),
    (a_value, f"`state['open']`, {CHANGED}"),
    (an_argument, f"`found`, {CHANGED}"),
    (an_entry, f"`holder.items` is None and [1.0] {SIDES}"),
    (a_cell, f"`mode` is 'on' and 'off' {SIDES}"),
    (
        bytes_of_two_lengths,
        "`buffer`, a bytearray changed on a soft path, is bytearray(b'abc') and bytearray(b'ab') "
        f"{SIDES}: the lengths are 3 and 2",
    ),
    (a_byte, f"`buffer[0]` is 99 and 97 {SIDES}: a bytearray holds plain ints only"),
    (a_byte_after_another, f"`buffer[0]` is 98 and 97 {SIDES}: a bytearray holds plain ints only"),
]


@pytest.mark.parametrize(("program", "text"), NAMED, ids=[program.__name__ for program, _ in NAMED])
def test_what_cannot_be_blended_is_named_as_the_code_names_it(program: Callable[[Any], Any], text: str) -> None:
    words, _, line, remedy = message(program, X, error=BlendError).split("\n")
    assert (words, line, remedy) == (text, "    if x > 0:", BLENDABLE)


def test_alternatives_of_different_structure() -> None:
    def program(x: Any, p: Any) -> Any:
        match p:
            case [0, y] | [y, 0]:
                return y
        return x

    assert program(0.4, [1.0, 0]) == relax(program)(0.4, [1.0, 0]) == 1.0
    assert message(program, X, [X, 1.0], error=SoftValueError) == (
        "a soft truth was used as what a pattern compares in one of its alternatives, which differ in structure, "
        "which would decide silently\n"
        + place(program, 2, "case [0, y] | [y, 0]:")
        + "  remedy: write the alternatives as cases of their own"
    )


def test_a_name_that_a_case_has_captured_whose_guard_fails() -> None:
    def program(x: Any, p: Any) -> Any:
        y = 5.0
        match p:
            case [y, 0] if y > x:
                result = y
            case _:
                result = 2.0
        return result, y

    q = above(0.3, X)
    assert_same(relax(program, **FINE)(X, [0.3, 0]), [0.3 * q + 2.0 * (1 - q), 0.3], [X])
    assert relax(program, **FINE)(X, [0.3, 1]) == program(0.4, [0.3, 1]) == (2.0, 5.0)
    assert message(program, X, [0.3, X], error=BlendError) == (
        "`y` is captured by a case that a soft value matches, and read on the path on which the guard fails\n"
        + place(program, 3, "case [y, 0] if y > x:")
        + "  remedy: give the capture a name of its own, or test in the body of the case instead of a guard"
    )


def found_above(x: Any) -> Any:
    if x > 0:
        return x
    return None


def a_name(x: Any) -> Any:
    best = None
    if x > 0:
        best = x
    return 1.0 if best is None else 2.0


def a_member(x: Any) -> Any:
    kind = Kind.SMALL if x > 0 else Kind.LARGE
    return 1.0 if kind is Kind.SMALL else 2.0


def a_result(x: Any) -> Any:
    found = found_above(x)
    if found is not None:
        return 1.0
    return 2.0


def a_result_at_once(x: Any) -> Any:
    return 1.0 if found_above(x) is None else 2.0


class Kind(enum.Enum):
    SMALL = 1
    LARGE = 2


ASKED: list[tuple[Callable[[Any], Any], str]] = [
    (a_name, f"`best` is SoftNumber(0.4) and None {SIDES}"),
    (a_member, f"the value of a conditional expression is <Kind.SMALL: 1> and <Kind.LARGE: 2> {SIDES}"),
    (a_result, f"the value that the function returns is None and SoftNumber(0.4) {SIDES}"),
    (a_result_at_once, f"the value that the function returns is None and SoftNumber(0.4) {SIDES}"),
]


@pytest.mark.parametrize(("program", "text"), ASKED, ids=[program.__name__ for program, _ in ASKED])
def test_identity_of_what_cannot_be_blended_is_not_asked(program: Callable[[Any], Any], text: str) -> None:
    words, *_, remedy = message(program, X, error=BlendError).split("\n")
    assert (words, remedy) == (text, BLENDABLE)
    assert relax(program)(0.4) == program(0.4)


def test_a_result_that_cannot_be_blended_and_is_not_used_does_no_harm() -> None:
    def program(x: Any) -> Any:
        found_above(x)
        found = found_above(x)
        del found
        best = None
        for value in (x, x + 1.0):
            if best is None or value > best:
                best = value
        return best

    assert_same(relax(program, **FINE)(X), above(X + 1.0, X) * 1.0 + X, [X])


AS_BOOL = (
    "a bool in code that relaxpy does not rewrite",
    "write the test inside a relaxed function as a plain `if`, `while`, `and`, `or` or `not` (a comprehension's filter and "
    "library code can only take plain values), or use relaxpy.hard(x)",
)
AS_KEY = (
    "a key of a dict, an element of a set or an argument of hash()",
    "keep such values in lists and compare them (`any(x == y for y in ys)`); a table with ints for keys can be a list, "
    "indexed by int(x); for what is decided by the value as it is, use relaxpy.hard(x)",
)
AS_INT = (
    "a plain int (an index, a length, a number of repetitions) in code that relaxpy does not rewrite",
    "index inside a relaxed function (`a[i]`, `range(i)`), or use relaxpy.hard(i)",
)
USES: list[tuple[str, str, str, tuple[str, str]]] = [
    ("heapq", "truth", "heapq.heappush([c], c)", AS_BOOL),
    ("filter of a comprehension", "truth", "[0 for _ in 'a' if c]", AS_BOOL),
    (
        "float",
        "truth",
        "'%.2f' % c",
        (
            "a Python float",
            "keep it as it is (it behaves like a 0-dim tensor), write f'{x:.2f}' for a text, or use relaxpy.hard(x)",
        ),
    ),
    (
        "complex",
        "truth",
        "cmath.phase(c)",
        ("a complex number", "use torch functions on real numbers, or relaxpy.hard(x)"),
    ),
    ("index", "truth", "operator.index(c)", AS_INT),
    ("repetition", "number", "[0] * x", AS_INT),
    ("bytes", "number", "bytearray(2).zfill(x)", AS_INT),
    ("hash", "number", "hash(x)", AS_KEY),
    ("key", "number", "{x: 1.0}", AS_KEY),
    ("element of a set", "truth", "{c}", AS_KEY),
    ("set.add", "integer", "set().add(k)", AS_KEY),
    ("numpy", "truth", "np.asarray(c)", ("a numpy array", "use the torch function of that name, or relaxpy.hard(x)")),
    ("pickle", "number", "pickle.dumps(x)", ("a pickled object", "return it from the relaxed function first")),
]


@pytest.mark.parametrize(("kind", "text", "words"), [each[1:] for each in USES], ids=[each[0] for each in USES])
def test_a_soft_value_used_outside(kind: str, text: str, words: tuple[str, str]) -> None:
    scope: dict[str, Any] = {"cmath": cmath, "heapq": heapq, "np": np, "operator": operator, "pickle": pickle}
    source = f"def program(x):\n    c = x > 0\n    k = 1 if c else 3\n    return {text}, c, k\n"
    name = f"<use {text}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), scope)
    what, remedy = words
    assert message(scope["program"], X, error=SoftValueError) == (
        f"a soft {kind} was used as {what}, which would decide silently\n"
        f'  File "{name}", line 4\n    return {text}, c, k\n  remedy: {remedy}'
    )


def test_a_slice_by_a_soft_integer() -> None:
    def program(x: Any) -> Any:
        k = 1 if x > 0 else 0
        return [1.0, 2.0][k:]

    assert message(program, X, error=SoftValueError) == (
        "a soft integer was used as a bound of a slice, whose length would be soft\n"
        + place(program, 2, "return [1.0, 2.0][k:]")
        + "  remedy: loop over the positions and test them, or use relaxpy.hard(...)"
    )


def test_a_key_of_a_dict() -> None:
    def program(x: Any) -> Any:
        return {1: 2.0}[x]

    assert message(program, X, error=SoftValueError) == (
        "a soft number is no key of a dict\n"
        + place(program, 1, "return {1: 2.0}[x]")
        + "  remedy: round it first: int(x), round(x)"
    )


def test_elements_of_a_list_that_cannot_be_blended() -> None:
    def program(x: Any) -> Any:
        return "abc"[x]

    assert message(program, X, error=BlendError) == (
        "an element chosen by a soft number is 'b' and 'a' with some probability each, which cannot be blended\n"
        + place(program, 1, 'return "abc"[x]')
        + "  remedy: let all that may be chosen be of one kind and shape (numbers, or lists of equal length), "
        "or make the choice hard with relaxpy.hard(...)"
    )


def test_a_value_returned_on_one_side_only() -> None:
    def program(x: Any) -> Any:
        if x > 0:
            return 1.0
        x = x + 1.0

    assert message(program, X, error=BlendError) == (
        "the value that the function returns is None and 1.0 on the two sides of a soft condition, which cannot be blended\n"
        + place(program, 3, "x = x + 1.0")
        + BLENDABLE
    )


def test_an_iterator_advanced_under_a_soft_condition() -> None:
    def program(x: Any, xs: Any) -> Any:
        it = iter(xs)
        y = 0.0
        if x > 0:
            y = next(it)
        return y, next(it)

    def loop(x: Any, xs: Any) -> Any:
        it = (value for value in xs)
        y = next(it)
        if x > 0:
            for value in it:
                if value > x:
                    y = y + value
        return y

    remedy = (
        "  remedy: loop over the values themselves, count a position that is an index into a list, or make the iterator "
        "where it is used: `iter(xs)` under the same condition"
    )
    words = "was advanced under a soft condition, so that it would move on for the other side, too\n"
    assert message(program, X, [1.0, 2.0], error=SoftValueError) == (
        f"a list_iterator {words}" + place(program, 4, "y = next(it)") + remedy
    )
    assert message(loop, X, [1.0, 2.0], error=SoftValueError) == (
        f"a generator {words}" + place(loop, 4, "for value in it:") + remedy
    )
    assert program(0.4, [1.0, 2.0]) == relax(program)(0.4, [1.0, 2.0]) == (1.0, 2.0)
    assert loop(0.4, [1.0, 2.0]) == relax(loop)(0.4, [1.0, 2.0]) == 3.0


def test_an_index_outside_the_axis() -> None:
    def program(x: Any) -> Any:
        k = 5 if x > 0 else 0
        return [1.0, 2.0][k]

    assert message(program, X, error=IndexError) == (
        "a soft integer points outside an axis of length 2 with probability 0.982\n"
        + place(program, 2, "return [1.0, 2.0][k]")
        + "  remedy: keep the index inside (test it first), make the axis longer, or follow each path by itself: "
        "estimator='exact'"
    )


def test_a_store_to_a_captured_tensor() -> None:
    captured = torch.zeros(3)

    def program(x: Any) -> Any:
        if x > 0:
            captured[0] = x
        return captured

    assert message(program, X, error=SoftValueError) == (
        "a tensor that was made outside the relaxed call cannot take a store that is soft or on a soft path\n"
        + place(program, 2, "captured[0] = x")
        + "  remedy: store to a list, to `tensor.clone()`, or to a tensor made inside by torch.zeros(...)"
    )
    assert captured.tolist() == [0.0, 0.0, 0.0]


def test_a_store_to_a_numpy_array() -> None:
    def program(x: Any) -> Any:
        values = np.zeros(3)
        if x > 0:
            values[0] = 1.0
        return values

    assert message(program, X, error=SoftValueError) == (
        "a numpy array cannot be stored to on a soft path or with a soft value\n"
        + place(program, 3, "values[0] = 1.0")
        + "  remedy: use a list or a torch tensor"
    )


def test_soft_values_are_made_inside_only() -> None:
    for name, make in (("truth", truth), ("categorical", categorical)):
        with pytest.raises(RelaxError) as caught:
            make(X)
        assert str(caught.value) == (
            f"relaxpy.{name} makes a soft value, which lives inside a relaxed call only\n"
            "  remedy: call it in a function that is decorated with @relax"
        )


CONDITIONS = ["if a > 0:", "while a > 0:", "return 1.0 if a > 0 else 2.0", "return a > 0 and 1.0", "return not a > 0"]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("text", CONDITIONS)
def test_an_array_as_a_condition(text: str, batch: bool) -> None:
    source = f"def program(a):\n    {text}\n{'        return 1.0' if text.endswith(':') else ''}\n"
    name = f"<condition {text}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {}
    exec(compile(source, name, "exec"), scope)
    argument = PAIR.repeat(3, 1) if batch else PAIR
    assert message(scope["program"], argument, error=SoftValueError, batch=batch) == (
        "the truth of a soft array of shape (2,) is ambiguous\n"
        f'  File "{name}", line 2\n    {text}\n'
        "  remedy: test one element, or use any(...) or all(...) of its elements"
    )


def test_an_array_of_one_element_is_tested_as_that_element() -> None:
    def program(a: Any) -> Any:
        return 1.0 if a > 0 else 2.0

    a = array(0.3)
    p = above(a[0])
    for shape in ((1,), (1, 1)):
        assert_same(relax(program, **FINE)(a.reshape(shape)), p + 2 * (1 - p), [a])
        assert_same(
            relax(program, batch=True, **FINE)(a.reshape(shape).unsqueeze(0)), (p + 2 * (1 - p)).reshape(1), [a]
        )

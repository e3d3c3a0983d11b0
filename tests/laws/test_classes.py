"""Operators, properties and other methods that Python calls by itself are relaxed in classes of the user's."""

from __future__ import annotations

import abc
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import SoftValueError, relax
from tests.laws.support import BETA, FINE, above, assert_same, mixture, number
from tests.oracle import expectation, flatten

X = torch.tensor([0.2, -0.4, 1.3], dtype=torch.float64)
Y = torch.tensor([0.3, 0.1, -0.6], dtype=torch.float64)


class Level:
    """Each of its methods decides something."""

    floor = 0.1

    def __init__(self, value: Any) -> None:
        self.value = value
        self.start = value

    @property
    def clipped(self) -> Any:
        return self.value if self.value > self.floor else self.floor

    @clipped.setter
    def clipped(self, value: Any) -> None:
        if value > self.floor:
            self.value = value

    def __add__(self, other: Any) -> Any:
        return self.value + other.value if self.value > other.value else 5.0

    def __radd__(self, other: Any) -> Any:
        return self.value * other if self.value > other else 5.0

    def __neg__(self) -> Any:
        return 1.0 if self.value > 0 else 2.0

    def __abs__(self) -> Any:
        return self.value if self.value > 0 else -self.value

    def __lt__(self, other: Any) -> Any:
        return True if self.value < other.value else self.value < 0.5

    def __eq__(self, other: object) -> Any:
        return isinstance(other, Level) and self.value > other.value

    def __getitem__(self, index: Any) -> Any:
        return self.value if self.value > index else 2.0

    def __setitem__(self, index: Any, value: Any) -> None:
        if self.value > index:
            self.value = value

    def __call__(self, other: Any) -> Any:
        return other if self.value > other else self.value

    def __contains__(self, item: Any) -> Any:
        return self.value > item

    def __bool__(self) -> Any:
        return self.value > 0

    def __iter__(self) -> Iterator[Any]:
        yield self.value if self.value > 0 else 1.0
        yield 3.0

    def __iadd__(self, other: Any) -> Any:
        if self.value > other:
            self.value = self.value + other
        return self

    def __enter__(self) -> Any:
        if self.value > 0:
            self.value = self.value * 2.0
        return self

    def __exit__(self, *error: object) -> None:
        if self.start > 0.3:
            self.value = self.value + 1.0


class Flexible:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getattr__(self, name: str) -> Any:
        return len(name) if self.value > 0 else 0.5


def setting(x: Any, y: Any) -> Any:
    level = Level(x)
    level.clipped = y
    return level


def storing(x: Any, y: Any) -> Any:
    level = Level(x)
    level[0.1] = y
    return level


def adding(x: Any, y: Any) -> Any:
    level = Level(x)
    level += y
    return level


def managing(x: Any, y: Any) -> Any:
    with Level(x) as level:
        level.value = level.value + y
    return level


def looping(x: Any, y: Any) -> Any:
    total = y
    for item in Level(x):
        total = total + item
    return total


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "property": lambda x, y: Level(x).clipped,
    "binary": lambda x, y: Level(x) + Level(y),
    "reflected": lambda x, y: 0.1 + Level(y),
    "unary": lambda x, y: -Level(x),
    "abs": lambda x, y: abs(Level(x)),
    "less": lambda x, y: 1.0 if Level(x) < Level(y) else 2.0,
    "equal": lambda x, y: 1.0 if Level(x) == Level(y) else 2.0,
    "item": lambda x, y: Level(x)[0.1],
    "call": lambda x, y: Level(x)(y),
    "contains": lambda x, y: 1.0 if y in Level(x) else 3.0,
    "lacks": lambda x, y: 1.0 if y not in Level(x) else 3.0,
    "attribute": lambda x, y: Flexible(x).length,
    "setter": setting,
    "store": storing,
    "in place": adding,
    "manager": managing,
    "iteration": looping,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_methods_that_python_calls(name: str) -> None:
    program = PROGRAMS[name]
    before = {key: value for kind in (Level, Flexible) for key, value in vars(kind).items()}
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    exact = expectation(program, [x, y], beta=BETA).leaves
    leaves = flatten(relax(program, batch=True, **FINE)(x, y), lanes=True)
    for place, wanted in exact.items():
        assert_same([leaves[place]], flatten([wanted]), [x, y])
    for given in ((0.2, 0.3), (-0.4, 0.1)):
        assert flatten(relax(program)(*given)) == flatten(program(*given))
    assert before == {key: value for kind in (Level, Flexible) for key, value in vars(kind).items()}


def test_truth() -> None:
    def program(x: Any, y: Any) -> Any:
        total, steps = 0.0, 0.0
        if Level(x):
            total = total + 1.0
        if not Level(y) or Level(x):
            total = total + 2.0
        while Level(x - steps):
            steps = steps + 1.0
        return total + (4.0 if Level(x) else 8.0), steps

    def same(x: Any, y: Any) -> Any:
        total, steps = 0.0, 0.0
        if x > 0:
            total = total + 1.0
        if not y > 0 or x > 0:
            total = total + 2.0
        while x - steps > 0:
            steps = steps + 1.0
        return total + (4.0 if x > 0 else 8.0), steps

    x, y = number(0.3), number(-0.2)
    assert_same(relax(program, **FINE)(x, y), relax(same, **FINE)(x, y), [x, y])
    assert relax(program)(0.3, -0.2) == program(0.3, -0.2)


def test_objects_that_are_given_or_global() -> None:
    def program(level: Any, levels: Any) -> Any:
        return level.clipped + sum(each.clipped for each in levels) + OUTSIDE.clipped

    x = number(0.3)
    level = Level(x)
    clipped = above(x, 0.1) * x + (1 - above(x, 0.1)) * 0.1
    OUTSIDE.value = x
    try:
        with_level = relax(lambda v: program(level, [level, Level(v)]), **FINE)
        assert_same(with_level(x), 4 * clipped, [x])
    finally:
        OUTSIDE.value = 0.0


OUTSIDE = Level(0.0)


def test_an_opted_out_method_is_called_as_it_is() -> None:
    class Counted:
        def __init__(self, value: Any) -> None:
            self.value = value

        @relaxpy.hard
        def __neg__(self) -> Any:
            return 1.0 if self.value > 0 else 2.0

    with pytest.raises(SoftValueError):
        relax(lambda v: -Counted(v))(number(0.2))


def test_abstract_bases_and_inherited_methods() -> None:
    class Shape(abc.ABC):
        def __init__(self, size: Any) -> None:
            self.size = size if size > 0 else 0.5

        @abc.abstractmethod
        def area(self) -> Any: ...

        @property
        def label(self) -> Any:
            return 1.0 if self.area() > 0.3 else 2.0

    class Square(Shape):
        def area(self) -> Any:
            return self.size * self.size

    x = number(0.7)
    size = above(x) * x + (1 - above(x)) * 0.5
    p = above(size * size, 0.3)
    assert_same(relax(lambda v: Square(v).label, **FINE)(x), p + 2 * (1 - p), [x])
    with pytest.raises(TypeError, match="abstract"):
        relax(lambda v: Shape(v))(x)  # type: ignore[abstract]


def test_other_threads_see_the_class_as_it_is() -> None:
    seen = []

    def program(x: Any) -> Any:
        level = Level(x)
        result = level.clipped
        thread = threading.Thread(target=lambda: seen.append(Level(0.05).clipped))
        thread.start()
        thread.join()
        return result

    relax(program)(number(0.3))
    assert seen == [0.1]


def recursive_power(x: Any, n: int) -> Any:
    return 1.0 if n == 0 or x > 1.0 else x * recursive_power(x, n - 1)


def even(x: Any) -> Any:
    return 1.0 if x < 1.0 else odd(x - 1.0) + 0.5


def odd(x: Any) -> Any:
    return 0.0 if x < 1.0 else even(x - 1.0) * 2.0


def even_expected(x: Any, depth: int = 0, is_even: bool = True) -> Any:
    if depth > 30:
        return 0.0
    p = above(1.0, x)
    rest = even_expected(x - 1.0, depth + 1, not is_even)
    return p * 1.0 + (1 - p) * (rest + 0.5) if is_even else (1 - p) * rest * 2.0


def test_recursion_ends_by_mass() -> None:
    x = number(2.4)
    assert_same(relax(even, beta=2.0, epsilon=1e-10)(x), even_expected(x), [x], 1e-7)
    y = number(0.4)
    p = above(y, 1.0)
    q = (1 - p) * y
    assert_same(relax(recursive_power, **FINE)(y, 3), p + q * (p + q * (p + q)), [y])


def threshold(x: Any, *, low: Any = 0.0) -> Any:
    return 1.0 if x > low else 2.0


@functools.cache
def cached(x: Any) -> Any:
    return threshold(x)


def doubling(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args) * 2.0 if args[0] > 0.5 else function(*args)

    return wrapper


@doubling
def wrapped(x: Any) -> Any:
    return threshold(x)


def test_callables_of_all_kinds() -> None:
    def program(x: Any) -> Any:
        partial = functools.partial(threshold, low=0.2)
        return partial(x), cached(x), wrapped(x), (lambda v: threshold(v, low=x))(0.5), list(map(threshold, [x, 1.0]))

    x = number(0.3)
    p, q, r = above(x, 0.2), above(x), above(0.5, x)
    s = above(x, 0.5)
    expected = mixture((1.0, (2 - p, 2 - q, (2 - q) * (1 + s), 2 - r, [2 - q, 1.0])))
    assert_same(relax(program, **FINE)(x), expected, [x])
    assert relax(program)(0.3) == program(0.3)
    assert cached.cache_info().currsize == 1

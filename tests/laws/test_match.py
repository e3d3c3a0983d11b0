"""`match` with soft subjects: each program does what the chain of `if` statements that it stands for does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from relaxpy import categorical, relax
from tests.laws.support import FINE, above, array, assert_same, number


@dataclass
class Point:
    x: Any
    y: Any


class Limits:
    low = 0.25


def literals(x: Any, y: Any) -> Any:
    match x:
        case 0:
            return y
        case 0.5 | Limits.low:
            y = y * 2.0
        case -1:
            y = 7.0
        case _:
            y = y + x
    return y


def literals_by_if(x: Any, y: Any) -> Any:
    if x == 0:
        return y
    if x == 0.5 or x == Limits.low:
        y = y * 2.0
    elif x == -1:
        y = 7.0
    else:
        y = y + x
    return y


def pairs(x: Any, y: Any) -> Any:
    log = [0.0]
    match x, y:
        case 0, 0:
            log[0] = 1.0
        case a, 0:
            log[0] = a
        case a, b if a > b:
            log[0] = a * 2.0
        case (0 as a, b) if b > 0.1:
            log[0] = a + b * 4.0
        case [_, b]:
            log[0] = b + log[0]
    return log


def pairs_by_if(x: Any, y: Any) -> Any:
    log = [0.0]
    if x == 0 and y == 0:
        log[0] = 1.0
    elif y == 0:
        log[0] = x
    elif x > y:
        log[0] = x * 2.0
    elif x == 0 and y > 0.1:
        log[0] = x + y * 4.0
    else:
        log[0] = y + log[0]
    return log


def structures(x: Any, y: Any) -> Any:
    match {"kind": "move", "by": [x, y, 3.0], "more": 1}:
        case {"kind": "stop"}:
            return 100.0
        case {"kind": "move", "by": [0, *rest]}:
            return rest[0] + rest[1]
        case {"by": [a, b, 3.0], **others} if b > a:
            return a * b + len(others)
        case {"by": [a, *_]}:
            return a - 5.0
    return 200.0


def structures_by_if(x: Any, y: Any) -> Any:
    if x == 0:
        return y + 3.0
    if y > x:
        return x * y + 2
    return x - 5.0


def classes(x: Any, y: Any) -> Any:
    total = 0.0
    for item in (Point(x, y), Point(y, [x, None]), "name"):
        match item:
            case Point(0, _):
                total = total + 3.0
            case Point(y=[a, None]) | [a, None]:
                total = total + a
                continue
            case Point(x=a, y=1):
                total = total * 2.0 + a
                break
            case Point():
                total = total - 1.0
            case str(text):
                total = total + len(text)
        total = total + 10.0
    return total


def classes_by_if(x: Any, y: Any) -> Any:
    total = 0.0
    for number_ in range(3):
        if number_ == 0:
            if x == 0:
                total = total + 3.0
            elif y == 1:
                total = total * 2.0 + x
                break
            else:
                total = total - 1.0
        elif number_ == 1:
            if y == 0:
                total = total + 3.0
            else:
                total = total + x
                continue
        else:
            total = total + 4
        total = total + 10.0
    return total


def names_after(x: Any, y: Any) -> Any:
    a = 10.0
    match [x, y]:
        case [a, 0]:
            pass
        case [b, 1] if b > 0:
            a = b + 1.0
    return a


def names_after_by_if(x: Any, y: Any) -> Any:
    a = 10.0
    if y == 0:
        a = x
    elif y == 1 and x > 0:
        a = x + 1.0
    return a


def truths(x: Any, y: Any) -> Any:
    match x > 0, None:
        case True, None:
            return y
        case _, None:
            return 4.0


def truths_by_if(x: Any, y: Any) -> Any:
    if x > 0:
        return y
    return 4.0


def raises(x: Any, y: Any) -> Any:
    try:
        match x:
            case 0:
                raise ValueError
            case value if value > y:
                result = 1.0
            case _:
                result = y
    except ValueError:
        result = 50.0
    return result


def raises_by_if(x: Any, y: Any) -> Any:
    if x == 0:
        result = 50.0
    elif x > y:
        result = 1.0
    else:
        result = y
    return result


PAIRS = [
    (literals, literals_by_if),
    (pairs, pairs_by_if),
    (structures, structures_by_if),
    (names_after, names_after_by_if),
    (truths, truths_by_if),
    (raises, raises_by_if),
]


@pytest.mark.parametrize(("program", "chain"), PAIRS, ids=lambda function: function.__name__)
def test_as_a_chain_of_branches(program: Callable[..., Any], chain: Callable[..., Any]) -> None:
    x, y = array(0.2, -0.4, 0.05), array(0.3, 0.1, -0.6)
    given, wanted = (relax(function, batch=True, **FINE)(x, y) for function in (program, chain))
    assert_same(given, wanted, [x, y])


@pytest.mark.parametrize("program", [*(program for program, _ in PAIRS), classes], ids=lambda function: function.__name__)
@pytest.mark.parametrize("values", [(0, 0), (0.0, 1.0), (0.5, 0), (-1, 1), (0.3, 0.7), (2, 1)])
def test_plain_values(program: Callable[..., Any], values: tuple[Any, Any]) -> None:
    def outcome(function: Callable[..., Any]) -> Any:
        try:
            return function(*values)
        except TypeError as error:
            return str(error)

    assert outcome(relax(program)) == outcome(program)


def test_class_patterns() -> None:
    x, y = number(0.2), number(0.4)
    assert_same(relax(classes, **FINE)(x, y), relax(classes_by_if, **FINE)(x, y), [x, y])


def test_a_soft_array_is_a_sequence() -> None:
    def program(rows: Any) -> Any:
        match rows:
            case [[a, b], *rest]:
                return a * b, len(rest)

    rows = array([2.0, 3.0], [4.0, 5.0], [6.0, 7.0])
    assert_same(relax(program)(rows), [6.0, 2])


def test_soft_integers() -> None:
    def program(p: Any, x: Any) -> Any:
        match categorical(p):
            case 0:
                return x
            case 1 | 2:
                return x * 2.0
            case _:
                return 9.0

    p, x = array(0.1, 0.2, 0.3, 0.4), number(0.7)
    # the second case is asked where the first did not hold, of a new draw
    q = 0.9 * (1 - 0.8 * 0.7)
    assert_same(relax(program, **FINE)(p.detach(), x), 0.1 * x + q * x * 2.0 + (0.9 - q) * 9.0, [x], 1e-6)


def test_a_plain_subject_chooses_as_in_python() -> None:
    def program(kind: Any, x: Any) -> Any:
        match kind:
            case "double":
                return x * 2.0
            case torch.Tensor():
                return x + 1.0
            case _ if x > 0:
                return x
        return 0.0

    x = number(0.3)
    assert_same(relax(program, **FINE)("double", x), 2.0 * x, [x])
    assert_same(relax(program, **FINE)(torch.tensor(3), x), x + 1.0, [x])
    assert_same(relax(program, **FINE)("other", x), above(x) * x, [x])

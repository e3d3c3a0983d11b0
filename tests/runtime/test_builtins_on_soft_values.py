"""Builtins on soft values: their formulas, their limit for large beta, batches against single lanes, and gradients."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, SoftValueError, categorical, probabilities, relax, truth
from tests.runtime.noise import NAMES, SYMMETRIC, WITHOUT_MEAN, assert_mean, draws

D = torch.float64
BETA = 2.0


def number(value: float, dtype: torch.dtype = D) -> Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def array(*values: float) -> Tensor:
    return torch.tensor(values, dtype=D, requires_grad=True)


A = (0.31, -0.24, 0.93, 0.12, -0.55)


def sort_in_place(a: Any, **options: Any) -> Any:
    items = list(a)
    items.sort(**options)
    return items


def hard_index(a: Any) -> Any:
    items = list(a)
    return items.index(min(items)), items.index(items[2])


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "min of an array": lambda a: min(a),
    "max of an array": lambda a: max(a),
    "min of two": lambda a: min(a[0], a[1]),
    "max of three": lambda a: max(a[0], a[1], a[2]),
    "min with a number": lambda a: min(a[0], 0.4),
    "max of a generator": lambda a: max(x * 2 for x in a),
    "min with a key": lambda a: min([1.0, 2.0, 5.0], key=lambda y: (y - 2.2 - a[0]) ** 2),
    "argmin": lambda a: min(range(5), key=lambda i: a[i]),
    "argmax": lambda a: max(range(5), key=lambda i: a[i]),
    "max of pairs": lambda a: max((a[0], a[1]), (a[2], a[3])),
    "max of keys that are pairs": lambda a: max([1.0, 2.0, 3.0], key=lambda y: (a[0] * y, y)),
    "index of the minimum": hard_index,
    "sum": lambda a: sum(a),
    "sum of a list": lambda a: sum([x * x for x in a]),
    "sum with a start": lambda a: sum([a[0], 1, a[1]], 0.5),
    "sum from a soft start": lambda a: sum([1.0, 2.0], a[0]),
    "count": lambda a: sum(x > 0.1 for x in a),
    "count by ones": lambda a: sum(1 if x > 0.1 else 0 for x in a),
    "any": lambda a: any(x > 0.5 for x in a),
    "all": lambda a: all(x > -0.7 for x in a),
    "any of an array of truths": lambda a: any(a > 0.5),
    "all of an array of truths": lambda a: all(a > -0.7),
    "any of numbers": lambda a: any([a[0], 0.0]),
    "abs": lambda a: abs(a[1]),
    "int": lambda a: int(a[0] * 10),
    "float": lambda a: float(a[0]),
    "bool": lambda a: bool(a[0]),
    "round": lambda a: round(a[2] * 7),
    "round to a digit": lambda a: round(a[2] * 7, 1),
    "divmod": lambda a: divmod(a[2] * 7, 1.5),
    "pow": lambda a: pow(a[2], 3),
    "sorted": lambda a: sorted(a),
    "sorted downwards": lambda a: sorted(a, reverse=True),
    "sorted by a key": lambda a: sorted(range(5), key=lambda i: a[i] * a[i]),
    "sorted by a key, downwards": lambda a: sorted(range(5), key=lambda i: a[i], reverse=True),
    "sorted pairs": lambda a: [list(pair) for pair in sorted([(a[0], 1.0), (a[1], 2.0), (a[2], 3.0)])],
    "list.sort": lambda a: sort_in_place(a),
    "list.sort by a key": lambda a: sort_in_place(a, key=lambda x: -x),
    "membership": lambda a: 0.93 in list(a),
    "count of a value": lambda a: list(a).count(a[0]),
    "map": lambda a: list(map(lambda x: max(x, 0.0), a)),  # noqa: C417
    "reduce": lambda a: functools.reduce(lambda x, y: x if x > y else y, a),
    "accumulate": lambda a: list(itertools.accumulate(a, max)),
    "enumerate": lambda a: [i * x for i, x in enumerate(a)],
    "zip": lambda a: [max(x, y) for x, y in zip(a, reversed(a))],
    "operator": lambda a: operator.and_(operator.lt(a[0], a[1]), operator.gt(a[2], a[3])),
}


def flat(value: Any) -> list[Tensor]:
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in flat(each)]
    return [torch.as_tensor(value, dtype=D)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_limit_is_python(name: str) -> None:
    program = PROGRAMS[name]
    if name.endswith("array of truths"):
        hard: Any = program(torch.tensor(A, dtype=D))
    else:
        hard = program(list(A))
    soft = relax(program, beta=1e7)(array(*A))
    for each, wanted in zip(flat(soft), flat(hard), strict=True):
        torch.testing.assert_close(each, wanted.to(D), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients(name: str) -> None:
    f = relax(PROGRAMS[name], beta=BETA, epsilon=0.0, max_iter=20)
    assert torch.autograd.gradcheck(lambda a: flat(f(a)), (array(*A),))


@pytest.mark.parametrize("name", ["min of an array", "max of three", "argmin", "sorted", "sorted by a key", "count"])
@pytest.mark.parametrize("distribution", NAMES)
def test_gradients_of_each_distribution(distribution: str, name: str) -> None:
    f = relax(PROGRAMS[name], beta=1.1, epsilon=0.0, max_iter=20, distribution=distribution)
    assert torch.autograd.gradcheck(lambda a: flat(f(a)), (array(*A),))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_lane_of_a_batch_is_the_single_call(name: str) -> None:
    f = relax(PROGRAMS[name], beta=BETA, epsilon=1e-12)
    rows = torch.stack([array(*A), 1.7 * array(*A).flip(0)]).detach().requires_grad_()
    together = flat(f.batch()(rows))
    for lane in range(2):
        for each, alone in zip(together, flat(f(rows[lane])), strict=True):
            torch.testing.assert_close(each[lane] if each.dim() > alone.dim() else each, alone, atol=1e-9, rtol=1e-9)


def test_softmax_of_equation_10() -> None:
    a = array(*A)
    for sign, least, program in ((-1, -math.inf, min), (1, math.inf, max)):
        weights = torch.softmax(sign * BETA * a, 0)
        result, listed, with_infinity, place = relax(
            lambda a, program=program, least=least: (
                program(a),
                program(list(a)),
                program([*a, -least]),
                probabilities(program(range(5), key=lambda i: a[i]), 5),
            ),
            beta=BETA,
        )(a)
        for each in (result, listed, with_infinity):
            torch.testing.assert_close(each, weights @ a)
        torch.testing.assert_close(place, weights)


def test_equation_10_is_the_choice_under_gumbel_noise() -> None:
    a = torch.tensor(A, dtype=D)
    noise = torch.stack([draws("gumbel_max") for _ in A], 1) / BETA
    places = (a + noise).argmax(1)

    def program(a: Any) -> Any:
        return max(a), probabilities(max(range(5), key=lambda i: a[i]), 5)

    largest, weights = relax(program, beta=BETA)(a)
    assert_mean(largest, a[places])
    for place in range(5):
        assert_mean(weights[place], places == place)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_larger_of_two_is_the_mean_of_draws(name: str) -> None:
    """`b if b > a else a`, the difference perturbed."""
    noise = draws(name) / BETA
    for a, b in ((0.3, 0.5), (-0.4, 0.9), (2.0, 1.9)):
        chosen = torch.where(b - a > noise, b, a)
        assert_mean(relax(lambda a, b: max(a, b), beta=BETA, distribution=name)(number(a), number(b)), chosen)
        branch = relax(lambda a, b: b if b > a else a, beta=BETA, distribution=name)(number(a), number(b))
        torch.testing.assert_close(
            relax(lambda a, b: max(a, b), beta=BETA, distribution=name)(number(a), number(b)), branch
        )


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_many_agree_with_those_of_two(name: str) -> None:
    """What is far behind does not matter, and equals share equally."""

    def program(a: Any) -> Any:
        return max(a), probabilities(max(range(len(a)), key=lambda i: a[i]), len(a))

    f = relax(program, beta=30.0, distribution=name)
    two, weights = f(array(0.5, 0.53))
    three, more = f(array(0.5, 0.53, -1e6))
    if name not in WITHOUT_MEAN:
        torch.testing.assert_close(three, two)
    torch.testing.assert_close(more[:2], weights, atol=1e-6, rtol=1e-6)
    equal, thirds = f(array(1.5, 1.5, 1.5))
    torch.testing.assert_close(equal, torch.tensor(1.5, dtype=D))
    torch.testing.assert_close(thirds, torch.full((3,), 1 / 3, dtype=D))


def test_infinities_decide_as_in_python() -> None:
    inf = math.inf

    def program(a: Any) -> Any:
        return min(a), max(a), min(a[0], a[1]), max(a[0], a[1]), probabilities(max(range(3), key=lambda i: a[i]), 3)

    cases = [(1.0, inf, 2.0), (-inf, 1.0, inf), (inf, inf, inf), (-inf, -inf, -inf), (-inf, 0.5, -inf)]
    for case in cases:
        found = relax(program, beta=1e6)(torch.tensor(case, dtype=D))
        expected = (min(case), max(case), min(case[:2]), max(case[:2]))
        assert tuple(float(each) for each in found[:4]) == expected
        assert float(found[4][case.index(max(case))]) == 1
    together = relax(program, batch=True, beta=1e6)(torch.tensor(cases, dtype=D))
    assert together[0].tolist() == [min(case) for case in cases]
    a = array(1.0, inf, 2.0)
    for value in relax(lambda a: (min(a), max(a), sum(sorted(a)[:2])))(a):
        (gradient,) = torch.autograd.grad(value, a, retain_graph=True, allow_unused=True, materialize_grads=True)
        assert torch.isfinite(gradient).all()
    assert [float(x) for x in relax(lambda a: sorted(a), beta=1e6)(torch.tensor([2.0, inf, -inf, 1.0]))] == [
        -inf,
        1,
        2,
        inf,
    ]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, D], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_extremes(name: str, dtype: torch.dtype) -> None:
    # so that the differences of values, which derivatives are made of, are finite, too
    largest = torch.finfo(dtype).max / 4
    a = torch.tensor([largest, -largest, 0.0, 1.0, 1.0], dtype=dtype, requires_grad=True)
    beta = torch.tensor(5.0, dtype=dtype, requires_grad=True)

    def program(a: Any) -> Any:
        return min(a), max(a[2], a[3]), min(a[0], a[1]), max(range(5), key=lambda i: a[i])

    for value in relax(program, beta=beta, distribution=name)(a):
        assert torch.isfinite(value)
        assert value.dtype == dtype
        gradients = torch.autograd.grad(
            value.float(), (a, beta), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        assert all(torch.isfinite(each).all() for each in gradients)


def test_hard_lanes_are_compared_exactly() -> None:
    def program(i: Any, j: Any) -> Any:
        return min(i, j), max(i, j, 3), sorted([i, j, 3]), min([i, j]), sum([i, j])

    i, j = torch.tensor([1, 5, 3]), torch.tensor([2, 5, -1])
    least, most, ordered, listed, total = relax(program, batch=True, beta=0.1)(i, j)
    assert least.tolist() == listed.tolist() == [1.0, 5.0, -1.0]
    assert most.tolist() == [3.0, 5.0, 3.0]
    assert torch.stack(ordered).T.tolist() == [[1.0, 2.0, 3.0], [3.0, 5.0, 5.0], [-1.0, 3.0, 3.0]]
    assert total.tolist() == [3.0, 10.0, 2.0]


def test_hard_lanes_stay_hard_when_they_are_moved_or_added() -> None:
    def program(i: Any, j: Any) -> Any:
        return max(2 * i + 1, 3 - j), min(i + j, i - j, 4), sorted([j + 1, i, -j])

    i, j = torch.tensor([1, 5, 3]), torch.tensor([2, 5, -1])
    most, least, ordered = relax(program, batch=True, beta=0.1)(i, j)
    assert most.tolist() == [3.0, 11.0, 7.0]
    assert least.tolist() == [-1.0, 0.0, 2.0]
    assert torch.stack(ordered).T.tolist() == [[-2.0, 1.0, 3.0], [-5.0, 5.0, 6.0], [0.0, 1.0, 3.0]]


def test_a_count_is_a_soft_integer() -> None:
    def program(a: Any) -> Any:
        k = sum(x > 0 for x in a)
        whole = sum(a > 0)
        return probabilities(k, 6), probabilities(whole, 6), [0.0, 1.0, 4.0, 9.0, 16.0, 25.0][k], 1.0 if k >= 3 else 0.0

    p = torch.sigmoid(BETA * array(*A))
    weights = torch.ones(1, dtype=D)
    for each in p:
        padded = torch.cat([weights, weights.new_zeros(1)])
        weights = padded * (1 - each) + padded.roll(1) * each
    counted, of_array, loaded, enough = relax(program, beta=BETA)(array(*A))
    torch.testing.assert_close(counted, weights)
    torch.testing.assert_close(of_array, weights)
    torch.testing.assert_close(loaded, weights @ torch.arange(6, dtype=D) ** 2)
    torch.testing.assert_close(enough, weights[3:].sum())


def test_where_a_value_is() -> None:
    def same(x: Any, y: Any) -> Tensor:
        return 1 / torch.cosh(torch.as_tensor(x - y) * BETA / 2) ** 2

    def program(a: Any) -> Any:
        items = list(a)
        found = items.index(0.5)
        return probabilities(found, 3), probabilities(items.index(0.5, 1), 3), items.count(0.5), (0.5 in items)

    a = array(0.3, 0.6, 0.1)
    e = [same(each, 0.5) for each in a]
    chances = torch.stack([e[0], (1 - e[0]) * e[1], (1 - e[0]) * (1 - e[1]) * e[2]])
    found, later, counted, inside = relax(program, beta=BETA)(a)
    torch.testing.assert_close(found, chances / chances.sum())
    rest = torch.stack([torch.zeros((), dtype=D), e[1], (1 - e[1]) * e[2]])
    torch.testing.assert_close(later, rest / rest.sum())
    torch.testing.assert_close(counted, sum(e, torch.zeros((), dtype=D)))
    torch.testing.assert_close(inside, chances.sum())
    with pytest.raises(ValueError, match="not in the list, with probability 1"):
        relax(lambda a: list(a).index(100.0))(a)
    # a categorical among plain values, and a plain value among categoricals
    w = torch.tensor([0.2, 0.5, 0.3], dtype=D)
    drawn_anew = torch.stack([w[0], (1 - w[0]) * w[1], (1 - w[0]) * (1 - w[1]) * w[2]])
    place = relax(lambda w: [0, 1, 2].index(categorical(w)))(w)
    torch.testing.assert_close(place, drawn_anew @ torch.arange(3, dtype=D) / drawn_anew.sum())
    torch.testing.assert_close(relax(lambda w: "abc".count("a") + [categorical(w), 1].count(1))(w), 2 + w[1])


def test_the_index_of_the_minimum_is_the_categorical_of_equation_10() -> None:
    def program(a: Any) -> Any:
        items = list(a)
        lowest, highest = min(items), max(a)
        return probabilities(items.index(lowest), 5), probabilities(a.index(highest), 5)

    a = array(*A)
    lowest, highest = relax(program, beta=BETA)(a)
    torch.testing.assert_close(lowest, torch.softmax(-BETA * a, 0))
    torch.testing.assert_close(highest, torch.softmax(BETA * a, 0))


def test_a_sort_of_two_is_the_branch() -> None:
    a, b = number(0.3), number(0.1)
    p = torch.sigmoid(BETA * (a - b))
    low, high = relax(lambda a, b: sorted([a, b]), beta=BETA)(a, b)
    torch.testing.assert_close(low, p * b + (1 - p) * a)
    torch.testing.assert_close(high, p * a + (1 - p) * b)


def test_a_sorting_network_sorts_and_permutes() -> None:
    for n in range(1, 18):
        a = torch.randn(n, dtype=D)
        torch.testing.assert_close(torch.stack(relax(lambda a: sorted(a), beta=1e9)(a)), a.sort().values)

        def program(a: Any) -> Any:
            n = len(a)
            return [probabilities(k, n) for k in sorted(range(n), key=lambda i: a[i])]

        rows = torch.stack(relax(program, beta=3.0)(a)).to(D)
        torch.testing.assert_close(rows.sum(0), torch.ones(n, dtype=D))
        torch.testing.assert_close(rows.sum(1), torch.ones(n, dtype=D))
        assert (rows >= 0).all()
        torch.testing.assert_close(torch.stack(relax(lambda a: sorted(a), beta=3.0)(a)), rows @ a)


def test_sorting_in_place_on_a_soft_path() -> None:
    def program(x: Any) -> Any:
        items = [3.0, 1.0, x]
        alias = items
        if x > 0:
            items.sort()
        return alias

    x = number(0.4)
    p = torch.sigmoid(1e3 * x)
    first, second, third = relax(program, beta=1e3)(x)
    torch.testing.assert_close(first, p * x + (1 - p) * 3.0)
    torch.testing.assert_close(torch.as_tensor(second, dtype=D), torch.tensor(1.0, dtype=D))
    torch.testing.assert_close(third, p * 3.0 + (1 - p) * x)


def test_captured_parameters_are_soft() -> None:
    w = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.9], dtype=D))
    s = torch.nn.Parameter(torch.tensor(2.4, dtype=D))

    def program() -> Any:
        return (
            min(w),
            max(s, 2.5),
            sum(w),
            sorted(w)[0],
            int(s),
            math.floor(s),
            math.exp(s),
            abs(s),
            round(s),  # type: ignore[call-overload]
            any(w > 0.5),
        )

    results = relax(program, beta=BETA)()
    torch.testing.assert_close(results[0], torch.softmax(-BETA * w, 0) @ w)
    for each in results:
        assert each.requires_grad


def test_soft_values_in_a_branch_without_effect_do_not_disturb() -> None:
    """Dead lanes hold anything; what they hold reaches neither values nor gradients of the others."""

    def program(a: Any) -> Any:
        if a[0] > 0:
            b = [1 / a[0], a[1], a[2]]
            return min(b) + max(b[0], 2.0) + sorted(b)[0] + math.log(a[0]) + round(1 / a[0])
        return a[1]

    a = torch.tensor([[2.0, 0.1, 0.2], [0.0, 0.1, 0.2], [-50.0, 0.3, 0.4]], dtype=D, requires_grad=True)
    result = relax(program, batch=True, beta=1e3)(a[[0, 2]])
    (gradient,) = torch.autograd.grad(result.sum(), a)
    assert torch.isfinite(result).all()
    assert torch.isfinite(gradient).all()
    torch.testing.assert_close(result[1], a[2, 1])


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: list(filter(lambda y: y > x, [1.0, 2.0])), "write the test inside a relaxed function"),
    (lambda x: list(itertools.takewhile(lambda y: y < x, [1.0])), "write the test inside a relaxed function"),
    (lambda x: math.frexp(x), r"use math\.log2"),
    (lambda x: math.gcd(x, 2), "round it first"),
    (lambda x: pow(x, 2, 3), r"write `x \*\* y % m`"),
    (lambda x: complex(x), "complex number"),
    (lambda x: int(x * torch.ones(2, dtype=D)), "use it on each element"),
    (lambda x: min(x * torch.ones(2, 2, dtype=D)), "take it of each row"),
    (lambda x: list(range(int(x * 3))), "range"),
    (lambda x: probabilities(x, 3), "round it first"),
    (lambda x: truth(x + 5), "not between 0 and 1"),
    (lambda x: categorical(torch.stack([x, x])), "sum to"),
    (lambda x: categorical(x), "takes an array of probabilities"),
    (lambda x: truth("a"), "takes probabilities"),
]


@pytest.mark.parametrize("number_", range(len(REFUSED)))
def test_what_has_no_relaxation_says_what_to_write(number_: int) -> None:
    program, text = REFUSED[number_]
    with pytest.raises((SoftValueError, RelaxError), match=text):
        relax(program)(number(0.4))


def leaves(values: Sequence[Any]) -> list[float]:
    return [float(torch.as_tensor(value, dtype=D).detach()) for value in values]


INSIDE = "acos asin atan atanh cos erf erfc exp expm1 fabs gamma lgamma log log10 log1p log2 sin sqrt tan tanh"
OUTSIDE = "acosh asinh cosh degrees radians sinh cbrt exp2"


def of_half(name: str) -> Callable[[Any], Any]:
    function = getattr(math, name)
    return lambda x: function(x / 2)


def of_more(name: str) -> Callable[[Any], Any]:
    function = getattr(math, name)
    return lambda x: function(x + 1)


MATH: dict[str, Callable[[Any], Any]] = {
    **{name: of_half(name) for name in INSIDE.split()},
    **{name: of_more(name) for name in OUTSIDE.split() if hasattr(math, name)},
    "atan2": lambda x: math.atan2(x, -2.0),
    "copysign": lambda x: math.copysign(3.0, x),
    "copysign of a soft value": lambda x: math.copysign(x, -1.0),
    "dist": lambda x: math.dist([x, 1.0], [2.0, x]),
    "fmod": lambda x: math.fmod(x * 7, 1.3),
    "fsum": lambda x: math.fsum([x, 1.0, x]),
    "hypot": lambda x: math.hypot(x, 2.0),
    "hypot of three": lambda x: math.hypot(x, 2.0, x),
    "isclose": lambda x: math.isclose(x, 0.7, abs_tol=0.1),
    "isfinite": lambda x: math.isfinite(x),
    "isinf": lambda x: math.isinf(x),
    "ldexp": lambda x: math.ldexp(x, 3),
    "log to a base": lambda x: math.log(x, 3),
    "log to a soft base": lambda x: math.log(3.0, x),
    "modf": lambda x: math.modf(x * 7),
    "pow": lambda x: math.pow(x, 2.5),
    "pow of a number": lambda x: math.pow(2.5, x),
    "prod": lambda x: math.prod([x, 2.0, x], start=3),
    "remainder": lambda x: math.remainder(x * 7, 1.3),
    "ceil": lambda x: math.ceil(x),
    "floor": lambda x: math.floor(x),
    "trunc": lambda x: math.trunc(x),
}


@pytest.mark.parametrize("name", MATH)
def test_math(name: str) -> None:
    program = MATH[name]
    x = 0.715
    hard = program(x)
    soft = relax(program, beta=1e7)(number(x))
    pair = (hard, soft) if isinstance(hard, tuple) else ((hard,), (soft,))
    assert leaves(pair[1]) == pytest.approx(leaves(pair[0]), rel=1e-9, abs=1e-9)
    smooth = relax(program, beta=BETA, epsilon=0.0)
    if torch.is_tensor(flat(smooth(number(x)))[0]) and flat(smooth(number(x)))[0].requires_grad:
        assert torch.autograd.gradcheck(lambda x: flat(smooth(x)), (number(x),))
    lanes = torch.tensor([x, x + 0.1], dtype=D)
    for lane, each in enumerate(flat(smooth.batch()(lanes))[0].expand(2)):
        torch.testing.assert_close(each, flat(smooth(lanes[lane]))[0], atol=1e-5, rtol=1e-6)


def test_every_function_of_math_is_relaxed_or_refused() -> None:
    """None would turn a soft number into a float, which cuts the gradient."""
    from relaxpy.runtime.softbuiltins import mathematics

    known = mathematics.table()
    for name, function in vars(math).items():
        if callable(function):
            assert function in known, name

"""t-norms: their laws, the formulas of textbooks, corners, gradients, and where `and` and `or` use them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import RelaxError, relax, truth
from relaxpy.runtime.tnorms import TNorm, named

D = torch.float64


def schweizer_sklar(c: float) -> Callable[[float, float], float]:
    return lambda p, q: max(0.0, p**c + q**c - 1) ** (1 / c) if p and q else 0.0


FORMULAS: dict[str, Callable[[float, float], float]] = {
    "product": lambda p, q: p * q,
    "minimum": min,
    "einstein": lambda p, q: p * q / (1 + (1 - p) * (1 - q)),
    "hamacher(0)": lambda p, q: p * q / (p + q - p * q) if p or q else 0.0,
    "hamacher(0.5)": lambda p, q: p * q / (0.5 + 0.5 * (p + q - p * q)),
    "hamacher(5)": lambda p, q: p * q / (5 - 4 * (p + q - p * q)),
    "frank(1)": lambda p, q: p * q,
    "frank(0.1)": lambda p, q: math.log(1 + (0.1**p - 1) * (0.1**q - 1) / (0.1 - 1)) / math.log(0.1),
    "frank(7)": lambda p, q: math.log(1 + (7**p - 1) * (7**q - 1) / 6) / math.log(7),
    "yager(0.7)": lambda p, q: max(0.0, 1 - ((1 - p) ** 0.7 + (1 - q) ** 0.7) ** (1 / 0.7)),
    "yager(1)": lambda p, q: max(0.0, p + q - 1),
    "yager(2)": lambda p, q: max(0.0, 1 - math.hypot(1 - p, 1 - q)),
    "aczel_alsina(0.7)": lambda p, q: (
        math.exp(-(((-math.log(p)) ** 0.7 + (-math.log(q)) ** 0.7) ** (1 / 0.7))) if p and q else 0.0
    ),
    "aczel_alsina(3)": lambda p, q: (
        math.exp(-(((-math.log(p)) ** 3 + (-math.log(q)) ** 3) ** (1 / 3))) if p and q else 0.0
    ),
    "dombi(0.7)": lambda p, q: 1 / (1 + ((1 / p - 1) ** 0.7 + (1 / q - 1) ** 0.7) ** (1 / 0.7)) if p and q else 0.0,
    "dombi(2)": lambda p, q: 1 / (1 + math.hypot(1 / p - 1, 1 / q - 1)) if p and q else 0.0,
    "schweizer_sklar(-2)": schweizer_sklar(-2),
    "schweizer_sklar(0)": lambda p, q: p * q,
    "schweizer_sklar(0.5)": schweizer_sklar(0.5),
    "schweizer_sklar(3)": schweizer_sklar(3),
}
NAMES = list(FORMULAS)
GRID = [(p / 8, q / 8) for p in range(9) for q in range(9)]
P = torch.tensor([p for p, _ in GRID], dtype=D)
Q = torch.tensor([q for _, q in GRID], dtype=D)


@pytest.mark.parametrize("name", NAMES)
def test_the_formula(name: str) -> None:
    t_norm = named(name)
    expected = torch.tensor([FORMULAS[name](p, q) for p, q in GRID], dtype=D)
    torch.testing.assert_close(t_norm.conjunction(P, Q), expected)
    dual = torch.tensor([1 - FORMULAS[name](1 - p, 1 - q) for p, q in GRID], dtype=D)
    torch.testing.assert_close(t_norm.disjunction(P, Q), dual, atol=1e-7, rtol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, D], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_laws(name: str, dtype: torch.dtype) -> None:
    t_norm, p, q = named(name), P.to(dtype), Q.to(dtype)
    one, zero = torch.ones_like(p), torch.zeros_like(p)
    exact: dict[str, Any] = {"atol": 1e-6, "rtol": 1e-5}
    for both, either in ((t_norm.conjunction, t_norm.disjunction),):
        torch.testing.assert_close(both(p, one), p, **exact)
        torch.testing.assert_close(both(p, zero), zero, **exact)
        torch.testing.assert_close(either(p, zero), p, **exact)
        torch.testing.assert_close(either(p, one), one, **exact)
        for operation in (both, either):
            torch.testing.assert_close(operation(p, q), operation(q, p), **exact)
            r = p.roll(17)
            torch.testing.assert_close(
                operation(operation(p, q), r), operation(p, operation(q, r)), atol=3e-5, rtol=1e-4
            )
            result = operation(p, q)
            assert ((result >= -1e-6) & (result <= 1 + 1e-6)).all()
        # monotone, and no more than the smaller one
        grid = both(p, q).reshape(9, 9)
        assert (grid.diff(dim=0) >= -1e-6).all()
        assert (both(p, q) <= torch.minimum(p, q) + 1e-6).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, D], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_corners_have_finite_gradients(name: str, dtype: torch.dtype) -> None:
    def both(p: Any, q: Any) -> Any:
        return (1.0 if truth(p) and truth(q) else 0.0), (1.0 if truth(p) or truth(q) else 0.0)

    # derivatives may be as large as 1 / tiny**2, which half precision does not hold
    whole = dtype in (torch.float32, D)
    tiny, nearly = (torch.finfo(dtype).tiny, 1 - torch.finfo(dtype).eps / 2) if whole else (0.01, 0.99)
    values = [0.0, tiny, 0.25, 0.5, nearly, 1.0]
    pairs = [(p, q) for p in values for q in values]
    p = torch.tensor([each for each, _ in pairs], dtype=dtype, requires_grad=True)
    q = torch.tensor([each for _, each in pairs], dtype=dtype, requires_grad=True)
    for result in relax(both, batch=True, t_norm=name, epsilon=0.0)(p, q):
        assert result.dtype == dtype
        assert ((result >= 0) & (result <= 1)).all()
        for gradient in torch.autograd.grad(result.float().sum(), (p, q), retain_graph=True):
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name: str) -> None:
    def program(x: Any, y: Any, z: Any) -> Any:
        found = x > 0 and y > 0 or z > 0
        chained = x < y < z
        return (1.0 if found else 0.0) + (2.0 if chained else 0.0) + any([x > y, y > z]) + 3 * all([x > y, y > z])

    f = relax(program, beta=1.1, t_norm=name, epsilon=0.0, max_iter=20)
    inputs = [torch.tensor(each, dtype=D, requires_grad=True) for each in (0.31, 0.57, 0.83)]
    assert torch.autograd.gradcheck(f, inputs)


@pytest.mark.parametrize("name", NAMES)
def test_where_it_is_used(name: str) -> None:
    t_norm = named(name)
    p, q, r = (torch.tensor(each, dtype=D) for each in (0.7, 0.6, 0.85))
    both, either = t_norm.conjunction, t_norm.disjunction

    def program(p: Any, q: Any, r: Any) -> Any:
        a, b, c = truth(p), truth(q), truth(r)
        return (
            1.0 if a and b else 0.0,
            1.0 if a or b else 0.0,
            1.0 if a and b and c else 0.0,
            1.0 if a and (b or c) else 0.0,
            1.0 if a & b else 0.0,
            1.0 if a | b else 0.0,
            1.0 if any([a, b, c]) else 0.0,
            1.0 if all([a, b, c]) else 0.0,
            1.0 if not (a and b) else 0.0,
        )

    expected = (
        both(p, q),
        either(p, q),
        both(p, both(q, r)),
        both(p, either(q, r)),
        both(p, q),
        either(p, q),
        either(either(p, q), r),
        both(both(p, q), r),
        1 - both(p, q),
    )
    results = relax(program, t_norm=name, epsilon=0.0)(p, q, r)
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(result, dtype=D), wanted)


@pytest.mark.parametrize("name", ["product", "yager(1)", "minimum"])
def test_chains_and_membership(name: str) -> None:
    t_norm = named(name)

    def program(x: Any, y: Any) -> Any:
        return (1.0 if 0.2 < x < y else 0.0), (1.0 if x in [y, 0.6] else 0.0), (1.0 if (x, y) == (0.3, 0.6) else 0.0)

    x, y = torch.tensor(0.5, dtype=D), torch.tensor(0.9, dtype=D)
    results = relax(program, beta=3.0, t_norm=name, epsilon=0.0)(x, y)
    chain, found, equal = (torch.as_tensor(each, dtype=D) for each in results)

    def less(a: Any, b: Any) -> Tensor:
        return torch.sigmoid(3 * (torch.as_tensor(b) - torch.as_tensor(a)))

    def same(a: Any, b: Any) -> Tensor:
        return 1 / torch.cosh(1.5 * (torch.as_tensor(a) - torch.as_tensor(b))) ** 2

    torch.testing.assert_close(chain, t_norm.conjunction(less(0.2, x), less(x, y)))
    torch.testing.assert_close(found, t_norm.disjunction(same(x, y), same(x, 0.6)))
    torch.testing.assert_close(equal, t_norm.conjunction(same(x, 0.3), same(y, 0.6)))


class Drastic(TNorm):
    """The example of the documentation."""

    def conjunction(self, p: Tensor, q: Tensor) -> Tensor:
        return torch.where(torch.maximum(p, q) == 1, torch.minimum(p, q), 0.0)


def test_one_s_own_t_norm() -> None:
    def program(p: Any, q: Any) -> Any:
        return (1.0 if truth(p) and truth(q) else 0.0), (1.0 if truth(p) or truth(q) else 0.0)

    both, either = relax(program, t_norm=Drastic(), epsilon=0.0)(torch.tensor(0.5), torch.tensor(0.75))
    assert (float(both), float(either)) == (0.0, 1.0)
    assert Drastic() == Drastic()
    assert hash(Drastic()) == hash(Drastic())


def test_names() -> None:
    assert repr(named(" hamacher( 0.5 ) ")) == "Hamacher(0.5)"
    assert repr(named("einstein")) == "Einstein()"
    assert named("yager(2)") == named("yager( 2.0)") != named("yager(3)")
    for wrong in ("hamacher(-1)", "yager(0)", "yager(inf)", "frank(nan)", "schweizer_sklar(-inf)"):
        with pytest.raises(RelaxError, match="the parameter of"):
            named(wrong)
    with pytest.raises(RelaxError, match="did you mean `hamacher`"):
        named("hammacher(2)")
    with pytest.raises(RelaxError, match=r"there are product, minimum, einstein, hamacher\(p\)"):
        named("???")


def weighed(condition: Callable[..., Any]) -> Callable[..., Any]:
    """A program that tests one condition on three numbers, their truths among them."""

    def program(p: Any, q: Any, r: Any) -> Any:
        return 1.0 if condition(truth(p), truth(q), truth(r), p, q, r) else 0.0

    return program


COMBINED: dict[str, Callable[..., Any]] = {
    "a and b": lambda a, b, c, p, q, r: a and b,
    "a or b": lambda a, b, c, p, q, r: a or b,
    "a and b and c": lambda a, b, c, p, q, r: a and b and c,
    "a and (b or c)": lambda a, b, c, p, q, r: a and (b or c),
    "(a or b) and not c": lambda a, b, c, p, q, r: (a or b) and not c,
    "a or b and c": lambda a, b, c, p, q, r: a or b and c,
    "any": lambda a, b, c, p, q, r: any([a, b, c]),
    "all": lambda a, b, c, p, q, r: all([a, b, c]),
    "a chain": lambda a, b, c, p, q, r: p < q < r,
    "in": lambda a, b, c, p, q, r: p in [q, r, 0.5],
    "pairs": lambda a, b, c, p, q, r: (p, q) == (0.3, r),
}


def slopes(result: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    if not result.requires_grad:
        return tuple(map(torch.zeros_like, inputs))
    return torch.autograd.grad(result, inputs, materialize_grads=True, allow_unused=True)


@pytest.mark.parametrize("name", NAMES)
def test_single_paths_draw_what_the_t_norm_makes_of_truths(name: str) -> None:
    """However deep they are combined: exact has the value and the derivative of one merged condition."""
    inputs = [torch.tensor(each, dtype=D, requires_grad=True) for each in (0.7, 0.6, 0.85)]
    for condition in COMBINED.values():
        f = relax(weighed(condition), t_norm=name, epsilon=0.0, beta=3.0)
        merged, exact = f(*inputs), f.with_options(estimator="exact")(*inputs)
        results = [torch.as_tensor(each, dtype=D) for each in (exact, merged)]
        torch.testing.assert_close(*results, atol=1e-9, rtol=1e-9)
        torch.testing.assert_close(*(slopes(each, inputs) for each in results), atol=1e-7, rtol=1e-7)
        straight = f.with_options(mode="straight-through")(*inputs)
        assert float(torch.as_tensor(straight).detach()) == f.with_options(mode="hard")(*inputs)


@pytest.mark.parametrize("name", ["minimum", "yager(2)", "hamacher(5)", "product"])
def test_sampled_paths_do_too(name: str) -> None:
    lanes = 800
    rows = [torch.full((lanes,), each, dtype=D) for each in (0.7, 0.6, 0.85)]
    for condition in COMBINED.values():
        f = relax(weighed(condition), t_norm=name, beta=3.0, epsilon=0.0)
        found = torch.as_tensor(f.with_options(estimator="sampled", samples=4).batch()(*rows), dtype=D).expand(lanes)
        error = float(found.std()) / lanes**0.5
        assert abs(float(found.mean()) - float(f(*(row[0] for row in rows)))) <= 4 * error + 5 / lanes / 4

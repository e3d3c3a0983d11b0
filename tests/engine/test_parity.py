"""A recorded program gives what the eager path gives, over the whole pool of algorithms: values and gradients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.rendering import pixel_by_edges
from relaxpy.errors import RelaxError
from tests.algorithms.pool import POOL, Case
from tests.algorithms.test_laws import is_soft, numbers, to_tensor

SOFT = [case for case in POOL if any(map(is_soft, case.draw(1)[0]))]
CUT = {"epsilon": 0.0, "max_iter": 20}


pytestmark = pytest.mark.filterwarnings("ignore::relaxpy.errors.RelaxWarning")


def arguments(case: Case, batch: bool, draw: int = 0) -> tuple[Any, ...]:
    drawn = case.draw(3)
    if not batch:
        return tuple(to_tensor(x).requires_grad_() if is_soft(x) else to_tensor(x) for x in drawn[draw])
    return tuple(
        torch.stack([to_tensor(sample[k]) for sample in drawn]).roll(draw, 0).requires_grad_()
        if is_soft(x)
        else copy.deepcopy(x)
        for k, x in enumerate(drawn[0])
    )


def gradients(result: Any, args: tuple[Any, ...]) -> list[Tensor] | None:
    outputs = [x for x in numbers(result) if isinstance(x, Tensor) and x.requires_grad]
    if not outputs:
        return None
    total = sum(((0.3 * k + 1.0) * output).sum() for k, output in enumerate(outputs))
    inputs = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
    found = torch.autograd.grad(total, inputs, allow_unused=True)  # type: ignore[arg-type]
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found)]


def assert_alike(ours: Any, theirs: Any) -> None:
    first, second = numbers(ours), numbers(theirs)
    assert len(first) == len(second)
    for x, y in zip(first, second):
        assert type(x) is type(y)
        if isinstance(x, Tensor):
            torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-10, equal_nan=True)
            assert x.requires_grad == y.requires_grad
        else:
            assert x == y


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize("options", [{}, CUT], ids=["default", "cut"])
@pytest.mark.parametrize("case", SOFT, ids=lambda case: case.name)
def test_the_pool(case: Case, options: dict[str, Any], batch: bool) -> None:
    eager = relaxpy.relax(beta=case.beta, batch=batch, engine="eager", **options)(case.function)
    tape = relaxpy.relax(beta=case.beta, batch=batch, engine="tape", **options)(case.function)
    args = arguments(case, batch)
    try:
        expected = eager(*args)
    except RelaxError as error:
        with pytest.raises(type(error)):
            tape(*args)
        return
    for _ in range(2):
        given = arguments(case, batch)
        result = tape(*given)
        assert_alike(result, expected)
        ours = gradients(result, given)
        theirs = gradients(eager(*args), args)
        assert (ours is None) == (theirs is None)
        # a remainder by nearly nothing: operation by operation, too, the gradient jumps by 2e-10 if an input moves by 1e-14
        close = 1e-9 if case.name == "euclid_gcd" else 1e-10
        for x, y in zip(ours or [], theirs or []):
            torch.testing.assert_close(x, y, rtol=close, atol=close)
    report = tape.engine_report()
    assert (report.runs, report.recorded) == (2, 1), report


@pytest.mark.parametrize("case", SOFT, ids=lambda case: case.name)
def test_other_values_of_the_same_shapes(case: Case) -> None:
    """The first program holds, or is found out: results are the eager ones within epsilon."""
    eager = relaxpy.relax(beta=case.beta, epsilon=1e-12, batch=True)(case.function)
    tape = relaxpy.relax(beta=case.beta, epsilon=1e-12, batch=True, engine="tape")(case.function)
    tape_is_used = False
    # the remainders take a million instructions, and each of these draws others
    for draw in (1, 2) if case.name == "euclid_gcd" else (0, 1, 2, 0):
        args = tuple(
            (x.detach() * (1 + 0.1 * draw)) if isinstance(x, Tensor) and x.is_floating_point() else x
            for x in arguments(case, True, draw)
        )
        try:
            expected = eager(*args)
        except RelaxError as error:
            with pytest.raises(type(error)):
                tape(*args)
            continue
        for x, y in zip(numbers(tape(*args)), numbers(expected)):
            torch.testing.assert_close(torch.as_tensor(x), torch.as_tensor(y), rtol=1e-8, atol=1e-8, equal_nan=True)
        tape_is_used = tape_is_used or tape.engine_report().runs > 0
    assert tape_is_used or case.name in ("bisect_left", "mean_above")


@pytest.mark.parametrize(
    "case", [c for c in SOFT if c.name in ("bubble_sort", "levenshtein", "clip", "dijkstra", "newton_sqrt")]
)
def test_first_and_second_derivatives(case: Case) -> None:
    tape = relaxpy.relax(beta=case.beta, engine="tape", **CUT)(case.function)
    args = arguments(case, False)
    inputs = [x for x in args if isinstance(x, Tensor) and x.requires_grad]

    def function(*given: Tensor) -> tuple[Tensor, ...]:
        filled = iter(given)
        result = tape(*(next(filled) if isinstance(x, Tensor) and x.requires_grad else copy.deepcopy(x) for x in args))
        return tuple(x for x in numbers(result) if isinstance(x, Tensor) and x.requires_grad)

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)
    assert not tape.engine_report().eager


def test_float32() -> None:
    for case in SOFT:
        if case.name not in ("bubble_sort", "levenshtein", "viterbi"):
            continue
        args = tuple(
            x.detach().float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in arguments(case, True)
        )
        eager = relaxpy.relax(case.function, beta=case.beta, batch=True)
        tape = eager.with_options(engine="tape")
        for x, y in zip(numbers(tape(*args)), numbers(eager(*args))):
            torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)
        assert tape.engine_report().runs == 1


def test_few_lanes_of_an_image_stand_for_all_its_pixels() -> None:
    """At even steps they would be in few columns, and the program be recorded twice."""
    size = 64
    centres = (torch.arange(size) + 0.5) / size
    x, y = centres.repeat(size), centres.repeat_interleave(size)
    corners = torch.rand(320, 6, generator=torch.Generator().manual_seed(0))
    options: dict[str, Any] = {"batch": (None, 0, 0), "beta": 100.0}
    tape, eager = (relaxpy.relax(pixel_by_edges, **options, engine=engine) for engine in ("tape", "eager"))
    torch.testing.assert_close(tape(corners, x, y), eager(corners, x, y), rtol=1e-4, atol=1e-5)
    assert tape.engine_report().recorded == 1


@pytest.mark.parametrize("distribution", ["cauchy", "reciprocal"])
@pytest.mark.parametrize("program", [lambda x: x // 0.5, lambda x: round(x)])
def test_sums_of_thousands_of_terms_lose_about_as_much_by_rounding_as_torchs(program: Any, distribution: Any) -> None:
    x = torch.linspace(-3.0, 3.0, 50)
    options: Any = {"batch": True, "beta": 2.0, "distribution": distribution}
    exact = relax(program, engine="eager", **options)(x.double())
    errors = [(relax(program, engine=engine, **options)(x) - exact).abs().max() for engine in ("tape", "eager")]
    assert errors[0] <= 4.0 * errors[1]
    assert errors[0] < 0.01

"""The laws of relaxation, over the whole pool of plain algorithms."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

import relaxpy
from tests.algorithms.pool import POOL, Case


def cases(law: str) -> pytest.MarkDecorator:
    """Parametrise a test over the algorithms that obey ``law``."""
    chosen = [c for c in POOL if law in c.laws]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: f"{c.needs}-{c.name}")


# loops that are cut off after 20 turns are meant here
pytestmark = pytest.mark.filterwarnings("ignore::relaxpy.errors.RelaxWarning")


def is_soft(value: Any) -> bool:
    """Tell whether an argument is a float or a (nested) list of floats."""
    if isinstance(value, list):
        return len(value) > 0 and all(is_soft(item) for item in value)
    return isinstance(value, float)


def to_tensor(value: Any) -> Any:
    """Turn what is_soft into a tensor, and copy the rest."""
    return torch.tensor(value, dtype=torch.float64) if is_soft(value) else copy.deepcopy(value)


def numbers(result: Any) -> list[Any]:
    """List the numbers in a result, in order."""
    if isinstance(result, torch.Tensor):
        return list(result.reshape(-1).unbind()) if result.dim() > 0 else [result]
    if isinstance(result, dict):
        return [number for key in sorted(result) for number in numbers(result[key])]
    if isinstance(result, (list, tuple)):
        return [number for item in result for number in numbers(item)]
    return [result]


def lanes(result: Any, count: int) -> list[list[float]]:
    """Split a batched result into one list of numbers for each sample."""
    columns: list[list[float]] = [[] for _ in range(count)]
    for item in leaves(result):
        for lane in range(count):
            part = item[lane] if isinstance(item, torch.Tensor) and item.dim() > 0 else item
            columns[lane].extend(float(number) for number in numbers(part))
    return columns


def leaves(result: Any) -> list[Any]:
    """List the tensors and numbers in a result, in order."""
    if isinstance(result, dict):
        return [leaf for key in sorted(result) for leaf in leaves(result[key])]
    if isinstance(result, (list, tuple)):
        return [leaf for item in result for leaf in leaves(item)]
    return [result]


def smooth(case: Case, batch: bool = False) -> Callable[..., Any]:
    """Relax with no path left out and few turns of a loop: then results are smooth functions of the inputs."""
    return relaxpy.relax(beta=case.beta, batch=batch, epsilon=0.0, max_iter=20)(case.function)


@cases("identity")
def test_plain_inputs_give_what_python_gives(case: Case) -> None:
    relaxed = relaxpy.relax(case.function)
    for arguments in case.draw(3):
        ours, pythons = copy.deepcopy(arguments), copy.deepcopy(arguments)
        result, expected = relaxed(*ours), case.function(*pythons)
        assert repr(result) == repr(expected)
        assert repr(ours) == repr(pythons)


@cases("convergence")
def test_converges_to_what_python_gives(case: Case) -> None:
    relaxed = relaxpy.relax(beta=1e6)(case.function)
    for arguments in case.draw(3):
        expected = numbers(case.function(*copy.deepcopy(arguments)))
        result = numbers(relaxed(*map(to_tensor, arguments)))
        assert [float(x) for x in result] == pytest.approx([float(x) for x in expected], abs=1e-6, rel=0)


def as_function_of_tensors(
    relaxed: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Callable[..., Any], list[torch.Tensor]]:
    """Give the function from the soft arguments alone to the differentiable numbers of the result, and those."""
    places = [i for i, argument in enumerate(arguments) if is_soft(argument)]

    def function(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        full = list(copy.deepcopy(arguments))
        for place, tensor in zip(places, tensors, strict=True):
            full[place] = tensor
        result = numbers(relaxed(*full))
        return tuple(x for x in result if isinstance(x, torch.Tensor) and x.requires_grad)

    return function, [to_tensor(arguments[i]).requires_grad_() for i in places]


@cases("gradient")
def test_gradient_is_that_of_the_values(case: Case) -> None:
    relaxed = smooth(case)
    function, tensors = as_function_of_tensors(relaxed, case.draw(1)[0])
    assert len(function(*tensors)) > 0
    assert torch.autograd.gradcheck(function, tensors)


@cases("batch")
def test_batch_equals_one_call_per_sample(case: Case) -> None:
    drawn = case.draw(3)
    # Arguments that are not relaxed are shared by the samples.
    samples = [tuple(x if is_soft(x) else y for x, y in zip(sample, drawn[0], strict=True)) for sample in drawn]
    single = smooth(case)
    batched = smooth(case, batch=True)
    stacked = [
        torch.stack([to_tensor(x) for x in column]) if is_soft(column[0]) else copy.deepcopy(column[0])
        for column in zip(*samples, strict=True)
    ]
    together = lanes(batched(*stacked), len(samples))
    for sample, ours in zip(samples, together, strict=True):
        alone = [float(x) for x in numbers(single(*map(to_tensor, sample)))]
        assert ours == pytest.approx(alone, abs=1e-9, rel=1e-9)


def test_pool_is_large_enough() -> None:
    assert sum(case.needs == "core" for case in POOL) >= 24
    assert len(POOL) >= 45
    assert len({case.name for case in POOL}) == len(POOL)

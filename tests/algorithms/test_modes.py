"""Hard and straight-through decisions, over the whole pool of plain algorithms."""

from __future__ import annotations

import copy
from collections.abc import Collection

import pytest
import torch

import relaxpy
from tests.algorithms.pool import POOL, Case
from tests.algorithms.test_laws import as_function_of_tensors, is_soft, lanes, numbers, to_tensor

# it collects the numbers of which a condition holds, and their count cannot differ between the lanes of a batch
NOT_IN_BATCHES = {"mean_above"}
# it divides by that count, which is soft where both sides of the condition are followed
NOT_STRAIGHT = NOT_IN_BATCHES


def algorithms(without: Collection[str] = ()) -> pytest.MarkDecorator:
    chosen = [case for case in POOL if case.name not in without]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: f"{c.needs}-{c.name}")


pytestmark = pytest.mark.filterwarnings("ignore::relaxpy.errors.RelaxWarning")


@algorithms()
def test_hard_mode_does_what_python_does(case: Case) -> None:
    hard = relaxpy.relax(case.function, mode="hard")
    for arguments in case.draw(3):
        expected = numbers(case.function(*copy.deepcopy(arguments)))
        result = numbers(hard(*map(to_tensor, arguments)))
        assert [float(x) for x in result] == pytest.approx([float(x) for x in expected], abs=1e-12, rel=1e-12)


@algorithms(NOT_IN_BATCHES)
def test_hard_mode_of_a_batch_is_that_of_each_sample(case: Case) -> None:
    drawn = case.draw(3)
    samples = [tuple(x if is_soft(x) else y for x, y in zip(sample, drawn[0], strict=True)) for sample in drawn]
    stacked = [
        torch.stack([to_tensor(x) for x in column]) if is_soft(column[0]) else copy.deepcopy(column[0])
        for column in zip(*samples, strict=True)
    ]
    together = lanes(relaxpy.relax(case.function, mode="hard", batch=True)(*stacked), len(samples))
    for sample, ours in zip(samples, together, strict=True):
        alone = [float(x) for x in numbers(relaxpy.relax(case.function, mode="hard")(*map(to_tensor, sample)))]
        assert ours == pytest.approx(alone, abs=1e-12, rel=1e-12)


@algorithms(NOT_STRAIGHT)
def test_straight_through_has_the_values_of_hard_mode(case: Case) -> None:
    arguments = case.draw(1)[0]
    hard = [float(x) for x in numbers(relaxpy.relax(case.function, mode="hard")(*map(to_tensor, arguments)))]
    straight = relaxpy.relax(case.function, mode="straight-through", beta=case.beta, max_iter=20)
    function, tensors = as_function_of_tensors(straight, arguments)
    result = numbers(straight(*map(to_tensor, arguments)))
    assert [float(x) for x in result] == hard
    for each in function(*tensors):
        for gradient in torch.autograd.grad(each, tensors, retain_graph=True, allow_unused=True):
            assert gradient is None or bool(torch.isfinite(gradient).all())



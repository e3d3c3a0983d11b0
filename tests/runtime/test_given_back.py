"""What a caller gives in lists, dicts and dataclasses is there after a call as the same object, if nothing was stored in it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax


@dataclasses.dataclass
class Weights:
    matrix: Any


def positive(matrix: Any) -> Any:
    total = 0.0
    for i in range(2):
        for j in range(2):
            if matrix[i][j] > 0.0:
                total = total + matrix[i, j]
    return total


def read_only(where: Any) -> Any:
    return positive(where.matrix if isinstance(where, Weights) else where[0])


HOLDERS = [lambda x: [x], lambda x: {0: x}, lambda x: Weights(x)]


def held(holder: Any) -> Any:
    return holder.matrix if isinstance(holder, Weights) else holder[0]


def matrix(batch: bool) -> Tensor:
    shape = (3, 2, 2) if batch else (2, 2)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize("engine", ["eager", "auto", "tape"])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("hold", HOLDERS)
def test_what_was_only_read_stays_the_callers_own(hold: Any, batch: bool, engine: Any) -> None:
    given = matrix(batch)
    holder = hold(given)
    relaxed = relax(read_only, batch=batch, engine=engine)
    for _ in range(3):
        relaxed(holder).sum().backward()
        assert held(holder) is given
    assert given.grad is not None
    again = given.detach().clone().requires_grad_()
    relax(read_only, batch=batch, engine="eager")(hold(again)).sum().backward()
    assert again.grad is not None
    torch.testing.assert_close(given.grad, 3 * again.grad)


@pytest.mark.parametrize("batch", [False, True])
def test_an_argument_that_was_only_read_is_returned_as_it_was(batch: bool) -> None:
    given = matrix(batch)
    _, returned = relax(lambda x: (positive(x), x), batch=batch)(given)
    assert returned is given


def with_store(where: Any, row: bool) -> Any:
    x = where[0]
    if x[0, 0] > 0.0:
        if row:
            x[1] = x[0] * 2.0
        else:
            x[1][1] = x[0, 0] * 2.0
    return x[1, 1]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("row", [False, True])
def test_what_was_stored_in_is_another_tensor(row: bool, batch: bool) -> None:
    given = matrix(batch)
    before = given.detach().clone()
    holder = [given]
    result = relax(with_store, batch=(0, None) if batch else False)(holder, row)
    assert holder[0] is not given
    torch.testing.assert_close(given.detach(), before)
    torch.testing.assert_close(holder[0][..., 1, 1], result)
    assert not torch.equal(holder[0], given)


def test_what_was_stored_and_taken_back_is_the_callers_own() -> None:
    given = matrix(False)
    holder = [given]

    def swap_twice(where: Any) -> Any:
        x = where[0]
        for _ in range(2):
            x[0], x[1] = x[1], x[0]
        return x[0, 0] if x[1, 1] > 0.0 else x[0, 1]

    relax(swap_twice)(holder)
    torch.testing.assert_close(holder[0], given)

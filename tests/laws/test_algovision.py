"""Parity with AlgoVision, by the paper's authors: the same algorithms in its language and in plain Python."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax

algovision = pytest.importorskip("algovision")


def bubble_sort(a: Any) -> Any:
    n = len(a) - 1
    swapped = True
    unsorted = False
    swaps = 0
    while swapped:
        swapped = False
        for i in range(n):
            if a[i] > a[i + 1]:
                a[i], a[i + 1] = a[i + 1], a[i]
                swapped = True
                unsorted = True
                swaps += 1
        n -= 1
    return a, unsorted, swaps


def count_up(x: Any, bound: Any) -> Any:
    while x < bound:
        x += 1
    return x


def peer_bubble_sort(beta: float) -> Any:
    av = algovision
    swap = [
        av.Let("array", [lambda i: i + 1], "a"),
        av.Let("array", ["i"], "b"),
        av.Let("swapped", lambda swapped: 1.0),
        av.Let("unsorted", 1.0),
        av.Let("swaps", lambda swaps: swaps + 1.0),
    ]
    return av.Algorithm(
        av.Input("array"),
        *(
            av.Var(name, torch.tensor(value))
            for name, value in zip(("a", "b", "swapped"), (0.0, 0.0, 1.0), strict=True)
        ),
        *(av.Var(name, torch.tensor(0.0)) for name in ("unsorted", "swaps")),
        av.VarInt("j", 0),
        av.VarInt("n", lambda array: array.shape[1] - 1),
        av.While(
            av.IsTrue("swapped"),
            av.Let("swapped", 0),
            av.For(
                "i",
                "n",
                av.LetInt("j", lambda i: i + 1),
                av.Let("a", "array", ["i"]),
                av.Let("b", "array", ["j"]),
                av.If(av.GT("a", "b"), if_true=swap),
            ),
            av.LetInt("n", lambda n: n - 1),
        ),
        av.Output("array"),
        av.Output("unsorted"),
        av.Output("swaps"),
        beta=beta,
    )


def peer_count_up(beta: float) -> Any:
    av = algovision
    loop = av.While(av.LT("x", "bound"), av.Let("x", lambda x: x + 1))
    return av.Algorithm(av.Input("x"), av.Input("bound"), loop, av.Output("x"), beta=beta)


def assert_parity(ours: Any, theirs: Any, inputs: tuple[Tensor, ...]) -> None:
    assert len(ours) == len(theirs)
    for mine, peer in zip(ours, theirs, strict=True):
        peer = peer.reshape(mine.shape)
        assert mine.dtype == torch.float32
        assert torch.allclose(mine, peer, atol=1e-4)
        weights = torch.rand_like(peer) + 0.5
        gradients = [torch.autograd.grad((v * weights).sum(), inputs, retain_graph=True) for v in (mine, peer)]
        for left, right in zip(*gradients, strict=True):
            assert torch.allclose(left, right, atol=1e-4)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_bubble_sort(n: int) -> None:
    torch.set_default_dtype(torch.float32)
    values = torch.randn(16, n, requires_grad=True)
    ours = relax(bubble_sort, batch=True, beta=8.0)(values)
    assert_parity(ours, peer_bubble_sort(8.0)(values), (values,))


def test_while_loop_with_start_and_bound_as_inputs() -> None:
    torch.set_default_dtype(torch.float32)
    start = (torch.rand(16) * 2).requires_grad_()
    bound = (torch.rand(16) * 4 + 1).requires_grad_()
    ours = relax(count_up, batch=True, beta=1.25)(start, bound)
    assert_parity((ours,), (peer_count_up(1.25)(start, bound),), (start, bound))

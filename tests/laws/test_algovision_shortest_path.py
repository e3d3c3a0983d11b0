"""Parity with AlgoVision's shortest-path example, with each of its three conorms, from plain Python."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax

algovision = pytest.importorskip("algovision")

FAR = 1e12
MOVES = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def shortest_path(cost: Any, rounds: int) -> Any:
    """Which cells of a grid are on the cheapest path from the top left to the bottom right corner."""
    height, width = len(cost), len(cost[0])
    cells = [(i, j) for i in range(height) for j in range(width)]
    neighbours = {
        (i, j): [(i + di) * width + j + dj for di, dj in MOVES if 0 <= i + di < height and 0 <= j + dj < width]
        for i, j in cells
    }
    distance = [0.0] + [FAR] * (height * width - 1)
    previous = [0] * (height * width)
    for _ in range(rounds):
        found = list(distance)
        for cell, (i, j) in enumerate(cells):
            near = neighbours[i, j]
            previous[cell] = near[min(range(len(near)), key=lambda k: distance[near[k]])]
            found[cell] = min([distance[each] for each in near]) + cost[i][j]
        found[0] = 0.0
        distance = found
    position = height * width - 1
    on_path = [False] * (height * width)
    for _ in range(rounds):
        for cell in range(height * width):
            on_path[cell] = on_path[cell] or position == cell
        position = previous[position]
    return on_path


def peer_shortest_path(beta: float, rounds: int, conorm: Any) -> Any:
    av = algovision

    def relaxed_step(d: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
        near = torch.nn.functional.unfold(d.unsqueeze(1), kernel_size=(3, 3)).transpose(-2, -1)
        near = torch.cat([near[..., :4], near[..., 5:]], dim=-1).view(len(d), *cost.shape[1:], 8)
        weights = torch.softmax(-beta * near, dim=-1)
        new = torch.nn.functional.pad((weights * near).sum(-1) + cost, (1, 1, 1, 1), "constant", FAR)
        return new, weights

    def step_back(place: Tensor, weights: Tensor) -> Tensor:
        moving = torch.nn.functional.pad(place.unsqueeze(-1) * weights, (0, 0, 1, 1, 1, 1))
        height, width = place.shape[1:]
        return sum(  # type: ignore[return-value]
            moving[:, 1 - di : 1 - di + height, 1 - dj : 1 - dj + width, k] for k, (di, dj) in enumerate(MOVES)
        )

    return av.Algorithm(
        av.Input("cost"),
        av.Var("d", lambda cost: torch.full((cost.shape[1] + 2, cost.shape[2] + 2), FAR)),
        av.Var("w", lambda cost: torch.zeros(*cost.shape[1:], 8)),
        av.Var("place", lambda cost: torch.zeros(cost.shape[1:])),
        av.Var("tracked", lambda cost: torch.zeros(cost.shape[1:])),
        av.Let("d", [1, 1], 0.0),
        av.Let("place", [-1, -1], 1.0),
        av.For(
            "i",
            rounds,
            av.Let(["d", "w"], lambda d, cost: relaxed_step(d, cost)),
            av.Let("d", [1, 1], 0.0),
        ),
        av.For(
            "j",
            rounds,
            av.Let("tracked", lambda tracked, place: conorm(tracked, place)),
            av.Let("place", lambda place, w: step_back(place, w)),
        ),
        av.Output("tracked"),
        beta=beta,
    )


def hamacher(a: Tensor, b: Tensor, p: float = 5.0) -> Tensor:
    return (a + b + (p - 2) * a * b) / (1 + (p - 1) * a * b)


CONORMS = [
    ("product", lambda a, b: a + b - a * b),
    ("hamacher(5)", hamacher),
    ("yager(1)", lambda a, b: 1 - torch.relu(1 - a - b)),
]


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize(("t_norm", "conorm"), CONORMS, ids=[name for name, _ in CONORMS])
def test_the_tracked_path(t_norm: str, conorm: Any) -> None:
    beta, rounds = 10.0, 7
    torch.set_default_dtype(torch.float64)
    cost = torch.sigmoid(torch.randn(2, 4, 3) * 4) + 0.2
    ours, theirs = cost.clone().requires_grad_(), cost.clone().requires_grad_()
    with_ours = relax(shortest_path, hard=("rounds",), batch=True, beta=beta, t_norm=t_norm, epsilon=1e-12)(
        ours, rounds
    )
    expected = peer_shortest_path(beta, rounds, conorm)(theirs).flatten(1)
    tracked = torch.stack([torch.as_tensor(on, dtype=torch.float64).expand(2) for on in with_ours], 1)
    assert (tracked - expected).abs().max() < 1e-4
    weights = torch.randn_like(tracked)
    gradients = [
        torch.autograd.grad((each * weights).sum(), leaf)[0] for each, leaf in ((tracked, ours), (expected, theirs))
    ]
    assert (gradients[0] - gradients[1]).abs().max() < 1e-4


def test_the_plain_program_finds_the_path() -> None:
    cost = [[1.0, 9.0, 1.0], [1.0, 9.0, 1.0], [9.0, 1.0, 1.0]]
    path = shortest_path(cost, 9)
    assert [k for k, on in enumerate(path) if on] == [0, 3, 7, 8]
    soft = relax(shortest_path, hard=("rounds",), beta=1e4)(torch.tensor(cost), 4)
    assert [math.isclose(float(on), 1.0, abs_tol=1e-6) for on in soft] == list(path)

"""The benchmarks' programs in the language of AlgoVision, by the paper's authors."""

from __future__ import annotations

from typing import Any

import algovision as av
import torch
from torch import Tensor


def levenshtein(n: int, beta: float) -> Any:
    """Edit distance of words of n soft letters, element by element."""
    smallest = av.Min(beta)
    return av.Algorithm(
        av.Input("a"),
        av.Input("b"),
        av.Var("d", torch.zeros(n + 1, n + 1)),
        av.Var("change", torch.tensor(0.0)),
        av.For("i", list(range(n + 1)), av.Let("d", ["i", 0], lambda i: float(i))),
        av.For("j", list(range(n + 1)), av.Let("d", [0, "j"], lambda j: float(j))),
        av.For(
            "i",
            list(range(1, n + 1)),
            av.For(
                "j",
                list(range(1, n + 1)),
                av.If(
                    av.CosineSimilarity(lambda a, i: a[:, i - 1], lambda b, j: b[:, j - 1]),
                    if_true=[av.Let("change", 0.0)],
                    if_false=[av.Let("change", 1.0)],
                ),
                av.Let(
                    "d",
                    ["i", "j"],
                    lambda d, i, j, change: smallest(
                        d[:, i - 1, j] + 1, d[:, i, j - 1] + 1, d[:, i - 1, j - 1] + change
                    ),
                ),
            ),
        ),
        av.Output("d"),
        beta=beta,
    )


def _inside(triangles: Tensor, x: Tensor, y: Tensor, hit: Any, pick: Any) -> Any:
    """Three nested conditions, one for each edge; only what they change is a variable, so that nothing else is merged."""

    def left(k: int) -> Any:
        def side(i: Any) -> Tensor:
            start, along = pick(triangles[..., k, :], i), pick(triangles[..., (k + 1) % 3, :] - triangles[..., k, :], i)
            return along[..., 0] * (y - start[..., 1]) - along[..., 1] * (x - start[..., 0])

        return lambda i: side(i)

    for k in (2, 1, 0):
        hit = [av.If(av.GT(left(k), lambda hit: torch.zeros_like(hit)), if_true=hit)]
    return hit


def silhouette(triangles: Tensor, x: Tensor, y: Tensor, beta: float) -> Tensor:
    """Pixels (x, y) by three nested conditions, triangle by triangle, (count, 6); the lanes are the pixels."""
    corners = triangles.view(-1, 3, 2)
    hit = _inside(corners, x, y, [av.Let("hit", lambda hit: torch.ones_like(hit))], lambda corner, i: corner[i])
    program = av.For("i", list(range(len(corners))), *hit)
    result: Tensor = av.Algorithm(av.Input("hit"), program, av.Output("hit"), beta=beta)(torch.zeros_like(x))
    return result


def vectorised_silhouette(triangles: Tensor, x: Tensor, y: Tensor, beta: float) -> Tensor:
    """All triangles of a pixel at once; that one triangle is enough is said in torch."""
    corners = triangles.view(-1, 3, 2)
    hit = _inside(
        corners, x[:, None], y[:, None], [av.Let("hit", lambda hit: torch.ones_like(hit))], lambda corner, i: corner
    )
    program = av.For("i", 1, *hit)
    hits = av.Algorithm(av.Input("hit"), program, av.Output("hit"), beta=beta)(x.new_zeros(len(x), len(corners)))
    return 1 - (1 - hits).prod(1)


def newton_sqrt(beta: float, tolerance: float = 0.01) -> Any:
    """Newton's iteration by a while loop."""
    return av.Algorithm(
        av.Input("square"),
        av.Var("root", torch.tensor(1.0)),
        av.If(av.GT("square", lambda square: torch.ones_like(square)), if_true=[av.Let("root", "square")]),
        av.While(
            av.GT(lambda root, square: root * root - square, lambda square: torch.full_like(square, tolerance)),
            av.Let("root", lambda root, square: (root + square / root) / 2),
        ),
        av.Output("root"),
        beta=beta,
    )


def selection_sort(n: int, beta: float) -> Any:
    """Selection sort; the position of the smallest is a vector of weights."""
    places = torch.eye(n)

    def here(name: str) -> Any:
        if name == "i":
            return lambda array, i: places[i].expand_as(array)
        return lambda array, j: places[j].expand_as(array)

    return av.Algorithm(
        av.Input("array"),
        av.Var("smallest", torch.zeros(n)),
        av.Var("old", torch.tensor(0.0)),
        av.Var("value", torch.tensor(0.0)),
        av.For(
            "i",
            list(range(n - 1)),
            av.Let("smallest", here("i")),
            av.For(
                "j",
                lambda i: list(range(i + 1, n)),
                av.If(
                    av.LT(lambda array, j: array[:, j], lambda array, smallest: (array * smallest).sum(1)),
                    if_true=[av.Let("smallest", here("j"))],
                ),
            ),
            av.Let("old", "array", ["i"]),
            av.Let("value", lambda array, smallest: (array * smallest).sum(1)),
            av.Let("array", ["i"], "value"),
            av.Let("array", [lambda smallest: smallest], "old"),
        ),
        av.Output("array"),
        beta=beta,
    )

"""The benchmarks' programs as someone would write them in torch by hand, for a whole batch at once."""

from __future__ import annotations

import torch
from diffsort import DiffSortNet
from torch import Tensor
from torch.nn import functional

FAR = 1e12


def softmin(values: Tensor, beta: float) -> Tensor:
    """The expectation of the minimum along the last axis (paper Eq. 10)."""
    return (torch.softmax(-beta * values, -1) * values).sum(-1)


def sorting_network(n: int, beta: float) -> DiffSortNet:
    """An odd-even network of soft comparators; called with (batch, n) it gives the sorted rows and a permutation."""
    return DiffSortNet("odd_even", n, steepness=beta, distribution="logistic")


def levenshtein(p: Tensor, q: Tensor, beta: float) -> Tensor:
    """Edit distance of two words of soft letters, (batch, n, letters), one anti-diagonal of the table at a time."""
    n, m = p.shape[1], q.shape[1]
    change = 1 - functional.normalize(p, dim=-1) @ functional.normalize(q, dim=-1).transpose(1, 2)
    flipped = change.flip(1)  # its diagonals are the anti-diagonals
    before = p.new_zeros(len(p), 1)
    last = p.new_ones(len(p), 2)
    for k in range(2, n + m + 1):
        low, high = max(0, k - m), min(n, k)  # rows of this anti-diagonal
        first, end = max(low, 1), min(high, k - 1)
        offset_last, offset_before = max(0, k - 1 - m), max(0, k - 2 - m)
        left = last[:, first - offset_last : end - offset_last + 1]
        above = last[:, first - 1 - offset_last : end - offset_last]
        corner = before[:, first - 1 - offset_before : end - offset_before]
        costs = flipped.diagonal(k - 1 - n, 1, 2)[:, : end - first + 1].flip(1)
        inner = softmin(torch.stack([above + 1, left + 1, corner + costs], -1), beta)
        border = p.new_full((len(p), 1), float(k))
        before, last = last, torch.cat([border] * (low == 0) + [inner] + [border] * (high == k), 1)
    return last[:, 0]


def shortest_path(cost: Tensor, rounds: int, beta: float) -> Tensor:
    """Bellman-Ford with traceback on grids (batch, height, width), by unfolding eight neighbours at once."""
    batch, height, width = cost.shape
    start = torch.zeros(height, width, dtype=torch.bool)
    start[0, 0] = True
    distance = torch.full_like(cost, FAR).masked_fill(start, 0.0)
    for _ in range(rounds):
        padded = functional.pad(distance, (1, 1, 1, 1), value=FAR).unsqueeze(1)
        around = functional.unfold(padded, 3).view(batch, 9, height, width)
        near = torch.cat([around[:, :4], around[:, 5:]], 1)
        weights = torch.softmax(-beta * near, 1)
        distance = ((weights * near).sum(1) + cost).masked_fill(start, 0.0)
    place = torch.zeros_like(cost)
    place[:, -1, -1] = 1.0
    tracked = torch.zeros_like(cost)
    zero = weights.new_zeros(batch, 1, height, width)
    kernels = torch.cat([weights[:, :4], zero, weights[:, 4:]], 1)
    for _ in range(rounds):
        tracked = tracked + place - tracked * place
        moving = (place.unsqueeze(1) * kernels).view(batch, 9, height * width)
        folded = functional.fold(moving, (height + 2, width + 2), 3)
        place = folded[:, 0, 1:-1, 1:-1]
    return tracked


def silhouette(triangles: Tensor, x: Tensor, y: Tensor, beta: float) -> Tensor:
    """The probability of each pixel (x, y) to lie in some triangle, (count, 6): a dense rasteriser."""
    corners = triangles.view(-1, 3, 2)
    outside = torch.ones_like(x)
    for part in corners.split(64):  # in parts, for memory
        inside: Tensor | float = 1.0
        for k in range(3):
            start, along = part[:, k, None], part[:, (k + 1) % 3, None] - part[:, k, None]
            left = along[..., 0] * (y - start[..., 1]) - along[..., 1] * (x - start[..., 0])
            inside = inside * torch.sigmoid(beta * left)
        outside = outside * (1 - inside).prod(0)
    return 1 - outside


def newton_sqrt(square: Tensor, beta: float, tolerance: float = 0.01, steps: int = 12) -> Tensor:
    """Square roots by Newton's iteration: each state weighed by the probability to stop there."""
    begins_at_square = torch.sigmoid(beta * (square - 1))
    root = begins_at_square * square + 1 - begins_at_square
    mass = torch.ones_like(square)
    result = torch.zeros_like(square)
    for _ in range(steps):
        again = torch.sigmoid(beta * (root * root - square - tolerance))
        result = result + mass * (1 - again) * root
        mass = mass * again
        root = (root + square / root) / 2
    return result + mass * root


def selection_sort(array: Tensor, beta: float) -> Tensor:
    """Selection sort of rows (batch, n), the position of the smallest as weights over positions."""
    n = array.shape[1]
    places = torch.eye(n, dtype=array.dtype)
    for i in range(n - 1):
        smallest = places[i].expand_as(array)
        for j in range(i + 1, n):
            p = torch.sigmoid(beta * ((smallest * array).sum(1) - array[:, j])).unsqueeze(1)
            smallest = p * places[j] + (1 - p) * smallest
        value, old = (smallest * array).sum(1, keepdim=True), array[:, i : i + 1]
        array = torch.where(places[i] > 0, value, array)
        array = smallest * old + (1 - smallest) * array
    return array

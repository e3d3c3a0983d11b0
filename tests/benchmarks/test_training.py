"""In a step of the sorting experiment the algorithm takes next to nothing of the time."""

from __future__ import annotations

import pytest

pytest.importorskip("llvmlite")

from relaxpy.experiments.data import load_digits
from tests.benchmarks.training import measure


def test_the_algorithm_takes_less_than_a_twentieth_of_a_training_step() -> None:
    found = measure("small", load_digits()[0], n=5, batch=20, steps=11)
    assert found.keys() == {"eager", "auto"}
    algorithm, step = found["auto"]
    assert 0 < algorithm < step / 20
    assert algorithm < found["eager"][0]

"""The examples in the docstrings, and the promise that the algorithms know nothing of relaxation."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import relaxpy.algorithms
from tests.algorithms import watched

NAMES = [f"relaxpy.algorithms.{module.name}" for module in pkgutil.iter_modules(relaxpy.algorithms.__path__)]


@pytest.mark.parametrize("name", [*NAMES, "relaxpy.algorithms", watched.__name__])
def test_examples(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def test_every_algorithm_has_an_example() -> None:
    for name in NAMES:
        module = importlib.import_module(name)
        for value in vars(module).values():
            if callable(value) and getattr(value, "__module__", None) == name:
                assert value.__doc__, f"{name}.{value.__name__} has no docstring"


def test_algorithms_need_neither_torch_nor_numpy() -> None:
    code = f"""
import sys
for name in {NAMES!r}:
    __import__(name)
assert not {{"torch", "numpy", "libcst"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""These tests compare with calls that run operation by operation: that is the engine where a test does not choose one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import relaxpy
from relaxpy.engine import objectcode, packed


@pytest.fixture(autouse=True)
def eager_by_default() -> Iterator[None]:
    with relaxpy.options(engine="eager"):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test is run with both executors, but for modules that say with which."""
    metafunc.parametrize("executor", getattr(metafunc.module, "EXECUTORS", ("machine", "packed")), indirect=True)


@pytest.fixture(autouse=True)
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What runs recorded programs: the vector machine, or, as where there is no llvmlite, groups of torch operations."""
    name: str = request.param
    if name == "machine":
        pytest.importorskip("llvmlite")
    else:
        monkeypatch.setattr(objectcode, "available", lambda: False)
    return name


@pytest.fixture
def groups_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """For programs that are too small to be worth running in groups: what is worth it is tested apart (test_packed.py)."""
    monkeypatch.setattr(packed, "GROUP_COST", 0.0)


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()

"""These tests compare with calls that run operation by operation: that is the engine where a test does not choose one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import relaxpy


@pytest.fixture(autouse=True)
def eager_by_default() -> Iterator[None]:
    with relaxpy.options(engine="eager"):
        yield

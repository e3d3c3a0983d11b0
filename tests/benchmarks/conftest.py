"""An option of the tests of speed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="time all rows of the benchmark, not small ones only")

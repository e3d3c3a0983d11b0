from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.stdlib.campaign import compared
from tests.stdlib.library import examined
from tests.stdlib.suites import SMALL, SUITES, Suite

needs_tests = pytest.mark.skipif(
    importlib.util.find_spec("test.test_heapq") is None, reason="this Python was installed without its own tests"
)
CHOSEN = [suite for suite in SUITES if suite.name in SMALL]


@needs_tests
@pytest.mark.parametrize("suite", CHOSEN, ids=lambda suite: suite.name)
def test_the_same_tests_pass_on_rewritten_copies(suite: Suite) -> None:
    comparison = compared(suite.present())
    assert comparison.unexplained == {}
    assert sum(outcome == "passed" for outcome in comparison.copy.values()) > 5


@needs_tests
def test_a_difference_is_found() -> None:
    comparison = compared(Suite("test_colorsys", ("colorsys",)), "text", "missing")
    assert "test_hsv_values (test.test_colorsys.ColorsysTest.test_hsv_values)" in comparison.unexplained


@pytest.mark.parametrize("name", ["heapq", "textwrap", "zoneinfo._zoneinfo", "asyncio.tasks"])
def test_rewritten_files_compile_and_keep_their_lines(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    found = examined(str(Path(spec.origin)))
    assert found is not None
    assert (found.refused, found.wrong) == ("", "")

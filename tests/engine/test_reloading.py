"""A module whose source changes: programs of what is imported anew are of the new source, and old functions see new globals."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax

X = torch.tensor([0.7, -0.3, 1.2], dtype=torch.float64)
Edit = Callable[..., ModuleType]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Write a module and import it, anew if it was there: ``edit("name", "text")``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    clock = iter(range(1, 100))
    edited: set[str] = set()

    def edit(name: str, text: str) -> ModuleType:
        edited.add(name)
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(text))
        moment = os.stat(file).st_mtime + 10 * next(clock)  # so that no two versions are of one moment
        os.utime(file, (moment, moment))
        importlib.invalidate_caches()
        linecache.checkcache()
        known = sys.modules.get(name)
        return importlib.import_module(name) if known is None else importlib.reload(known)

    yield edit
    for name in edited:
        sys.modules.pop(name, None)


DECORATED = """
    from relaxpy import relax

    FACTOR = {factor}

    def helper(x):
        return x * {inside}

    @relax(batch=True, engine="tape")
    def scaled(x):
        return helper(x) * FACTOR if x > {level} else x
"""


def expected(factor: float, inside: float, level: float) -> Any:
    return relax(lambda x: x * inside * factor if x > level else x, batch=True)(X)


VERSIONS = [
    {"factor": 2.0, "inside": 1.0, "level": 0.0},
    {"factor": 3.0, "inside": 1.0, "level": 0.0},
    {"factor": 3.0, "inside": 5.0, "level": 0.0},
    {"factor": 3.0, "inside": 5.0, "level": 0.5},
]


def test_a_relaxed_function_of_a_module_that_is_edited_and_imported_again(edit: Edit) -> None:
    for version in VERSIONS:
        module = edit("edited", DECORATED.format(**version))
        for _ in range(2):
            torch.testing.assert_close(module.scaled(X), expected(**version))
        assert module.scaled.engine_report().runs == 2


def test_an_old_function_sees_what_the_new_source_put_into_its_globals(edit: Edit) -> None:
    """As in Python: its own code is the old one, its helpers and globals are those of the module now."""
    old = edit("edited", DECORATED.format(**VERSIONS[0])).scaled
    for version in VERSIONS:
        edit("edited", DECORATED.format(**version))
        for _ in range(2):
            torch.testing.assert_close(old(X), expected(**{**version, "level": VERSIONS[0]["level"]}))
    assert old.engine_report().runs == 2 * len(VERSIONS)


@pytest.mark.parametrize("reach", ["import edited_helper", "from edited_helper import helper"])
def test_a_helper_in_another_module_that_is_edited(edit: Edit, reach: str) -> None:
    """A name that was imported stays the old function, as in Python; an attribute of the module is the new one."""
    call = "edited_helper.helper" if reach.startswith("import") else "helper"
    edit("edited_helper", "def helper(x):\n    return x * 2.0\n")
    text = f"{reach}\nfrom relaxpy import relax\n\n"
    text += f"def scaled(x):\n    return {call}(x) if x > 0.0 else x\n"
    module = edit("edited_user", text)
    tape, eager = (relax(module.scaled, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    torch.testing.assert_close(tape(X), eager(X))
    edit("edited_helper", "def helper(x):\n    return x * 7.0\n")
    for _ in range(2):
        torch.testing.assert_close(tape(X), eager(X))
    factor = 7.0 if reach.startswith("import") else 2.0
    torch.testing.assert_close(tape(X), expected(1.0, factor, 0.0))
    assert tape.engine_report().runs == 4


def test_a_module_that_is_relaxed_as_it_is_imported(edit: Edit) -> None:
    text = "def scaled(x):\n    return x * {factor} if x > 0.0 else x\n"
    with relaxpy.install("edited_hooked"), relaxpy.options(engine="tape"):
        for factor in (2.0, 7.0):
            module = edit("edited_hooked", text.format(factor=factor))
            function = relax(module.scaled, batch=True, engine="tape")
            for _ in range(2):
                torch.testing.assert_close(function(X), expected(factor, 1.0, 0.0))
            assert function.engine_report().runs == 2


def test_a_function_whose_code_is_replaced(edit: Edit) -> None:
    """What another function does now counts, not what it did."""
    module = edit("edited", "def helper(x):\n    return x * 2.0\n\ndef scaled(x):\n    return helper(x) if x > 0.0 else x\n")
    tape = relax(module.scaled, batch=True, engine="tape")
    torch.testing.assert_close(tape(X), expected(1.0, 2.0, 0.0))

    def other(x: Any) -> Any:
        return x * 4.0

    module.helper.__code__ = other.__code__
    torch.testing.assert_close(tape(X), relax(module.scaled, batch=True)(X))

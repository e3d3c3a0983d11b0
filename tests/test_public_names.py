"""What `relaxpy` offers by name, and that asking for it is what imports it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import relaxpy


@pytest.mark.parametrize("name", relaxpy.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert name in dir(relaxpy)
    if name != "__version__":
        assert getattr(relaxpy, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'relaxpy' has no attribute 'relux'"):
        relaxpy.relux  # noqa: B018


def test_schedules_come_without_torch() -> None:
    code = "import sys, relaxpy; relaxpy.schedules.linear(1, 2, 3); print('torch' in sys.modules, 'libcst' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "False"]

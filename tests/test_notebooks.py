"""The notebooks run from top to bottom, and show what they say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import relaxpy

_ROOT = Path(relaxpy.__file__).parent.parent
_NOTEBOOKS = sorted((_ROOT / "notebooks").glob("*.ipynb"))


def outputs(notebook: Any) -> list[str]:
    """What each cell shows, as text."""
    shown = []
    for cell in notebook.cells:
        parts = [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ())]
        shown.append(f"{cell.source}\n\n{''.join(parts)}")
    return shown


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows_what_is_kept(path: Path, tmp_path: Path) -> None:
    kept = nbformat.read(path, as_version=4)
    fresh = nbformat.from_dict(kept)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "IPYTHONDIR": str(tmp_path)}
    client = NotebookClient(fresh, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    before = outputs(kept)
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(fresh.cells):
            client.execute_cell(cell, number)
    assert outputs(fresh) == before


def test_there_is_one() -> None:
    assert [path.stem for path in _NOTEBOOKS] == ["modules_and_cells"]

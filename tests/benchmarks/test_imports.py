"""The benchmark of imports measures what it says, and rewriting and starting stay in their bounds."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.imports import measure, report


def test_imports_rewriting_and_start(tmp_path: Path) -> None:
    imports, rewriting, start = measure(tmp_path, 4)
    source = (tmp_path / "algorithms.py").read_text()
    assert 900 < source.count("\n") <= 1000
    assert rewriting.ratio < 30  # 18 to 26 where the machine is shared: what is promised is 25 on a quiet one
    # What is kept is used: rewriting would take a hundred times as long.
    assert all(measured.ratio < 5 for measured in imports)
    assert {path.name.partition(".")[0] for path in tmp_path.rglob("*-relaxpy.pyc")} >= {m.what for m in imports}
    assert "cached import of algorithms" in report(imports, rewriting, start)
    assert start.relaxed - start.plain < 0.5

"""The benchmark's programs under pytest-benchmark, to compare one version of relaxpy with another:

    python -m pytest tests/benchmarks/test_speed.py --benchmark-autosave --benchmark-compare

times small sizes; with ``--whole`` those of the table, which `python -m tests.benchmarks` prints with all that belongs to them.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.measure import Row, first_look, forward_backward
from tests.benchmarks.rows import COMPILED, rows, small_rows

pytestmark = pytest.mark.benchmark(max_time=0.2, min_rounds=5, warmup=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    table = rows() if metafunc.config.getoption("--whole", False) else small_rows()
    if "column" in metafunc.fixturenames:
        cells = [(row, column) for row in table for column in row.columns if column != COMPILED]
        metafunc.parametrize(("row", "column"), cells, ids=[f"{row.name}, {column}" for row, column in cells])
    else:
        plain = [row for row in table if row.hard]
        metafunc.parametrize("row", plain, ids=[row.name for row in plain])


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence", "ignore:.*mass of")
def test_forward_and_backward(benchmark: Any, row: Row, column: str) -> None:
    inputs = row.inputs()
    program, cell = first_look(row.columns[column], inputs, count=not column.startswith("tape"))
    benchmark.group = row.name
    benchmark.extra_info.update(operations=cell.operations, saved=cell.saved, peak=cell.peak, first_call=cell.first_call)
    benchmark(forward_backward, program, inputs)
    assert all(each.grad is not None and each.grad.isfinite().all() for each in inputs)


@pytest.mark.parametrize("kind", ["rewritten", "undecorated"])
def test_on_plain_values(benchmark: Any, row: Row, kind: str) -> None:
    assert row.hard is not None
    rewritten, undecorated = row.hard()
    benchmark.group = f"{row.name}, plain values"
    assert benchmark(rewritten if kind == "rewritten" else undecorated) == undecorated()

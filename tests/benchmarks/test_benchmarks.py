"""The benchmark measures what it says: its programs agree, and its command writes a whole table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.benchmarks import report
from tests.benchmarks.__main__ import main
from tests.benchmarks.measure import Maker, Operations, Row, forward_backward, measure, saved_bytes
from tests.benchmarks.rows import (
    ALGOVISION,
    ALGOVISION_VECTORISED,
    CHECKPOINTED,
    COLUMNS,
    COMPILED,
    PACKED,
    RELAXED,
    TAPE,
    TORCH,
    rows,
    small_rows,
)

# the odd-even network and its loss are another algorithm for the same task
ANOTHER_ALGORITHM = {"bubble sort", "training step, sorting"}


def gradients(row: Row, column: str) -> tuple[Tensor, list[Tensor]]:
    inputs = row.inputs()
    result = row.columns[column]()(*inputs).flatten()
    result.sum().backward()
    return result.detach(), [each.grad for each in inputs if each.grad is not None]


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence", "ignore:.*mass of")
@pytest.mark.parametrize("row", [row for row in small_rows() if row.columns], ids=lambda row: row.program)
def test_the_columns_of_a_row_compute_the_same(row: Row) -> None:
    mine, gradients_of_mine = gradients(row, RELAXED)
    same = {TAPE, PACKED, CHECKPOINTED, ALGOVISION, ALGOVISION_VECTORISED}
    same |= set() if row.program in ANOTHER_ALGORITHM else {TORCH}
    for column in same & row.columns.keys():
        theirs, gradients_of_theirs = gradients(row, column)
        assert torch.allclose(mine.sum(), theirs.sum(), atol=2e-4), column
        for left, right in zip(gradients_of_mine, gradients_of_theirs, strict=True):
            assert torch.allclose(left, right, atol=2e-4), column


def test_the_command_prints_and_writes_all_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # of the terminal
    out = tmp_path / "results"
    options = ["--small", "--seconds", "0.01", "--threads", "1", "--without", COMPILED, "--out", str(out)]
    assert main([*options, "--only", "sort n"]) == 0
    printed = capsys.readouterr().out
    assert "AlgoVision" in printed
    assert "selection" in printed
    measured = json.loads((out / "benchmarks.json").read_text())["rows"]
    assert [row["program"] for row in measured] == ["bubble sort", "selection sort"]
    for row in measured:
        extra = {CHECKPOINTED} if row["program"] == "bubble sort" else set()
        assert row["columns"].keys() == {RELAXED, TAPE, PACKED, ALGOVISION, TORCH} | extra
        assert row["hard"]["rewritten"] > 0
        for column, cell in row["columns"].items():
            assert (cell["saved"] == 0) == (column == CHECKPOINTED)
            assert (cell["operations"] > 0) == (cell["peak"] > 0) == (column not in (TAPE, PACKED))
            assert min(cell["median"], cell["first_call"], *cell["times"]) > 0
            assert len(cell["times"]) >= 5
    assert (out / "scaling.png").stat().st_size > 1000
    assert "bubble sort n=4, batch 3" in (out / "benchmarks.rst").read_text()


def test_chosen_rows_join_those_that_were_measured_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [column for column in COLUMNS if column not in (RELAXED, TORCH)]
    options = ["--small", "--seconds", "0.01", "--threads", "1", "--out", str(tmp_path)]
    options += [word for column in others for word in ("--without", column)]

    def measured() -> dict[str, float]:
        rows = json.loads((tmp_path / "benchmarks.json").read_text())["rows"]
        return {row["program"]: row["columns"][RELAXED]["median"] for row in rows}

    assert main([*options, "--only", "Newton", "--only", "selection"]) == 0
    first = measured()
    assert main([*options, "--resume", "--only", "Newton", "--only", "silhouette"]) == 0
    second = measured()
    assert list(second) == ["silhouette, a pixel", "Newton's square root", "selection sort"]
    assert first.items() < second.items()
    assert main([*options, "--only", "Newton"]) == 0
    assert measured().keys() == second.keys()
    assert measured()["Newton's square root"] != first["Newton's square root"]
    monkeypatch.chdir(tmp_path)
    readme = tmp_path / "README.rst"
    readme.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    assert main([*options, "--readme"]) == 0
    assert readme.read_text().startswith(f"before\n{report.BEGIN}")
    assert readme.read_text().endswith(f"{report.END}after\n")
    assert "selection sort n=4, batch 3" in readme.read_text()
    assert "old" not in readme.read_text()
    monkeypatch.setattr(report, "machine", lambda threads: "another machine")
    assert main([*options, "--only", "selection"]) == 0
    assert list(measured()) == ["selection sort"]


def test_a_column_that_takes_too_long_or_fails_says_so() -> None:
    def slow() -> Callable[..., Tensor]:
        time.sleep(60)
        raise AssertionError

    def broken() -> Callable[..., Tensor]:
        raise ValueError("no such thing")

    columns: dict[str, Maker] = {RELAXED: lambda: lambda x: x * 2}
    row = Row("a", "b", 1, lambda: (torch.rand(3, requires_grad=True),), columns)
    measure(row, 0.01)  # without a limit: torch imports what it needs, which must not be interrupted
    columns.update({TORCH: slow, ALGOVISION: broken})
    found = measure(row, 0.01, limit=2.0)
    assert {column: cell.why_not for column, cell in found.cells.items()} == {
        RELAXED: "",
        TORCH: "more than 2 s",
        ALGOVISION: "ValueError: no such thing",
    }
    assert found.measured().keys() == {RELAXED}
    assert found.cells[RELAXED].median > 0


def test_every_row_of_the_table_has_a_name_of_its_own() -> None:
    names = [row.name for row in rows()]
    assert len(set(names)) == len(names)
    assert all(RELAXED in row.columns or row.hard for row in rows())


def test_saved_memory_counts_each_storage_once() -> None:
    x = torch.rand(100, requires_grad=True)
    with saved_bytes() as saved:
        y = x.exp()  # keeps its result
        (y * y[:50].repeat(2)).sum()  # keeps it again, and a copy
        assert saved() == 2 * 400


def test_memory_in_use_counts_what_lives_at_a_time() -> None:
    x = torch.rand(100)
    with Operations() as operations:
        for _ in range(5):
            x = x + 1
    assert operations.count == 5
    assert operations.peak == 2 * 400


def test_gradients_do_not_add_up_over_rounds() -> None:
    x = torch.rand(3, requires_grad=True)
    for _ in range(3):
        forward_backward(lambda x: 2 * x, (x,))
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0, 2.0]

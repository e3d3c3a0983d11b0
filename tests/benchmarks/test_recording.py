"""The benchmark of recording calls measures what it says."""

from __future__ import annotations

import pytest

pytest.importorskip("llvmlite")

from tests.benchmarks.measure import Row
from tests.benchmarks.recording import LONG, first_call, main, measure
from tests.benchmarks.rows import bellman_ford, bubble


@pytest.mark.filterwarnings("ignore:.*mass of")
@pytest.mark.parametrize("row", [bubble(5, 20), bellman_ford(4, 2)], ids=lambda row: row.program)
def test_the_call_that_records_costs_a_few_calls_operation_by_operation(row: Row) -> None:
    found = measure(row, 0.5)
    assert found.name == row.name
    assert found.eager > 0
    assert found.ratio == pytest.approx(found.recording / found.eager, rel=0.5)
    assert found.ratio < 4


@pytest.mark.parametrize("name", LONG)
def test_long_programs_have_the_instructions_that_are_asked_for(name: str) -> None:
    found = first_call(name, 20_000)
    assert 20_000 <= found.instructions < 21_000
    assert found.seconds / found.instructions < 100e-6
    assert found.memory > 10


def test_the_command_prints_rows_and_long_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "sort n=5, batch 100", "--seconds", "0.1", "--instructions", "2000"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("sort n=5, batch 100") == 2
    assert [line.partition(":")[0] for line in printed.splitlines() if "instructions in" in line] == list(LONG)

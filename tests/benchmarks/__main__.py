"""``python -m tests.benchmarks``: measure, print the table, write JSON and a plot."""

from __future__ import annotations

import argparse
import gc
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from tests.benchmarks import report
from tests.benchmarks.measure import Result, measure
from tests.benchmarks.rows import COLUMNS, rows, small_rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time relaxed programs beside AlgoVision and torch written by hand, forward and backward.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds this")
    parser.add_argument("--without", action="append", default=[], choices=COLUMNS[1:], help="leave a column out")
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each row, first calls apart")
    parser.add_argument("--threads", type=int, default=2, help="torch's threads")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"), help="folder for the results")
    options = parser.parse_args(argv)
    chosen = [row for row in (small_rows() if options.small else rows()) if options.only in row.name]
    if not chosen:
        parser.error(f"argument --only: no row's name holds {options.only!r}")
    for row in chosen:
        for column in options.without:
            row.columns.pop(column, None)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    gc.collect()
    gc.freeze()  # the collector need not walk through what was imported
    options.out.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for row in tqdm(chosen, unit="row", disable=None):
        results.append(measure(row, options.seconds))
        # after each row: a run that is cut short has left what it measured
        report.write_json(options.out / "benchmarks.json", results, options.threads)
        report.write_rst(options.out / "benchmarks.rst", results, options.threads)
    report.print_tables(results, options.threads)
    report.draw_scaling(options.out / "scaling.png", results)
    print(f"written to {options.out}: benchmarks.json, benchmarks.rst, scaling.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

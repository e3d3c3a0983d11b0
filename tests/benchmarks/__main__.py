"""``python -m tests.benchmarks``: measure, print the tables, write JSON and a plot.

Every row is written when it has been measured, among the rows that were measured before on the same machine: a run that is cut
short loses nothing, and ``--resume`` goes on with what is missing.
"""

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


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time relaxed programs beside AlgoVision and torch written by hand, forward and backward.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="rows whose name holds this")
    parser.add_argument("--without", action="append", default=[], choices=COLUMNS[1:], help="leave a column out")
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each row, first calls apart")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for the first calls of a column")
    parser.add_argument("--threads", type=int, default=2, help="torch's threads")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--resume", action="store_true", help="measure only rows that have not been measured")
    parser.add_argument("--readme", action="store_true", help="write what was measured into README.rst; measure nothing")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"), help="folder for the results")
    options = parser.parse_args(argv)
    options.all = small_rows() if options.small else rows()
    for text in options.only:
        if not any(text in row.name for row in options.all):
            parser.error(f"argument --only: no row's name holds {text!r}")
    options.chosen = [
        row for row in options.all if not options.only or any(text in row.name for text in options.only)
    ]
    return options


def main(argv: Sequence[str] | None = None) -> int:
    options = parsed(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "benchmarks.json"
    before, known = report.read_json(kept)
    machine = report.machine(options.threads)
    if options.readme:
        report.write_readme(Path("README.rst"), known, before)
        return 0
    found = {result.name: result for result in known} if before == machine else {}
    for row in options.chosen:
        for column in options.without:
            row.columns.pop(column, None)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    gc.collect()
    gc.freeze()  # the collector need not walk through what was imported
    results: list[Result] = []
    for row in tqdm(options.chosen, unit="row", disable=None):
        if not options.resume or row.name not in found:
            found[row.name] = measure(row, options.seconds, options.limit)
        results = [found[each.name] for each in options.all if each.name in found]
        report.write_json(kept, results, machine)
        report.write_rst(options.out / "benchmarks.rst", results, machine)
    report.print_tables(results, machine)
    report.draw_scaling(options.out / "scaling.png", results)
    print(f"written to {options.out}: benchmarks.json, benchmarks.rst, scaling.png")
    failed = [f"{each.name}, {column}: {cell.why_not}" for each in results for column, cell in each.cells.items()]
    failed = [text for text in failed if "Error: " in text]
    print(*failed, sep="\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

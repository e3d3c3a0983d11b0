"""What a benchmark run leaves: a table on the terminal and as text for the README, JSON, and a scaling plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Cell, Result
from tests.benchmarks.rows import COLUMNS, RELAXED


def machine(threads: int) -> str:
    return f"{os.cpu_count()} cores, {threads} threads, Python {platform.python_version()}, torch {torch.__version__}"


def milliseconds(value: float) -> str:
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def size_of(count: float) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"


def times(cell: Cell | None, ratio: bool) -> str:
    if cell is None:
        return ""
    return milliseconds(cell.median) + (f" ({cell.ratio:.2g}x)" if ratio else "")


def detail(cell: Cell) -> str:
    operations = f"{cell.operations} ops, " if cell.operations else ""
    peak = f"{size_of(cell.peak)} peak, " if cell.peak else ""
    return f"{operations}{size_of(cell.saved)} kept, {peak}first {milliseconds(cell.first_call)}"


def tables(results: Sequence[Result]) -> tuple[Table, Table]:
    """Times with ratios to the relaxed program, and what they are made of."""
    columns = [column for column in COLUMNS if any(column in result.cells for result in results)]
    speed = Table(title="forward and backward, median (ratio to relaxed)", title_justify="left")
    cost = Table(
        title="torch operations, memory kept for backward and at most in use, first call", title_justify="left"
    )
    for table in (speed, cost):
        table.add_column("program")
        for column in columns:
            table.add_column(column, justify="right")
    speed.add_column("on plain values (to undecorated)", justify="right")
    for result in results:
        cells = [result.cells.get(column) for column in columns]
        hard = f"{milliseconds(result.hard[0])} ({result.hard[0] / result.hard[1]:.2g}x)" if result.hard else ""
        speed.add_row(
            result.row.name,
            *(times(cell, column != RELAXED) for column, cell in zip(columns, cells, strict=True)),
            hard,
        )
        if result.cells:
            cost.add_row(result.row.name, *("" if cell is None else detail(cell) for cell in cells))
    return speed, cost


def print_tables(results: Sequence[Result], threads: int) -> None:
    console = Console()
    for table in tables(results):
        console.print(table)
    console.print(machine(threads))


def write_rst(path: Path, results: Sequence[Result], threads: int) -> None:
    """The tables as reStructuredText."""
    parts = [machine(threads) + "\n"]
    for table in tables(results):
        headings = [str(column.header) for column in table.columns]
        lines = list(zip(*(list(column.cells) for column in table.columns), strict=True))
        widths = [max(map(len, map(str, column))) for column in zip(headings, *lines, strict=True)]
        rule = "  ".join("=" * width for width in widths)
        rows = [
            "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (headings, *lines)
        ]
        parts.append("\n".join([f"{table.title}\n", rule, rows[0], rule, *rows[1:], rule, ""]))
    path.write_text("\n".join(parts), encoding="utf-8")


def write_json(path: Path, results: Sequence[Result], threads: int) -> None:
    """Everything that was measured; times in milliseconds, memory in bytes."""
    rows = [
        {
            "program": result.row.program,
            "size": result.row.size,
            "scale": result.row.scale,
            "hard": result.hard and dict(zip(("rewritten", "undecorated"), result.hard, strict=True)),
            "columns": {column: vars(cell) for column, cell in result.cells.items()},
        }
        for result in results
    ]
    path.write_text(json.dumps({"machine": machine(threads), "rows": rows}, indent=1) + "\n", encoding="utf-8")


def draw_scaling(path: Path, results: Sequence[Result]) -> None:
    """Time over size, both logarithmic, one panel for each program that was run at several sizes."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    families: dict[str, list[Result]] = {}
    for result in results:
        extra = result.row.size.partition(", ")[2]
        families.setdefault(f"{result.row.program}, {extra}", []).append(result)
    several = {name: family for name, family in families.items() if len(family) > 1}
    figure, panels = pyplot.subplots(1, max(len(several), 1), figsize=(4 * max(len(several), 1), 4), squeeze=False)
    for panel, (name, family) in zip(panels[0], several.items(), strict=False):
        _draw_family(panel, family)
        panel.set(title=name, xscale="log", yscale="log", xlabel="size", ylabel="ms, forward and backward")
    if several:
        panels[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_family(panel: Any, family: Sequence[Result]) -> None:
    for column in COLUMNS:
        points = [(result.row.scale, result.cells[column].median) for result in family if column in result.cells]
        if points:
            panel.plot(*zip(*points, strict=True), marker=".", label=column)

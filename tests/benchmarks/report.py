"""What a benchmark run leaves: tables on the terminal, as text and in the README, JSON, and a scaling plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Cell, Result
from tests.benchmarks.rows import ALGOVISION, ALGOVISION_VECTORISED, COLUMNS, RELAXED

# the README's tables stand between these lines
BEGIN, END = ".. what follows is written by python -m tests.benchmarks --readme\n", ".. until here\n"
# columns of the README, and what they are called there
_SHORT = {
    "AlgoVision": (ALGOVISION, ALGOVISION_VECTORISED),
    "recorded": ("tape",),
    "packed": ("tape, packed",),
    "by hand": ("torch by hand",),
    "compiled": ("compiled by hand",),
}


def machine(threads: int) -> str:
    return f"{os.cpu_count()} cores, {threads} threads, Python {platform.python_version()}, torch {torch.__version__}"


def milliseconds(value: float) -> str:
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def size_of(count: float) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"


def ratio_of(value: float) -> str:
    return f"{value:.2g}x" if value < 99.5 else f"{value:.0f}x"


def times(cell: Cell | None, ratio: bool) -> str:
    if cell is None or cell.why_not:
        return "" if cell is None else cell.why_not.partition(":")[0]
    return milliseconds(cell.median) + (f" ({ratio_of(cell.ratio)})" if ratio else "")


def detail(cell: Cell | None) -> str:
    if cell is None or cell.why_not:
        return ""
    operations = f"{cell.operations} ops, " if cell.operations else ""
    peak = f"{size_of(cell.peak)} peak, " if cell.peak else ""
    return f"{operations}{size_of(cell.saved)} kept, {peak}first {milliseconds(cell.first_call)}"


def hard(result: Result) -> str:
    if result.hard is None:
        return ""
    return f"{milliseconds(result.hard[0])} ({ratio_of(result.hard[0] / result.hard[1])})"


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
        shown = (times(cell, column != RELAXED) for column, cell in zip(columns, cells, strict=True))
        speed.add_row(result.name, *shown, hard(result))
        if result.cells:
            cost.add_row(result.name, *map(detail, cells))
    return speed, cost


def print_tables(results: Sequence[Result], of_machine: str) -> None:
    console = Console()
    for table in tables(results):
        console.print(table)
    console.print(of_machine)


def write_rst(path: Path, results: Sequence[Result], of_machine: str) -> None:
    """The tables as reStructuredText."""
    parts = [of_machine + "\n"]
    for table in tables(results):
        headings = [str(column.header) for column in table.columns]
        lines = [[str(text) for text in line] for line in zip(*(list(c.cells) for c in table.columns), strict=True)]
        parts += [f"{table.title}\n", text_table([headings, *lines])]
    path.write_text("\n".join(parts), encoding="utf-8")


def text_table(lines: Sequence[Sequence[str]]) -> str:
    """A simple table of reStructuredText, the headings first."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    rows = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([rule, rows[0], rule, *rows[1:], rule, ""])


def readme_tables(results: Sequence[Result], of_machine: str) -> str:
    """Two narrow tables: times, and what they are made of, beside AlgoVision's in brackets."""
    speed = [["program", "relaxed", *_SHORT, "plain values"]]
    cost = [["program", "torch operations", "kept for backward", "most in use", "first call"]]
    for result in results:
        cells = result.measured()
        ours = cells.get(RELAXED)
        others = [next((result.cells[name] for name in names if name in result.cells), None) for names in _SHORT.values()]
        plain = ratio_of(result.hard[0] / result.hard[1]) if result.hard else ""
        shown = ["" if each is None else each.why_not or ratio_of(each.ratio) for each in others]
        speed.append([result.name, times(ours, False), *(text.partition(":")[0] for text in shown), plain])
        if ours is not None:
            theirs = next((cells[name] for name in _SHORT["AlgoVision"] if name in cells), None)
            cost.append([result.name, *_beside(ours, theirs)])
    return (
        f"{of_machine}; medians, the others as multiples of the relaxed program's time,\n"
        f"on plain values of the undecorated one's:\n\n"
        f"{text_table(speed)}\nWhat these are made of, AlgoVision's in brackets:\n\n{text_table(cost)}"
    )


def _beside(ours: Cell, theirs: Cell | None) -> list[str]:
    kinds: list[tuple[str, Callable[[float], str]]] = [
        ("operations", lambda count: f"{count:.0f}"),
        ("saved", size_of),
        ("peak", size_of),
        ("first_call", milliseconds),
    ]
    pairs = [(text(getattr(ours, name)), "" if theirs is None else text(getattr(theirs, name))) for name, text in kinds]
    return [f"{mine} ({other})" if other else mine for mine, other in pairs]


def write_readme(path: Path, results: Sequence[Result], of_machine: str) -> None:
    """Put the tables where the README has a place for them."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n{readme_tables(results, of_machine)}\n{END}{after}", encoding="utf-8")


def write_json(path: Path, results: Sequence[Result], of_machine: str) -> None:
    """Everything that was measured; times in milliseconds, memory in bytes."""
    rows = [
        {
            "program": result.program,
            "size": result.size,
            "scale": result.scale,
            "hard": result.hard and dict(zip(("rewritten", "undecorated"), result.hard, strict=True)),
            "columns": {column: vars(cell) for column, cell in result.cells.items()},
        }
        for result in results
    ]
    text = json.dumps({"machine": of_machine, "rows": rows}, indent=1) + "\n"
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def read_json(path: Path) -> tuple[str, list[Result]]:
    """The machine, and what was measured on it before; nothing where nothing was."""
    if not path.exists():
        return "", []
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["machine"], [
        Result(
            row["program"],
            row["size"],
            row["scale"],
            {column: Cell(**cell) for column, cell in row["columns"].items()},
            row["hard"] and (row["hard"]["rewritten"], row["hard"]["undecorated"]),
        )
        for row in found["rows"]
    ]


def draw_scaling(path: Path, results: Sequence[Result]) -> None:
    """Time over size, both logarithmic, one panel for each program that was run at several sizes."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    families: dict[str, list[Result]] = {}
    for result in results:
        extra = result.size.partition(", ")[2]
        families.setdefault(f"{result.program}, {extra}", []).append(result)
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
        points = [(each.scale, each.measured()[column].median) for each in family if column in each.measured()]
        if points:
            panel.plot(*zip(*points, strict=True), marker=".", label=column)

"""What a run leaves: a table on the terminal, a learning curve as PNG, and everything as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from relaxpy.experiments.metrics import Metrics
from relaxpy.experiments.needs import load
from relaxpy.experiments.training import Curve

__all__ = ["draw_curve", "print_table", "write_json"]

_ROWS = [
    ("exact match", "exact_match"),
    ("element-wise rank accuracy", "rank_accuracy"),
    ("EM5, exact match on the first five", "exact_match_5"),
]


def print_table(title: str, result: Metrics, by_chance: Metrics, console: Console | None = None) -> None:
    """Print the measurements on the test split beside those of chance."""
    table = Table(title=title, title_justify="left")
    table.add_column("on the test split")
    for heading in ("trained", "chance", "times chance"):
        table.add_column(heading, justify="right")
    for label, name in _ROWS:
        ours, theirs = getattr(result, name), getattr(by_chance, name)
        table.add_row(label, f"{ours:.1%}", f"{theirs:.2%}", f"{ours / theirs:.1f}")
    (console or Console()).print(table)


def draw_curve(path: Path, curve: Curve, by_chance: Metrics) -> None:
    """Draw the training loss and the exact match on the validation split over the steps."""
    load("matplotlib").use("Agg")
    figure, (left, right) = load("matplotlib.pyplot").subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(range(1, len(curve.losses) + 1), curve.losses, color="0.8")
    window = max(len(curve.losses) // 50, 1)
    smooth = [sum(curve.losses[i - window : i]) / window for i in range(window, len(curve.losses) + 1)]
    left.plot(range(window, len(curve.losses) + 1), smooth, color="tab:blue")
    left.set(title="training loss", xlabel="step")
    right.plot(curve.steps, [seen.exact_match for seen in curve.validation], marker=".", label="exact match")
    right.plot(curve.steps, [seen.rank_accuracy for seen in curve.validation], marker=".", label="rank accuracy")
    right.axhline(by_chance.exact_match, color="0.5", linestyle="--", label="exact match by chance")
    right.set(title="validation split", xlabel="step", ylim=(0, 1))
    right.legend()
    figure.savefig(path, dpi=120)
    load("matplotlib.pyplot").close(figure)


def write_json(
    path: Path, options: dict[str, Any], result: Metrics, by_chance: Metrics, curve: Curve, seconds: float
) -> None:
    """Write options, measurements and the curve."""
    record = {
        "experiment": "sorting",
        "options": options,
        "test": asdict(result),
        "chance": asdict(by_chance),
        "seconds": round(seconds, 1),
        "curve": asdict(curve),
    }
    path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")

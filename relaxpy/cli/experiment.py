"""``relaxpy experiment NAME ...``: hands over to a module of `relaxpy.experiments`."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING

from relaxpy.cli.terminal import UsageError
from relaxpy.errors import did_you_mean

if TYPE_CHECKING:
    from relaxpy.cli.dump import Commands

__all__ = ["add_parser"]

# Each is a module of relaxpy.experiments with `main(argv) -> int`.
EXPERIMENTS = {"sorting": "train a network on digit images by nothing but the order of the numbers they show"}

_EXAMPLES = """\
experiments:
{names}

examples:
  relaxpy experiment sorting --help
  relaxpy experiment sorting --n 5 --seed 1
"""


def add_parser(commands: Commands) -> None:
    names = "\n".join(f"  {name:10} {what}" for name, what in EXPERIMENTS.items())
    parser = commands.add_parser(
        "experiment",
        help="run an experiment",
        description="Run an experiment: data, training, a table and a plot at the end.",
        epilog=_EXAMPLES.format(names=names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="which one (without it: a list)")
    # What follows the name is the experiment's own affair, `--help` too.
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="its own options; see relaxpy experiment NAME --help"
    )
    parser.set_defaults(run=_run)


def _run(namespace: argparse.Namespace) -> int:
    if namespace.name is None:
        for name, what in EXPERIMENTS.items():
            print(f"{name:10} {what}")
        return 0
    if namespace.name not in EXPERIMENTS:
        hint = did_you_mean(namespace.name, EXPERIMENTS) or "there are: " + ", ".join(EXPERIMENTS)
        raise UsageError(f"there is no experiment `{namespace.name}`\n  {hint}")
    module = importlib.import_module(f"relaxpy.experiments.{namespace.name}")
    status: int = module.main(namespace.arguments)
    return status

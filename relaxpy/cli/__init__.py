"""The command line. Each subcommand is a module of this package: its options and what it does."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from relaxpy import __version__
from relaxpy.cli import check, dump, experiment
from relaxpy.cli.terminal import UsageError
from relaxpy.errors import RelaxError

__all__ = ["main"]

_EXAMPLES = """\
examples:
  relaxpy dump algorithms.py:bubble_sort          the rewritten source of a function
  relaxpy dump algorithms.py --diff               a whole file, against the original
  relaxpy check src                               what cannot be relaxed
  relaxpy experiment                              the experiments that there are
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="relaxpy",
        description="Plain Python algorithms, made differentiable.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"relaxpy {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    dump.add_parser(commands)
    check.add_parser(commands)
    experiment.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the result is the exit status: 0, 1 for code that cannot be relaxed, 2 for a wrong call."""
    parser = _parser()
    try:
        namespace = parser.parse_args(argv)
        if namespace.command is None:
            parser.print_help()
            return 2
        status: int = namespace.run(namespace)
        sys.stdout.flush()
        return status
    except UsageError as error:
        print(f"relaxpy: {error}", file=sys.stderr)
        return 2
    except RelaxError as error:
        print(f"relaxpy: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Nobody reads on (`| head`); without this the interpreter complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("relaxpy: interrupted", file=sys.stderr)
        return 130

"""The command line. Each subcommand is a module of this package: its options and what it does."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import NoReturn

from relaxpy import __version__
from relaxpy.cli import cache, check, dump, eject, experiment, run
from relaxpy.cli.terminal import UsageError
from relaxpy.errors import RelaxError, did_you_mean

__all__ = ["main"]

_EXAMPLES = """\
examples:
  relaxpy dump algorithms.py:bubble_sort          the rewritten source of a function
  relaxpy dump algorithms.py --diff               a whole file, against the original
  relaxpy check src                               what cannot be relaxed
  relaxpy run --relax research.algos train.py     a program with some modules relaxed
  relaxpy cache warm research                     rewrite a package before it is first imported
  relaxpy eject algorithms.py:bubble_sort         source that runs without the rewriter
  relaxpy experiment                              the experiments that there are
"""


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of all, and those of the commands."""
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
    run.add_parser(commands)
    cache.add_parser(commands)
    eject.add_parser(commands)
    experiment.add_parser(commands)
    return parser, commands.choices


def _refuse(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    """End with a message about arguments that a command does not know, as argparse does, and what was meant."""
    known = re.findall(r"^  (?:-\w.*, )?(--[a-z][a-z-]*)", parser.format_help(), re.MULTILINE)
    hints = {did_you_mean(word.partition("=")[0], known) for word in unknown if word.startswith("--")} - {""}
    parser.error("; ".join([f"unrecognized arguments: {' '.join(unknown)}", *sorted(hints)]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the result is the exit status: 0, 1 for code that cannot be relaxed, 2 for a wrong call."""
    if sys.stdout is None:  # closed by the caller
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            return main(argv)
    try:
        try:
            return _status(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on (`| head`)
        _drop_output()
        return 141
    except OSError as error:
        if error.filename is not None:
            raise
        _drop_output()
        print(f"relaxpy: cannot write the output: {error.strerror}", file=sys.stderr)
        return 2


def _drop_output() -> None:
    """Without this the interpreter complains at exit of what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status(argv: Sequence[str] | None) -> int:
    parser, commands = _parser()
    own = list(sys.argv[1:] if argv is None else argv)
    program: list[str] = []
    if own[:1] == ["run"]:
        own, program = run.separated(own)
    try:
        namespace, unknown = parser.parse_known_args(own, argparse.Namespace(program=program))
        if unknown:
            _refuse(commands.get(namespace.command or "", parser), unknown)
        if namespace.command is None:
            parser.print_help()
            return 2
        status: int = namespace.run(namespace)
        return status
    except UsageError as error:
        print(f"relaxpy: {error}", file=sys.stderr)
        return 2
    except RelaxError as error:
        print(f"relaxpy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("relaxpy: interrupted", file=sys.stderr)
        return 130

"""``relaxpy run --relax PATTERN... SCRIPT|-m MODULE [args]``: a program, with some of the modules that it imports relaxed."""

from __future__ import annotations

import argparse
import builtins
import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from relaxpy import hooked
from relaxpy.cli.files import missing, modules_beside
from relaxpy.cli.terminal import UsageError
from relaxpy.errors import RelaxError, did_you_mean
from relaxpy.loaders import relaxing
from relaxpy.runtime.installed import Installation, matching

if TYPE_CHECKING:
    from relaxpy.cli.dump import Commands

__all__ = ["add_parser", "separated"]

_EXAMPLES = """\
examples:
  relaxpy run --relax research.algos train.py               a script; its own statements stay as they are
  relaxpy run --relax research.algos train.py --epochs 5    options after the script are the script's
  relaxpy run --relax 'research.*_algos' helpers -m research.train
  relaxpy run --relax research --beta 20 --t-norm 'yager(2)' train.py
  relaxpy run --relax __main__ train.py                     the functions of the script itself
"""

# Options of relaxpy that can be said on a command line, what makes a value of the text, and what they are.
_OPTIONS: dict[str, tuple[Callable[[str], object], str]] = {
    "beta": (float, "the inverse temperature of comparisons (default: 10)"),
    "max_iter": (int, "soft tests after which a while loop stops (default: 1024)"),
    "epsilon": (float, "the mass below which a path is not followed (default: 1e-5)"),
    "distribution": (str, "of the perturbation of a comparison (default: logistic)"),
    "t_norm": (str, "what `and` makes of two probabilities (default: product)"),
    "mode": (str, "soft (default), hard or straight-through"),
    "estimator": (str, "merged (default), exact or sampled"),
    "engine": (str, "auto (default), eager or tape; of functions that are decorated"),
    "max_paths": (int, "how many paths the exact estimator follows at most"),
    "samples": (int, "how many paths the sampled estimator draws"),
    "checkpoint": (int, "parts for which the backward pass runs a call again (default: it keeps everything)"),
}


def add_parser(commands: Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="run a program with modules relaxed",
        usage="relaxpy run --relax PATTERN... [options] SCRIPT|-m MODULE [args]",
        description="Run a program as python does, with the modules that PATTERN names relaxed when they are imported.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--relax",
        metavar="PATTERN",
        nargs="+",
        action="extend",
        default=[],
        help="names of modules and packages, or globs of such names",
    )
    for name, (make, what) in _OPTIONS.items():
        metavar = {float: "NUMBER", int: "N", str: "NAME"}[make]  # type: ignore[index]
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=make, metavar=metavar, help=what)
    parser.set_defaults(run=_run)


def separated(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments that are relaxpy's, and those from the script or ``-m`` on, which are the program's.

    >>> separated(["run", "--relax", "algos", "helpers", "--beta", "5", "train.py", "--beta", "7"])
    (['run', '--relax', 'algos', 'helpers', '--beta', '5'], ['train.py', '--beta', '7'])
    >>> separated(["run", "--relax", "algos", "-m", "train", "now"])
    (['run', '--relax', 'algos'], ['-m', 'train', 'now'])
    """
    at = 1  # after `run`
    while at < len(argv):
        word = argv[at]
        if word == "--":
            return list(argv[:at]), list(argv[at + 1 :])
        if not word.startswith("-") or word.startswith("-m"):
            break
        at += 1
        if word == "--relax":
            at += 1
            while at < len(argv) and not argv[at].startswith("-") and not _is_program(argv[at]):
                at += 1
        elif "=" not in word and word not in ("-h", "--help"):
            at += 1
    return list(argv[:at]), list(argv[at:])


def _is_program(word: str) -> bool:
    """Is this a script rather than one more name of a module?"""
    path = Path(word)
    is_folder = (path / "__main__.py").is_file() and not (path / "__init__.py").exists()
    return word.endswith(".py") or os.sep in word or path.is_file() or is_folder


def _run(namespace: argparse.Namespace) -> int:
    if not namespace.relax:
        raise UsageError("nothing is named to relax\n  name modules: relaxpy run --relax PACKAGE.MODULE SCRIPT")
    if not namespace.program:
        raise UsageError("no program is named\n  name a script, or a module: relaxpy run --relax PATTERN -m MODULE")
    from relaxpy.importhook import install

    settings = {name: getattr(namespace, name) for name in _OPTIONS if getattr(namespace, name) is not None}
    first, *arguments = namespace.program
    if first.startswith("-m") and first != "-m":
        first, arguments = "-m", [first[2:], *arguments]
    sys.modules["__main__"] = main = ModuleType("__main__")
    try:
        install(*namespace.relax, **settings)
    except RelaxError as error:
        raise UsageError(str(error)) from error
    program = _module(arguments) if first == "-m" else _script(first, arguments)
    try:
        return _executed(program, main)
    finally:
        _warn_of_unused(namespace.relax, program)


@dataclass(frozen=True)
class _Program:
    """What stands in the place of `__main__`: as python would fill ``sys.argv`` and the module's own names."""

    argv: list[str]
    file: str
    code: Callable[[], CodeType | None]
    spec: ModuleSpec | None = None


def _module(arguments: list[str]) -> _Program:
    if not arguments or not arguments[0]:
        raise UsageError("no module is named after -m")
    name, *arguments = arguments
    _put_on_path(os.getcwd())
    spec = _found(name)
    if spec is not None and spec.submodule_search_locations is not None:
        package, name = name, f"{name}.__main__"
        spec = _found(name)
        if spec is None:
            raise UsageError(f"the package {package} cannot be run: it has no module {name}")
    if spec is None:
        hint = did_you_mean(name, modules_beside(name))
        raise UsageError(f"there is no module {name}" + (f"\n  {hint}" if hint else ""))
    return _of_spec(spec, name, [spec.origin or name, *arguments])


def _found(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ModuleNotFoundError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and not name.startswith(error.name or "?"):
            raise
        return None


def _of_spec(spec: ModuleSpec, name: str, argv: list[str]) -> _Program:
    loader: Any = spec.loader
    if not hasattr(loader, "get_code"):
        raise UsageError(f"the module {name} has no code that can be run")
    return _Program(argv, spec.origin or name, lambda: loader.get_code(spec.name), spec)


def _script(first: str, arguments: list[str]) -> _Program:
    path = Path(first)
    if not path.exists():
        raise missing(first)
    if path.is_dir() or zipfile.is_zipfile(path):
        _put_on_path(first)
        spec = PathFinder.find_spec("__main__", [first])
        if spec is None:
            raise UsageError(f"{first} cannot be run: it has no __main__.py")
        if matching("__main__"):
            spec.loader = relaxing(spec.loader, "__main__")
        return _of_spec(spec, first, [first, *arguments])
    _put_on_path(str(path.resolve().parent))
    file = os.path.abspath(first)
    return _Program([first, *arguments], file, lambda: _code_of_script(file))


def _put_on_path(folder: str) -> None:
    """In the place of the folder that the `relaxpy` command itself was found in."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[:1] = [folder]


def _code_of_script(file: str) -> CodeType:
    source = Path(file).read_bytes()
    code = hooked.code_of(source, file) if matching("__main__") else None
    return compile(source, file, "exec", dont_inherit=True) if code is None else code


def _executed(program: _Program, main: ModuleType) -> int:
    """Run a program; the result is the exit status where it does not set its own."""
    main.__dict__.update(
        __annotations__={},
        __builtins__=builtins,
        __cached__=None,
        __file__=program.file,
        __spec__=program.spec,
        __package__=program.spec.parent if program.spec else None,
        __loader__=program.spec.loader if program.spec else SourceFileLoader("__main__", program.file),
    )
    sys.argv[:] = program.argv
    try:
        code = program.code()
        if code is None:
            raise UsageError(f"{program.file} has no code that can be run")
        exec(code, main.__dict__)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, UsageError):
            raise
        _report(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _report(error: BaseException) -> None:
    """What python prints at the end, without the frames of this file."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    sys.stdout.flush()
    sys.excepthook(type(error), error.with_traceback(traceback), traceback)


def _warn_of_unused(patterns: Sequence[str], program: _Program) -> None:
    """Say which patterns named nothing, which most often are typing errors."""
    if any(name.startswith("multiprocessing.popen_") for name in sys.modules):
        return  # other processes may have imported it
    names = [name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names]
    imported = [*sys.modules, program.spec.name] if program.spec else list(sys.modules)
    for pattern in patterns:
        if any(map(Installation((pattern,), {}).matches, imported)):
            continue
        hint = did_you_mean(pattern, names)
        if program.spec is None and pattern == Path(program.file).stem:
            hint = "the script itself is `__main__`"
        print(f"relaxpy: no module {pattern} was imported, so none was relaxed", file=sys.stderr)
        if hint:
            print(f"  {hint}", file=sys.stderr)

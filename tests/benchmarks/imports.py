"""``python -m tests.benchmarks.imports``: what rewriting, keeping and starting cost, as ratios to what Python does without.

Everything is measured in fresh processes that take turns, so that both sides of a ratio see the same machine, in processor
time, which others that are at work disturb least; of each the fastest run counts. The modules are copies, in a folder of
their own: algorithms of relaxpy's put together to 1,000 lines, where nearly every line is rewritten, and modules of the
standard library.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import relaxpy

_ROOT = Path(relaxpy.__file__).parent.parent
_STANDARD = ("argparse", "configparser", "dataclasses", "difflib", "statistics", "textwrap")

_IMPORT = """
import sys, time
import relaxpy.importhook, relaxpy.runtime, relaxpy.hooked, relaxpy.cache
relaxpy.install("first", *sys.argv[2:]) if sys.argv[1] == "relaxed" else relaxpy.install("nothing_of_this")
import first
for name in sys.argv[2:]:
    start = time.process_time()
    __import__(name)
    print(time.process_time() - start)
"""
_REWRITE = """
import ast, sys, time
from relaxpy import hooked
file = sys.argv[2]
source = open(file, "rb").read()
hooked.relaxed_tree(b"def f(x):\\n    if x > 0: x = 1\\n    return x", file)  # the rewriter is imported
start = time.process_time()
tree = hooked.relaxed_tree(source, file) if sys.argv[1] == "relaxed" else ast.parse(source)
compile(tree, file, "exec", dont_inherit=True)
print(time.process_time() - start)
"""
# Rewritten code that runs on plain values: from the store, as it does from the second time on.
_START = """
import sys
if sys.argv[1] == "relaxed":
    import relaxpy
    relaxpy.install("first")
    import first
    assert first.decide(3.0) == 1.0
    assert "torch" not in sys.modules and "libcst" not in sys.modules
"""
_FIRST = "def decide(x):\n    if x > 0:\n        return 1.0\n    return 0.0\n"


@dataclass(frozen=True)
class Measured:
    """Seconds without relaxpy, and with it."""

    what: str
    plain: float
    relaxed: float

    @property
    def ratio(self) -> float:
        return self.relaxed / self.plain


def modules(folder: Path) -> list[str]:
    """Write the modules that are imported; their names, that of the 1,000 lines first."""
    (folder / "first.py").write_text(_FIRST)
    lines = ["from __future__ import annotations\n"]
    for file in sorted((Path(relaxpy.__file__).parent / "algorithms").glob("*.py")):
        if len(lines) < 1000:
            lines += [line for line in file.read_text().splitlines(keepends=True) if "__future__" not in line]
    (folder / "algorithms.py").write_text("".join(lines[:1000]).rpartition("\n\n\n")[0] + "\n")
    for name in _STANDARD:
        shutil.copy(Path(sysconfig.get_path("stdlib"), f"{name}.py"), folder / f"copied_{name}.py")
    return ["algorithms", *(f"copied_{name}" for name in _STANDARD)]


def _run(folder: Path, program: str, kind: str, *argv: str) -> list[float]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONPATH"] = f"{_ROOT}{os.pathsep}{folder}"
    command = [sys.executable, "-c", program, kind, *argv]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def _whole(folder: Path, kind: str) -> float:
    before = os.times()
    _run(folder, _START, kind)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def measure(folder: Path, runs: int) -> tuple[list[Measured], Measured, Measured]:
    """Cached imports; rewriting anew; an interpreter's start."""
    names = modules(folder)
    for kind in ("plain", "relaxed"):  # what is kept is made
        _run(folder, _IMPORT, kind, *names)
    best: dict[tuple[str, str], float] = {}
    for _ in range(runs):
        for kind in ("plain", "relaxed"):
            found = dict(zip(names, _run(folder, _IMPORT, kind, *names)))
            found["start"] = _whole(folder, kind)
            for what, seconds in found.items():
                best[what, kind] = min(seconds, best.get((what, kind), seconds))
    for _ in range(max(8, runs // 4)):  # of which the fastest counts: one alone says little on a machine that is shared
        for kind in ("plain", "relaxed"):
            (seconds,) = _run(folder, _REWRITE, kind, str(folder / "algorithms.py"))
            best["rewriting", kind] = min(seconds, best.get(("rewriting", kind), seconds))
    measured = [Measured(what, best[what, "plain"], best[what, "relaxed"]) for what in (*names, "rewriting", "start")]
    return measured[:-2], measured[-2], measured[-1]


def report(imports: Sequence[Measured], rewriting: Measured, start: Measured) -> str:
    lines = [f"{'':34}{'plain':>10}{'relaxed':>10}{'ratio':>8}"]
    total = Measured("all of them", sum(m.plain for m in imports), sum(m.relaxed for m in imports))
    for what, measured in (
        *((f"cached import of {m.what}", m) for m in (*imports, total)),
        ("parse, rewrite, compile 1,000 lines", rewriting),
    ):
        numbers = f"{measured.plain * 1e3:8.2f}ms{measured.relaxed * 1e3:8.2f}ms{measured.ratio:8.2f}"
        lines.append(f"{what:34}{numbers}")
    extra = (start.relaxed - start.plain) * 1e3
    lines.append(
        f"relaxpy, its hook and a relaxed module, run on plain values: {extra:.0f} ms after Python's own start"
    )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.imports", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=20, help="processes of each kind (default: 20)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        print(report(*measure(Path(folder), options.runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

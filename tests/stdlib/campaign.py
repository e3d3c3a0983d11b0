"""``python -m tests.stdlib.campaign``: CPython's own tests, on originals and on rewritten copies; the same ones must pass.

    python -m tests.stdlib.campaign                        # all, some minutes
    python -m tests.stdlib.campaign test_heapq json        # some tests, or those about some modules
    python -m tests.stdlib.campaign --by functions         # each function rewritten on its own, as `relax` does
    python -m tests.stdlib.campaign --by text --runtime certain     # by way of the soft machinery, with certain conditions

Every suite runs in two processes of its own, one with the originals. The exit status is 1 if a test differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.stdlib.copies import WAYS
from tests.stdlib.suites import KNOWN, Suite, chosen

__all__ = ["Comparison", "compared", "main"]

SECONDS = 1200


@dataclass(frozen=True)
class Comparison:
    """How a suite went, by test: ``passed``, or what happened instead."""

    suite: Suite
    original: dict[str, str]
    copy: dict[str, str]
    seconds: tuple[float, float]

    @property
    def differences(self) -> dict[str, str]:
        """The tests that pass on one side only, with what happened on the other."""
        names = {*self.original, *self.copy}
        one, two = self.original, self.copy
        told = {}
        for name in sorted(names):
            before, after = one.get(name, "not run"), two.get(name, "not run")
            if (before == "passed") != (after == "passed"):
                told[name] = f"original: {before}\n" if after == "passed" else after
        return told

    @property
    def unexplained(self) -> dict[str, str]:
        return {name: text for name, text in self.differences.items() if not known(name)}

    def row(self) -> str:
        passed = [sum(result == "passed" for result in side.values()) for side in (self.original, self.copy)]
        times = "{:7.1f} s{:7.1f} s".format(*self.seconds)
        differ = f"{len(self.unexplained)} DIFFER" if self.unexplained else "same"
        if len(self.unexplained) < len(self.differences):
            differ += f", {len(self.differences) - len(self.unexplained)} known"
        modules = ", ".join(self.suite.modules)
        return f"{self.suite.name:<28}{passed[0]:>6}{passed[1]:>6}{times}  {differ:<16}{modules}"


def known(name: str) -> str | None:
    """Why this test may differ."""
    return next((reason for part, reason in KNOWN.items() if part in name), None)


def _outcomes(suite: Suite, arguments: Sequence[str]) -> tuple[dict[str, str], float]:
    """The outcomes of a suite, run in a process of its own."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "outcomes.json")
        command = [sys.executable, "-m", "tests.stdlib.run", suite.name, "--out", str(out), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=SECONDS
            )
            said = done.stdout[-2000:] + done.stderr[-3000:]
        except subprocess.TimeoutExpired:
            said = f"more than {SECONDS} s"
        outcomes: dict[str, str] = json.loads(out.read_text()) if out.exists() else {"all of it": said}
    return outcomes, time.monotonic() - started


def compared(suite: Suite, way: str = "hook", runtime: str = "real") -> Comparison:
    arguments = ["--by", way, "--runtime", runtime, "--rewrite", *suite.modules]
    original, before = _outcomes(suite, [])
    copy, after = _outcomes(suite, arguments)
    return Comparison(suite, original, copy, (before, after))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="tests (test_heapq), or modules (json)")
    parser.add_argument("--runtime", choices=("real", "standin", "certain"), default="real")
    parser.add_argument("--by", choices=WAYS, default="hook", help="what rewrites: the import hook, or see above")
    parser.add_argument("--jobs", type=int, default=2, help="suites at a time")
    options = parser.parse_args(argv)
    suites = chosen(frozenset(options.names))
    print(f"{'':<28}{'passed':>9} of copies{'time':>7} of copies", flush=True)
    found: list[Comparison] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for comparison in pool.map(lambda suite: compared(suite, options.by, options.runtime), suites):
            print(comparison.row(), flush=True)
            found.append(comparison)
    for comparison in found:
        for name, text in comparison.differences.items():
            reason = known(name)
            print(f"--- {comparison.suite.name}: {name}\n{f'known: {reason}' if reason else text}")
    tests = sum(len(comparison.original) for comparison in found)
    differ = sum(len(comparison.unexplained) for comparison in found)
    print(f"{len(found)} suites, {tests} tests, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())

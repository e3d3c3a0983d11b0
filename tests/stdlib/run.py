"""``python -m tests.stdlib.run test_heapq --out FILE --rewrite heapq``: one suite in this process, its outcomes into a file."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import traceback
import unittest
import warnings
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.stdlib.copies import WAYS, install
from tests.stdlib.suites import UNPARSED
from tests.transform import certain, standin

PASSED = "passed"


class _Outcomes(unittest.TestResult):
    """Remembers how each test went, subtests too."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}

    def _note(self, test: unittest.TestCase, outcome: str) -> None:
        name, number = str(test), 1
        while name in self.outcomes:
            number += 1
            name = f"{test} #{number}"
        self.outcomes[name] = outcome

    def _trace(self, error: Any) -> str:
        return "".join(traceback.format_exception(*error))[-3000:]

    def addSuccess(self, test: Any) -> None:
        self._note(test, PASSED)

    def addError(self, test: Any, err: Any) -> None:
        self._note(test, self._trace(err))

    def addFailure(self, test: Any, err: Any) -> None:
        self._note(test, self._trace(err))

    def addSkip(self, test: Any, reason: str) -> None:
        self._note(test, f"skipped: {reason}")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._note(test, PASSED)

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._note(test, "unexpected success")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._note(subtest, self._trace(err))


def _runtime_named(name: str) -> ModuleType:
    if name == "real":
        import relaxpy.runtime

        return relaxpy.runtime
    if name == "certain":
        return certain.runtime()
    return standin.runtime() if name == "standin" else ModuleType(name)


def _leave_out_lines() -> None:
    """Let the lines that libcst cannot parse be read as if they were not there."""
    left_out = {}
    for name, line in UNPARSED.items():
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            left_out[spec.origin] = line.encode()
    read = SourceFileLoader.get_data

    def get_data(loader: SourceFileLoader, path: str) -> bytes:
        data = read(loader, path)
        return data.replace(left_out[path], b"\n") if path in left_out else data

    SourceFileLoader.get_data = get_data  # type: ignore[method-assign]


def outcomes(test: str, modules: Sequence[str], runtime: str, way: str) -> dict[str, str]:
    """How each test of ``test.TEST`` goes while these modules are rewritten copies."""
    from test import support

    support.use_resources = []
    warnings.simplefilter("ignore")
    _leave_out_lines()
    if modules:
        install(modules, way, _runtime_named(runtime))
    module = importlib.import_module(f"test.{test}")
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = _Outcomes()
    suite.run(result)
    return result.outcomes


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("test")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rewrite", nargs="*", default=[], metavar="MODULE")
    parser.add_argument("--runtime", default="real")
    parser.add_argument("--by", choices=WAYS, default="hook")
    options = parser.parse_args(argv)
    sys.argv = [sys.argv[0]]
    # Rewritten code is kept apart, for this run alone; modules that are imported anew in the middle of themselves need it.
    sys.pycache_prefix, sys.dont_write_bytecode = str(options.out.parent / "pycache"), False
    found = outcomes(options.test, options.rewrite, options.runtime, options.by)
    options.out.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

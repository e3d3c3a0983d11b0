"""Run CPython's own tests of standard modules against rewritten copies of them.

    python -m tests.transform.stdlib difflib textwrap      # these, with the stand-in runtime
    python -m tests.transform.stdlib --runtime real        # all of MODULES, with relaxpy's own runtime
    python -m tests.transform.stdlib --runtime certain     # all of them, by way of the soft machinery
    python -m tests.transform.stdlib --rewrite             # rewrite and compile every file of the library

For each module the tests that fail on the rewritten copy and pass on the original are listed; there should be none.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import io
import json
import subprocess
import sys
import sysconfig
import tokenize
import unittest
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from relaxpy.transform import rewrite
from tests.transform import certain, standin

# A module, or the modules that its tests are about, and the tests.
MODULES: dict[str, tuple[str, ...]] = {
    "test_argparse": ("argparse",),
    "test_ast": ("ast",),
    "test_bisect": ("bisect",),
    "test_calendar": ("calendar",),
    "test_cmd": ("cmd",),
    "test_codeop": ("codeop",),
    "test_collections": ("collections",),
    "test_colorsys": ("colorsys",),
    "test_configparser": ("configparser",),
    "test_contextlib": ("contextlib",),
    "test_copy": ("copy",),
    "test_csv": ("csv",),
    "test_dataclasses": ("dataclasses",),
    "test_datetime": ("datetime", "_pydatetime", "_strptime"),
    "test_decimal": ("_pydecimal",),
    "test_difflib": ("difflib",),
    "test_enum": ("enum",),
    "test_fileinput": ("fileinput",),
    "test_fnmatch": ("fnmatch",),
    "test_fractions": ("fractions",),
    "test_functools": ("functools",),
    "test_genericpath": ("genericpath",),
    "test_getopt": ("getopt",),
    "test_glob": ("glob",),
    "test_graphlib": ("graphlib",),
    "test_heapq": ("heapq",),
    "test_html": ("html",),
    "test_htmlparser": ("html.parser",),
    "test_ipaddress": ("ipaddress",),
    "test_json": ("json", "json.decoder", "json.encoder", "json.scanner", "json.tool"),
    "test_keyword": ("keyword",),
    "test_linecache": ("linecache",),
    "test_locale": ("locale",),
    "test_mimetypes": ("mimetypes",),
    "test_numbers": ("numbers",),
    "test_operator": ("operator",),
    "test_optparse": ("optparse",),
    "test_ordered_dict": ("collections",),
    "test_pickle": ("pickle",),
    "test_plistlib": ("plistlib",),
    "test_posixpath": ("posixpath",),
    "test_pprint": ("pprint",),
    "test_queue": ("queue",),
    "test_quopri": ("quopri",),
    "test_random": ("random",),
    "test_reprlib": ("reprlib",),
    "test_sched": ("sched",),
    "test_shlex": ("shlex",),
    "test_statistics": ("statistics",),
    "test_string": ("string",),
    "test_tabnanny": ("tabnanny",),
    "test_textwrap": ("textwrap",),
    "test_tokenize": ("tokenize",),
    "test_tomllib": ("tomllib._parser", "tomllib._re", "tomllib._types"),
    "test_types": ("types",),
    "test_typing": ("typing",),
    "test_urlparse": ("urllib.parse",),
    "test_uuid": ("uuid",),
    "test_weakset": ("_weakrefset",),
    "test_xml_etree": ("xml.etree.ElementTree", "xml.etree.ElementPath"),
    "test_zipfile": ("zipfile",),
}


class Loader(importlib.machinery.SourceFileLoader):
    """Loads the rewritten copy of a module."""

    runtime: ModuleType

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = compile(rewrite(decoded(Path(path)), filename=path).text, path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["_rt"] = self.runtime
        super().exec_module(module)


class Finder:
    """Finds rewritten copies of some modules."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self.names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        spec.loader = Loader(name, spec.origin)
        return spec


def decoded(path: Path) -> str:
    with tokenize.open(path) as file:
        return file.read()


def runtime_named(name: str) -> ModuleType:
    if name == "real":
        import relaxpy.runtime

        return relaxpy.runtime
    return certain.runtime() if name == "certain" else standin.runtime()


def run_tests(test: str, modules: Sequence[str], runtime: str) -> dict[str, str]:
    """In this process: the tests with these modules rewritten; what failed, and how."""
    import test.support as support

    warnings.simplefilter("ignore")
    Loader.runtime = runtime_named(runtime)
    for name in [key for key in sys.modules if any(key == m or key.startswith(m + ".") for m in modules)]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder(modules))  # type: ignore[arg-type]
    for name in modules:
        importlib.import_module(name)
    support.use_resources = []
    module = importlib.import_module(f"test.{test}")
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    return {str(case): text for case, text in (*result.failures, *result.errors)} | {"": str(result.testsRun)}


def _in_process(test: str, modules: Sequence[str], runtime: str) -> dict[str, str]:
    arguments = [sys.executable, "-m", "tests.transform.stdlib", "--run", test, *modules, "--runtime", runtime]
    done = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1200)
    try:
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"all of it": done.stdout[-2000:] + done.stderr[-3000:]}
    return found


def compare(test: str, modules: Sequence[str], runtime: str) -> dict[str, str]:
    """Tests that fail on rewritten modules only."""
    before, after = _in_process(test, (), runtime), _in_process(test, modules, runtime)
    counts = before.pop("", "?"), after.pop("", "?")
    print(f"{test}: {counts[1]} tests of {counts[0]}, {len(after)} fail, {len(before)} of the originals")
    return {name: text for name, text in after.items() if name not in before}


def library() -> Iterator[Path]:
    """All files of the standard library that are Python."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" not in path.parts and "lib2to3" not in path.parts:
            try:
                compile(decoded(path), str(path), "exec", dont_inherit=True)
            except (SyntaxError, ValueError, UnicodeDecodeError):
                continue
            yield path


def rewritten(path: Path) -> str | None:
    """What goes wrong when a file is rewritten and compiled."""
    try:
        compile(rewrite(decoded(path), filename=str(path)).text, str(path), "exec", dont_inherit=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="modules, or tests (test_difflib)")
    parser.add_argument("--runtime", choices=("standin", "certain", "real"), default="standin")
    parser.add_argument("--rewrite", action="store_true", help="rewrite and compile all files")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    if options.run:
        print("\n" + json.dumps(run_tests(options.names[0], options.names[1:], options.runtime)))
        return 0
    if options.rewrite:
        problems = {str(path): problem for path in library() if (problem := rewritten(path))}
    else:
        wanted = {t: m for t, m in MODULES.items() if not options.names or {t, *m} & set(options.names)}
        problems = {}
        for test, modules in wanted.items():
            present = [name for name in modules if importlib.util.find_spec(name)]
            problems.update(compare(test, present, options.runtime))
    for name, problem in problems.items():
        print(f"--- {name}\n{problem}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())

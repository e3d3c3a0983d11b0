"""Other ways in which modules come: other import hooks in either order, zip files, namespaces, editable installs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.hook.process import ASK, PROBE, ask, command, environment, python

_TYPED = """\
def decide(x: float) -> float:
    if x > 0:
        return 1.0
    return 0.0

def typed(x: int) -> int:
    y: int = x
    return y
"""
_TYPEGUARD = "import typeguard; typeguard.install_import_hook(['typed'])"
_BEARTYPE = "import beartype.claw; beartype.claw.beartype_package('typed')"
_RELAXPY = "import relaxpy; relaxpy.install('typed')"


@pytest.mark.parametrize(
    "hooks",
    [
        (_TYPEGUARD, _RELAXPY),
        (_RELAXPY, _TYPEGUARD),
        (_BEARTYPE, _RELAXPY),
        (_RELAXPY, _BEARTYPE),
        (_TYPEGUARD, _RELAXPY, _BEARTYPE),
        (_RELAXPY, "import sys; sys.meta_path = list(sys.meta_path)", _TYPEGUARD, "import this_is_new"),
    ],
    ids=lambda hooks: " then ".join(hook.split(";")[0].removeprefix("import ") for hook in hooks),
)
def test_checkers_of_types_keep_checking(tmp_path: Path, hooks: tuple[str, ...]) -> None:
    (tmp_path / "typed.py").write_text(_TYPED)
    (tmp_path / "this_is_new.py").touch()
    check = """
import typed
try:
    typed.typed("no number")
except Exception as error:
    print(type(error).__name__)
"""
    text = "\n".join([*hooks, check, ASK.format(module="typed")])
    for _ in range(2):  # nothing that one of them keeps on disk misleads the other
        error, answer = python(text, tmp_path).splitlines()
        assert error in ("TypeCheckError", "BeartypeCallHintParamViolation")
        assert answer == "relaxed 1.0"
        assert python(f"{_TYPEGUARD}\n{ASK.format(module='typed')}", tmp_path).strip() == "plain 1.0"
        assert python(f"{_BEARTYPE}\n{ASK.format(module='typed')}", tmp_path).strip() == "plain 1.0"


_CONFTEST = {
    "pytest first": "import relaxpy\nrelaxpy.install('test_module', 'helping', 'asserting')",
    "relaxpy first": "",
}


@pytest.mark.parametrize("order", _CONFTEST)
def test_pytest_explains_asserts_of_relaxed_modules(tmp_path: Path, order: str) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n" + _CONFTEST[order] + "\npytest.register_assert_rewrite('asserting')\n"
    )
    (tmp_path / "early.py").write_text("import relaxpy\nrelaxpy.install('test_module', 'helping', 'asserting')\n")
    (tmp_path / "helping.py").write_text(PROBE)
    (tmp_path / "asserting.py").write_text(PROBE + "\ndef claim(x):\n    left = [x, 1]\n    assert left == [5, 1]\n")
    (tmp_path / "test_module.py").write_text(
        textwrap.dedent(
            """
            import asserting, helping, pytest

            def relaxed(function):
                return "__relaxpy_" + "runtime__" in function.__code__.co_names

            def test_relaxed():
                assert relaxed(asserting.decide)
                assert relaxed(helping.decide)

            def test_explained():
                with pytest.raises(AssertionError) as caught:
                    asserting.claim(4)
                message = str(caught.value)
                print(message)
                assert "4" in message and "5" in message

            def decide(x):
                return 1 if x > 0 else 0

            def test_itself():
                assert relaxed(decide)
                assert decide(1) == 0
            """
        )
    )
    early = () if order == "pytest first" else ("-p", "early")
    argv = command("-m", "pytest", "-q", "-p", "no:cacheprovider", *early, "test_module.py")
    for _ in range(2):
        done = subprocess.run(argv, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
        assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
        assert "test_itself" in done.stdout
        assert "assert 1 == 0" in done.stdout


def test_zip_files(tmp_path: Path) -> None:
    archive = tmp_path / "probes.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("probe.py", PROBE)
        file.writestr("package/__init__.py", "")
        file.writestr("package/probe.py", PROBE)
    for module in ("probe", "package.probe"):
        for _ in range(2):
            assert ask(tmp_path, module, f"import sys; sys.path.insert(0, {str(archive)!r})") == "relaxed 1.0"
    kept = tmp_path / "kept"
    for _ in range(2):
        before = f"import sys; sys.path.insert(0, {str(archive)!r})"
        assert ask(tmp_path, "probe", before, PYTHONPYCACHEPREFIX=str(kept)) == "relaxed 1.0"
    assert len(list(kept.rglob("probe.*-relaxpy.pyc"))) == 1


def test_a_zip_file_of_bytecode_alone_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    python("import py_compile; py_compile.compile('probe.py', 'probe.pyc')", tmp_path)
    with zipfile.ZipFile(tmp_path / "probes.zip", "w") as file:
        file.write(tmp_path / "probe.pyc", "probe.pyc")
    (tmp_path / "probe.py").unlink()
    (tmp_path / "probe.pyc").unlink()
    shown = python(_MERGED + "import sys; sys.path.insert(0, 'probes.zip')\n" + _ASKED, tmp_path)
    assert shown.splitlines()[-1] == "plain 1.0"
    assert "<string>:6: RelaxWarning: the module probe is not relaxed: it has no Python source" in shown


_MERGED = "import sys; sys.stderr = sys.stdout\nimport relaxpy\n"
_ASKED = f"relaxpy.install('probe')\n{ASK.format(module='probe')}"


@pytest.mark.parametrize(
    ("base", "methods", "shown"),
    [
        ("InspectLoader", "def get_source(self, name): return SOURCE", "relaxed"),
        ("InspectLoader", "def get_source(self, name): return '# coding: latin-1\\n' + SOURCE", "relaxed"),
        (
            "ExecutionLoader",
            "def get_source(self, name): return SOURCE\n    def get_filename(self, name): return 'nowhere.py'",
            "relaxed",
        ),
        (
            "SourceLoader",
            "def get_data(self, path): return SOURCE.encode()\n    def get_filename(self, name): return 'nowhere.py'",
            "relaxed",
        ),
        (
            "Loader",
            "def exec_module(self, module): exec(SOURCE, module.__dict__)",
            "the module probe is not relaxed: its loader, Own, gives no access to its code",
        ),
    ],
)
def test_loaders_of_ones_own(tmp_path: Path, base: str, methods: str, shown: str) -> None:
    finder = f"""
import importlib.abc, importlib.util
SOURCE = {PROBE!r} + "text = 'é'\\n"
class Own(importlib.abc.{base}):
    {methods}
class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, Own()) if name == "probe" else None
sys.meta_path.insert(0, Finder())
"""
    output = python(_MERGED + finder + _ASKED + "assert probed.text == 'é'", tmp_path)
    assert shown in output
    assert output.splitlines()[-1] == ("relaxed 1.0" if shown == "relaxed" else "plain 1.0")


def test_namespace_packages(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder / "space").mkdir(parents=True)
        (tmp_path / folder / "space" / f"{folder}.py").write_text(PROBE)
    before = "import sys; sys.path[:0] = ['one', 'two']"
    text = f"import relaxpy; {before}; relaxpy.install('space')\n"
    text += "\n".join(ASK.format(module=f"space.{name}") for name in ("one", "two"))
    assert python(text, tmp_path).splitlines() == ["relaxed 1.0", "relaxed 1.0"]


def test_editable_installs(tmp_path: Path) -> None:
    """What setuptools installs for an editable package is a finder on `sys.meta_path`."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "probe.py").write_text(PROBE)
    finder = f"""
    import importlib.util, sys

    class Finder:
        @classmethod
        def find_spec(cls, fullname, path=None, target=None):
            if fullname == "probe":
                return importlib.util.spec_from_file_location(fullname, {str(tmp_path / "sources" / "probe.py")!r})

    sys.meta_path.append(Finder)
    """
    assert ask(tmp_path, before=finder) == "relaxed 1.0"
    assert ask(tmp_path, before=finder.replace("append(", "insert(0, ")) == "relaxed 1.0"


def test_a_hook_that_asks_all_finders_and_one_of_the_same_kind(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    finder = """
    import importlib.util, sys

    class Asking:
        busy = False

        def find_spec(self, fullname, path=None, target=None):
            if self.busy:
                return None
            self.busy = True
            try:
                for finder in sys.meta_path:
                    if finder is not self and (spec := finder.find_spec(fullname, path, target)):
                        return spec
            finally:
                self.busy = False

    sys.meta_path.insert(0, Asking())
    """
    assert ask(tmp_path, before=finder) == "relaxed 1.0"
    assert ask(tmp_path, before="relaxpy.install('probe')\n" + textwrap.dedent(finder)) == "relaxed 1.0"


def test_lazy_loaders(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    text = """
    import importlib.util, sys, relaxpy
    relaxpy.install("probe")
    spec = importlib.util.find_spec("probe")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["probe"] = module
    spec.loader.exec_module(module)
    print("__relaxpy_runtime__" in module.decide.__code__.co_names)
    """
    assert python(text, tmp_path).strip() == "True"
    finder = """
    import importlib.machinery, importlib.util, sys

    class Lazy:
        @classmethod
        def find_spec(cls, fullname, path=None, target=None):
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
            if spec is not None and fullname == "probe":
                spec.loader = importlib.util.LazyLoader(spec.loader)
                return spec

    sys.meta_path.insert(0, Lazy)
    """
    assert ask(tmp_path, before=finder) == "relaxed 1.0"


def test_modules_without_python_source_stay_as_they_are(tmp_path: Path) -> None:
    text = """
    import sys, relaxpy
    for name in ("math", "__hello__", "_bisect"):
        sys.modules.pop(name, None)
    relaxpy.install("math", "__hello__", "_bisect")
    import math, __hello__, _bisect
    print(math.sqrt(4.0), _bisect.bisect_right([1, 2], 1))
    """
    assert python(text, tmp_path).splitlines()[-1] == "2.0 1"


def test_resources_and_types_of_loaders_are_what_they_were(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(PROBE)
    (tmp_path / "package" / "data.txt").write_text("data")
    text = """
    import importlib.machinery, importlib.resources, pkgutil, relaxpy
    relaxpy.install("package")
    import package
    loader = package.__spec__.loader
    print(isinstance(loader, importlib.machinery.SourceFileLoader), loader.name, package.__loader__ is loader)
    print(importlib.resources.files("package").joinpath("data.txt").read_text(), pkgutil.get_data("package", "data.txt"))
    print(package.__file__ == package.__spec__.origin, package.__cached__ == package.__spec__.cached)
    print("decide" in loader.get_source("package"))
    """
    assert python(text, tmp_path).splitlines() == [
        "True package True",
        "data b'data'",
        "True True",
        "True",
    ]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the directory is on the path")
def test_installed_before_nested_imports_of_plain_modules(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("import helper\nfrom package import probe\n" + PROBE)
    (tmp_path / "package" / "probe.py").write_text("import helper, package\nimport xml.dom\n" + PROBE)
    (tmp_path / "helper.py").write_text("import package.probe\n" + PROBE)
    text = "import relaxpy; relaxpy.install('package')\n"
    text += "\n".join(ASK.format(module=name) for name in ("package", "package.probe", "helper"))
    assert python(text, tmp_path).splitlines() == ["relaxed 1.0", "relaxed 1.0", "plain 1.0"]


@pytest.mark.parametrize("pattern", ["*", "tempfile", "dataclasses", "f*"])
def test_modules_that_relaxpy_needs_itself(tmp_path: Path, pattern: str) -> None:
    """What the hook, the store and the rewriter import is theirs; what the user has imported before is relaxed."""
    (tmp_path / "found.py").write_text(PROBE)
    text = f"""
    import sys, warnings, relaxpy.importhook
    warnings.filterwarnings("error" if len({pattern!r}) > 2 else "ignore", "imported by the rewriter")
    for name in ("fnmatch", "tempfile", "dataclasses", "shutil", "random"):
        sys.modules.pop(name, None)
    relaxpy.install({pattern!r}, "found")
    import tempfile, dataclasses, found
    with tempfile.TemporaryFile() as file:
        file.write(b"1")
    print(dataclasses.make_dataclass("Point", ["x"])(3), hasattr(found, "__relaxpy_hook__"), found.decide(2.0))
    for module in (tempfile, dataclasses):
        if module.__name__ == {pattern!r}:
            assert hasattr(module, "__relaxpy_hook__")
    """
    for _ in range(2):
        assert python(text, tmp_path, PYTHONPYCACHEPREFIX=str(tmp_path / "kept")) == "Point(x=3) True 1.0\n"


def test_what_the_rewriter_has_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "found.py").write_text(PROBE)
    text = """
    import sys, relaxpy.importhook
    sys.stderr = sys.stdout
    sys.modules.pop("dataclasses", None)
    relaxpy.install("dataclasses", "found")
    import found
    """
    shown = "RelaxWarning: imported by the rewriter itself, and so not relaxed: dataclasses; import them before all others"
    assert shown in python(text, tmp_path)
    assert python(text, tmp_path) == ""  # kept, and so not rewritten

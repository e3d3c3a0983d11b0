"""`relaxpy cache`: what is kept on disk is shown, removed and made in advance."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hook.process import PROBE, environment, python

_DECORATED = "from relaxpy import relax\n\n@relax\ndef half(x):\n    return 0.5 if x > 0 else 1.0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for name in ("__init__", "algos", "inner/__init__", "inner/more"):
        (tmp_path / "package" / f"{name}.py").write_text(PROBE)
    (tmp_path / "other.py").write_text(PROBE)
    (tmp_path / "opted.py").write_text("__relaxpy__ = False\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "decorated.py").write_text(_DECORATED)
    return tmp_path


def cache(folder: Path, *argv: str, **extra: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "relaxpy", "cache", *argv]
    done = subprocess.run(command, cwd=folder, env=environment(**extra), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def kept(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)).partition(".")[0] for file in folder.rglob("*-relaxpy*.pyc")}


def test_what_was_warmed_is_what_is_imported(folder: Path) -> None:
    assert cache(folder, "warm", "package", "other.py") == (0, "5 rewritten\n", "")
    assert cache(folder, "warm", "package", "opted.py") == (0, "4 kept already, 1 opted out\n", "")
    text = "import sys, relaxpy; relaxpy.install('package', 'other'); import package.inner.more, package.algos, other; "
    text += "print('libcst' in sys.modules, '__relaxpy_runtime__' in other.decide.__code__.co_names)"
    assert python(text, folder) == "False True\n"


def test_by_the_name_of_a_package(folder: Path) -> None:
    assert cache(folder, "warm", "package.inner") == (0, "2 rewritten\n", "")
    assert kept(folder) == {"package/inner/__pycache__/__init__", "package/inner/__pycache__/more"}


def test_refused_files_do_not_stop_the_others(folder: Path) -> None:
    status, out, err = cache(folder, "warm", ".")
    assert (status, out) == (1, "6 rewritten, 1 opted out, 1 refused\n")
    assert err == "relaxpy: broken.py is not Python source: invalid syntax (broken.py, line 1)\n"


def test_info_tells_stale_files_from_others(folder: Path) -> None:
    assert cache(folder, "info") == (0, "0 modules      0.0 kB\n0 functions    0.0 kB\n", "")
    cache(folder, "warm", "package", "other.py")
    python("import decorated; decorated.half(3.0)", folder)
    lines = cache(folder, "info")[1].splitlines()
    assert lines[0].startswith("5 modules ")
    assert lines[1].startswith("1 function ")
    assert not any("for another" in line for line in lines)
    (folder / "other.py").write_text(PROBE + "\n")
    (folder / "package" / "algos.py").unlink()
    (left,) = (folder / "package" / "inner" / "__pycache__").glob("more.*-relaxpy.pyc")
    left.rename(f"{left}.x1y2.tmp")
    modules, functions, leftovers = cache(folder, "info")[1].splitlines()
    assert modules.startswith("4 modules ")
    assert modules.endswith(", 2 of them for another source, relaxpy or Python")
    assert functions == lines[1]
    assert leftovers.startswith("1 leftover ")
    assert cache(folder, "info", "package/inner/more.py")[1].splitlines()[0].startswith("0 modules ")


def test_clear_removes_what_is_kept_and_nothing_else(folder: Path) -> None:
    cache(folder, "warm", "package", "other.py")
    python("import decorated, other; decorated.half(3.0)", folder)
    plain = {file for file in folder.rglob("*.pyc") if "-relaxpy" not in file.name}
    (folder / "notes-relaxpy.pyc").write_text("mine")
    assert len(plain) == 2
    status, out, _ = cache(folder, "clear", "package/inner", "other.py")
    assert (status, out.split(",")[0]) == (0, "removed 3 files")
    assert cache(folder, "clear")[1].startswith("removed 3 files")
    assert cache(folder, "clear") == (0, "removed 0 files, 0.0 kB\n", "")
    assert {file for file in folder.rglob("*.pyc") if "-relaxpy" not in file.name} == plain
    assert (folder / "notes-relaxpy.pyc").exists()


def test_bytecode_in_another_place(folder: Path, tmp_path: Path) -> None:
    prefix = {"PYTHONPYCACHEPREFIX": str(tmp_path / "elsewhere")}
    assert cache(folder, "warm", "package", **prefix)[0] == 0
    assert kept(folder / "package") == set()
    assert cache(folder, "info", "package", **prefix)[1].startswith("4 modules ")
    assert "of them for another" not in cache(folder, "info", "package", **prefix)[1]
    assert cache(folder, "info", "package")[1].startswith("0 modules ")
    assert cache(folder, "clear", "package/algos.py", "package/inner", **prefix)[1].startswith("removed 3 files")


def test_folders_that_cannot_be_written(folder: Path) -> None:
    # A file in the place of the folder hinders root, too.
    (folder / "package" / "__pycache__").write_text("in the way")
    status, out, err = cache(folder, "warm", "package/algos.py")
    assert (status, out) == (1, "1 not kept\n")
    assert err.startswith("relaxpy: cannot write ")


@pytest.mark.parametrize(
    ("argv", "extra", "message"),
    [
        (["warm", "pakage"], {}, "there is no file and no module pakage\n  did you mean `package`?"),
        (["clear", "othr.py"], {}, "there is no file othr.py\n  did you mean `other.py`?"),
        (["warm", "other.py"], {"PYTHONDONTWRITEBYTECODE": "1"}, "Python is told to keep no bytecode"),
        (["warm"], {}, "the following arguments are required: PATH"),
        (["wram", "other.py"], {}, "invalid choice: 'wram'"),
        ([], {}, "the following arguments are required: info|clear|warm"),
    ],
)
def test_mistakes(folder: Path, argv: list[str], extra: dict[str, str], message: str) -> None:
    status, out, err = cache(folder, *argv, **extra)
    assert (status, out) == (2, "")
    assert message in err
    assert kept(folder) == set()

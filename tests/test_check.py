"""`relaxpy check`: all that cannot be relaxed, and no more than that."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

import relaxpy
from relaxpy.cli import main
from relaxpy.cli.check import checked

_ROOT = Path(relaxpy.__file__).parent.parent

# Parentheses around an annotated name: Python takes them, libcst does not.
_WHAT = "valid Python that libcst, which relaxpy reads source with, cannot parse"
_REMEDY = "leave out the parentheses around the name, or the annotation"
_REFUSED = """\
x = 1


def fine(x):
    def inner():
        return x if x > 0 else 0
    return inner()


class A:
    def method(self):
    \t(y): int = 1
    \treturn y

    def other(self):
        return 1


(z): int = 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.py").write_text("def f(x):\n    return x if x > 0 else -x\n\n\nasync def g():\n    pass\n")
    (tmp_path / "good" / "__init__.py").write_text("")
    (tmp_path / "good" / "notes.txt").write_text("not python")
    for hidden in (".git", "__pycache__"):
        (tmp_path / "good" / hidden).mkdir()
        (tmp_path / "good" / hidden / "bad.py").write_text("def (")
    (tmp_path / "refused.py").write_text(_REFUSED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(["check", *argv])
    out, err = capsys.readouterr()
    return status, out, err


def test_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = "2 of 2 files (100%) and 2 of 2 functions (100%) can be relaxed\n"
    assert run(capsys, "good") == (0, expected, "")
    assert run(capsys, "good", "good/a.py", "./good") == (0, expected, "")  # no file counts twice
    expected = "1 of 1 file (100%) and 2 of 2 functions (100%) can be relaxed\n"
    assert run(capsys, "good.a") == (0, expected, "")


def test_every_refusal_of_a_file_with_its_caret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, ".")
    what = f"{_WHAT}; {_REMEDY}"
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        f"refused.py:12:9: {what}",
        "    (y): int = 1",
        "       ^",
        f"refused.py:19:4: {what}",
        "    (z): int = 1",
        "       ^",
        "2 of 3 files (66.6%) and 5 of 6 functions (83.3%) can be relaxed",
    ]


def test_functions_of_a_refused_file_that_can_be_decorated(folder: Path) -> None:
    result = checked(folder / "refused.py")
    assert (result.functions, result.accepted) == (4, 3)
    scope: dict[str, object] = {}
    source = "from relaxpy import relax\n" + _REFUSED.replace("def fine", "@relax\ndef fine")
    (folder / "decorated.py").write_text(source)
    exec(compile(source, str(folder / "decorated.py"), "exec"), scope)
    assert scope["fine"](-3.0) == 0  # type: ignore[operator]


def test_refusals_outside_functions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "refused.py").write_text("def f():\n    return 1\n\n\n(z): int = 1\n")
    status, out, _ = run(capsys, "refused.py")
    assert status == 1
    assert out.startswith("refused.py:5:4: valid Python that libcst")
    assert out.endswith("0 of 1 file (0%) and 1 of 1 function (100%) can be relaxed\n")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (b"def f(:\n    pass\n", ":1:7: ", "\n    def f(:\n          ^\n"),
        (b"print 'python 2'\n", ":1:1: ", "Missing parentheses in call to 'print'"),
        (b"if 1:\n\treturn 5\n", ":2:2: ", "'return' outside function"),
        (b"\xff\xfe\x00", ": ", "is not Python source"),
        (b"# coding: no-such-codec\n", ": ", "unknown encoding"),
        (b"x = '\x00'\n", ":", "null byte"),
        (b"x = " + b"(" * 5000 + b")" * 5000, ":", "too many nested parentheses"),
        (b"x = " + b"-" * 100000 + b"1\n", ": ", "nested too deeply for Python's own compiler"),
        (b"nonlocal x\n", ":1:1: ", "nonlocal declaration not allowed at module level\n    nonlocal x\n    ^\n"),
    ],
)
def test_what_is_no_python_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str], text: bytes, place: str, words: str
) -> None:
    (folder / "wrong.py").write_bytes(text)
    status, out, err = run(capsys, "wrong.py", "good")
    assert (status, err) == (1, "")
    assert out.startswith(f"wrong.py{place}")
    assert words in out
    assert out.endswith("2 of 3 files (66.6%) and 2 of 2 functions (100%) can be relaxed\n")


def test_other_encodings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "latin.py").write_bytes("# coding: latin-1\r\ndef grün(x):\r\n    return 'é'\r\n".encode("latin-1"))
    (folder / "mark.py").write_bytes("\ufeffx = 'ü'\n".encode())
    assert run(capsys, "latin.py", "mark.py")[0] == 0


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(_REFUSED.encode())))
    status, out, _ = run(capsys, "-")
    assert status == 1
    assert out.startswith("<stdin>:12:9: ")


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, ".", "--format", "json")
    assert (status, err) == (1, "")
    report = json.loads(out)
    finding, _ = report.pop("findings")
    assert report == {"files": 3, "files_accepted": 2, "functions": 6, "functions_accepted": 5}
    assert (finding["file"], finding["line"], finding["column"]) == ("refused.py", 12, 8)
    assert (finding["text"], finding["remedy"]) == ("    \t(y): int = 1\n", _REMEDY)


def test_github(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "refused.py").rename(folder / "a, b.py")
    status, out, err = run(capsys, ".", "--format", "github")
    assert status == 1
    message = f"{_WHAT}%0Aremedy: {_REMEDY}"
    assert out == "".join(
        f"::error file=a%2C b.py,line={place},title=relaxpy::{message}\n" for place in ("12,col=9", "19,col=4")
    )
    assert err == "2 of 3 files (66.6%) and 5 of 6 functions (83.3%) can be relaxed\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["goood.py"], "there is no file goood.py\n  beside it there are: refused.py"),
        (["refuse.py"], "there is no file refuse.py\n  did you mean `refused.py`?"),
        (["goood"], "there is no file and no module goood\n  did you mean `good`?"),
        (["sys"], "the module sys has no Python source"),
        (["good/.git/hooks", "good"], "there is no file good/.git/hooks"),
        (["empty"], "there is no Python file in empty"),
    ],
)
def test_wrong_paths(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    (folder / "empty").mkdir()
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith(f"relaxpy: {message}")


def test_several_processes_say_the_same_in_the_same_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(60):
        (folder / f"m{number:02}.py").write_text(_REFUSED if number % 7 == 0 else "def f(): pass\n")
    alone = run(capsys, ".", "--jobs", "1")
    assert alone[1].count("(y): int") == 10
    assert run(capsys, ".", "--jobs", "2") == alone


def test_a_fault_of_the_rewriter_is_reported_and_does_not_end_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(text: str, **_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("relaxpy.transform.rewrite", failing)
    status, out, _ = run(capsys, "good/a.py")
    assert status == 1
    assert "the rewriter failed with KeyError: 'lost'; this is a fault of relaxpy: please report it" in out


def test_interrupted(folder: Path) -> None:
    for number in range(400):
        (folder / f"m{number}.py").write_text("def f(x):\n    return x\n" * 1500)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "relaxpy", "check", ".", "--jobs", "2"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    while not psutil.Process(running.pid).children():  # at work, with all that it needs imported
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does it: to all of them
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "relaxpy: interrupted\n")


def test_a_package_of_the_standard_library() -> None:
    for file in sorted(Path(json.__file__).parent.glob("*.py")):
        result = checked(file)
        assert result.findings == ()
        assert result.accepted == result.functions

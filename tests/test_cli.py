from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import relaxpy
from relaxpy.cli import main
from tests.terminal import on_terminal

_ROOT = Path(relaxpy.__file__).parent.parent

_TEXT = '''\
"""A module."""


def clip(x):
    if x > 1.0:  # too much
        x = 1.0
    return x


class Stack:
    def push(self, x):
        self.__items[0] = x


def unchanged(x):
    return x
'''

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current directory."""
    (tmp_path / "stacks.py").write_text(_TEXT)
    monkeypatch.chdir(tmp_path)
    return "stacks.py"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> tuple[int, str, str]:
        try:
            status = main(argv)
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def process(*argv: str, **keywords: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "relaxpy", *argv]
    return subprocess.run(command, capture_output=True, text=True, env=environment, **keywords)  # type: ignore[call-overload,no-any-return]


def test_dump_of_a_file(run: Run, file: str) -> None:
    status, out, err = run("dump", file)
    assert (status, err) == (0, "")
    assert "_rt." in out
    assert "# too much" in out
    assert out.startswith('"""A module."""\n')
    assert "\x1b" not in out
    compile(out, "out", "exec")


def test_dump_of_a_function(run: Run, file: str) -> None:
    status, out, _ = run("dump", f"{file}:clip")
    assert status == 0
    assert out.startswith("def clip(x):\n")
    assert "Stack" not in out


def test_dump_of_a_method_is_dedented_and_mangled(run: Run, file: str) -> None:
    status, out, _ = run("dump", f"{file}:Stack.push")
    assert status == 0
    assert out.startswith("def push(self, x):\n")


def test_dump_of_a_class(run: Run, file: str) -> None:
    status, out, _ = run("dump", f"{file}:Stack")
    assert status == 0
    assert out.startswith("class Stack:\n    def push(self, x):\n")
    assert "_rt.store(" in out


def test_dump_of_a_module_by_its_name(run: Run, file: str) -> None:
    assert run("dump", "stacks:clip") == run("dump", f"{file}:clip")
    status, out, _ = run("dump", "relaxpy.algorithms.sorting:swap")
    assert status == 0
    assert out.startswith("def swap(")


def test_dump_of_what_needs_no_change(run: Run, file: str) -> None:
    assert run("dump", f"{file}:unchanged") == (0, "def unchanged(x):\n    return x\n", "")
    assert run("dump", f"{file}:unchanged", "--diff") == (0, "", "")


def test_diff(run: Run, file: str) -> None:
    status, out, _ = run("dump", f"{file}:clip", "--diff")
    assert status == 0
    lines = out.splitlines()
    assert lines[:2] == ["--- stacks.py:clip", "+++ stacks.py:clip (relaxed)"]
    assert "-    if x > 1.0:  # too much" in lines
    assert "     return x" in lines


def test_out(run: Run, file: str) -> None:
    assert run("dump", file, "--out", "relaxed.py") == (0, "", "")
    assert Path("relaxed.py").read_text() == run("dump", file)[1]
    status, _, err = run("dump", file, "--out", "no/such/folder.py")
    assert (status, err) == (2, "relaxpy: cannot write no/such/folder.py: No such file or directory\n")


@pytest.mark.parametrize("command", [["dump"], ["dump", "--diff"], ["dump", "--lines"], ["eject"]])
def test_out_does_not_overwrite_the_source(run: Run, file: str, command: list[str]) -> None:
    before = Path(file).read_text()
    status, out, err = run(*command, file, "--out", str(Path(file).resolve()))
    assert (status, out) == (2, "")
    assert "is the source itself, which would be lost\n  name another file after --out" in err
    assert Path(file).read_text() == before


def test_lines_stand_beside_the_original_ones(run: Run, file: str) -> None:
    status, out, _ = run("dump", f"{file}:Stack", "--lines")
    assert status == 0
    assert out.splitlines() == [
        "10 class Stack:                | class Stack:",
        "11     def push(self, x):      |     def push(self, x):",
        "12         self.__items[0] = x |         _rt.store(x, self.__items, 0)",
    ]
    status, out, _ = run("dump", f"{file}:clip", "--lines")
    assert status == 0
    left, right = zip(*(line.split(" | ", 1) for line in out.splitlines()))
    assert "".join(f"{line}\n" for line in right) == run("dump", f"{file}:clip")[1]
    assert [line.strip() for line in left if line.strip()][:3] == [
        "4 def clip(x):",
        "5     if x > 1.0:  # too much",
        "6         x = 1.0",
    ]
    assert run("dump", f"{file}:clip", "--lines", "--out", "beside.txt") == (0, "", "")
    assert Path("beside.txt").read_text() == out


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("stack.py", 2, "there is no file stack.py\n  did you mean `stacks.py`?"),
        ("queue_of.py", 2, "there is no file queue_of.py\n  beside it there are: stacks.py"),
        ("no/such/file.py", 2, "there is no file no/such/file.py"),
        (".", 2, ". is a directory\n  name one of its files: relaxpy dump stacks.py"),
        ("stackz:clip", 2, "there is no file and no module stackz\n  did you mean `stacks`?"),
        (
            "relaxpy.algorithms.sortin",
            2,
            "there is no file and no module relaxpy.algorithms.sortin\n  did you mean `relaxpy.algorithms.sorting`?",
        ),
        (
            "no_such_module:f",
            2,
            "there is no file and no module no_such_module\n  write algorithms.py:function or package.module:function",
        ),
        ("math:sqrt", 2, "the module math has no Python source"),
        ("stacks.py:clap", 1, "stacks.py defines no `clap`\n  remedy: did you mean `clip`?"),
        (
            "stacks.py:zzz",
            1,
            "stacks.py defines no `zzz`\n  remedy: it defines clip, Stack, Stack.push, unchanged",
        ),
    ],
)
def test_wrong_path_or_name(run: Run, file: str, path: str, status: int, message: str) -> None:
    assert run("dump", path) == (status, "", f"relaxpy: {message}\n")


def test_file_that_is_not_python(run: Run, file: str) -> None:
    Path("broken.py").write_text("x = 1\ndef f(:\n    pass\n")
    status, out, err = run("dump", "broken.py")
    assert (status, out) == (1, "")
    assert 'File "broken.py", line 2\n    def f(:\n          ^\n' in err
    status, out, err = run("dump", "broken.py:f")
    assert (status, out) == (1, "")
    assert 'File "broken.py", line 2\n    def f(:\n          ^\n' in err
    Path("binary.py").write_bytes(b"\xff\xfe\x00")
    status, out, err = run("dump", "binary.py")
    assert (status, out) == (2, "")
    assert err.startswith("relaxpy: binary.py is not Python source: ")


def test_other_encodings_and_colons_in_names(run: Run, file: str) -> None:
    Path("latin:1.py").write_bytes("# coding: latin-1\ndef grün(x):\n    return 'é'\n".encode("latin-1"))
    assert run("dump", "latin:1.py:grün") == (0, "def grün(x):\n    return 'é'\n", "")
    assert run("dump", "latin:1.py")[0] == 0


def test_help_has_examples(run: Run) -> None:
    for argv in (["--help"], ["dump", "--help"], ["check", "--help"], ["experiment", "--help"]):
        status, out, _ = run(*argv)
        assert status == 0
        assert "examples:\n  relaxpy " in out
    status, out, _ = run()
    assert status == 2
    assert "dump" in out


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"relaxpy {relaxpy.__version__}\n", "")


def test_unknown_command(run: Run) -> None:
    status, _, err = run("dmp")
    assert status == 2
    assert "invalid choice: 'dmp'" in err


def test_experiments_are_listed(run: Run) -> None:
    status, out, _ = run("experiment")
    assert status == 0
    assert out.startswith("sorting")
    status, _, err = run("experiment", "sortin")
    assert (status, err) == (2, "relaxpy: there is no experiment `sortin`\n  did you mean `sorting`?\n")


def test_experiment_gets_its_own_arguments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sorting = pytest.importorskip("relaxpy.experiments.sorting")
    seen: list[list[str]] = []
    monkeypatch.setattr(sorting, "main", lambda argv: seen.append(list(argv)) or 7)
    assert run("experiment", "sorting", "--n", "5", "--help")[0] == 7
    assert seen == [["--n", "5", "--help"]]


def test_as_a_module_and_in_a_pipe(file: str) -> None:
    result = process("dump", f"{file}:clip")
    assert result.returncode == 0
    assert result.stdout.startswith("def clip(x):\n")
    assert "\x1b" not in result.stdout
    assert process("dump", "-", input=_TEXT).stdout == process("dump", file).stdout


def test_broken_pipe(file: str) -> None:
    # More than any pipe takes in.
    Path("long.py").write_text("def f0(x):\n    return x if x > 0 else 0\n" + f"# {'a comment ' * 100}\n" * 4000)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)  # with it Python itself loses what a closing pipe did not take in
    command = [sys.executable, "-m", "relaxpy", "dump", "long.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b"def f0")
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@pytest.mark.parametrize(
    ("redirected", "status", "message"),
    [
        ("> /dev/full", 2, "relaxpy: cannot write the output: No space left on device\n"),
        (">&-", 0, ""),
        ("| true", 141, ""),
    ],
)
@pytest.mark.parametrize("argv", ["dump stacks.py", "check stacks.py", "eject stacks.py:clip", "--help", "check --help"])
def test_output_that_cannot_be_written(file: str, argv: str, redirected: str, status: int, message: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)
    shell = f"{shlex.quote(sys.executable)} -m relaxpy {argv} {redirected}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", message)


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_on_a_terminal(file: str, no_color: str, coloured: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "TERM": "xterm-256color", "NO_COLOR": no_color}
    command = [sys.executable, "-m", "relaxpy", "dump", f"{file}:clip"]
    shown, status = on_terminal(command, environment=environment)
    assert status == 0
    assert ("\x1b[" in shown) is coloured
    assert "clip" in shown

"""`relaxpy run`: a program runs as python runs it, with modules relaxed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.hook.process import environment

_ALGOS = """\
def double(x):
    if x > 0:
        return x * 2
    return x
"""
_TRAIN = """\
import sys
import torch
from research.algos import double

def sign(x):
    if x > 0:
        return 1.0
    return -1.0

if __name__ == "__main__":
    print(*sys.argv[1:], round(double(torch.tensor(0.0) + 0.5).item(), 4), round(float(sign(torch.tensor(0.0))), 4))
"""
# sigma(10 * 0.5) * 1 + (1 - sigma(10 * 0.5)) * 0.5, and the same for beta = 1
_RELAXED, _FLAT, _PLAIN = "0.9967", "0.8112", "1.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "research").mkdir()
    (tmp_path / "research" / "__init__.py").touch()
    (tmp_path / "research" / "algos.py").write_text(_ALGOS)
    (tmp_path / "train.py").write_text(_TRAIN)
    return tmp_path


def run(folder: Path, *argv: str, python: tuple[str, ...] = ("-m", "relaxpy", "run")) -> tuple[int, str, str]:
    command = [sys.executable, *python, *argv]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["--relax", "research.algos", "train.py"], f"{_RELAXED} -1.0"),
        (["--relax", "research", "train.py", "--beta", "1", "x"], f"--beta 1 x {_RELAXED} -1.0"),
        (["--relax", "research", "other", "--beta", "1", "train.py"], f"{_FLAT} -1.0"),
        (["--beta=1", "--relax=res*", "-m", "train", "--help"], f"--help {_FLAT} -1.0"),
        (["--relax", "research", "-mtrain"], f"{_RELAXED} -1.0"),
        (["--relax", "research", "--mode", "hard", "--", "train.py", "--"], f"-- {_PLAIN} -1.0"),
        (["--relax", "__main__", "train.py"], f"{_PLAIN} 0.0"),
        (["--relax", "train", "research", "-m", "train"], f"{_RELAXED} 0.0"),
    ],
)
def test_modules_that_are_named_are_relaxed(folder: Path, argv: list[str], shown: str) -> None:
    status, out, err = run(folder, *argv)
    assert (status, out) == (0, shown + "\n"), err
    assert "RelaxWarning" not in err


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_folders_and_zip_files_are_programs(folder: Path, kind: str) -> None:
    (folder / "application").mkdir()
    (folder / "application" / "__main__.py").write_text(_TRAIN.replace("from research.algos", "from algos"))
    (folder / "application" / "algos.py").write_text(_ALGOS)
    name = "application"
    if kind == "zip":
        name = "application.pyz"
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file in (folder / "application").iterdir():
                archive.write(file, file.name)
    assert run(folder, "--relax", "algos", "__main__", name) == (0, f"{_RELAXED} 0.0\n", "")


_LIKE_PYTHON = {
    "names of the module": "print(__name__, __file__, __spec__, __package__, __doc__, sorted(globals()))",
    "the path": "import sys; print(sys.path[0], sys.argv)",
    "pickles": "class A: pass\nimport pickle\nprint(type(pickle.loads(pickle.dumps(A()))) is A)",
    "the module": "import __main__; x = 3; print(__main__.x)",
    "source": "import inspect\ndef f(): return 1\nprint(inspect.getsource(f))",
    "an exit status": "import sys; sys.exit(7)",
    "an exit message": "import sys; sys.exit('no more')",
    "an error": "def f():\n    return 1 / 0\nf()",
    "an error of ours": "from relaxpy import RelaxError\nraise RelaxError('what', remedy='this')",
    "an error of syntax": "def f(:",
    "an import of what is not there": "import nowhere",
    "what is done at the end": "import atexit; x = 'end'; atexit.register(lambda: print(x))",
    "an own hook": "import sys\nsys.excepthook = lambda *args: print(args[0])\n1 / 0",
    "threads": "import threading; threading.Timer(0.05, lambda: print('late')).start()",
    "output that is not flushed": "import sys; sys.stdout.write('no end')",
}


@pytest.mark.parametrize("text", _LIKE_PYTHON.values(), ids=_LIKE_PYTHON)
def test_programs_do_what_they_do_without(folder: Path, text: str) -> None:
    (folder / "script.py").write_text(text)
    status, out, err = run(folder, "--relax", "math", "script.py", "one", "--two")
    assert (status, out, err) == run(folder, "script.py", "one", "--two", python=())


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["train.py"], 2, "nothing is named to relax"),
        (["--relax", "research"], 2, "no program is named"),
        (["--relax", "research", "trian.py"], 2, "there is no file trian.py\n  did you mean `train.py`?"),
        (["--relax", "research", "-m", "trian"], 2, "there is no module trian\n  did you mean `train`?"),
        (["--relax", "research", "-m"], 2, "no module is named after -m"),
        (["--relax", "research", "-m", "research"], 2, "it has no module research.__main__"),
        (["--relax", "research/algos.py", "train.py"], 2, "remedy: write 'research.algos'"),
        (["--relax", "research", "--beta", "0", "train.py"], 2, "`beta` is a positive finite number"),
        (["--relax", "research", "--beta", "much", "train.py"], 2, "argument --beta: invalid float value: 'much'"),
        (["--relax", "research", "--betta", "1", "train.py"], 2, "--betta 1; did you mean `--beta`?"),
        (["--relax", "reserch", "train.py"], 0, "no module reserch was imported, so none was relaxed"),
        (["--relax", "train", "train.py"], 0, "the script itself is `__main__`"),
    ],
)
def test_mistakes(folder: Path, argv: list[str], status: int, message: str) -> None:
    found, _, err = run(folder, *argv)
    assert message in err
    assert "Traceback" not in err
    assert found == status

"""`relaxpy eject`: source that stands alone gives what the original gives when it is relaxed."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax
from relaxpy.cli.eject import ejected
from tests.algorithms.pool import POOL, Case
from tests.algorithms.test_laws import to_tensor
from tests.hook.process import environment
from tests.laws import test_raises
from tests.oracle import flatten

_ALGOS = '''\
# -*- coding: utf-8 -*-
"""Algorithms."""
from __future__ import annotations
import math, os
import relaxpy
from relaxpy import hard, relax as soft

LIMIT = 2.0  # the top
TABLE = {}
TABLE["factor"] = 1.0


def top():
    # where it ends
    return LIMIT * TABLE["factor"]


@hard
def mark(x):
    return 1 if x is None else 2


# cuts what is above
@soft(beta=5.0)
def clip(x):
    if x > top():
        x = top()
    with relaxpy.options(beta=2.0):
        while x > 1.5:
            x -= 0.3
    return x + mark(x) + math.sin(0)


class Stack:
    def __init__(self, x):
        self.x = x

    @property
    @soft
    def level(self):
        return 1.0 if abs(self.x) > 0 else 0.0

    def push(self, x):
        self.x = x if x > self.x else self.x
        return self.x


def unrelated():
    return os.getcwd()


if __name__ == "__main__":
    print("a script")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "algos.py").write_text(_ALGOS)
    return tmp_path


def eject(folder: Path, *argv: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "relaxpy", "eject", *argv]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def load(path: Path, text: str) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_runs_without_the_rewriter_and_as_the_original(folder: Path) -> None:
    assert eject(folder, "algos.py", "--out", "whole.py") == (0, "", "")
    assert eject(folder, "algos.py:clip", "--out", "one.py") == (0, "", "")
    assert eject(folder, "algos.py:Stack.push", "--out", "method.py") == (0, "", "")
    program = """if True:
        import sys
        if sys.argv[1] != "algos":
            for name in ("libcst", "relaxpy.transform", "relaxpy.gates"):
                sys.modules[name] = None  # an import of it fails
        module = __import__(sys.argv[1])
        import torch
        if hasattr(module, "clip"):
            x = torch.tensor(1.9, requires_grad=True)
            y = module.clip(x)
            print(y.item(), torch.autograd.grad(y, x)[0].item(), module.clip(1.9), module.clip.options.beta)
        if hasattr(module, "Stack") and sys.argv[1] != "whole":
            import relaxpy
            push = relaxpy.relax(module.Stack.push) if sys.argv[1] == "algos" else module.Stack.push
            print(push(module.Stack(0.1), torch.tensor(0.2)).item())
        print("libcst" in sys.modules and sys.modules["libcst"] is not None)
    """
    shown = {}
    for name in ("algos", "whole", "one", "method"):
        command = [sys.executable, "-c", program, name]
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        shown[name] = done.stdout.splitlines()
    clip, push, _ = shown["algos"]
    assert shown["whole"] == shown["one"] == [clip, "False"]
    assert shown["method"] == [push, "False"]


def test_only_what_is_needed_comes_along(folder: Path) -> None:
    _, out, _ = eject(folder, "algos.py:clip")
    for needed in ("LIMIT = 2.0  # the top", 'TABLE["factor"] = 1.0', "def top", "# cuts what is above", "def mark"):
        assert needed in out
    for other in ("Stack", "unrelated", "__main__", "import relaxpy\n", "coding"):
        assert other not in out
    assert "    return 1 if x is None else 2" in out  # hard functions stay as they are
    assert "import relaxpy.runtime as _rt" in out
    assert "from relaxpy.runtime.ejected import hard, relax as soft" in out
    compile(out, "out.py", "exec")


def test_the_result_is_formatted(folder: Path) -> None:
    _, out, _ = eject(folder, "algos.py")
    check = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "--check", "-"]
    assert subprocess.run(check, input=out, capture_output=True, text=True).returncode == 0


def test_standard_input(folder: Path) -> None:
    command = [sys.executable, "-m", "relaxpy", "eject", "-"]
    done = subprocess.run(command, input=_ALGOS, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n", 1)[1] == eject(folder, "algos.py")[1].split("\n", 1)[1]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["algos.py:clop"], "did you mean `clip`?"),
        (["algo.py"], "there is no file algo.py\n  did you mean `algos.py`?"),
        (["algos.py:Stack"], "Stack is a class\n  eject one of its methods: relaxpy eject algos.py:Stack.method"),
        (["algos.py", "--oot", "x"], "did you mean `--out`?"),
        (["algos.py", "--out", "no/such.py"], "cannot write no/such.py: No such file or directory"),
    ],
)
def test_mistakes(folder: Path, argv: list[str], message: str) -> None:
    status, out, err = eject(folder, *argv)
    assert (status, out) == (1 if "clop" in argv[0] else 2, "")
    assert message in err
    assert "Traceback" not in err


def results(function: Any, *arguments: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", relaxpy.RelaxWarning)
        found = flatten(function(*copy.deepcopy(arguments)))
    return {place: float(value) if isinstance(value, torch.Tensor) else value for place, value in found.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A module as it is ejected, every function of it relaxed."""
    folder = tmp_path_factory.mktemp("ejected")
    modules: dict[str, ModuleType] = {}

    def written(name: str) -> ModuleType:
        if name not in modules:
            source = Path(str(sys.modules[name].__file__))
            path = folder / f"{source.stem.removeprefix('test_')}_ejected.py"
            modules[name] = load(path, ejected(source.read_text(), str(source)))
        return modules[name]

    return written


@pytest.mark.parametrize("case", POOL, ids=lambda case: case.name)
def test_algorithms(written: Any, case: Case) -> None:
    function = getattr(written(case.function.__module__), case.function.__name__)
    assert type(function) is relaxpy.Relaxed
    arguments = [to_tensor(argument) for argument in case.draw(1)[0]]
    with relaxpy.options(beta=case.beta, max_iter=20, engine="eager"):  # equal to the last bit
        assert results(function, *arguments) == results(relax(case.function), *arguments)


@pytest.mark.parametrize("program", test_raises.PROGRAMS, ids=lambda program: program.__name__)
def test_raises_and_clean_ups(tmp_path: Path, written: Any, program: Any) -> None:
    function = relax(getattr(written(test_raises.__name__), program.__name__))
    for x, y in ((0.1, -0.2), (-0.3, 0.2)):
        soft = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
        with relaxpy.options(engine="eager"):  # equal to the last bit
            assert results(function, *soft) == results(relax(program), *soft)

"""Debuggers stop on the user's lines, and relaxed functions look like the functions that they were made from."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import os
import pickle
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import relaxpy
from tests.terminal import on_terminal, plain

_ROOT = Path(relaxpy.__file__).parent.parent
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_ROOT), "TERM": "dumb", "NO_COLOR": "1", "PYTHON_COLORS": "0"}

_SCRIPT = """\
import torch
from relaxpy import relax


@relax
def clip(x, top):
    seen = [x, top]
    if x > top:
        seen[0] = top
        {stop}
        x = top
    return x + seen[0]


print("result", clip(torch.tensor(0.3, requires_grad=True), 0.2).item())
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


@pytest.mark.parametrize(
    "stop", ["breakpoint()", "import pdb; pdb.set_trace()", "from pdb import set_trace; set_trace()"]
)
def test_breakpoint_on_a_soft_path(script: Path, stop: str) -> None:
    script.write_text(_SCRIPT.format(stop=stop))
    commands = ["p x, top, seen", "where", "next", "p x", "up", "continue"]
    answers = [("(Pdb)", command) for command in commands]
    shown, status = on_terminal([sys.executable, str(script)], answers, environment=_ENVIRONMENT)
    out = plain(shown)
    assert status == 0
    # Before Python 3.13 debuggers stop after the call, since then on it.
    assert f"> {script}(11)clip()\n-> x = top" in out or f"> {script}(10)clip()\n-> {stop}" in out
    assert "(SoftNumber(0.3), 0.2, [0.2, 0.2])" in out
    assert "result 0.45" in out
    assert "_watch" not in out


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("print(inspect.currentframe().f_lineno, end=' ')", "10"),
        ("print(sys._getframe().f_lineno, end=' ')", "10"),
        ("print(inspect.stack()[0].lineno, end=' ')", "10"),
        (
            "logging.basicConfig(format='%(filename)s %(lineno)d', stream=sys.stdout); logging.warning('')",
            "script.py 10",
        ),
        ("log = logging.getLogger('a'); log.addHandler(handler); log.warning('')", "script.py 10"),
        ("warnings.warn('odd')", "script.py:10: UserWarning: odd"),
        ("traceback.print_stack(limit=1, file=sys.stdout)", 'script.py", line 10, in clip'),
    ],
)
def test_functions_that_look_at_their_caller_see_the_users_line(script: Path, call: str, shown: str) -> None:
    imports = "import inspect, logging, sys, traceback, warnings; handler = logging.StreamHandler(sys.stdout); "
    imports += "handler.setFormatter(logging.Formatter('%(filename)s %(lineno)d')); "
    script.write_text(imports + _SCRIPT.format(stop=call))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=_ENVIRONMENT)
    assert shown in done.stdout + done.stderr
    assert done.returncode == 0


_FAILING = """\
from relaxpy import relax


@relax
def halve(x):
    y = x - 1
    if y > 0:
        return 10 / (y - 2)
    return y


class Walker:
    @relax
    def step(self, x):
        return halve(x)


def test_it():
    assert Walker().step(3) == 1
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    (tmp_path / "test_failing.py").write_text(_FAILING)
    return tmp_path


def test_pytest_shows_the_users_frames_alone(failing: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_failing.py"]
    out = subprocess.run(command, capture_output=True, text=True, env=_ENVIRONMENT, cwd=failing).stdout
    assert ">           return 10 / (y - 2)" in out
    places = [line.split()[0] for line in out.splitlines() if line.startswith("test_failing.py:")]
    assert places == ["test_failing.py:19:", "test_failing.py:15:", "test_failing.py:8:"]
    assert "boundary.py" not in out
    assert "relaxed.py" not in out


def test_pytest_with_a_debugger(failing: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pdb", "test_failing.py"]
    answers = [("(Pdb)", text) for text in ("p x, y", "up", "p self", "quit")]
    shown, status = on_terminal(command, answers, environment=_ENVIRONMENT, folder=failing)
    out = plain(shown)
    assert status == 2
    assert f"> {failing / 'test_failing.py'}(8)halve()\n-> return 10 / (y - 2)" in out
    assert "(3, 2)" in out


def test_pytest_with_a_debugger_at_a_soft_assert(tmp_path: Path) -> None:
    (tmp_path / "test_soft.py").write_text(
        "import torch\nfrom relaxpy import relax\n\n\n@relax\ndef small(x):\n    y = x * 2\n    assert y < 1.0, 'too big'\n"
        "    return y\n\n\ndef test_it():\n    assert small(torch.tensor(3.0, requires_grad=True)) == 6\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pdb", "test_soft.py"]
    answers = [("(Pdb)", text) for text in ("p y", "quit")]
    out = plain(on_terminal(command, answers, environment=_ENVIRONMENT, folder=tmp_path)[0])
    assert f"> {tmp_path / 'test_soft.py'}(8)small()\n-> assert y < 1.0, 'too big'" in out
    assert "SoftNumber(6)" in out


_MODULE = '''\
from relaxpy import relax


# What a comment says.
{relax}
def f(x: int, y: int = 2, *, z=3) -> int:
    """Doc of f."""
    return x if x > 0 else y


class A:
    """Doc of A."""

    def __init__(self):
        self.value = 1

    {relax}
    def m(self, x):
        """Doc of m."""
        return x if x > self.value else self.value

    @classmethod
    {relax}
    def c(cls, x):
        """Doc of c."""
        return x if x > 0 else 0

    @staticmethod
    {relax}
    def s(x):
        return x if x > 0 else 0
'''


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The same module relaxed and plain; a decorator that does nothing keeps the lines the same."""
    folder = tmp_path_factory.mktemp("modules")
    made = []
    for name, decorator in (("looks_relaxed", "@relax(beta=3.0)"), ("looks_plain", "@(lambda function: function)")):
        (folder / f"{name}.py").write_text(_MODULE.format(relax=decorator))
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made.append(module)
    yield made[0], made[1]
    for module in made:
        del sys.modules[module.__name__]


def _objects(module: Any) -> dict[str, Any]:
    instance = module.A()
    return {
        "f": module.f,
        "obj.m": instance.m,
        "A.m": module.A.m,
        "A.c": module.A.c,
        "A.s": module.A.s,
        "obj.s": instance.s,
    }


_NAMES = ["f", "obj.m", "A.m", "A.c", "A.s", "obj.s"]


def _help(thing: Any) -> str:
    # Without the headline, which names the type, and what pydoc adds for the types of methods that it knows.
    text = "\n".join(pydoc.plain(pydoc.render_doc(thing)).splitlines()[1:])
    return re.sub(r"\) (method of|from) .*", ")", text)


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize(
    "question",
    [
        inspect.signature,
        inspect.getdoc,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        callable,
        lambda thing: inspect.getsource(thing).replace("@(lambda function: function)", "@relax(beta=3.0)"),
        lambda thing: inspect.getsourcelines(thing)[1],
        lambda thing: inspect.unwrap(thing).__qualname__,
        lambda thing: (thing.__name__, thing.__qualname__, thing.__doc__),
        lambda thing: thing.__module__.replace("plain", "relaxed"),
        lambda thing: inspect.getmodule(thing).__file__.replace("plain", "relaxed"),
        _help,
    ],
)
def test_looks_like_the_original(modules: tuple[ModuleType, ModuleType], name: str, question: Any) -> None:
    relaxed, original = (_objects(module)[name] for module in modules)
    assert question(relaxed) == question(original)


def test_help_of_the_class(modules: tuple[ModuleType, ModuleType]) -> None:
    relaxed, original = (_help(module.A).replace("looks_relaxed", "looks_plain") for module in modules)
    assert relaxed == original


@pytest.mark.parametrize("name", _NAMES)
def test_copies_and_pickles(modules: tuple[ModuleType, ModuleType], name: str) -> None:
    for module in modules:
        thing = _objects(module)[name]
        for made in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert type(made) is type(thing)
            assert (made(module.A(), 5) if name == "A.m" else made(5)) == 5
            if name == "f" or not hasattr(thing, "__self__"):
                assert made is thing
            elif inspect.isclass(thing.__self__):
                assert made == thing
            else:
                assert made.__func__ is thing.__func__
        if name == "obj.m":
            assert copy.deepcopy(thing).__self__ is not thing.__self__
            assert copy.copy(thing).__self__ is thing.__self__

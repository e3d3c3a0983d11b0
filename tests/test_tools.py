"""Debuggers, tracers and coverage see the user's file and lines, and no more of them than in the original."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import relaxpy
from relaxpy import relax

_ROOT = Path(relaxpy.__file__).parent.parent
_PROGRAMS: list[tuple[FunctionType, tuple[Any, ...]]] = []


def program(*calls: tuple[Any, ...]) -> Callable[[Any], Any]:
    """A function whose lines are compared, and the arguments of its calls."""

    def register(function: Any) -> Any:
        _PROGRAMS.extend((function, call) for call in calls)
        return function

    return register


@program((1,), (0,), (-1,))
def branches(x: int) -> int:
    y = 0
    if x > 0:
        y = 1
    elif x < 0:
        y = 2
    else:
        y = 3
    return y


@program((3,), (0,))
def while_loop(n: int) -> int:
    total = 0
    while n > 0:
        total += n
        n -= 1
    else:
        total *= 2
    return total


@program(([1, 2, 3],), ([5, 1],), ([],))
def for_loop(values: list[int]) -> int:
    last = 0
    for value in values:
        if value > 4:
            break
        if value == 2:
            continue
        last = value
    else:
        last = -last
    return last


@program(([1, 2, 3], 2), ([1], 2))
def early_return(values: list[int], wanted: int) -> int:
    for i in range(len(values)):
        if values[i] == wanted:
            return i
    return -1


@program(([3, 1, 2],))
def bubble(array: list[int]) -> list[int]:
    """Sort."""
    n = len(array)
    swapped = True
    while swapped:
        swapped = False
        for i in range(n - 1):
            if array[i] > array[i + 1]:
                array[i], array[i + 1] = array[i + 1], array[i]
                swapped = True
        n -= 1
    return array


@program((1,), (-1,))
def falls_off_the_end(x: int) -> None:
    """Nothing is returned."""
    if x > 0:
        return
    x += 1


@program((2, 3), (3, 2))
def expressions(x: int, y: int) -> Any:
    z = x if x > y else y
    w = x > 1 and y > 1 or z
    return 0 < z < 10, not w


@program((1, 1), (-1, 1), (1, -1))
def ends_with_a_return_in_a_branch(x: int, y: int) -> int | None:
    if x < 0:
        return 1
    x += 1
    if y < 0:
        return 2


@program(([],), ([1],), ([-1],))
def ends_with_a_loop(values: list[int]) -> int | None:
    if values is None:
        return 0
    for value in values:
        if value > 0:
            return value


@program((5,), (0,))
def tries(x: int) -> float:
    result = 0.0
    try:
        if x > 3:
            result = 10 / x
        else:
            result = 1 / 0
    except ZeroDivisionError:
        result = -1.0
    finally:
        result += 1
    return result


@program((3,), (0,), ("",))
def raises(x: Any) -> int:
    try:
        try:
            if x > 0:
                raise ValueError
            assert x > 0
        except KeyError:
            return 1
    except ValueError:
        return 2
    except (AssertionError, TypeError):
        return 3
    return 4


@program((4,))
def generator(n: int) -> Iterator[int]:
    for i in range(n):
        if i % 2 == 0:
            yield i


@program((4,), (1,))
def stores(n: int) -> dict[str, int]:
    table = {"n": n}
    table["m"] = n + 1
    if table["m"] > 3:
        table["m"] -= 1
        del table["n"]
    return table


def traced(function: Any, *args: Any) -> list[int]:
    """The lines that a tracer is told of, counted from the function's first; a line twice in a row is once."""
    seen: list[int] = []

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is function.__code__ and event == "line":
            line = frame.f_lineno - function.__code__.co_firstlineno
            seen.extend([line] if seen[-1:] != [line] else [])
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        result = function(*args)
        if isinstance(result, Iterator):
            list(result)
    finally:
        sys.settrace(old)
    return seen


@pytest.mark.parametrize(("function", "args"), _PROGRAMS, ids=lambda given: getattr(given, "__name__", repr(given)))
def test_tracers_see_the_same_lines(function: Any, args: tuple[Any, ...]) -> None:
    def copied() -> list[Any]:
        return [list(arg) if isinstance(arg, list) else arg for arg in args]

    assert traced(relax(function)._made.rewritten, *copied()) == traced(function, *copied())


_MODULE = '''\
from relaxpy import relax


@relax
def sign(x):
    """Of a number."""
    if x > 0:
        result = 1
    elif x < 0:
        result = -1
    else:
        result = 0
    while result > 1:
        result -= 1
    return result


def never_called(x):
    if x:
        return 1
'''


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    (tmp_path / "signs.py").write_text(_MODULE)
    (tmp_path / "script.py").write_text("import signs\n\nprint(signs.sign(5.0))\n")
    return tmp_path


def python(folder: Path, *argv: str, given: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, *argv]
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=True
    ).stdout


def test_coverage(signs: Path) -> None:
    script = textwrap.dedent(
        """
        import coverage
        measured = coverage.Coverage(data_file=None, config_file=False, include=["signs.py"])
        measured.start()
        import signs
        assert signs.sign(5.0) == 1
        measured.stop()
        print(measured.analysis2(signs)[3])
        """
    )
    # Not reached: the other two results, the body of the loop, the function that is never called.
    assert python(signs, "-c", script) == "[9, 10, 12, 14, 19, 20]\n"


def test_breakpoint_by_line(signs: Path) -> None:
    commands = "import signs\nbreak signs.py:8\ncontinue\nprint((x, 'here'))\nwhere\ncontinue\nquit\n"
    out = python(signs, "-m", "pdb", "script.py", given=commands)
    assert "signs.py(8)sign()\n-> result = 1\n" in out
    assert "(5.0, 'here')" in out
    assert out.count("-> result = 1") == 2  # at the stop, and in `where`


def test_breakpoint_by_name_and_steps(signs: Path) -> None:
    commands = "import signs\nbreak signs.sign\ncontinue\nnext\nnext\nnext\nnext\nquit\n"
    out = python(signs, "-m", "pdb", "script.py", given=commands)
    stops = [line for line in out.splitlines() if line.startswith("-> ")]
    assert stops[1:] == [
        "-> if x > 0:",
        "-> result = 1",
        "-> while result > 1:",
        "-> return result",
        "-> return result",
    ]

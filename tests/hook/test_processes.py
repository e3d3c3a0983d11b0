"""Processes that a program starts anew relax what the program relaxes, as those do that it forks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hook.process import PROBE, command, environment

_WORK = """\
import multiprocessing, sys

def ask(x):
    import probe
    from relaxpy.runtime.installed import matching
    kind = "relaxed" if "__relaxpy_runtime__" in probe.decide.__code__.co_names else "plain"
    return kind, probe.decide(x), [one.settings.get("beta") for one in matching("probe")]

def started(kind):
    with multiprocessing.get_context(kind).Pool(1) as pool:
        return pool.map(ask, [3.0])[0]
"""
_MAIN = 'if __name__ == "__main__":\n'


def _run(folder: Path, main: str, *argv: str) -> subprocess.CompletedProcess[str]:
    (folder / "probe.py").write_text(PROBE)
    (folder / "work.py").write_text(_WORK + _MAIN + "".join(f"    {line}\n" for line in main.splitlines()))
    argv = argv or ("work.py",)
    return subprocess.run(
        command(*argv), cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
def test_run_reaches_the_processes_of_the_program(tmp_path: Path, kind: str) -> None:
    argv = ("-m", "relaxpy", "run", "--relax", "probe", "--beta", "3", "work.py")
    done = _run(tmp_path, f"print(started({kind!r}))", *argv)
    assert (done.stdout, done.stderr) == ("('relaxed', 1.0, [3.0])\n", "")


@pytest.mark.parametrize("before", ["", "import multiprocessing.spawn\n"])
def test_installed_where_only_the_parent_does_it_and_until_it_ends(tmp_path: Path, before: str) -> None:
    main = """\
import relaxpy
with relaxpy.install("probe", beta=3.0):
    print(started("spawn"))
print(started("spawn"))
"""
    done = _run(tmp_path, before + main)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["('relaxed', 1.0, [3.0])", "('plain', 1.0, [])"]


def test_what_cannot_be_sent_is_a_warning(tmp_path: Path) -> None:
    main = """\
import relaxpy
from relaxpy import schedules
class Own(schedules.Schedule):
    def __reduce__(self):
        raise TypeError("kept here")
    def value(self, step):
        return 3.0
from relaxpy.runtime import installed
installed.add(installed.Installation(("probe",), {"beta": object.__new__(Own)}))
relaxpy.install("probe")
print(started("spawn"))
"""
    done = _run(tmp_path, main)
    assert done.stdout == "('plain', 1.0, [])\n", done.stderr
    assert "spawned relax nothing, since options of relaxpy.install cannot be pickled: kept here" in done.stderr


def test_functions_of_the_script_itself_stay_plain_there_and_that_is_said(tmp_path: Path) -> None:
    argv = ("-m", "relaxpy", "run", "--relax", "__main__", "probe", "--", "work.py")
    done = _run(tmp_path, "print(started('spawn'))", *argv)
    assert done.stdout == "('relaxed', 1.0, [None])\n", done.stderr
    assert "the functions of `__main__` stay as they are in processes that are spawned" in done.stderr

"""Real interpreters, started for a test."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import relaxpy

ROOT = Path(relaxpy.__file__).parent.parent

# A module whose functions say whether they are relaxed, without torch.
PROBE = """\
def decide(x):
    if x > 0:
        return 1.0
    return 0.0
"""
# ... and how to ask: rewritten code names the runtime.
ASK = """
import inspect, {module} as probed
names = inspect.unwrap(probed.decide).__code__.co_names
print("relaxed" if "__relaxpy_runtime__" in names else "plain", probed.decide(3.0))
"""


def environment(**extra: str) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    return {**env, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **extra}


def command(*argv: str, flags: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *flags, *argv]


def python(text: str, cwd: Path, flags: tuple[str, ...] = (), **extra: str) -> str:
    """The output of a program that must succeed."""
    done = subprocess.run(
        command("-c", textwrap.dedent(text), flags=flags),
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(cwd: Path, module: str = "probe", before: str = "", flags: tuple[str, ...] = (), **extra: str) -> str:
    """Import a module with the hook installed, and say whether it is relaxed."""
    text = f"import relaxpy\n{textwrap.dedent(before)}\nrelaxpy.install({module!r})\n{ASK.format(module=module)}"
    return python(text, cwd, flags, **extra).strip()

"""Programs that run on a real terminal (a pty), and what they show there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


def on_terminal(
    command: Sequence[str],
    answers: Iterable[tuple[str, str]] = (),
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    patience: float = 60,
) -> tuple[str, int]:
    """All that a command shows, escape sequences included, and its exit status.

    ``answers``: whenever what it has shown since the last answer ends with the first text, the second one is typed.
    """
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=None if environment is None else dict(environment),
        cwd=folder,
        start_new_session=True,
    ) as running:
        os.close(follower)
        shown, seen = "", 0
        for prompt, answer in answers:
            while not plain(shown[seen:]).rstrip().endswith(prompt):
                piece = _read(leader, patience)
                if not piece:
                    raise AssertionError(f"ended before it asked {prompt!r}: {shown}")
                shown += piece
            seen = len(shown)
            os.write(leader, f"{answer}\r".encode())
        while piece := _read(leader, patience):
            shown += piece
    os.close(leader)
    return shown, running.returncode


def plain(shown: str) -> str:
    """What was shown, without its escape sequences."""
    return _ESCAPE.sub("", shown)


def _read(leader: int, patience: float) -> str:
    ready, _, _ = select.select([leader], [], [], patience)
    if not ready:
        raise AssertionError("nothing was shown for too long")
    try:
        return os.read(leader, 65536).decode(errors="replace")
    except OSError:
        return ""  # Linux says by this that the other end is closed

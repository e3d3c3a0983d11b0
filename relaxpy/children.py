"""Processes that `multiprocessing` starts anew, by "spawn" or "forkserver", relax what their parent relaxes.

A forked process has all that its parent has; the others import everything again. They are told by an object in the data that
they are sent first, which installs the hook where it is unpickled: before any module of the user's is imported.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from relaxpy.errors import RelaxWarning
from relaxpy.runtime import installed

__all__ = ["STARTERS", "tell_children"]

# The modules that start a process anew; they are imported when the first one is started.
STARTERS = frozenset(f"multiprocessing.popen_{kind}" for kind in ("spawn_posix", "spawn_win32", "forkserver"))

# A child has another sys.path until it has read all.
_AGAIN = """\
import sys
sys.path.append(home)
try:
    from relaxpy.importhook import install_again
finally:
    sys.path.remove(home)
install_again(sent)
"""


def tell_children() -> None:
    """See to it that processes which are started anew from now on are told what is installed."""
    from multiprocessing import spawn

    module: Any = spawn
    original = module.get_preparation_data
    if getattr(original, "__module__", None) == __name__:
        return

    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = original(name)
        sent = _sent()
        if sent is not None:
            data["relaxpy"] = _Sent(sent)
        return data

    module.get_preparation_data = get_preparation_data


class _Sent:
    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def __reduce__(self) -> tuple[Any, ...]:
        home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        return exec, (_AGAIN, {"home": home, "sent": self._sent})


def _sent() -> bytes | None:
    """All installations, or None if there are none, or none that can be sent."""
    installations = [(one.patterns, dict(one.settings)) for one in installed.active()]
    if not installations:
        return None
    if installed.hook_of(sys.modules["__main__"].__dict__) is not None:
        message = "the functions of `__main__` stay as they are in processes that are spawned; put them in a module"
        warnings.warn(message, RelaxWarning, stacklevel=2)
    import pickle

    try:
        return pickle.dumps(installations)
    except Exception as error:  # whatever the user's own objects raise
        message = f"processes that are spawned relax nothing, since options of relaxpy.install cannot be pickled: {error}"
        warnings.warn(message, RelaxWarning, stacklevel=2)
        return None

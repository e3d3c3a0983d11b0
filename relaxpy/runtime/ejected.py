"""What source that was written out by ``relaxpy eject`` imports in place of ``relaxpy``: the same names.

That source is rewritten already, and says so by `rewritten`, so its functions are relaxed without the rewriter.
"""

from __future__ import annotations

import importlib
import sys

from relaxpy.runtime.installed import HOOK, Hook

__all__ = ["rewritten"]


def rewritten(runtime_name: str) -> None:
    """Say that all code of the module that calls this is rewritten code, in which the runtime has this name."""
    frame = sys._getframe(1)
    frame.f_globals[HOOK] = Hook(frame.f_globals, frame.f_code.co_filename, runtime_name, is_ejected=True)


def __getattr__(name: str) -> object:
    # What a module imports from relaxpy needs no rewriter before something is to be rewritten.
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module("relaxpy"), name)

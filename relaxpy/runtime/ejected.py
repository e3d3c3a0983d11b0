"""What source that was written out by ``relaxpy eject`` imports in place of ``relaxpy``: the same names.

That source is rewritten already, and says so by `rewritten`, so its functions are relaxed without the rewriter.
"""

from __future__ import annotations

import importlib
import sys

from relaxpy.runtime import registry

__all__ = ["rewritten"]


def rewritten() -> None:
    """Say that all code of the module that calls this is rewritten code."""
    registry.mark(sys._getframe(1).f_code)


def __getattr__(name: str) -> object:
    return getattr(importlib.import_module("relaxpy"), name)

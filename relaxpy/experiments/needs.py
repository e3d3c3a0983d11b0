"""What only experiments need, packages and data, and what to say where it is missing."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Unavailable", "load"]


class Unavailable(Exception):
    """An experiment needs a package that is not installed, or data that cannot be had."""


def load(name: str, *, remedy: str = "pip install 'relaxpy[experiments]'") -> Any:
    """Import a package for an experiment.

    >>> load("math").sqrt(4.0)
    2.0
    >>> load("no_such_package")
    Traceback (most recent call last):
    relaxpy.experiments.needs.Unavailable: this experiment needs no_such_package, which is not installed
      remedy: pip install 'relaxpy[experiments]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, but lacks something itself
        raise Unavailable(f"this experiment needs {package}, which is not installed\n  remedy: {remedy}") from None
    except (ImportError, OSError, RuntimeError) as error:  # such as a torchvision that was built for another torch
        raise Unavailable(
            f"{name} is installed, but cannot be imported: {str(error).partition(chr(10))[0]}\n"
            "  remedy: install the release of it that belongs to the packages beside it, torch above all"
        ) from error

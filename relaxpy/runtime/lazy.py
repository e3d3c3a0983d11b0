"""Modules that are imported when first used, so that plain values never pay for torch."""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """Stands for a module; every name is looked up once and kept.

    >>> math = LazyModule("math")
    >>> math.sqrt(4.0)
    2.0
    """

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self.__dict__["_name"]), attribute)
        self.__dict__[attribute] = value
        return value

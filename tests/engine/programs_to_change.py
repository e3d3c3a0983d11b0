"""A module that the tests of staleness change."""

from __future__ import annotations

from typing import Any

LEVEL = 0.5
LEVELS = [0.5, 1.0]
FACTORS = {"low": 2.0, "high": 3.0}


def helper(x: Any) -> Any:
    return x * 2.0


def by_global(x: Any) -> Any:
    return x * LEVEL if x > LEVEL else x


def by_list(x: Any) -> Any:
    return x * LEVELS[0] if x > 0.0 else x * LEVELS[1]


def by_dict(x: Any) -> Any:
    return x * FACTORS["low"] if x > 0.0 else x * FACTORS["high"]


def by_helper(x: Any) -> Any:
    return helper(x) if x > 0.0 else x

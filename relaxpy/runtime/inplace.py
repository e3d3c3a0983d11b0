"""Augmented assignment as rewritten code calls it: `x += v` rebinds numbers and changes containers in place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import calls

softinplace: Any = LazyModule("relaxpy.runtime.softinplace")

_IMMUTABLE = frozenset({int, float, bool, str, bytes, complex, tuple, frozenset, type(None)})


def _inplace(operation: Callable[[Any, Any], Any], x: Any, v: Any) -> Any:
    if not calls or type(x) in _IMMUTABLE:
        return operation(x, v)
    return softinplace.apply(operation, x, v)


def iadd(x: Any, v: Any) -> Any:
    return _inplace(operator.iadd, x, v)


def isub(x: Any, v: Any) -> Any:
    return _inplace(operator.isub, x, v)


def imul(x: Any, v: Any) -> Any:
    return _inplace(operator.imul, x, v)


def imatmul(x: Any, v: Any) -> Any:
    return _inplace(operator.imatmul, x, v)


def itruediv(x: Any, v: Any) -> Any:
    return _inplace(operator.itruediv, x, v)


def ifloordiv(x: Any, v: Any) -> Any:
    return _inplace(operator.ifloordiv, x, v)


def imod(x: Any, v: Any) -> Any:
    return _inplace(operator.imod, x, v)


def ipow(x: Any, v: Any) -> Any:
    return _inplace(operator.ipow, x, v)


def ilshift(x: Any, v: Any) -> Any:
    return _inplace(operator.ilshift, x, v)


def irshift(x: Any, v: Any) -> Any:
    return _inplace(operator.irshift, x, v)


def iand(x: Any, v: Any) -> Any:
    return _inplace(operator.iand, x, v)


def ixor(x: Any, v: Any) -> Any:
    return _inplace(operator.ixor, x, v)


def ior(x: Any, v: Any) -> Any:
    return _inplace(operator.ior, x, v)

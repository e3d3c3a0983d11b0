"""Augmented assignment to what can be changed in place while soft values are about."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import callees, stores
from relaxpy.runtime.adopted import AdoptedTensor, adopt
from relaxpy.runtime.advancing import spent
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.containers import ArrayContainer, container
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import restructuring
from relaxpy.runtime.values import SoftScalar

_PLAIN = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.imatmul: operator.matmul,
    operator.itruediv: operator.truediv,
    operator.ifloordiv: operator.floordiv,
    operator.imod: operator.mod,
    operator.ipow: operator.pow,
    operator.iand: operator.and_,
    operator.ior: operator.or_,
    operator.ixor: operator.xor,
}


def apply(operation: Callable[[Any, Any], Any], x: Any, v: Any) -> Any:
    """``x operation= v``; returns what the name is bound to."""
    if isinstance(x, SoftScalar):
        return operation(x, v)
    if isinstance(x, AdoptedTensor):
        _change_array(operation, x.relaxpy_array, v)
        return x
    if isinstance(x, SoftArray):
        _change_array(operation, x, v)
        return x
    if isinstance(x, TENSORS):
        return _tensor(operation, x, v)
    holder = container(x)
    if holder is not None:
        spent(v)
        restructuring(holder)
        return operation(x, v)
    method = getattr(type(x), f"__{operation.__name__}__", None)
    if method is not None and callees.is_user_function(method):
        result = callees.callee(method)(x, v)
        return operation(x, v) if result is NotImplemented else result
    if method is not None and state.scopes and hasattr(x, "__array_interface__"):
        raise SoftValueError(
            "a numpy array cannot be changed in place on a soft path",
            remedy="rebind the name (`x = x + v`), or use a list",
        )
    return operation(x, v)


def _change_array(operation: Callable[[Any, Any], Any], array: SoftArray, v: Any) -> None:
    result = _PLAIN[operation](array, v)
    if array.origin is not None:
        for place, row in enumerate(result.rows()):
            stores.store(row, array, place)
        return
    restructuring(ArrayContainer(array))
    array.rows()[:] = result.rows()


def _tensor(operation: Callable[[Any, Any], Any], x: Tensor, v: Any) -> Any:
    if not state.scopes and not isinstance(v, Soft):
        return operation(x, v)
    if x.dim() == 0 or state.call is not None and not state.call.made_here(x):
        return _PLAIN[operation](x, v) if x.dim() == 0 else _refused()
    _change_array(operation, adopt(x), v)
    return x


def _refused() -> Any:
    raise SoftValueError(
        "a tensor that was made outside the relaxed call cannot be changed in place on a soft path or by a soft value",
        remedy="rebind the name: `x = x + v`",
    )

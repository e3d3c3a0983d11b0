"""torch functions on recorded tensors that are made of other recorded ones: activations, running totals, products of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from relaxpy.engine.functions import add, clamp, div, where
from relaxpy.engine.instructions import CODES
from relaxpy.engine.precision import refuse_under_autocast
from relaxpy.engine.recorded import NO_LANES, Recorded, array_of, lifted, refuse
from relaxpy.engine.reductions import amax, total, vector_norm
from relaxpy.engine.registering import Handler, registered
from relaxpy.engine.shapes import axis_of, with_ids
from relaxpy.engine.truths import comparison
from relaxpy.runtime.state import state


def composed(names: str) -> Callable[[Handler], Handler]:
    """Register a handler for torch functions of a tensor of floats."""

    def register(handler: Handler) -> Handler:
        @registered(names)
        def of_floats(x: Any, *args: Any, **options: Any) -> Any:
            x = lifted(x)
            if not x.dtype.is_floating_point:
                refuse(f"torch's `{names.split()[0]}` of integers is left to torch")
            return handler(x, *args, **options)

        return handler

    return register


def _of(name: str, *operands: Any) -> Any:
    return state.recorder.arithmetic(CODES[name], *operands)


composed("log2")(lambda x: _of("div", _of("log", x), math.log(2.0)))
composed("log10")(lambda x: _of("div", _of("log", x), math.log(10.0)))
composed("exp2")(lambda x: _of("exp", _of("mul", x, math.log(2.0))))
composed("logit")(lambda x: _of("log", div(x, _of("sub", 1, x))))
composed("softsign")(lambda x: div(x, add(_of("abs", x), 1)))
composed("clamp_min")(lambda x, min: clamp(x, min=min))
composed("clamp_max")(lambda x, max: clamp(x, max=max))


@composed("softplus")
def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = _of("mul", x, beta)
    return where(comparison("lt")(threshold, scaled), x, div(_of("logaddexp", scaled, 0.0), beta))


@composed("silu")
def silu(x: Any, inplace: bool = False) -> Any:
    return _of("mul", x, _of("sigmoid", x))


@composed("gelu")
def gelu(x: Any, *, approximate: str = "none") -> Any:
    if approximate != "none":
        refuse("an approximate gelu is left to torch")
    return _of("mul", _of("mul", x, 0.5), add(_of("erf", _of("mul", x, math.sqrt(0.5))), 1))


@composed("leaky_relu")
def leaky_relu(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    return where(comparison("lt")(0, x), x, _of("mul", x, negative_slope))


@composed("elu")
def elu(x: Any, alpha: float = 1.0, *rest: Any, **others: Any) -> Any:
    if rest or others.get("scale", 1) != 1 or others.get("input_scale", 1) != 1:
        refuse("a scaled elu is left to torch")
    # beyond zero the exponential may overflow, and its gradient with it
    return where(comparison("lt")(0, x), x, _of("mul", _of("expm1", clamp(x, max=0.0)), alpha))


@composed("logsumexp")
def logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    top = amax(x, dim, keepdim=True).detach()
    top = where(comparison("eq")(_of("abs", top), math.inf), 0.0, top)
    result = add(_of("log", total(_of("exp", _of("sub", x, top)), dim, keepdim=True)), top)
    return result if keepdim else total(result, dim)


@composed("log_softmax")
def log_softmax(x: Any, dim: int, *rest: Any, **options: Any) -> Any:
    shifted = _of("sub", x, amax(x, dim, keepdim=True).detach())
    return _of("sub", shifted, _of("log", total(_of("exp", shifted), dim, keepdim=True)))


def _running(name: str) -> Handler:
    def handler(x: Any, dim: int, *, dtype: Any = None) -> Any:
        if dtype is not None:
            refuse("a running total of another type is left to torch")
        emit, ids = x.recorder.tape.emit, np.moveaxis(array_of(x), axis_of(x, dim), -1)
        totals = [_running_rows(emit, CODES[name], rows) for rows in ids.reshape(-1, ids.shape[-1]).tolist()]
        return with_ids(x, np.moveaxis(np.array(totals, np.int64).reshape(ids.shape), -1, axis_of(x, dim)))

    return handler


def _running_rows(emit: Callable[..., int], code: int, rows: list[int]) -> list[int]:
    for k in range(1, len(rows)):
        rows[k] = emit(code, rows[k - 1], rows[k])
    return rows


composed("cumsum")(_running("add"))
composed("cumprod")(_running("mul"))


@composed("norm")
def norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None) -> Any:
    if out is not None or dtype is not None or p not in (1, 2, "fro"):
        refuse("a norm that is not the sum of absolute values or the Euclidean one is left to torch")
    if p == 1:
        return total(_of("abs", x), dim, keepdim)
    return vector_norm(x, 2, dim, keepdim)


# products of matrices


def _product(a: Any, b: Any) -> Any:
    refuse_under_autocast("matmul")
    recorder, b = state.recorder, lifted(b)
    if a.lanes != NO_LANES or b.lanes != NO_LANES:
        refuse("a product of matrices across lanes is left to torch")
    first, second = array_of(a), array_of(b)
    if not first.ndim or not second.ndim or a.dtype != b.dtype:
        refuse("what torch says of a product of other things than matrices of one type")
    left = first if first.ndim > 1 else first[None]
    right = second if second.ndim > 1 else second[:, None]
    if left.shape[-1] != right.shape[-2]:
        refuse("the sizes of a product of matrices differ")
    if left.size * right.shape[-1] > recorder.widest:
        refuse("it multiplies large matrices")
    ids = _products(recorder.tape, left, right)
    if second.ndim == 1:
        ids = ids[..., 0]
    if first.ndim == 1:
        ids = ids[..., 0, :] if second.ndim > 1 else ids[..., 0]
    return Recorded(recorder, ids if ids.ndim else int(ids), NO_LANES, a.dtype)


composed("matmul __matmul__")(_product)
composed("__rmatmul__")(lambda a, b: _product(lifted(b), a))


def _product_of(first: int, second: int) -> Handler:
    """A product of tensors with so many dimensions, for which torch has a name."""

    def handler(a: Any, b: Any) -> Any:
        if a.dim() != first or lifted(b).dim() != second:
            refuse("what torch says of a product of tensors of other dimensions")
        return _product(a, b)

    return handler


composed("dot vdot inner")(_product_of(1, 1))
composed("mv")(_product_of(2, 1))
composed("mm")(_product_of(2, 2))


def _products(tape: Any, left: Any, right: Any) -> Any:
    """The rows of a product of arrays of matrices, broadcast against each other."""
    front = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*front, *left.shape[-2:]))
    columns = np.broadcast_to(np.swapaxes(right, -1, -2), (*front, right.shape[-1], right.shape[-2]))
    rows = [
        [[_dot(tape, row, column) for column in second] for row in first]
        for first, second in zip(_matrices(left), _matrices(columns))
    ]
    return np.array(rows, np.int64).reshape(*front, left.shape[-2], columns.shape[-2])


def _matrices(ids: Any) -> list[Any]:
    found: list[Any] = ids.reshape(-1, *ids.shape[-2:]).tolist()
    return found


def _dot(tape: Any, row: list[int], column: list[int]) -> int:
    result: int = tape.total([tape.emit(CODES["mul"], a, b) for a, b in zip(row, column)])
    return result


@composed("outer ger")
def outer(a: Any, b: Any) -> Any:
    b = lifted(b)
    if a.lanes != NO_LANES or b.lanes != NO_LANES or a.dim() != 1 or b.dim() != 1:
        refuse("an outer product across lanes is left to torch")
    return _of("mul", a.unsqueeze(1), b)


@composed("t")
def transposed(x: Any) -> Any:
    if x.lanes or x.dim() > 2:
        refuse("it transposes the lanes")
    return with_ids(x, array_of(x).T)


@composed("trace")
def trace(x: Any) -> Any:
    refuse_under_autocast("trace")
    if x.lanes or x.dim() != 2:
        refuse("a trace across lanes is left to torch")
    return total(with_ids(x, np.diagonal(array_of(x))), 0)

"""torch functions on recorded tensors that combine elements along axes; never along that of the lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from relaxpy.engine.conversions import to
from relaxpy.engine.functions import add, div, where
from relaxpy.engine.instructions import CODES
from relaxpy.engine.precision import HALF, refuse_under_autocast
from relaxpy.engine.recorded import LANES, Recorded, Verdict, array_of, lifted, refuse
from relaxpy.engine.registering import Handler, registered
from relaxpy.engine.shapes import axis_of, stack, unbind, with_ids
from relaxpy.engine.truths import comparison
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state

_MUL = CODES["mul"]


def _reduced(x: Recorded, dim: Any, keepdim: bool, combine: Any, dtype: torch.dtype) -> Recorded:
    """Each list of rows along some axes, combined into one."""
    ids = x.ids
    if type(ids) is not int and ids.ndim == 1 and dim == 0 and not keepdim:
        return Recorded(x.recorder, combine(ids.tolist()), x.lanes, dtype)
    ids = array_of(x)
    if dim is None:
        if x.lanes:
            refuse("it works across lanes")
        axes = tuple(range(ids.ndim))
    else:
        axes = tuple(axis_of(x, d) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    rest = [k for k in range(ids.ndim) if k not in axes]
    moved = np.transpose(ids, [*rest, *axes]).reshape(*(ids.shape[k] for k in rest), -1)
    flat = moved.reshape(-1, moved.shape[-1])
    values = np.array([combine(rows) for rows in flat.tolist()], np.int64).reshape(moved.shape[:-1])
    if keepdim:
        values = np.expand_dims(values, axes)
    return Recorded(x.recorder, values if values.ndim else int(values), x.lanes, dtype)


@registered("sum")
def total(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if dtype is not None and (dtype.is_floating_point or x.dtype.is_floating_point):
        x = to(x, dtype)
    kind = x.dtype if x.dtype.is_floating_point else torch.int64
    return _reduced(x, dim, keepdim, x.recorder.tape.total, dtype or kind)


def _weighted(weights: Recorded, values: Sequence[Any]) -> Recorded | None:
    recorder, dtype, lanes = weights.recorder, weights.dtype, weights.lanes
    if weights.ids.ndim != 1 or dtype is not recorder.dtype:
        return None
    emit, products = recorder.tape.emit, []
    for weight, value in zip(weights.ids.tolist(), values):
        if type(value) is not Recorded:
            value = recorder.number(float(value), dtype) if type(value) in (int, float) else lifted(value)
        if type(value.ids) is not int or value.dtype is not dtype:
            return None
        if lanes != LANES and value.lanes:
            lanes = value.lanes
        products.append(emit(_MUL, weight, value.ids))
    recorder.operations += 3  # as which torch does it
    return Recorded(recorder, recorder.tape.total(products), lanes, dtype)


Recorded.weighted = _weighted  # type: ignore[method-assign,assignment]


@registered("mean")
def mean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    result = total(x, dim, keepdim)
    return div(result, array_of(x).size // max(1, array_of(result).size))


@registered("prod")
def product(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    if x.dtype in HALF:
        refuse_under_autocast("prod")
    emit, code = x.recorder.tape.emit, CODES["mul"]

    def combine(rows: list[int]) -> int:
        result: int = x.recorder.tape.constant(1.0)
        for row in rows:
            result = emit(code, result, row)
        return result

    return _reduced(x, dim, keepdim, combine, x.dtype if x.dtype.is_floating_point else torch.int64)


def _extreme(name: str, x: Any, dim: Any, keepdim: bool) -> Any:
    """amax, amin: ties share the gradient."""
    recorder, tape = x.recorder, x.recorder.tape
    emit, code = tape.emit, CODES[name]

    def plain(rows: list[int]) -> int:
        best = rows[0]
        for row in rows[1:]:
            best = emit(code, best, row)
        return best

    def combine(rows: list[int]) -> int:
        if len(set(rows)) == 1:
            return rows[0]
        sources = [row if row in tape.constants else recorder.attached.get(row) for row in rows]
        if None not in sources:
            detached: int = recorder.detached_row(plain(sources))
            return detached
        best = recorder.detached_row(plain(rows))
        hits = [emit(CODES["eq"], row, best) for row in rows]
        shares = [emit(CODES["where"], hit, row, tape.constant(0.0)) for hit, row in zip(hits, rows)]
        shared = emit(CODES["div"], tape.total(shares), tape.total(hits))
        # the value exactly, the gradient by shares
        value = emit(CODES["add"], best, emit(CODES["sub"], shared, emit(CODES["detach"], shared)))
        result: int = emit(CODES["where"], emit(CODES["isfinite"], best), value, best)
        recorder.detached[result] = best
        return result

    return _reduced(x, dim, keepdim, combine, x.dtype)


@registered("amax")
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return _extreme("maximum", x, dim, keepdim)


@registered("amin")
def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return _extreme("minimum", x, dim, keepdim)


@registered("argmin")
def argmin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The position of the least element, of the first of several; of none that is NaN."""
    tape = x.recorder.tape
    emit, less, where_code = tape.emit, CODES["lt"], CODES["where"]

    def combine(rows: list[int]) -> int:
        least, position = rows[0], tape.constant(0.0)
        for k, row in enumerate(rows[1:], 1):
            lower = emit(less, row, least)
            least = emit(where_code, lower, row, least)
            position = emit(where_code, lower, tape.constant(float(k)), position)
        return int(position)

    return _reduced(x, dim, keepdim, combine, torch.int64)


def _greatest(name: str, of_all: Handler) -> Handler:
    """torch.max and torch.min, of all elements or of two tensors; with indices they are left to torch."""

    def handler(x: Any, *others: Any, **options: Any) -> Any:
        if not others and not options:
            return of_all(x)
        if len(others) == 1 and not options and isinstance(others[0], TENSORS):
            return state.recorder.arithmetic(CODES[name], x, others[0])
        return refuse(f"torch's `{name[:3]}` along an axis is left to torch")

    return handler


registered("max")(_greatest("maximum", amax))
registered("min")(_greatest("minimum", amin))


@registered("softmax")
def softmax(x: Any, dim: int, **options: Any) -> Any:
    axis, ids = axis_of(x, dim), x.ids
    if type(ids) is not int and ids.ndim == 1:
        return Recorded(x.recorder, np.array(x.recorder.tape.softmax(ids.tolist()), np.int64), x.lanes, x.dtype)
    ids = np.moveaxis(array_of(x), axis, -1)
    flat = ids.reshape(-1, ids.shape[-1])
    rows = np.array([x.recorder.tape.softmax(each) for each in flat.tolist()], np.int64).reshape(ids.shape)
    return with_ids(x, np.moveaxis(rows, -1, axis))


@registered("vector_norm")
def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    if ord != 2:
        refuse("a norm that is not the Euclidean one is left to torch")
    square = total(x * x, dim, keepdim)
    nothing = comparison("eq")(square, 0)
    root = state.recorder.arithmetic(CODES["sqrt"], where(nothing, 1.0, square))
    return where(nothing, 0.0, root)


@registered("einsum")
def einsum(equation: str, *operands: Any) -> Any:
    """The joint probability of the pairs for which a claim holds (softcompare.integer_comparison)."""
    if equation != "i...,ij,j...->...":
        refuse("einsum is left to torch")
    refuse_under_autocast("einsum")
    p, holds, q = operands
    result: Any = 0.0
    for first, row in zip(unbind(lifted(p)), holds.tolist()):
        chosen = [second for second, hold in zip(unbind(lifted(q)), row) if hold]
        if chosen:
            result = add(first * total(stack(chosen), 0), result)
    return result


@registered("all")
def every(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return _truths(x, dim, keepdim, "and", 1.0)


@registered("any")
def some(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return _truths(x, dim, keepdim, "or", 0.0)


def _truths(x: Any, dim: int | None, keepdim: bool, name: str, start: float) -> Any:
    if dim is None:
        return Verdict(x.recorder, x.rows(), every=name == "and")

    def combine(rows: list[int]) -> int:
        result: int = x.recorder.tape.constant(start)
        for row in rows:
            result = x.recorder.tape.emit(CODES[name], result, row)
        return result

    return _reduced(x, dim, keepdim, combine, torch.bool)

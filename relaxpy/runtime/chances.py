"""Soft truths and soft integers that users make themselves, and the way back to distributions."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError, RelaxIndexError
from relaxpy.runtime import arrays, decisions, integers, ops, recipes, scopes
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.stacking import stacked
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.through import straight
from relaxpy.runtime.values import SoftScalar, SoftTruth


def make_truth(p: Any) -> Any:
    """A soft truth, or an array of them, from probabilities."""
    p = looked_through(p)
    if isinstance(p, SoftArray) or isinstance(p, TENSORS) and p.dim() > 0:
        return arrays.of_truths(decisions.settled(_checked(_tensor(p), "truth")))
    if isinstance(p, (list, tuple)):
        return type(p)(map(make_truth, p))
    if isinstance(p, SoftScalar):
        return _truth(_checked(p.lanes, "truth"))
    if isinstance(p, (int, float, TENSORS)):
        lanes = p if isinstance(p, TENSORS) else torch.as_tensor(p)
        return _truth(_checked(lanes if lanes.is_floating_point() else lanes.to(torch.get_default_dtype()), "truth"))
    raise RelaxError(f"relaxpy.truth takes probabilities, not {p!r}", remedy="give it a number or a tensor")


def _truth(p: Tensor) -> Any:
    return SoftTruth(p) if state.options.mode == "soft" else decisions.claim(p.detach() > 0.5, lambda: p, p)


def make_categorical(p: Any) -> Any:
    """A soft integer from probabilities of shape (C,), a list of them from (n, C), and so on."""
    p = looked_through(p)
    if isinstance(p, (list, tuple)):
        p = SoftArray(stacked(list(p)))
    if not isinstance(p, SoftArray) and not (isinstance(p, TENSORS) and p.dim() > 0):
        raise RelaxError(
            f"relaxpy.categorical takes an array of probabilities, not {p!r}",
            remedy="give it a tensor of shape (C,), or (n, C) for a sequence of n",
        )
    tensor = _tensor(p)
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.get_default_dtype())
    return _categoricals(tensor)


def _categoricals(tensor: Tensor) -> Any:
    if tensor.dim() - lane_axes() > 1:
        return [_categoricals(row) for row in tensor.unbind(0)]
    if not tensor.shape[0]:
        raise RelaxError("relaxpy.categorical was given no probabilities", remedy="give it at least one category")
    _checked(tensor, "categorical")
    _check(tensor.sum(0), lambda total: (total - 1).abs() <= 10 * _tolerance(tensor), "sum to {}, not to 1", tensor)
    made = integers.from_table(tensor, categorical=True)
    if state.options.mode == "hard":
        return decisions.settle_index(made, tensor.shape[0])
    if state.options.mode == "straight-through":
        hard = decisions.leader_of(tensor)
        return SoftInteger(straight(hard, made.lanes), made.node)
    return made


def probabilities_of(value: Any, n: Any) -> Any:
    """The distribution of an integer or truth over 0, ..., n - 1: a soft array of shape (n,), one-hot for a plain one."""
    if not hasattr(type(n), "__index__") or isinstance(n, Soft):
        raise RelaxError(f"relaxpy.probabilities takes a number n of integers, not {n!r}", remedy="give it a plain int")
    if not isinstance(value, (integers.SoftInteger, SoftTruth)):
        return _one_hot(value, n)
    values, table = recipes.distribution_of(integers.node_of(value))
    like = value.lanes if table is None else table[0]
    inside = [k for k, each in enumerate(values) if 0 <= each < n]
    rows = torch.tensor([values[k] for k in inside], dtype=torch.long, device=like.device)
    if table is None:
        table = torch.ones((1, *like.shape), dtype=like.dtype, device=like.device)
    if len(inside) < len(values):
        outside = [k for k in range(len(values)) if k not in set(inside)]
        _refuse_outside(table[outside].sum(0), value.kind, n)
        table = table[inside]
    return SoftArray(table.new_zeros((n, *table.shape[1:])).index_add(0, rows, table))


def _one_hot(value: Any, n: int) -> Any:
    if isinstance(value, (Soft, float)):
        kind = value.kind if isinstance(value, Soft) else "float"
        raise RelaxError(
            f"relaxpy.probabilities takes an integer or a truth, and a {kind} has no distribution over integers",
            remedy="round it first: int(x), round(x)",
        )
    try:
        position = operator.index(value)
    except TypeError:
        raise RelaxError(
            f"relaxpy.probabilities takes an integer or a truth, not {value!r}", remedy="give it an int, or what became one"
        ) from None
    if not 0 <= position < n:
        raise RelaxIndexError(f"{position} is not among 0, ..., {n - 1}", remedy="give a larger n")
    row = torch.zeros(n)
    row[position] = 1.0
    return row


def _refuse_outside(mass: Tensor, kind: str, n: int) -> None:
    mass = scopes.alive(mass)
    if ops.exceeds(mass, state.options.epsilon + _tolerance(mass)):
        raise RelaxIndexError.here(
            f"a {kind} is outside 0, ..., {n - 1} with probability {ops.largest(mass):.3g}{scopes.lanes_with(mass)}",
            remedy="give a larger n, or shift the integer first",
        )


def _tensor(value: Any) -> Tensor:
    return value.tensor() if isinstance(value, SoftArray) else arrays.constant_array(value).tensor()


def _tolerance(tensor: Tensor) -> float:
    """Rounding of a softmax in this precision, generously."""
    return max(1e-4, 4 * torch.finfo(tensor.dtype).eps)


def _checked(p: Tensor, name: str) -> Tensor:
    slack = _tolerance(p)
    _check(p, lambda q: (q >= -slack) & (q <= 1 + slack), "hold {}, which is not between 0 and 1", p, name)
    return p


def _check(tensor: Tensor, holds: Any, complaint: str, given: Tensor, name: str = "categorical") -> None:
    """Refuse what is no probability, in lanes that are alive."""
    values = ops.concrete(tensor)
    bad = ~holds(values)
    dead = scopes.dead_lanes() if state.scopes else None
    if dead is not None:
        bad = bad & ~ops.concrete(dead)
    if bool(bad.any()):
        worst = values.expand(bad.shape)[bad][0].item()
        raise RelaxError(
            f"the probabilities given to relaxpy.{name} {complaint.format(f'{worst:.6g}')}",
            remedy="normalise them first: torch.softmax(scores, -1), torch.sigmoid(score)",
        )

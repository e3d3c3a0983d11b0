"""Comparisons of soft values (paper Eq. 3, 8, 9; SEMANTICS, section 3)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import arrays, decisions, integers, ops, partlyplain, perturbation, recipes
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.partlyplain import PartlyPlain
from relaxpy.runtime.recipes import Table
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth, operand

HardComparison = Callable[[Any, Any], Any]


def greater(a: Any, b: Any) -> Any:
    return ordered(a, b, operator.gt, 1)


def greater_equal(a: Any, b: Any) -> Any:
    return ordered(a, b, operator.ge, 1)


def less(a: Any, b: Any) -> Any:
    return ordered(a, b, operator.lt, -1)


def less_equal(a: Any, b: Any) -> Any:
    return ordered(a, b, operator.le, -1)


def ordered(a: Any, b: Any, hard: HardComparison, sign: int) -> Any:
    """P(a > b) (sign 1) or P(a < b) (sign -1), strictness mattering to integers and infinities only."""
    if type(a) is SoftNumber and type(b) is SoftNumber and a.finite and b.finite and state.options.mode == "soft":
        return SoftTruth(perturbation.ahead(a.lanes, b.lanes) if sign > 0 else perturbation.ahead(b.lanes, a.lanes))
    if arrays.is_array(a) or arrays.is_array(b):
        return arrays.elementwise(a, b, lambda x, y: _array_order(x, y, hard, sign))
    if counted(a) and counted(b) or counted(b, True) and counted(a, True):
        return integer_comparison(a, b, hard)
    lifted = scalars(a, b, hard)
    if lifted is None:
        return NotImplemented
    (x, x_finite), (y, y_finite) = lifted
    if state.options.mode != "soft":
        return decisions.claim(hard(x, y), lambda: real_order(x, y, True, hard, sign), x, y)
    p = real_order(x, y, not (x_finite and y_finite), hard, sign)
    if type(a) is PartlyPlain or type(b) is PartlyPlain:
        p = partlyplain.decided(p, a, b, hard(x, y))
    return SoftTruth(p)


def _array_order(x: Operand, y: Operand, hard: HardComparison, sign: int) -> Tensor:
    if state.options.mode != "soft":
        return decisions.claims(hard(x, y), lambda: real_order(x, y, True, hard, sign), x, y)
    return real_order(x, y, True, hard, sign)


def real_order(x: Operand, y: Operand, maybe_infinite: bool, hard: HardComparison, sign: int) -> Tensor:
    """P(noise < beta (x - y)) or its mirror (paper Eq. 8); infinities are not perturbed."""
    if not maybe_infinite:
        return perturbation.ahead(x, y) if sign > 0 else perturbation.ahead(y, x)
    x, y, unperturbed = apart(x, y)
    soft = perturbation.ahead(x, y) if sign > 0 else perturbation.ahead(y, x)
    return torch.where(unperturbed[0], hard(*unperturbed[1:]).to(soft.dtype), soft)


def apart(x: Operand, y: Operand) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Finite stand-ins for x and y, and (where one is not finite, x, y) as they were."""
    like = ops.first_tensor(x, y)
    if like is None:
        like = torch.zeros(())
    x, y = ops.lift(x, like), ops.lift(y, like)
    infinite = ~(torch.isfinite(x) & torch.isfinite(y))
    zero_x, zero_y = torch.zeros_like(x), torch.zeros_like(y)
    return torch.where(infinite, zero_x, x), torch.where(infinite, zero_y, y), (infinite, x.detach(), y.detach())


def real_equality(x: Operand, y: Operand, maybe_infinite: bool) -> Tensor:
    """The ratio of densities; sech^2(beta (x - y) / 2) for the logistic distribution (paper Eq. 9)."""
    if not maybe_infinite:
        return perturbation.alike(x - y)
    x, y, unperturbed = apart(x, y)
    soft = perturbation.alike(x - y)
    return torch.where(unperturbed[0], (unperturbed[1] == unperturbed[2]).to(soft.dtype), soft)


def equal(a: Any, b: Any) -> Any:
    if arrays.is_array(a) or arrays.is_array(b):
        return arrays.elementwise(a, b, _array_equality)
    if counted(a) and counted(b) or counted(b, True) and counted(a, True):
        return integer_equality(a, b)
    x, y = operand(a), operand(b)
    if x is None or y is None:
        return NotImplemented
    if state.options.mode != "soft":
        return decisions.claim(x[0] == y[0], lambda: real_equality(x[0], y[0], True), x[0], y[0])
    p = real_equality(x[0], y[0], not (x[1] and y[1]))
    if type(a) is PartlyPlain or type(b) is PartlyPlain:
        p = partlyplain.decided(p, a, b, x[0] == y[0])
    return SoftTruth(p)


def _array_equality(x: Operand, y: Operand) -> Tensor:
    if state.options.mode != "soft":
        hard: Any = x == y
        return decisions.claims(hard, lambda: real_equality(x, y, True), x, y)
    return real_equality(x, y, True)


def unequal(a: Any, b: Any) -> Any:
    result = equal(a, b)
    return NotImplemented if result is NotImplemented else negation(result)


def negation(value: Any) -> Any:
    """1 - p, of a truth or an array of truths."""
    if isinstance(value, bool):
        return not value
    if arrays.is_array(value):
        return arrays.of_truths(1 - value.tensor())
    negated = SoftTruth(ops.complement(value.lanes), None if value.chance is None else ops.complement(value.chance))
    about = getattr(value, "about", None)
    if about is not None:
        negated.about = about.negated()
    return negated


def both(a: Any, b: Any) -> Any:
    """The conjunction of two truths: their t-norm, the product if they are taken as independent."""
    if isinstance(b, bool):
        return a if b else False
    return SoftTruth(perturbation.conjunction(a.lanes, b.lanes)) if isinstance(b, SoftTruth) else NotImplemented


def either(a: Any, b: Any) -> Any:
    """The disjunction of two truths: their t-conorm, the probabilistic sum if they are taken as independent."""
    if isinstance(b, bool):
        return True if b else a
    return SoftTruth(perturbation.disjunction(a.lanes, b.lanes)) if isinstance(b, SoftTruth) else NotImplemented


def scalars(a: Any, b: Any, hard: HardComparison) -> tuple[tuple[Operand, bool], tuple[Operand, bool]] | None:
    x, y = operand(a), operand(b)
    if x is not None and y is not None:
        return x, y
    other = b if x is not None else a
    if isinstance(other, (str, bytes, type(None), list, tuple, dict, set)):
        kinds = [value.kind if isinstance(value, Soft) else type(value).__name__ for value in (a, b)]
        raise SoftValueError(
            f"a {kinds[0]} cannot be ordered against a {kinds[1]}",
            remedy="compare numbers with numbers; convert the other side first",
        )
    return None


def counted(value: Any, integer: bool = False) -> bool:
    """Is the value compared by its distribution: a soft integer or truth, or (against one) a hard number?"""
    kind = type(value)
    if kind is SoftInteger or kind is SoftTruth:
        return True
    if not integer or kind is SoftNumber:
        return False
    return kind is int or kind is bool or kind is float or integers.is_foreign(value)


def table(value: Any) -> Any:
    if isinstance(value, (SoftInteger, SoftTruth)):
        return recipes.distribution_of(integers.node_of(value))
    return [integers.as_plain(value)], None


def integer_comparison(a: Any, b: Any, hard: HardComparison) -> Any:
    """P(a ? b): the sum of the probabilities of all pairs for which it holds (SEMANTICS, section 3)."""
    like = (a if isinstance(a, SoftScalar) else b).lanes
    if state.options.mode != "soft":
        return _of_mode(_pairs(decisions.hard_table(table(a)), decisions.hard_table(table(b)), hard, like), a, b, hard)
    return SoftTruth(_pairs(table(a), table(b), hard, like))


def _of_mode(holds: Tensor, a: Any, b: Any, hard: HardComparison) -> Any:
    """A comparison of integers in hard or straight-through mode; there its probability is not known (see through.py)."""
    outcomes = {bool(hard(x, y)) for x in table(a)[0] for y in table(b)[0]}
    if len(outcomes) == 1:
        return outcomes.pop()
    like = (a if isinstance(a, SoftScalar) else b).lanes
    result = decisions.claim(holds > 0.5, lambda: _pairs(table(a), table(b), hard, like), like)
    return result if isinstance(result, bool) else SoftTruth(result.lanes)


def _pairs(a: recipes.Distribution, b: recipes.Distribution, hard: HardComparison, like: Tensor) -> Tensor:
    (values, p), (others, q) = a, b
    holds = [[bool(hard(x, y)) for y in others] for x in values]
    if p is None and q is None:
        return like.new_full(like.shape, float(holds[0][0]))
    if q is None:
        return _total([row[0] for row in holds], p)
    if p is None:
        return _total(holds[0], q)
    table = torch.tensor(holds, dtype=like.dtype, device=like.device)
    return torch.einsum("i...,ij,j...->...", p, table, q)


def _total(holds: list[bool], probabilities: Any) -> Tensor:
    """The probability of the values for which a claim holds, most often of one or of the first or last few."""
    first, count = holds.index(True) if True in holds else 0, sum(holds)
    total: Tensor
    if all(holds[first : first + count]):
        total = probabilities[first] if count == 1 else probabilities[first : first + count].sum(0)
    else:
        total = probabilities[[k for k, one in enumerate(holds) if one]].sum(0)
    return total


def integer_equality(a: Any, b: Any) -> Any:
    """The inner product of the distributions; the cosine similarity of two categoricals (paper section 3.1)."""
    nodes = [value.node if isinstance(value, SoftInteger) else None for value in (a, b)]
    tables = [node for node in nodes if isinstance(node, Table) and node.categorical]
    if len(tables) == 2:
        units = [node.unit() for node in tables]
        common = min(units[0].shape[0], units[1].shape[0])
        similarity = (units[0][:common] * units[1][:common]).sum(0).clamp(max=1)
        if state.options.mode != "soft":
            same = decisions.leader_of(units[0]) == decisions.leader_of(units[1])
            return decisions.claim(same, lambda: similarity, similarity)
        return SoftTruth(similarity)
    return integer_comparison(a, b, operator.eq)

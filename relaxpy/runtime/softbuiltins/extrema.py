"""`min` and `max`, and which element is the smallest or largest (paper Eq. 10)."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import SoftValueError
from relaxpy.runtime import arrays, decisions, integers, mixing, ops, perturbation, recipes, scopes
from relaxpy.runtime.arrays import SoftArray, lane_axes
from relaxpy.runtime.blend import blend_reals
from relaxpy.runtime.callees import relaxed_callable
from relaxpy.runtime.compare import PLAIN
from relaxpy.runtime.sequences import element, holds_soft
from relaxpy.runtime.soft import Marker
from relaxpy.runtime.softbuiltins.seeing import seen
from relaxpy.runtime.stacking import stacked
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, operand, truth_of

_NOTHING = Marker("nothing")
_WHAT = "the element chosen by `min`, `max` or a sort"


class Extremum(SoftNumber):
    """The result of `min` or `max`; it remembers of which elements, so that `xs.index(min(xs))` is their argmin."""

    __slots__ = ("weights", "source")
    weights: Tensor | int
    source: Any


def minimum(*args: Any, **kwargs: Any) -> Any:
    """`min`: the sum of softmin(beta x)_i x_i (Eq. 10), of soft numbers and expectations.

    For the logistic distribution this is exact as a choice under multinomial logistic noise, and for two values the
    expectation of `b if b < a else a` under any symmetric distribution; with more values and another distribution the odds of
    each against the leader are those of their comparison, which is an approximation. Infinities are not perturbed. With
    `key`, the elements are mixed by the softmin of their keys: of ints a categorical, as `min(range(n), key=...)`.
    """
    return _extremum(builtins.min, -1, args, kwargs)


def maximum(*args: Any, **kwargs: Any) -> Any:
    """`max`: the sum of softmax(beta x)_i x_i (Eq. 10); see minimum."""
    return _extremum(builtins.max, 1, args, kwargs)


def _extremum(builtin: Callable[..., Any], sign: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    several = len(args) > 1
    if several and not kwargs:
        for arg in args:
            if type(arg) not in PLAIN:
                break
        else:
            return builtin(*args)
    if not args or not kwargs.keys() <= {"key", "default"} or several and "default" in kwargs:
        return builtin(*args, **kwargs)
    key = relaxed_callable(kwargs.get("key"))
    given = args if several else seen(args[0])
    if key is None and isinstance(given, SoftArray) and len(given):
        return of_array(given, sign)
    candidates: list[tuple[Any, Any]] = []

    def plain() -> Iterator[tuple[Any, Any]]:
        for pair in pairs:
            candidates.append(pair)
            if holds_soft(pair[0]):
                return
            yield pair

    pairs = _keyed(given, key)
    # Python's own function decides among plain values, with its own exceptions; it stops at the first soft one
    best = builtin(plain(), key=operator.itemgetter(0), default=_NOTHING)
    if not candidates or not holds_soft(candidates[-1][0]):
        return builtin((), **kwargs) if best is _NOTHING else best[1]
    candidates.extend(pairs)
    return chosen([value for value, _ in candidates], [item for _, item in candidates], sign, key is None)


def _keyed(items: Iterable[Any], key: Callable[[Any], Any] | None) -> Iterator[tuple[Any, Any]]:
    for item in items:
        item = seen(item)
        yield (item if key is None else seen(key(item))), item


def chosen(values: Sequence[Any], items: Sequence[Any], sign: int, own: bool = False) -> Any:
    """The expectation of the item whose value is the largest (sign 1) or smallest (sign -1); ``own``: values are items."""
    if len(items) == 1:
        return items[0]
    exact = _of_certain_lanes(values, sign) if own else None
    if exact is not None:
        return exact
    operands = [operand(value) for value in values]
    if any(each is None for each in operands):
        return _tournament(values, items, sign)
    if state.options.mode != "soft" or state.options.estimator != "merged":
        return _settled(values, items, sign, own)
    if len(values) == 2:
        p = _second_leads(values[0], values[1], sign)
        return (
            _remembered(blend_reals(p, values[1], values[0]), [1 - p, p], items) if own else mixture([1 - p, p], items)
        )
    lanes = stacked(list(values))
    finite = all(each is not None and each[1] for each in operands)
    weights = leader_weights(lanes, sign, finite)
    if own:
        return _remembered(_expected(weights, lanes, finite), weights, items)
    return mixture(weights, items)


def _settled(values: Sequence[Any], items: Sequence[Any], sign: int, own: bool) -> Any:
    """The same where decisions are not simply relaxed (decisions.py)."""
    lanes = stacked(list(values))
    weights = leader_weights(lanes, sign)
    if not own and all(type(item) is int for item in items) and state.options.mode == "soft":
        return mixture(weights, items)  # drawn where it is used
    chosen = decisions.choose(weights, first_leader(lanes, sign))
    if isinstance(chosen, int):
        return _remembered(items[chosen], chosen, items) if own else items[chosen]
    return _remembered(_expected(chosen, lanes), chosen, items) if own else mixture(chosen, items)


def first_leader(x: Tensor, sign: int) -> Tensor:
    """Where Python's `max` (sign -1: `min`) finds its result along the first axis."""
    return decisions.leader_of(x if sign > 0 else -x)


def of_array(array: SoftArray, sign: int) -> Any:
    """`min(a)`, `max(a)` of a one-dimensional array."""
    tensor = array.tensor()
    if tensor.dim() - lane_axes() > 1:
        raise SoftValueError(
            "`min` or `max` of the rows of an array", remedy="take it of each row, or of `a.flatten()`"
        )
    if array.element == arrays.INTEGER:
        return chosen(array.rows(), array.rows(), sign, own=True)
    if state.options.mode != "soft" or state.options.estimator != "merged":
        return _settled(array.rows(), array.rows(), sign, own=True)
    weights = leader_weights(tensor, sign)
    source = array.whole()
    return _remembered(_expected(weights, tensor), weights, array.rows() if source is None else source)


def _remembered(number: Any, weights: Any, source: Any) -> Any:
    if not isinstance(number, SoftScalar):
        return number  # a plain one among soft ones
    result = Extremum(number.lanes, number.finite)
    result.weights = weights
    result.source = source if isinstance(source, TENSORS) else tuple(source)
    return result


def argument(array: Any, sign: int) -> Any:
    """argmax (sign 1) or argmin (sign -1) of a one-dimensional array: a categorical with the weights of Eq. 10."""
    tensor = array.tensor() if isinstance(array, SoftArray) else arrays.constant_array(array).tensor()
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.get_default_dtype())
    weights = leader_weights(tensor, sign)
    if state.options.mode == "soft":
        return integers.from_table(weights)  # drawn where it is used
    chosen = decisions.choose(weights, first_leader(tensor, sign))
    return chosen if isinstance(chosen, int) else integers.from_table(chosen)


def leader_weights(x: Tensor, sign: int, known_finite: bool = False) -> Tensor:
    """P(i = argmax_j x_j) (sign -1: argmin), shape (n, *lanes): softmax(beta x) for the logistic distribution (Eq. 10).

    For any other distribution the odds of i against the leader m are those of their comparison, F(beta (x_i - x_m)) to
    F(beta (x_m - x_i)). Infinities and NaN decide as in Python: the first infinite leader wins.
    """
    if known_finite:
        return _weights_of_finite(x if sign > 0 else -x)
    (guarded,) = scopes.guarded(x)
    assert isinstance(guarded, TENSORS)
    x = guarded
    if ops.all_finite(x):
        return _weights_of_finite(x if sign > 0 else -x)
    finite = torch.isfinite(x.detach())
    low = -float("inf")
    y = x if sign > 0 else -x
    # what is not finite is put far behind; where it leads, the decision is plain
    kept = torch.where(finite, y, low)
    leader = kept.amax(0)
    leader = torch.where(torch.isfinite(leader), leader, torch.zeros_like(leader))
    stand_in = torch.where(finite, y, leader)
    weights = torch.where(finite, _relative_weights(stand_in, leader), torch.zeros_like(y))
    total = weights.sum(0)
    weights = weights / torch.where(total > 0, total, torch.ones_like(total))
    decided = y.detach()
    one_hot = decisions.places(decided) == decisions.leader_of(decided)
    return torch.where(_decided(decided), one_hot.to(weights.dtype), weights)


def _weights_of_finite(y: Tensor) -> Tensor:
    if state.options.distribution == "logistic":
        return perturbation.choice(y)
    odds = _relative_weights(y, y.amax(0))
    return odds / odds.sum(0)


def _relative_weights(y: Tensor, leader: Tensor) -> Tensor:
    """The odds of each against the leader; exp(beta (y - leader)) for the logistic distribution."""
    behind = y - leader
    if state.options.distribution == "logistic":
        return torch.exp(perturbation.scaled(behind))
    return perturbation.leads(behind) / perturbation.leads(-behind)


def _decided(y: Tensor) -> Tensor:
    """Lanes in which an infinity, or a NaN in the first place, leads."""
    return (y == float("inf")).any(0) | torch.isnan(y[0]) | ~torch.isfinite(y).any(0)


def _second_leads(a: Any, b: Any, sign: int) -> Tensor:
    """The probability that b is chosen rather than a."""
    (x, x_finite), (y, y_finite) = operand(a), operand(b)  # type: ignore[misc]
    if x_finite and y_finite:
        return perturbation.leads(y - x if sign > 0 else x - y)
    lanes = stacked([a, b])
    return leader_weights(lanes, sign)[1]


def _expected(weights: Tensor, x: Tensor, known_finite: bool = False) -> SoftNumber:
    """The weighted sum; non-finite elements count only where they lead."""
    if known_finite or ops.all_finite(x):
        return SoftNumber((weights * x).sum(0), True)
    finite = torch.isfinite(x.detach())
    zero = torch.zeros_like(x)
    mean = (weights * torch.where(finite, x, zero)).sum(0)
    mean = mean + torch.where(finite | (weights == 0), zero, x.detach()).sum(0)
    return SoftNumber(mean, ops.all_finite(mean))


def _of_certain_lanes(values: Sequence[Any], sign: int) -> Any:
    """Hard integers that differ between lanes: exact; None if any is soft."""
    together = integers.certain_lanes(values)
    if together is None:
        return None
    found = together.amax(0) if sign > 0 else together.amin(0)
    return integers.from_lanes(found, next(value.lanes.dtype for value in values if isinstance(value, SoftScalar)))


def _tournament(values: Sequence[Any], items: Sequence[Any], sign: int) -> Any:
    """Tuples and lists as values, compared one after the other as Python does; merged after each (paper section 3)."""
    comparison = operator.gt if sign > 0 else operator.lt
    best, item = values[0], items[0]
    for value, other in zip(values[1:], items[1:]):
        wins = element(comparison, value, best)
        if isinstance(wins, SoftScalar):
            wins = decisions.decide(truth_of(wins))
        if not isinstance(wins, bool):
            p = torch.as_tensor(ops.value_of(wins))
            best, item = blended(p, value, best), blended(p, other, item)
        elif wins:
            best, item = value, other
    return item


def blended(p: Tensor, a: Any, b: Any) -> Any:
    return mixing.blended(p, a, b, _WHAT)


def mixture(weights: Tensor | Sequence[Tensor], items: Sequence[Any]) -> Any:
    """The expectation of items by weights of shape (n, *lanes); of plain ints a categorical."""
    if all(type(item) is int for item in items):
        if not isinstance(weights, TENSORS):
            weights = torch.stack(torch.broadcast_tensors(*weights))  # type: ignore[no-untyped-call]
        support = sorted(set(items))
        _, probabilities = recipes.combined(support, list(items), weights)
        assert probabilities is not None
        return integers.from_table(probabilities, support)
    return mixing.mean(weights.unbind(0) if isinstance(weights, TENSORS) else weights, items, _WHAT)

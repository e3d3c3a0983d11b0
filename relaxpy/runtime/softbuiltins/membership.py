"""Where a value is: `xs.index(x)`, `xs.count(x)`, `k in keys`, `d.get(k)`."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch

from relaxpy.runtime import doubts, integermaps, integers, ops, presence, recipes, scopes
from relaxpy.runtime.arrays import SoftArray
from relaxpy.runtime.containers import DictContainer
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.mixing import blended, mean
from relaxpy.runtime.sequences import element, holds_soft
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.softbuiltins.extrema import Extremum, mixture
from relaxpy.runtime.softbuiltins.seeing import seen
from relaxpy.runtime.softbuiltins.totals import total
from relaxpy.runtime.softindex import settled
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftScalar, SoftTruth


def index(container: Any, value: Any, *bounds: Any) -> Any:
    """`xs.index(x, start, stop)`: the first place where an element equals x, a categorical.

    P(i) is that of `xs[i] == x` and of no earlier equality, divided by the probability that there is any (an approximation:
    the comparisons are taken as independent). `xs.index(min(xs))` is their argmin, exactly (Eq. 10). Raises ValueError where
    in a lane it is likelier than not that there is none.
    """
    value = seen(value)
    if not _concerns(container, value):
        return type(container).index(container, value, *bounds)
    if not bounds and isinstance(value, Extremum) and _is_source(value.source, container):
        if isinstance(value.weights, int):
            return value.weights
        return mixture(list(value.weights), list(range(len(container))))
    places = range(len(container))[slice(*(*bounds, None, None)[:2])]
    weights: list[Any] = []
    missing: Any = 1.0
    for place in places:
        equal = _equal(container[place], value)
        p = equal.lanes if isinstance(equal, SoftTruth) else float(bool(equal))
        weights.append(ops.times(missing, p))
        missing = ops.times(missing, 1 - p)
        if ops.is_zero(missing):
            break
    return _found(list(places), weights, missing)


def _found(places: list[int], weights: list[Any], missing: Any) -> Any:
    dead = scopes.dead_lanes() if state.scopes else None
    likely = missing if dead is None or not isinstance(missing, TENSORS) else torch.where(dead, 0.0, missing)
    if ops.anywhere_above(likely, 0.5):
        raise ValueError(f"the value is not in the list, with probability {ops.largest(likely):.3g}")
    kept = [(weight, place) for weight, place in zip(weights, places) if not ops.is_zero(weight)]
    if len(kept) == 1:
        return kept[0][1]
    like = ops.first_tensor(*(weight for weight, _ in kept))
    assert like is not None
    lifted = [ops.share(ops.lift(weight, like), 1 - missing) for weight, _ in kept]
    return mixture([ops.lift(weight, like) for weight in lifted], [place for _, place in kept])


def _is_source(source: Any, container: Any) -> bool:
    if isinstance(source, TENSORS):
        return isinstance(container, SoftArray) and container.whole() is source
    items = container.rows() if isinstance(container, SoftArray) else container
    return len(source) == len(items) and all(map(operator.is_, source, items))


def count(container: Any, value: Any) -> Any:
    """`xs.count(x)`: the sum of the truths `x == y`, a soft integer; exact for independent comparisons."""
    value = seen(value)
    if not _concerns(container, value):
        return type(container).count(container, value)
    return total([_equal(item, value) for item in container])


def _concerns(container: Any, value: Any) -> bool:
    return isinstance(container, SoftArray) or holds_soft(value) or any(holds_soft(seen(item)) for item in container)


def _equal(item: Any, value: Any) -> Any:
    item = seen(item)
    if item is value and not isinstance(item, Soft):
        return True
    return element(operator.eq, item, value)


def inside(value: SoftScalar, container: Iterable[Any]) -> Any:
    """`x in container` for a dict, set or range: of a soft integer its mass there, exactly; else whether any equals x."""
    if isinstance(value, (SoftInteger, SoftTruth)):
        held = integermaps.mapped(lambda k: int(k in container), value)
        return SoftTruth(held.lanes)
    found: Any = False
    for item in container:
        equal = _equal(item, value)
        found = found | equal if isinstance(found, SoftTruth) else True if found else equal
    return found


def get(mapping: dict[Any, Any], key: Any, *default: Any) -> Any:
    """`d.get(k, default)`: the expectation over a soft integer k, the default where it is no key."""
    key = seen(key)
    if isinstance(key, (SoftInteger, SoftTruth)):
        key = settled(key, mapping)
    if not isinstance(key, (SoftInteger, SoftTruth)) or len(default) > 1:
        found = dict.get(mapping, key, *default)
        exists = presence.of(DictContainer(mapping), key)
        if exists is None or len(default) > 1 or default == (0,) and presence.is_counter(mapping):
            return found
        if presence.is_counter(mapping):
            doubts.check(DictContainer(mapping))
        return blended(exists.lanes, found, default[0] if default else None, f"the value of the key {key!r}")
    if state.presences:
        doubts.check(DictContainer(mapping))
    values, table = recipes.distribution_of(integers.node_of(key))
    items = [mapping.get(value, *default) for value in values]
    if table is None:
        return items[0]
    return mean(list(table.unbind(0)), items, f"an element chosen by a {key.kind}")

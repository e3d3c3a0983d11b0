"""The expectation of several states: one routine for the sides of branches, exits of loops, continues and frames.

A state is (mass, changes to objects, locals). All blends of locals and cells are computed first, each seen through the heap
of its own side, and then written.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import BlendError
from relaxpy.runtime import births, ops, scopes, stores
from relaxpy.runtime.births import Birth
from relaxpy.runtime.blend import COMPARED, CannotBlendError, blend, blend_parts, has_parts, same
from relaxpy.runtime.containers import Container
from relaxpy.runtime.journal import NO_CHANGES, Delta, Key, seen_in
from relaxpy.runtime.ops import Mass, Operand
from relaxpy.runtime.soft import UNDEFINED, Unblendable
from relaxpy.runtime.state import state
from relaxpy.runtime.through import Through
from relaxpy.runtime.values import SoftNumber
from relaxpy.runtime.weights import Weights, mean as mean_of_scalars

Locals = Mapping[str, Any]


class Mixer:
    """Mixes values of states that have these masses and heaps. ``pair``: the two masses are p and 1 - p.

    ``straight``: the masses are those of straight-through mode, 0 or 1 with a derivative.
    """

    def __init__(
        self, masses: Sequence[Mass], heaps: Sequence[Delta], pair: bool = False, straight: bool = False
    ) -> None:
        self.masses = [ops.value_of(mass) for mass in masses]
        self.heaps = list(heaps)
        self.pair = pair
        self._weights: dict[tuple[int, ...], Weights] = {}
        self.straight = straight or any(isinstance(mass, Through) for mass in masses)

    def knowing(self, birth: Birth) -> Mixer | None:
        """The mixer of those states that know an object, which was made on a soft path; None where nobody does."""
        known = [heap.knows(birth) for heap in self.heaps]
        if all(known):
            return self
        kept = [k for k, knows in enumerate(known) if knows and (self.pair or not ops.is_zero(self.masses[k]))]
        if not kept:
            return None
        return self.among(kept, self.masses if len(kept) > 1 else [1.0] * len(known))

    def among(self, kept: Sequence[int], masses: Sequence[Operand]) -> Mixer:
        """The mixer of some of the states, by these masses of all of them."""
        return Mixer([masses[k] for k in kept], [self.heaps[k] for k in kept], straight=self.straight)

    def mix(self, values: Sequence[Any]) -> Any:
        """The expectation of one value; what cannot be blended is dropped where its mass is negligible."""
        try:
            return self._mix(self.masses, values, self.heaps)
        except CannotBlendError:
            outside = ops.value_of(scopes.path_mass())
            masses = self.all_masses()
            kept = [k for k, m in enumerate(masses) if not ops.at_most(ops.times(outside, m), state.options.epsilon)]
            if not kept:
                kept = [max(range(len(masses)), key=lambda k: ops.largest(masses[k]))]
            if len(kept) == len(masses):
                raise
            inner = self.among(kept, masses)
            return inner._mix(inner.masses, [values[k] for k in kept], inner.heaps)

    def _mix(self, masses: Sequence[Operand], values: Sequence[Any], heaps: Sequence[Any]) -> Any:
        if self.pair:
            p = masses[0]
            if not isinstance(p, Tensor):
                return values[0] if p else values[1]
            return blend(p, values[0], values[1], heaps[0], heaps[1])
        groups: list[_Group] = []
        known: dict[int, _Group] = {}
        present: list[int] = []
        for state_, (mass, value, heap) in enumerate(zip(masses, values, heaps)):
            if ops.is_zero(mass) or value is UNDEFINED:
                continue
            place = len(present)
            present.append(state_)
            group = known.get(id(value))
            if group is None and type(value) in COMPARED:
                group = next((each for each in groups if same(each.value, value)), None)
            if group is None:
                group = known[id(value)] = _Group(value, heap)
                groups.append(group)
            group.states.append(place)
        if not groups:
            return UNDEFINED
        if len(groups) == 1:
            return groups[0].value
        if len(present) > 2 and any(has_parts(group.value) for group in groups):
            return self._mix_parts(masses, values, heaps, present)
        return self._blend(groups, tuple(present), [masses[k] for k in present])

    def _mix_parts(
        self, masses: Sequence[Operand], values: Sequence[Any], heaps: Sequence[Any], present: Sequence[int]
    ) -> Any:
        """Part by part: an object that several states share may hold something else in each of them."""

        def mixed(parts: Sequence[Any]) -> Any:
            whole = [UNDEFINED] * len(values)
            for state_, part in zip(present, parts):
                whole[state_] = part
            return self._mix(masses, whole, heaps)

        return blend_parts([values[k] for k in present], [heaps[k] for k in present], mixed)

    def _blend(self, groups: list[_Group], present: tuple[int, ...], masses: list[Operand]) -> Any:
        weights = self._weights.get(present)
        if weights is None:
            weights = self._weights[present] = Weights(masses, _a_tensor(*(group.value for group in groups)))
        first, second = groups[:2]
        if len(groups) == 2:
            return blend(weights.of(tuple(second.states)), second.value, first.value, second.heap, first.heap)
        found = mean_of_scalars(weights, [(tuple(group.states), group.value) for group in groups])
        if found is not None:
            return found
        return _straight_blend(weights, groups) if self.straight else _running_blend(weights, groups)

    def all_masses(self) -> list[Operand]:
        return [self.masses[0], ops.complement(self.masses[0])] if self.pair else self.masses


class _Group:
    """States that leave the same value."""

    __slots__ = ("value", "heap", "states")

    def __init__(self, value: Any, heap: Any) -> None:
        self.value = value
        self.heap = heap
        self.states: list[int] = []


def _running_blend(weights: Weights, groups: list[_Group]) -> Any:
    value, heap = groups[0].value, groups[0].heap
    total = weights.of(tuple(groups[0].states))
    for group in groups[1:]:
        mass = weights.of(tuple(group.states))
        total = total + mass
        value = blend(ops.share(mass, total), group.value, value, group.heap, heap)
        heap = None
    return value


def _straight_blend(weights: Weights, groups: list[_Group]) -> Any:
    """Hard mode's value, and the derivative of the mean: where masses are 0 a running mean would have none."""
    value = _running_blend(weights.detached(), groups)
    for group in groups:
        weight = weights.of(tuple(group.states))
        with contextlib.suppress(CannotBlendError):  # hard mode does not see it
            value = blend(weight - weight.detach(), group.value, value, group.heap, None)
    return value


def _a_tensor(*values: Any) -> Tensor:
    for value in values:
        lanes = getattr(value, "lanes", None)
        if isinstance(lanes, Tensor):
            return lanes
    return torch.zeros(())


def settle(mixer: Mixer, states: Sequence[Locals]) -> tuple[Any, ...]:
    """Mix the states. The heap must be as it was before all of them; it is left at the expectation of their changes.

    Returns the blended locals, in order; a local that cannot be blended becomes a value that raises when it is read.
    """
    if not mixer.pair and all(ops.is_zero(mass) for mass in mixer.masses):
        return tuple(states[0].values())
    blended = tuple(_local(mixer, name, [local[name] for local in states]) for name in states[0])
    if state.births:
        for mass, heap in zip(mixer.masses, mixer.heaps):
            if mixer.pair or not ops.is_zero(mass):
                births.arrived(heap.places)
    for holder, cell, value in _changes(mixer):
        _write(holder, cell, value)
    return blended


def mixed_errors(masses: Sequence[Operand], errors: Sequence[BaseException]) -> Any:
    """One exception for several paths: its arguments are the means of theirs."""
    first = errors[0]
    if all(error is first for error in errors):
        return first
    mixer = Mixer(masses, [NO_CHANGES] * len(errors))
    try:
        if len({type(error) for error in errors}) > 1:
            raise CannotBlendError(first, next(error for error in errors if type(error) is not type(first)))
        args = mixer.mix([error.args for error in errors])
    except CannotBlendError as error:
        return Unblendable(blend_error("the exception that was caught", error))
    if all(same(*pair) for pair in zip(args, first.args)):
        return first
    new = copy.copy(first)
    new.args = args
    return new


def apply(changes: Delta) -> None:
    """Do these changes, remembered by the journal."""
    for change in changes.values():
        if change.whole is not None:
            _write(change.container, WHOLE, change.whole)
        for cell, value in change.cells.items():
            _write(change.container, cell, value)


WHOLE = object()


def _write(holder: Container, cell: Any, value: Any) -> None:
    """Write a cell, or the whole content, remembered by the journal."""
    if cell is WHOLE:
        stores.restructuring(holder)
        holder.fill(value)
    else:
        stores.changing(holder, cell, value)
        holder.put(cell, value)


def _local(mixer: Mixer, name: str, values: Sequence[Any]) -> Any:
    try:
        return mixer.mix(values)
    except CannotBlendError as error:
        return Unblendable(blend_error(f"`{name}`" if name.isidentifier() else name, error))


def _changes(mixer: Mixer) -> list[tuple[Container, Any, Any]]:
    holders: dict[Key, Container] = {}
    for heap in mixer.heaps:
        for key, change in heap.items():
            holders.setdefault(key, change.container)
    writes: list[tuple[Container, Any, Any]] = []
    for key, holder in holders.items():
        birth = births.of(holder)
        among = mixer if birth is None else mixer.knowing(birth)
        if among is None:
            continue
        changes = [heap.get(key) for heap in among.heaps]
        if any(change is not None and change.whole is not None for change in changes):
            writes.append((holder, WHOLE, _whole(among, holder)))
            continue
        cells = dict.fromkeys(cell for change in changes if change is not None for cell in change.cells)
        for cell in cells:
            old = holder.get(cell)
            values = [old if change is None else change.cells.get(cell, old) for change in changes]
            try:
                writes.append((holder, cell, among.mix(values)))
            except CannotBlendError as error:
                raise blend_error(f"{holder.noun}{holder.described(cell)}", error) from None
    return writes


def _whole(mixer: Mixer, holder: Container) -> Any:
    """The content of a container whose structure changed on a side."""
    contents = [seen_in(holder, heap) for heap in mixer.heaps]
    masses = mixer.all_masses()
    kept = [k for k in range(len(contents)) if not ops.is_zero(masses[k])]
    if len({_structure(holder, contents[k]) for k in kept}) > 1:
        outside = ops.value_of(scopes.path_mass())
        heavy = [k for k in kept if not ops.at_most(ops.times(outside, masses[k]), state.options.epsilon)]
        kept = heavy or [max(kept, key=lambda k: ops.largest(masses[k]))]
    structures = {_structure(holder, contents[k]) for k in kept}
    if len(structures) > 1:
        first, second = (
            contents[k]
            for k in (
                kept[0],
                next(k for k in kept if _structure(holder, contents[k]) != _structure(holder, contents[kept[0]])),
            )
        )
        why = f"the lengths are {len(first)} and {len(second)}" if len(first) != len(second) else "the keys differ"
        raise blend_error(f"a {holder.noun} changed on a soft path", CannotBlendError(first, second, why))
    inner = mixer.among(kept, masses)
    cells: dict[Any, Any] = {}
    for cell in holder.names(contents[kept[0]]):
        try:
            cells[cell] = inner.mix([holder.cell_of(contents[k], cell) for k in kept])
        except CannotBlendError as error:
            raise blend_error(f"{holder.noun}{holder.described(cell)}", error) from None
    return holder.rebuilt(cells)


def _structure(holder: Container, content: Any) -> Any:
    if isinstance(content, (dict, set)):
        return frozenset(content)
    return len(content)


def blended(p: Tensor, a: Any, b: Any, what: str) -> Any:
    """``a`` with probability ``p``, else ``b``; what cannot be blended is an error that says what it was."""
    try:
        return blend(p, a, b)
    except CannotBlendError as error:
        raise blend_error(what, error, _CHOSEN) from None


def mean(weights: Sequence[Operand], values: Sequence[Any], what: str) -> Any:
    """The weighted mean of values that share one heap; the weights are of the mode in force."""
    if all(type(value) is SoftNumber and value.finite for value in values):
        return SoftNumber(ops.weighted_sum(weights, [value.lanes for value in values]), True)
    try:
        straight = state.options.mode == "straight-through"
        return Mixer(weights, [NO_CHANGES] * len(values), straight=straight).mix(values)
    except CannotBlendError as error:
        raise blend_error(what, error, _CHOSEN) from None


# where two values come from, and what can be done
_SIDES = (
    "on the two sides of a soft condition",
    "give it values of one kind and shape on both sides (numbers, or lists of equal length), "
    "or make the condition hard with relaxpy.hard(...)",
)
_CHOSEN = (
    "with some probability each",
    "let all that may be chosen be of one kind and shape (numbers, or lists of equal length), "
    "or make the choice hard with relaxpy.hard(...)",
)


def blend_error(what: str, error: CannotBlendError, origin: tuple[str, str] = _SIDES) -> BlendError:
    values = f"{_shown(error.first)} and {_shown(error.second)}"
    why = f": {error.why}" if error.why else ""
    where, remedy = origin
    return BlendError.here(f"{what} is {values} {where}, which cannot be blended{why}", remedy=remedy)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

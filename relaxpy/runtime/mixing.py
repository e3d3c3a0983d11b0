"""The expectation of several states: one routine for the sides of branches, exits of loops, continues and frames.

A state is (mass, changes to objects, locals). All blends of locals and cells are computed first, each seen through the heap
of its own side, and then written.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from relaxpy.errors import BlendError
from relaxpy.runtime import births, identity, naming, ops, presence, scopes, stores
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.blend import CannotBlendError, blend, same
from relaxpy.runtime.containers import Container
from relaxpy.runtime.integers import SoftInteger
from relaxpy.runtime.journal import NO_CHANGES, Delta, Key, Log, seen_in
from relaxpy.runtime.mixers import Mixer, Pair
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.soft import UNDEFINED, Soft, Unblendable
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftTruth

Locals = Mapping[str, Any]
SCALARS = frozenset({SoftNumber, SoftTruth, SoftInteger, float, int, bool})


def settle(mixer: Mixer, states: Sequence[Locals]) -> tuple[Any, ...]:
    """Mix the states. The heap must be as it was before all of them; it is left at the expectation of their changes.

    Returns the blended locals, in order; a local that cannot be blended becomes a value that raises when it is read.
    """
    if mixer.is_empty():
        return tuple(states[0].values())
    columns = [[local[name] for local in states] for name in states[0]]
    blended = tuple(
        [
            _local(mixer, name, column) if mean is None else mean
            for name, column, mean in zip(states[0], columns, mixer.means(columns))
        ]
    )
    if state.births:
        for place, heap in enumerate(mixer.heaps):
            if mixer.counts(place):
                births.arrived(heap.known.places)
    for holder, cell, value in _changes(mixer):
        _write(holder, cell, value)
    return blended


def mixed_locals(p: Tensor, after: Locals, before: Locals) -> tuple[Any, ...] | None:
    """The locals of a branch without an else side; None where other than scalars differ, which may be seen differently."""
    result = []
    for name, old in before.items():
        new = after[name]
        if new is not old:
            if type(new) not in SCALARS or type(old) not in SCALARS:
                return None
            new = blend(p, new, old)
        result.append(new)
    return tuple(result)


def mixed_cells(p: Tensor, log: Log) -> list[tuple[Container, Any, Any]] | None:
    """What the cells of a log hold after a branch without an else side; None where other than scalars changed."""
    writes = []
    for entry in log.values():
        holder = entry.container
        if entry.whole is not None or holder.plain_only or births.of(holder) is not None:
            return None
        for cell, old in entry.cells.items():
            new = holder.get(cell)
            if type(new) not in SCALARS or type(old) not in SCALARS:
                return None
            writes.append((holder, cell, blend(p, new, old)))
    return writes


def of_sides(p: Tensor, then: Any, orelse: Any) -> Any:
    """A name of an expression's two sides; one that cannot be blended raises when it is read."""
    return _local(Pair(p, (NO_CHANGES, NO_CHANGES)), "a name that a walrus binds", (then, orelse))


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
        stores.refilling(holder)
        holder.fill(value)
    else:
        stores.changing(holder, cell, value)
        holder.put(cell, value)


def _local(mixer: Mixer, name: str, values: Sequence[Any]) -> Any:
    try:
        return mixer.mix(values)
    except CannotBlendError as error:
        for each in (error.first, error.second):
            if type(each) is Unblendable:
                return each
        unblendable = blend_error(f"`{name}`" if name.isidentifier() else name, error)
        if identity.is_asked(name):
            raise unblendable from None
        return Unblendable(unblendable)


def _changes(mixer: Mixer) -> list[tuple[Container, Any, Any]]:
    holders: dict[Key, Container] = {}
    for heap in mixer.heaps:
        for key, change in heap.items():
            holders.setdefault(key, change.container)
    writes: list[tuple[Container, Any, Any]] = []
    for key, holder in holders.items():
        if holder.target is state.presences:
            continue  # with the cells that they tell of
        birth = births.of(holder)
        among = mixer if birth is None else mixer.knowing(birth)
        if among is None:
            continue
        changes = [heap.get(key) for heap in among.heaps]
        cells: dict[Any, Any] = {}
        whole = False
        for side in changes:
            if side is not None:
                cells.update(side.cells)
                whole = whole or side.whole is not None
        if whole:
            writes.append((holder, WHOLE, _whole(among, holder)))
            writes += presence.mixed_of_whole(among, holder, [seen_in(holder, heap) for heap in among.heaps])
            continue
        columns = []
        for cell in cells:
            old = holder.get(cell)
            values = [old if change is None else change.cells.get(cell, old) for change in changes]
            columns.append(values)
        means = among.means(columns) if presence.are_sure() else itertools.repeat(None)
        for cell, values, mean in zip(cells, columns, means):
            if mean is not None:
                writes.append((holder, cell, mean))
                continue
            by, values, held = presence.read(among, holder, cell, values)
            try:
                mixed = UNDEFINED if held is not None and presence.is_negligible(among, held) else by.mix(values)
                writes.append((holder, cell, mixed if mixed is UNDEFINED else _fitting(holder, mixed, values)))
            except CannotBlendError as error:
                raise blend_error(naming.cell_text(holder, cell), error) from None
            if held is not None:
                writes.append(presence.mixed(among, holder, cell, held))
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
        if len(first) != len(second):
            why = f"the lengths are {len(first)} and {len(second)}"
        else:
            why = "the keys differ" if set(first) != set(second) else "the keys are in different orders"
        raise blend_error(naming.content_text(holder), CannotBlendError(first, second, why))
    inner = mixer.among(kept, masses)
    cells: dict[Any, Any] = {}
    for cell in holder.names(contents[kept[0]]):
        try:
            values = [holder.cell_of(contents[k], cell) for k in kept]
            cells[cell] = _fitting(holder, inner.mix(values), values)
        except CannotBlendError as error:
            raise blend_error(naming.cell_text(holder, cell), error) from None
    return holder.rebuilt(cells)


def _fitting(holder: Container, value: Any, values: Sequence[Any]) -> Any:
    """What is written to a cell, if it takes that."""
    if holder.plain_only and isinstance(value, Soft):
        other = next(each for each in values if not same(each, values[0]))
        raise CannotBlendError(values[0], other, f"a {holder.noun} holds plain ints only")
    return value


def _structure(holder: Container, content: Any) -> Any:
    if isinstance(content, set) or isinstance(holder, AttributeContainer):
        return frozenset(content)
    return tuple(content) if isinstance(content, dict) else len(content)


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
    "make the condition hard with relaxpy.hard(...), or follow each path by itself: estimator='exact'",
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

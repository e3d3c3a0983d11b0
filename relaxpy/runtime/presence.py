"""Keys and attributes that exist with some probability only, since one side of a soft block alone defined them.

    if x > 0:
        table["a"] = 1.0
    table["a"]           # 1.0: on the other path the program would have raised KeyError
    "a" in table         # a truth, P(x > 0)
    table.get("a", 0.0)  # 1.0 with P(x > 0), else 0.0

The probabilities stand in a table of the call, which is journalled as any dict. On the sides of a branch that asks for a key
(`if k not in d: d[k] = 0`) it exists or does not. What else asks for them is answered in doubts.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from types import MemberDescriptorType, ModuleType
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime import ops, stores
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import Container, DictContainer
from relaxpy.runtime.mixers import Mixer
from relaxpy.runtime.soft import UNDEFINED
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftTruth


class Existence:
    """What a truth is about: that a cell exists (``holds``) or that it does not; ``known`` is its entry in the table."""

    __slots__ = ("holder", "cell", "known", "holds")

    def __init__(self, holder: Container, cell: Any, known: SoftTruth, holds: bool = True) -> None:
        self.holder = holder
        self.cell = cell
        self.known = known
        self.holds = holds

    def negated(self) -> Existence:
        return Existence(self.holder, self.cell, self.known, not self.holds)

    def narrow(self, decided: bool) -> None:
        """On the side of a branch that has just begun the truth is decided, unless the cell was stored to meanwhile."""
        assert state.call is not None
        table, name = DictContainer(state.call.presences), (self.holder.key, self.cell)
        if table.get(name) is not self.known:
            return
        if decided is self.holds and is_counter(self.holder.target):
            raise SoftValueError.here(
                f"whether there is a key {self.cell!r} was asked of a counter, which gives 0 where there is none: on the path "
                "on which it exists its value is not known any more",
                remedy="test the value (`counts[k] > 0`), or use a dict and `d.get(k, 0)`",
            )
        stores.changing(table, name)
        table.put(name, UNDEFINED)
        if decided is not self.holds:
            stores.changing(self.holder, self.cell)
            self.holder.put(self.cell, UNDEFINED)


def about(truth: SoftTruth) -> Existence | None:
    """The cell whose existence a condition asks for."""
    if not state.presences:
        return None
    return getattr(truth, "about", None)


def are_sure() -> bool:
    """Has nothing yet existed with a probability only, on this path or on one that has ended?"""
    return state.presences is None


def read(mixer: Mixer, holder: Container, cell: Any, values: list[Any]) -> tuple[Mixer, list[Any], list[Any] | None]:
    """How a cell is mixed: by what, what reading it gives in the states, and whether it exists in them (None: it surely does).

    Where it does not exist, a counter gives 0 and an object what its class has; then these are mixed, too.
    """
    held = truths(mixer, holder, cell, values)
    if held is None:
        return mixer, values, None
    missing = _missing(mixer, holder, cell, values)
    if missing is UNDEFINED:
        return weighed(mixer, held), values, held
    values = [missing if value is UNDEFINED else value for value in values]
    return mixer, values, held if isinstance(holder, DictContainer) else None


def _missing(mixer: Mixer, holder: Container, cell: Any, values: Sequence[Any]) -> Any:
    """What reading a cell gives where it does not exist; UNDEFINED: an error."""
    target, kind = holder.target, type(holder.target)
    if isinstance(holder, DictContainer):
        if is_counter(target):
            return 0 if kind.__missing__ is Counter.__missing__ else target.default_factory()
        if getattr(kind, "__missing__", defaultdict.__missing__) is not defaultdict.__missing__ or getattr(
            target, "default_factory", None
        ):
            _refuse_other(mixer, values, f"key {cell!r}", f"{kind.__name__}.__missing__")
        return UNDEFINED
    if isinstance(target, (type, ModuleType)):
        return UNDEFINED
    default = next((vars(base)[cell] for base in kind.__mro__ if cell in vars(base)), UNDEFINED)
    if default is UNDEFINED and hasattr(kind, "__getattr__"):
        _refuse_other(mixer, values, f"attribute `{cell}`", f"{kind.__name__}.__getattr__")
    elif hasattr(type(default), "__get__"):
        if not isinstance(default, MemberDescriptorType):
            _refuse_other(mixer, values, f"attribute `{cell}`", f"{kind.__name__}.{cell}")
        return UNDEFINED
    return default


def is_counter(target: Any) -> bool:
    """Is it a dict that gives zero for keys that it does not have?"""
    found = getattr(type(target), "__missing__", None)
    return found is Counter.__missing__ or found is defaultdict.__missing__ and target.default_factory in (int, float)


def _refuse_other(mixer: Mixer, values: Sequence[Any], what: str, function: str) -> None:
    masses = mixer.all_masses()
    if any(not ops.at_most(masses[k], state.options.epsilon) for k, value in enumerate(values) if value is UNDEFINED):
        raise SoftValueError.here(
            f"the {what} was stored under a soft condition, and on the other path `{function}` would be asked for it",
            remedy="store something before the condition or on its other side, too",
        )


def truths(mixer: Mixer, holder: Container, cell: Any, values: Sequence[Any]) -> list[Any] | None:
    """Whether a cell exists in each of the states that leave these values in it; None where it surely does in all."""
    call = state.call
    if call is None or not isinstance(holder, (DictContainer, AttributeContainer)):
        return None
    if call.presences is None:
        if not any(value is UNDEFINED for value in values):
            return None
        call.presences = {}
    table, name = DictContainer(call.presences), (holder.key, cell)
    before = table.get(name)
    changes = [heap.get(table.key) for heap in mixer.heaps]
    known = [before if change is None else change.cells.get(name, before) for change in changes]
    found = [value is not UNDEFINED and (True if there is UNDEFINED else there) for value, there in zip(values, known)]
    return None if before is UNDEFINED and all(there is True for there in found) else found


def weighed(mixer: Mixer, held: Sequence[Any]) -> Mixer:
    """The mixer of the values of a cell that exists with these probabilities: each counts as far as it is there."""
    if not any(isinstance(truth, SoftTruth) for truth in held):
        return mixer
    shares = [truth.lanes if isinstance(truth, SoftTruth) else float(truth) for truth in held]
    masses = [ops.value_of(ops.times(mass, share)) for mass, share in zip(mixer.all_masses(), shares)]
    return mixer.among(range(len(masses)), masses)


def is_negligible(mixer: Mixer, held: Sequence[Any]) -> bool:
    """Does a cell with these truths of existence exist nowhere with more than a negligible mass?"""
    if all(truth is False for truth in held):
        return True
    truth = mixer.mix(held)
    return isinstance(truth, SoftTruth) and ops.at_most(truth.lanes, state.options.epsilon)


def mixed(mixer: Mixer, holder: Container, cell: Any, held: Sequence[Any]) -> tuple[Container, Any, Any]:
    """What is to be written about the existence of a cell that has these truths in the states."""
    call = state.call
    assert call is not None
    assert call.presences is not None
    truth = mixer.mix(held)
    epsilon = state.options.epsilon
    if not isinstance(truth, SoftTruth) or ops.at_most(1 - truth.lanes, epsilon) or ops.at_most(truth.lanes, epsilon):
        truth = UNDEFINED
    call.touched[holder.key] = holder  # so that its identity is not used again
    return DictContainer(call.presences), (holder.key, cell), truth


def mixed_of_whole(mixer: Mixer, holder: Container, contents: Sequence[Any]) -> list[tuple[Container, Any, Any]]:
    """The same of a container whose structure changed on a side."""
    presences = state.presences
    if presences is None:
        return []
    table = DictContainer(presences)
    names = [*presences, *(name for heap in mixer.heaps if table.key in heap for name in heap[table.key].cells)]
    writes = []
    for cell in dict.fromkeys(cell for key, cell in names if key == holder.key):
        held = truths(mixer, holder, cell, [holder.cell_of(content, cell) for content in contents])
        if held is not None:
            writes.append(mixed(mixer, holder, cell, held))
    return writes


def defined(holder: Container, cell: Any) -> None:
    """A cell has been stored to: it exists."""
    presences = state.presences
    name = holder.key, cell
    if presences is not None and name in presences:
        table = DictContainer(presences)
        stores.changing(table, name)
        table.put(name, UNDEFINED)


def of(holder: Container, cell: Any) -> SoftTruth | None:
    """The truth that a key or attribute exists; None where that is no question of a soft condition."""
    presences = state.presences
    known = presences.get((holder.key, cell)) if presences else None
    if known is None or holder.get(cell) is UNDEFINED:
        return None
    truth = SoftTruth(known.lanes)
    truth.about = Existence(holder, cell, known)
    return truth

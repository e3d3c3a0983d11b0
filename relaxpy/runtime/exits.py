"""Scopes that paths leave before their end, and the exits by which they do (SEMANTICS, section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from relaxpy.runtime import births, journal, scopes
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.scopes import Scope
from relaxpy.runtime.state import paths, state

if TYPE_CHECKING:
    from relaxpy.runtime.ops import Mass

mixers: Any = LazyModule("relaxpy.runtime.mixers")
mixing: Any = LazyModule("relaxpy.runtime.mixing")
ops: Any = LazyModule("relaxpy.runtime.ops")
finishing: Any = LazyModule("relaxpy.runtime.finishing")

Locals = Mapping[str, Any]


class Exit:
    """One way out: its mass given that the target was entered, its state, and whether the loop's condition ended it."""

    __slots__ = ("mass", "locals", "changes", "by_condition")

    def __init__(self, mass: Mass, state_: Locals | None, changes: journal.Delta, by_condition: bool = False) -> None:
        self.mass = mass
        self.locals = state_
        self.changes = changes
        self.by_condition = by_condition


class Exits(Scope):
    """A scope that paths leave before its end: a loop or a function."""

    __slots__ = ("soft", "exits", "lost")

    def __init__(self) -> None:
        super().__init__()
        self.soft = False
        self.lost = False  # whether mass left for a target outside
        self.exits: list[Exit] = []

    def lose(self) -> None:
        self.lost = True

    def holds_paths(self) -> bool:
        return bool(self.exits)

    def left_by(self) -> tuple[births.Knowledge, ...]:
        """The last of them knows what all before it do, waiting paths apart."""
        known = [exit_.changes.known for exit_ in self.exits]
        latest = max((each for each in known if each.past is None), key=lambda each: each.time, default=None)
        return tuple(each for each in known if each.past is not None or each is latest)

    def become_soft(self) -> None:
        """Take the scope's place among the open ones, from now on with a log."""
        if not self.soft:
            self.soft = True
            scopes.push(self)

    def is_plain_here(self) -> bool:
        """Is leaving now an ordinary jump: nothing soft open inside, no exit pending?"""
        return not paths or not self.soft and not (state.scopes and state.scopes[-1].serial > self.serial)

    def changes(self) -> journal.Delta:
        return journal.delta(state.logs[state.scopes.index(self) :])

    def out(self, mass: Mass, state_: Locals | None, by_condition: bool = False) -> None:
        self.exits.append(Exit(mass, state_, self.changes(), by_condition))

    def leave_softly(
        self, state_: Locals, exits: list[Exit], crossed: Sequence[Exits] = (), names: Locals | None = None
    ) -> None:
        """Record the path among these exits; it is dead from here. Clean-ups that it crosses hold it until they have run.

        ``names``: the path's local names, where they are not those of the function as it runs.
        """
        keepers = [each for each in crossed if isinstance(each, finishing.Finally)]
        if keepers:

            def go_on(changed: Locals, names: Locals) -> None:
                self.leave_softly({**state_, **_known(changed, state_)}, exits, keepers, names)

            keepers.pop().hold(go_on, names)
            return
        exits.append(self.departed(state_))
        state.scopes[-1].set_live(0.0)

    def departed(self, state_: Locals) -> Exit:
        """The path that runs, as an exit."""
        self.become_soft()
        place = state.scopes.index(self)
        for inner in state.scopes[place + 1 :]:
            inner.lose()
        return Exit(scopes.mass_since(self), state_, self.changes())

    def merged(self, exits: list[Exit]) -> tuple[Any, ...]:
        """The mix of exits, written to the heap, which is rolled back first."""
        self.log.undo()
        mixer = mixers.Mixer([exit_.mass for exit_ in exits], [exit_.changes for exit_ in exits])
        return tuple(mixing.settle(mixer, [exit_.locals or {} for exit_ in exits]))

    def total(self, exits: list[Exit]) -> Mass:
        total: Mass = 0.0
        for exit_ in exits:
            total = ops.plus(total, exit_.mass)
        return total

    def pass_on_loss(self, exits: list[Exit]) -> None:
        """After the scope: what is outside goes on with the mass that came to its end."""
        if self.lost and state.scopes:
            outside = state.scopes[-1]
            outside.set_live(ops.times(self.total(exits), outside.live))


def _known(names: Locals, wanted: Locals) -> Locals:
    return {name: value for name, value in names.items() if name in wanted}

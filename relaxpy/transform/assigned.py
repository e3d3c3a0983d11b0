"""Definite assignment, forward over the outline: which names are bound for certain.

It follows the rewritten code, not the original: an exit under a soft condition falls through, and what stands after it in
its block may be skipped. Writes into each step ``assigned`` (bound before it), ``assigned_body`` and ``assigned_orelse``
(bound where these blocks end; for loops, ``assigned_orelse`` is what is bound at the head), and ``assigned_after``.
"""

from __future__ import annotations

from relaxpy.transform.outline import Outline
from relaxpy.transform.steps import Step

__all__ = ["ALL", "find_assigned"]

ALL = -1  # where the end is never reached, everything is bound


def find_assigned(outline: Outline) -> None:
    if outline.sensitive:
        return  # `exec` might unbind anything
    never = outline.bits.mask(outline.stored_inside)
    _Assigned(never).block(outline.body, outline.parameters & ~never)


class _Assigned:
    """``never``: names that functions inside rebind, and so may unbind."""

    def __init__(self, never: int) -> None:
        self.never = never

    def block(self, block: list[Step], assigned: int) -> int:
        """What is bound at the end of a block."""
        certain = assigned
        for number, step in enumerate(block):
            step.assigned = assigned
            assigned = self.step(step, assigned)
            step.assigned_after = assigned
            if step.leaves and number < len(block) - 1:
                # The rest may be skipped: what it binds is not certain, what it unbinds is gone.
                certain = assigned
                rest = self.block(block[number + 1 :], assigned)
                return certain & rest
        return assigned

    def step(self, step: Step, assigned: int) -> int:
        kind = step.kind
        if kind == "plain" or kind == "definition":
            return (assigned | step.binds & ~self.never) & ~step.deletes
        if kind == "if":
            return self.if_(step, assigned)
        if kind in ("while", "for"):
            return self.loop(step, assigned)
        if kind in ("return", "break", "continue"):
            return assigned if step.leaves else ALL
        if kind == "raise":
            return ALL
        if kind == "with":
            inside = self.block(step.body, assigned | step.binds & ~self.never)
            return inside & (assigned | step.binds & ~self.never) & ~step.all_deletes()
        if kind == "match":
            after = assigned & ~step.all_deletes()
            for case in step.cases:
                self.block(case.body, assigned | case.binds & ~self.never)
            return after
        return self.try_(step, assigned)

    def if_(self, step: Step, assigned: int) -> int:
        inside = assigned | step.binds & ~self.never
        step.assigned_body = self.block(step.body, inside)
        step.assigned_orelse = self.block(step.orelse, inside)
        return step.assigned_body & step.assigned_orelse

    def loop(self, step: Step, assigned: int) -> int:
        head = assigned & ~step.all_deletes()
        step.assigned_orelse = head
        bound = (step.binds if step.kind == "while" else step.target) & ~self.never
        step.assigned_body = self.block(step.body, head | bound)
        # A loop ends after a test, and so does an iteration that breaks.
        after = head | bound & ~step.all_deletes() if step.kind == "while" else head
        end = self.block(step.orelse, after)
        return after & end if step.has_break or step.soft_exits else end

    def try_(self, step: Step, assigned: int) -> int:
        start = assigned & ~step.all_deletes()
        end = self.block(step.body, assigned)
        if step.orelse:
            orelse = self.block(step.orelse, end)
            # After a soft exit in the body the `else` may be skipped.
            end = orelse & end if any(inner.leaves for inner in step.body) else orelse
        for case in step.cases:
            end &= self.block(case.body, start | case.binds & ~self.never) & ~case.binds
        if step.final:
            final = self.block(step.final, start)
            end = (end | final & ~start) if final != ALL else ALL
            for inner in step.final:
                end &= ~inner.all_deletes()
        return end

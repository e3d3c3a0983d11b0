"""Liveness, backward over the outline: which names may still be read.

Writes into each step ``live_after`` (what may be read after it), into branches ``live_orelse`` (what may be read from the
start of the else side on), and into loops ``live_head`` (what may be read from a test or from the loop's end on). In `match`
statements ``live_head`` is what may be read from the first case on; in `try` statements, from the start of a handler or after
all of them, and ``live_orelse`` from the start of `finally`.
"""

from __future__ import annotations

from relaxpy.transform.outline import Outline
from relaxpy.transform.steps import Case, Step

__all__ = ["find_live"]


def find_live(outline: Outline) -> None:
    _Liveness(outline).run()


class _Liveness:
    """One backward walk; loops remember what is live at their head and the walk is repeated until none learns more."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.always = outline.always
        self.learned = False

    def run(self) -> None:
        self.learned = True
        while self.learned:
            self.learned = False
            self.block(self.outline.body, self.always, 0, 0, 0, 0)

    def block(self, block: list[Step], live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        """What is live before a block, given what is after it, and where its jumps and exceptions lead."""
        for step in reversed(block):
            step.live_after = live = live | caught | self.always
            live = self.step(step, live, brk, cont, ret, caught)
        return live | caught | self.always

    def step(self, step: Step, live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        kind = step.kind
        if kind == "plain" or kind == "definition":
            return live & ~(step.binds | step.deletes) | step.reads
        if kind == "if":
            return self.if_(step, live, brk, cont, ret, caught)
        if kind == "while" or kind == "for":
            return self.loop(step, live, brk, cont, ret, caught)
        if kind == "return":
            return step.reads | ret
        if kind == "break":
            return brk
        if kind == "continue":
            return cont
        if kind == "raise":
            return step.reads
        if kind == "with":
            # A context manager may swallow an exception: the body can end anywhere.
            inside = self.block(step.body, live, brk, cont, ret, caught | live)
            return inside & ~step.binds | step.reads
        if kind == "match":
            before = live
            for case in step.cases:
                before |= self.case(case, live, brk, cont, ret, caught) | case.reads
            step.live_head = before
            return before | step.reads
        return self.try_(step, live, brk, cont, ret, caught)

    def case(self, case: Case, live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        return self.block(case.body, live, brk, cont, ret, caught) & ~case.binds

    def if_(self, step: Step, live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        chain = [step]
        while len(chain[-1].orelse) == 1 and chain[-1].orelse[0].kind == "if":
            chain.append(chain[-1].orelse[0])
        before = self.block(chain[-1].orelse, live, brk, cont, ret, caught) if chain[-1].orelse else live
        for link in reversed(chain):
            link.live_after = live | caught | self.always
            link.live_orelse = before
            before |= self.block(link.body, live, brk, cont, ret, caught)
            before = before & ~link.binds | link.reads
        return before

    def loop(self, step: Step, live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        end = self.block(step.orelse, live, brk, cont, ret, caught) if step.orelse else live
        step.live_orelse = end
        test = step.reads if step.kind == "while" else 0
        # `live_head` is as at the test (or at the next item): before the condition is evaluated again.
        inside = self.block(step.body, step.live_head, live, step.live_head, ret, caught)
        head = (end | inside) & ~step.binds | test if step.kind == "while" else end | inside & ~step.target
        head |= caught | self.always
        if head | step.live_head != step.live_head:
            step.live_head |= head
            self.learned = True
        return head if step.kind == "while" else head | step.reads

    def try_(self, step: Step, live: int, brk: int, cont: int, ret: int, caught: int) -> int:
        if step.final:
            after = self.block(step.final, live | brk | cont | ret | caught, brk, cont, ret, caught)
            step.live_orelse = live = brk = cont = ret = after
            caught |= after
        handlers = 0
        for case in step.cases:
            handlers |= self.case(case, live, brk, cont, ret, caught) | case.reads
        step.live_head = handlers | live
        after = self.block(step.orelse, live, brk, cont, ret, caught) if step.orelse else live
        return self.block(step.body, after, brk, cont, ret, caught | handlers)

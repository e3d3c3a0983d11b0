"""`match`: Python chooses the case where nothing is soft; on soft calls each case is a branch of its own.

The statement is written twice, without the bodies: once as it is, and once a case at a time with its comparisons as conditions.
The bodies follow as a chain of branches.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import libcst as cst

from relaxpy.transform.blocks import begin, header, leading, margin, new_lines, suite
from relaxpy.transform.context import Rewriter, Row
from relaxpy.transform.patterns import Loose, loosened
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.saving import arguments, holds_work, may_raise, restored, saved, while_open
from relaxpy.transform.scopes import is_outer
from relaxpy.transform.steps import Case, Step
from relaxpy.transform.stores import stored_name

__all__ = ["match"]


def match(rewriter: Rewriter, node: cst.Match, indent: str, out: Pieces) -> None:
    start = begin(rewriter, node, indent, out)
    if rewriter.function is None:
        _plain(rewriter, node, start, indent, out)
        return
    rewriter.site("match", node.subject)
    name = rewriter.fresh("match")
    _, subject_end = rewriter.whole[id(node.subject)]
    out.new(f"{rewriter.indent(indent)}{name} = {rewriter.rt('match_')}(", start)
    rewriter.argument(node.subject, out)
    out.new(f"){rewriter.newline}", subject_end - 1)
    _chosen(rewriter, node, name, start, indent, out)
    _Chain(rewriter, node, name, indent, out).write()


def _plain(rewriter: Rewriter, node: cst.Match, start: int, indent: str, out: Pieces) -> None:
    """Outside of functions."""
    margin(rewriter, indent, start, out)
    header(rewriter, start, (node.subject,), rewriter.whole[id(node.cases[0])][0], out)
    inside = indent + (rewriter.step if node.indent is None else node.indent)
    for case in node.cases:
        start = begin(rewriter, case, inside, out)
        margin(rewriter, inside, start, out)
        parts = () if case.guard is None else (case.guard,)
        header(rewriter, start, parts, rewriter.whole[id(case.body)][0], out)
        suite(rewriter, case.body, inside, out)
    out.copy(rewriter.whole[id(node.cases[-1])][1], rewriter.whole[id(node)][1])


def _chosen(rewriter: Rewriter, node: cst.Match, name: str, place: int, indent: str, out: Pieces) -> None:
    """The statement as it is, to choose the case where nothing is soft."""
    rows = [rewriter.row(f"if {name}.plain:", place), rewriter.row(f"match {name}.give():", place, depth=1)]
    new_lines(rewriter, rows, indent, place, out)
    for number, case in enumerate(node.cases, 1):
        start = rewriter.inner[id(case)][0]
        row = Row(rewriter.pieces(), depth=2)
        _, pattern_end = rewriter.whole[id(case.pattern)]
        row.pieces.copy(start, pattern_end)
        if case.guard is not None:
            rewriter.decides(case.guard)
            row.pieces.copy(pattern_end, rewriter.whole[id(case.guard)][0])
            rewriter.expression(case.guard, row.pieces)
        row.pieces.new(f": {name}.taken = {number}", start)
        new_lines(rewriter, [row], indent, start, out)


class _Chain:
    """The cases as branches, one after the other, each asked where none before it holds for certain."""

    def __init__(self, rewriter: Rewriter, node: cst.Match, name: str, indent: str, out: Pieces) -> None:
        self.rewriter = rewriter
        self.node = node
        self.name = name
        self.indent = indent
        self.out = out
        self.step: Step = rewriter.step_of(node)
        bound = self.step.all_binds()
        self.names = saved(rewriter, bound & (self.step.live_head | self.step.live_after))
        self.known = self.step.assigned & ~self.step.all_deletes()
        self.given = arguments(rewriter, self.names, self.known)

    def write(self) -> None:
        rewriter = self.rewriter
        closing: list[Row] = []
        inside = self.indent + (rewriter.step if self.node.indent is None else self.node.indent)
        before = guard = ""
        with ExitStack() as open_:
            for number, (case, step) in enumerate(zip(self.node.cases, self.step.cases), 1):
                place = rewriter.inner[id(case)][0]
                leading(rewriter, rewriter.whole[id(case)][0], place - len(inside), self.out)
                branch = rewriter.fresh("case")
                asked = f", {before}" if before else ""
                self._lines(rewriter.row(f"{branch} = {self.name}.case({number}{asked})", place), place=place)
                guard = f"{branch} and {branch}" if before else branch
                prologue = self._tested(case, branch, place)
                open_.enter_context(while_open(rewriter, branch))
                self._body(case, step, branch, guard, prologue, inside)
                last = case is self.node.cases[-1]
                if not last:
                    call = f"{branch}.swap({self._looking(step.body, True)})"
                    rows = restored(rewriter, f"if {guard}.soft", call, self.names, self.known, place)
                    self._lines(*rows, place=place)
                call = f"{branch}.close({self.given})"
                closing[:0] = restored(rewriter, f"if {guard}.soft", call, self.names, self.known, place)
                before = branch
        self._lines(*closing, place=rewriter.inner[id(self.node)][0])

    def _lines(self, *rows: Row, place: int) -> None:
        new_lines(self.rewriter, rows, self.indent, place, self.out)

    def _looking(self, block: list[Step], after: bool = False) -> str:
        return ", ".join(["True", self.given] if self.given else ["True"]) if after or holds_work(block) else self.given

    def _tested(self, case: Any, branch: str, place: int) -> list[Row]:
        """The branch of a case on a soft call; returns the rows that its body starts with."""
        rewriter = self.rewriter
        loose = loosened(rewriter, case.pattern)
        binds = self._binds(loose, place)
        kept = [n.value for n, _ in loose.binds if not is_outer(rewriter, n.value)] if loose.conditions and case.guard else []
        temporaries = [rewriter.fresh("t") for _ in kept]
        rows = [rewriter.row(f"if {branch} is {self.name}:", place)]
        rows.append(rewriter.row(f"{branch} = {self.name}.never", place, depth=1))
        rows.append(rewriter.row(f"match {self.name}.subject:", place, depth=1))
        head = Row(rewriter.pieces(), depth=2)
        head.pieces.new("case ", place)
        head.pieces.extend(loose.text)
        head.pieces.new(":", place)
        rows.append(head)
        for name, temporary in zip(kept, temporaries):
            found = f"{rewriter.rt('maybe')}({rewriter.builtin('locals')}(), {name!r})"
            rows.append(rewriter.row(f"{temporary} = {found}", place, depth=3))
        early = not loose.conditions or case.guard is not None
        rows += [Row(row.pieces, row.simple, 3) for row in binds] if early else []
        made = Row(rewriter.pieces(), depth=3)
        tested = self._condition(case, loose.conditions, branch, place, made.pieces)
        rows.append(made)
        for name, temporary in zip(kept, temporaries):
            found = f"{rewriter.rt('captured')}({name!r}, {tested}, {name}, {temporary})"
            rows.append(rewriter.row(f"{name} = {found}", place, depth=3))
            rows.append(rewriter.row(f"if {name} is {rewriter.rt('UNDEFINED')}: del {name}", place, depth=3))
        self._lines(*rows, place=place)
        if not loose.conditions or not binds:
            return []
        again = [Row(row.pieces, row.simple, 1) for row in self._binds(loose, place)]
        return [rewriter.row(f"if {self.name}.soft:", place), *again]

    def _binds(self, loose: Loose, place: int) -> list[Row]:
        """The rows that give the names of a pattern what it has captured."""
        captured = [(name, value) for name, value in loose.binds if name.value != value]
        return [row for name, value in captured for row in stored_name(self.rewriter, name, value, place)]

    def _condition(self, case: Any, conditions: list[Pieces], branch: str, place: int, out: Pieces) -> str:
        """The branch by what a pattern compares and the guard; returns the name of their conjunction, if there are both."""
        rewriter = self.rewriter
        out.new(f"{branch} = {rewriter.rt('if_')}(", place)
        name = ""
        if conditions:
            name = rewriter.fresh("and") if case.guard is not None else ""
            out.new(f"({name} := {rewriter.rt('and_')}(" if name else "", place)
            out.new(f"{rewriter.rt('all_of')}(", place)
            for number, condition in enumerate(conditions):
                out.new(", " if number else "", place)
                out.extend(condition)
            out.new(")", place)
            out.new(")).end(" if name else "", place)
        if case.guard is not None:
            rewriter.argument(case.guard, out)
            out.new(f" if {name}.then else {rewriter.rt('SKIP')})" if name else "", place)
        elif not conditions:
            out.new("True", place)
        out.new(")", place)
        return name

    def _body(self, case: Any, step: Case, branch: str, guard: str, prologue: list[Row], inside: str) -> None:
        rewriter, place = self.rewriter, self.rewriter.inner[id(case)][0]
        opening = f"if {guard}.soft: {branch}.open({self._looking(step.body)})"
        self._lines(rewriter.row(opening, place), place=place)
        self.out.new(f"{rewriter.indent(self.indent)}if {guard}.then:", place)
        boundary = branch if may_raise(step.body) else None
        suite(rewriter, case.body, inside, self.out, prologue, boundary=boundary)

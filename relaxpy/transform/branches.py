"""`if` statements: one runtime object for each soft condition; both sides keep their keyword and their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from relaxpy.transform.bindings import binds
from relaxpy.transform.blocks import Blocks
from relaxpy.transform.context import Context
from relaxpy.transform.expressions import OPERATORS
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import walk

_LOOKED_FOR = (cst.Call, cst.For, cst.While, cst.Raise, cst.Assert, cst.Return, cst.Break, cst.Continue)


class Branches(Blocks):
    """Rewrites `if` chains flatly: each `elif` asks only where the conditions before it left something."""

    def if_(self, node: cst.If, indentation: str, context: Context) -> Pieces:
        chain = [node]
        while isinstance(chain[-1].orelse, cst.If):
            chain.append(chain[-1].orelse)
        if all(context.hardness.is_condition(link.test) for link in chain):
            return self.shaped(node, indentation, context)
        pieces = self.leading(node, indentation)
        closings: list[Pieces] = []
        above = ""
        for link in chain:
            pieces += self._link(link, above, indentation, context, closings)
            above = self._name
        last = chain[-1].orelse
        if last is not None:
            pieces += self._leading_of(last, indentation)
            pieces += [indentation, f"if {above}.orelse:", *self.suite(last.body, indentation, context)]
        for closing in reversed(closings):
            pieces += closing
        return pieces

    _name = ""

    def _leading_of(self, node: cst.CSTNode, indentation: str) -> Pieces:
        return self.leading(node, indentation)

    def _link(self, link: cst.If, above: str, indentation: str, context: Context, closings: list[Pieces]) -> Pieces:
        """One condition of the chain and its side."""
        self.site("if", link)
        at = self.positions.inner(link)[0]
        name = context.names.fresh("_if")
        condition = self._condition(link.test, context)
        missed = [f" if {above}.orelse else {self.rt}.MISSED"] if above else []
        pieces: Pieces = self._leading_of(link, indentation) if above else []
        pieces += self.line(indentation, at, f"{name} = ", condition, missed)
        saved = self._saved(link, context)
        before = (context.flow.assigned_before(link) if context.flow else frozenset()) | binds([link.test])
        look = self._looks(link.body)
        pieces += self.soft_line(indentation, at, name, "open", look, saved, before, before, context, assign=False)
        pieces += [indentation, f"if {name}.then:", *self.suite(link.body, indentation, context)]
        if link.orelse is not None:
            look = self._looks(link.orelse)
            then_end = before if self._looks(link.body) else self._end_of(link.body, before, context)
            pieces += self.soft_line(indentation, at, name, "swap", look, saved, then_end, before, context)
        after = context.flow.assigned_after(link) if context.flow else frozenset()
        last_side = link.orelse if link.orelse is not None else link.body
        # a side that may be left out binds nothing for certain
        final = before if self._looks(last_side) else self._end_of(last_side, before, context)
        closings.append(
            self.soft_line(indentation, at, name, "close", False, saved, final, after or frozenset(), context)
        )
        self._name = name
        return pieces

    def _condition(self, test: cst.BaseExpression, context: Context) -> Pieces:
        """`_rt.if_gt(a, b)` for a comparison, else `_rt.if_(test)`."""
        if isinstance(test, cst.Comparison) and len(test.comparisons) == 1 and not context.hardness.is_condition(test):
            operator = OPERATORS.get(type(test.comparisons[0].operator), "")
            if operator in ("lt", "le", "gt", "ge", "eq", "ne"):
                return self.call(f"if_{operator}", test.left, test.comparisons[0].comparator, context=context)
        return [f"{self.rt}.if_(", *self.argument(test, context), ")"]

    def _looks(self, side: cst.CSTNode) -> bool:
        return any(isinstance(inner, _LOOKED_FOR) for inner in walk(side, into_scopes=False))

    def _saved(self, link: cst.If, context: Context) -> list[str]:
        """Locals that either side binds and something later, or the else side, may read."""
        flow = context.flow
        if flow is None:
            return []
        bound = binds([link.body, *([link.orelse] if link.orelse is not None else [])])
        wanted = flow.live_after(link)
        if isinstance(link.orelse, cst.If):
            wanted |= flow.live_into(link.orelse)
        elif link.orelse is not None:
            wanted |= flow.live_into(link.orelse) | flow.live_into(link.orelse.body)
        return sorted(name for name in bound & wanted if not self.is_shared(name, context))

    def _end_of(self, side: cst.CSTNode, before: Iterable[str], context: Context) -> frozenset[str]:
        """Names that are bound for certain at the end of a side."""
        flow = context.flow
        if isinstance(side, cst.If):
            return (flow.assigned_after(side) if flow else None) or frozenset()
        body = side.body if isinstance(side, cst.Else) else side
        known = list(body.body)  # type: ignore[attr-defined]
        if not known or flow is None:
            return frozenset(before)
        return flow.assigned_after(known[-1]) or frozenset()

    def soft_line(
        self, indentation: str, at: int, name: str, method: str, look: bool, saved: Sequence[str],
        assigned: Iterable[str], assigned_then: Iterable[str], context: Context, assign: bool = True,
    ) -> Pieces:  # fmt: skip
        """`if name.soft: x, y = name.method(x=x, y=y)`, with care for names that may be unbound."""
        call = self.state_call(name, method, look, saved, assigned, context)
        if not assign or not saved:
            return self.line(indentation, at, f"if {name}.soft: {call}")
        targets = ", ".join(saved) + ("," if len(saved) == 1 else "")
        unsure = [variable for variable in saved if variable not in set(assigned_then)]
        if not unsure:
            return self.line(indentation, at, f"if {name}.soft: {targets} = {call}")
        pieces = self.line(indentation, at, f"if {name}.soft:")
        inner = indentation + self.indent
        pieces += self.line(inner, f"{targets} = {call}")
        for variable in unsure:
            pieces += self.line(inner, f"if {variable} is {self.rt}.UNDEFINED: del {variable}")
        return pieces

    def state_call(
        self, name: str, method: str, look: bool, saved: Sequence[str], assigned: Iterable[str], context: Context
    ) -> str:
        """`name.method(x=x, y=_rt.maybe(locals(), 'y'))`"""
        certain = set(assigned)
        arguments = ["True"] if look else []
        for variable in saved:
            value = variable
            if variable not in certain:
                value = f"{self.rt}.maybe({self.reader('locals')}, {context.mangled(variable)!r})"
            arguments.append(f"{variable}={value}")
        return f"{name}.{method}({', '.join(arguments)})"

"""Loops and jumps: a runtime object beside each loop that may become soft."""

from __future__ import annotations

import libcst as cst

from relaxpy.transform.bindings import binds, target_names
from relaxpy.transform.branches import Branches
from relaxpy.transform.context import Context, LoopContext
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.stores import Line


class Loops(Branches):
    """Rewrites `while`, `for`, `break`, `continue`, `return`, `assert`, `try` and `with`."""

    def while_(self, node: cst.While, indentation: str, context: Context) -> Pieces:
        exits = context.exits.inside_loop(node)
        if context.hardness.is_condition(node.test) and not exits:
            return self.shaped(node, indentation, context)
        self.site("while", node)
        name = context.names.fresh("_loop")
        at = self.positions.inner(node)[0]
        state = self._state(node, binds([node.body, node.test]), context)
        pieces = [*self.leading(node, indentation), *self.line(indentation, at, f"{name} = {self.rt}.while_()")]
        test = self.argument(node.test, context)
        pieces += [indentation, at, f"while {name}.test(", *test, "):"]
        return [*pieces, *self._rest(node, name, state, [], indentation, context)]

    def for_(self, node: cst.For, indentation: str, context: Context) -> Pieces:
        exits = context.exits.inside_loop(node)
        hardness = context.hardness
        plain_target = self.is_plain_target(node.target, context)
        counted = hardness.is_range_call(node.iter)
        variable = self._int_variable(node, context) if counted else None
        if variable is not None:
            hardness.int_names.append(variable)
        try:
            if hardness.is_range(node.iter) and not exits and plain_target:
                return self.shaped(node, indentation, context)
            return self._object_for(node, indentation, context, plain_target)
        finally:
            if variable is not None:
                hardness.int_names.remove(variable)

    def _int_variable(self, node: cst.For, context: Context) -> str | None:
        if not isinstance(node.target, cst.Name):
            return None
        name = node.target.value
        shared = self.is_shared(name, context)
        return None if shared or name in binds([node.body]) else name

    def _object_for(self, node: cst.For, indentation: str, context: Context, plain_target: bool) -> Pieces:
        self.site("for", node)
        name = context.names.fresh("_loop")
        at = self.positions.inner(node)[0]
        state = self._state(node, binds([node.body, node.target]), context)
        targets = set(target_names(node.target))
        first: list[Pieces] = []
        target: Pieces = [self.positions.of(node.target)]
        if not plain_target:
            stores: list[Pieces] = []
            target = self.unpacked(node.target, context, stores)
            first = stores
        elif targets & set(state):
            held = self.temporary(context)
            first = [[self.positions.of(node.target), f" = {held}"]]
            target = [held]
        pieces = [*self.leading(node, indentation), *self.line(indentation, at, f"{name} = {self.rt}.for_()")]
        iterable = self.argument(node.iter, context)
        if context.hardness.is_range_call(node.iter):
            iterable = self._range(node.iter, context)
        if node.asynchronous is not None:
            pieces += [indentation, at, "async for ", *target, " in ", *iterable, ":"]
        else:
            pieces += [indentation, at, "for ", *target, f" in {name}.over(", *iterable, "):"]
        return [*pieces, *self._rest(node, name, state, first, indentation, context)]

    def _range(self, node: cst.BaseExpression, context: Context) -> Pieces:
        assert isinstance(node, cst.Call)
        if context.hardness.is_range(node):
            return [self.positions.of(node)]
        pieces: Pieces = [f"{self.rt}.range_("]
        for k, argument in enumerate(node.args):
            pieces.append((", " if k else "") + argument.star)
            pieces.extend(self.argument(argument.value, context))
        return [*pieces, ")"]

    def _state(self, node: cst.For | cst.While, bound: set[str], context: Context) -> list[str]:
        flow = context.flow
        if flow is None:
            return []
        live = flow.live_at_head(node) | flow.live_after(node)
        return sorted(name for name in bound & live if not self.is_shared(name, context))

    def _rest(
        self,
        node: cst.For | cst.While,
        name: str,
        state: list[str],
        first: list[Pieces],
        indentation: str,
        context: Context,
    ) -> Pieces:
        """The loop's body with what the object needs at its begin and end, and what follows the loop."""
        at = self.positions.inner(node)[0]
        exits = context.exits.inside_loop(node)
        inner = indentation + self.block_indentation(node.body)
        flow = context.flow
        before = flow.assigned_before(node) if flow else frozenset()
        before |= binds([node.test]) if isinstance(node, cst.While) else frozenset()
        opening = self.line(
            inner, at, f"if {name}.soft: {self.state_call(name, 'keep', False, state, before, context)}"
        )
        for store in first:
            opening += self.line(inner, store)
        closing: Pieces = []
        if exits:
            closing = self._next(node, name, state, inner, context)
        context.loops.append(LoopContext(name, state))
        pieces = self.suite(node.body, indentation, context, opening, closing)
        context.loops.pop()
        unknown: frozenset[str] = frozenset()
        if node.orelse is not None:
            pieces += self.leading(node.orelse, indentation)
            if "break" in exits:
                pieces += self.soft_line(indentation, at, name, "orelse", False, state, before, before, context)
                pieces += [indentation, at, f"if {name}.fell:", *self.suite(node.orelse.body, indentation, context)]
                return pieces + self.soft_line(indentation, at, name, "exit", False, state, before, before, context)
            pieces += self.soft_line(indentation, at, name, "exit", False, state, before, before, context)
            body = node.orelse.body
            if isinstance(body, cst.IndentedBlock):
                pieces += self.block(body.body, indentation, context)
            else:
                pieces += self.block([body], indentation, context)
            return pieces
        return pieces + self.soft_line(indentation, at, name, "exit", False, state, before, before | unknown, context)

    def _next(self, node: cst.For | cst.While, name: str, state: list[str], inner: str, context: Context) -> Pieces:
        if isinstance(node, cst.While):
            return self.soft_line(inner, self.positions.inner(node)[0], name, "next", False, state, (), (), context)
        pieces = self.line(inner, self.positions.inner(node)[0], f"if {name}.soft:")
        deeper = inner + self.indent
        call = self.state_call(name, "next", False, state, (), context)
        targets = ", ".join(state) + ("," if len(state) == 1 else "")
        pieces += self.line(deeper, f"{targets} = {call}" if state else call)
        for variable in state:
            pieces += self.line(deeper, f"if {variable} is {self.rt}.UNDEFINED: del {variable}")
        return pieces + self.line(deeper, f"if {name}.done: break")

    # ---- jumps

    def jump(self, node: cst.Break | cst.Continue, context: Context) -> list[Line] | None:
        if not context.loops:
            return None
        loop = context.loops[-1]
        method, keyword = ("brk", "break") if isinstance(node, cst.Break) else ("cont", "continue")
        assigned = context.flow.assigned_before(node) if context.flow else frozenset()
        return [(0, [f"if {self.state_call(loop.name, method, False, loop.state, assigned, context)}: {keyword}"])]

    def return_(self, node: cst.Return, context: Context) -> list[Line] | None:
        if context.frame is None:
            return None
        value = self.argument(node.value, context) if node.value is not None else ["None"]
        loops = "".join(f", {loop.name}" for loop in context.loops)
        return [(0, [f"if {context.frame}.leave(", *value, f"{loops}): return {context.frame}.result"])]

    def assertion(self, node: cst.Assert, context: Context) -> list[Line] | None:
        if context.hardness.is_condition(node.test):
            return None
        message: Pieces = [", ", *self.argument(node.msg, context)] if node.msg is not None else []
        return [(0, [f"assert {self.rt}.certain(", *self.argument(node.test, context), ")", *message])]

    # ---- try and with

    def try_(self, node: cst.Try | cst.TryStar, indentation: str, context: Context) -> Pieces:
        """Each handler first ends the soft blocks that the exception crossed."""
        if not node.handlers:
            return self.shaped(node, indentation, context)
        name = context.names.fresh("_try")
        at = self.positions.inner(node)[0]
        pieces = [*self.leading(node, indentation), *self.line(indentation, at, f"{name} = {self.rt}.try_()")]
        pieces += [indentation, (at, self.positions.of(node.body)[0]), *self.suite(node.body, indentation, context)]
        for handler in node.handlers:
            pieces += [*self.leading(handler, indentation), indentation]
            place = self.positions.inner(handler)[0]
            if handler.type is not None:
                start, end = self.positions.of(handler.type)
                pieces += [(place, start), *self.expression(handler.type, context)]
                place = end
            pieces.append((place, self.positions.of(handler.body)[0]))
            inner = indentation + self.block_indentation(handler.body)
            caught = self.line(inner, self.positions.inner(handler)[0], f"{name}.caught()")
            pieces += self.suite(handler.body, indentation, context, caught)
        for part in (node.orelse, node.finalbody):
            if part is not None:
                start = self.positions.inner(part)[0]
                pieces += [*self.leading(part, indentation), indentation, (start, self.positions.of(part.body)[0])]
                pieces += self.suite(part.body, indentation, context)
        return pieces

    def with_(self, node: cst.With, indentation: str, context: Context) -> Pieces:
        """`with m as o.x` binds a temporary first."""
        return self.shaped(node, indentation, context)

"""The outline of a function: its statements as they nest, each with the names that it reads and binds.

All analyses work on outlines, and write what they find into the steps: see hardness, exits, liveness, assigned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from relaxpy.transform.steps import Case, Step, block_binds
from relaxpy.transform.tree import evaluated_in_definition, parameters, small_statements, stored_parts, target_names
from relaxpy.transform.usage import Bits, Usage, gather, pattern_usage

__all__ = ["Outline", "Outlines"]


class Outline:
    """A function, a lambda, the body of a class or a module.

    ``captured``: names that code running at any time may read; ``free``: names that it takes from outside;
    ``stores_outside``: names of enclosing functions that it, or a function in it, rebinds.
    """

    def __init__(self, node: Any, outlines: Outlines) -> None:
        self.node = node
        self.bits = Bits()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.steps_of: dict[int, Step] = {}
        self.captures = 0
        self.reads = 0
        self.sensitive = False
        self.yields = False
        self.stored_inside: set[str] = set()
        self._outlines = outlines
        is_class = type(node) is cst.ClassDef
        is_function = isinstance(node, (cst.FunctionDef, cst.Lambda))
        self.parameters = self.bits.mask(p.name.value for p in parameters(node.params)) if is_function else 0
        if type(node) is cst.Lambda:
            self.body = [self._step(node, "plain", [node.body])]
        else:
            self.body = self._block(node if type(node) is cst.Module else node.body)
        declared = self.bits.mask(self.globals) | self.bits.mask(self.nonlocals)
        binds = self.parameters | block_binds(self.body)
        outlines.bound.update(self.bits.names(binds))
        self.bound = binds & ~declared
        every = self.reads | self.captures
        outer = every if is_class else every & ~self.bound
        free = (set(self.bits.names(outer)) | self.nonlocals) - self.globals
        self.free = frozenset(free)
        inside = self.stored_inside if is_class else self.stored_inside - set(self.bits.names(self.bound))
        self.stores_outside = frozenset(self.nonlocals | inside)
        self.always = self.bound if self.sensitive else self.captures & self.bound

    def is_local(self, name: str) -> bool:
        """Is this a plain local name of the function (a cell that others read, too)?"""
        return name in self.bits and bool(self.bits[name] & self.bound)

    # ---- making

    def _usage(self, nodes: Any) -> Usage:
        usage = gather(nodes, self.bits, self._free)
        self._note(usage)
        return usage

    def _note(self, usage: Usage) -> None:
        self.reads |= usage.reads
        self.captures |= usage.captures
        self._outlines.bound.update(self.bits.names(usage.inner))
        self.sensitive |= usage.sensitive
        self.yields |= usage.yields

    def _free(self, node: Any) -> frozenset[str]:
        outline = self._outlines.of(node)
        self.stored_inside |= outline.stores_outside
        return outline.free

    def _step(self, node: Any, kind: str, nodes: Any) -> Step:
        step = self.steps_of[id(node)] = Step(node, kind, self._usage(nodes))
        return step

    def _block(self, suite: Any) -> list[Step]:
        if suite is None:
            return []
        if isinstance(suite, (cst.Else, cst.Finally)):
            suite = suite.body
        return [_MAKERS.get(type(node), Outline._plain)(self, node) for node in small_statements(suite)]

    def _plain(self, node: Any) -> Step:
        return self._step(node, "plain", ())

    def _expr(self, node: cst.Expr) -> Step:
        return self._step(node, "plain", (node.value,))

    def _assign(self, node: cst.Assign) -> Step:
        targets = [target.target for target in node.targets]
        step = self._step(node, "plain", [node.value, *(part for target in targets for part in stored_parts(target))])
        for target in targets:
            step.binds |= self.bits.mask(target_names(target))
        return step

    def _ann_assign(self, node: cst.AnnAssign) -> Step:
        values = [] if node.value is None else [node.value]
        step = self._step(node, "plain", [*values, *stored_parts(node.target)])
        names = self.bits.mask(target_names(node.target))
        if node.value is None:
            step.maybe |= names
        else:
            step.binds |= names
        return step

    def _aug_assign(self, node: cst.AugAssign) -> Step:
        step = self._step(node, "plain", (node.target, node.value))
        step.binds |= self.bits.mask(target_names(node.target))
        return step

    def _delete(self, node: cst.Del) -> Step:
        step = self._step(node, "plain", tuple(stored_parts(node.target)))
        step.deletes = self.bits.mask(target_names(node.target))
        step.reads |= step.deletes
        self.reads |= step.deletes
        return step

    def _import(self, node: Any) -> Step:
        step = self._step(node, "plain", ())
        if not isinstance(node.names, cst.ImportStar):
            for alias in node.names:
                name = alias.name if alias.asname is None else alias.asname.name
                while type(name) is cst.Attribute:
                    name = name.value
                step.binds |= self.bits.mask(target_names(name))
        return step

    def _declare(self, node: Any) -> Step:
        names = self.globals if type(node) is cst.Global else self.nonlocals
        names.update(item.name.value for item in node.names)
        return self._step(node, "plain", ())

    def _return(self, node: cst.Return) -> Step:
        return self._step(node, "return", () if node.value is None else (node.value,))

    def _raise(self, node: cst.Raise) -> Step:
        parts = [] if node.exc is None else [node.exc]
        return self._step(node, "raise", parts if node.cause is None else [*parts, node.cause.item])

    def _assert(self, node: cst.Assert) -> Step:
        step = self._step(node, "plain", (node.test,))
        if node.msg is not None:
            message = self._usage((node.msg,))
            step.reads |= message.reads
            step.maybe |= message.binds | message.maybe
        step.calls = step.throws = True
        return step

    def _jump(self, node: Any) -> Step:
        return self._step(node, "break" if type(node) is cst.Break else "continue", ())

    def _definition(self, node: Any) -> Step:
        step = self._step(node, "definition", list(evaluated_in_definition(node)))
        inner = self._outlines.of(node)
        free = self.bits.mask(inner.free)
        self.captures |= free
        self.stored_inside |= inner.stores_outside
        if type(node) is cst.ClassDef:
            step.reads |= free
            step.calls = step.throws = True
        else:
            notes = [p.annotation.annotation for p in parameters(node.params) if p.annotation is not None]
            notes += [] if node.returns is None else [node.returns.annotation]
            step.reads |= self._usage(notes).reads
        self.reads |= step.reads
        step.binds |= self.bits[node.name.value]
        return step

    def _type_alias(self, node: Any) -> Step:
        step = self._step(node, "plain", ())
        usage = self._usage((node.value,))
        self.captures |= usage.reads
        step.binds |= self.bits[node.name.value]
        return step

    def _if(self, node: cst.If) -> Step:
        step = self._step(node, "if", (node.test,))
        step.body = self._block(node.body)
        # A chain of `elif` is followed here and not by recursion: it may be long.
        last = step
        orelse: Any = node.orelse
        while type(orelse) is cst.If:
            inner = self._step(orelse, "if", (orelse.test,))
            inner.body = self._block(orelse.body)
            last.orelse = [inner]
            last, orelse = inner, orelse.orelse
        last.orelse = self._block(orelse)
        return step

    def _while(self, node: cst.While) -> Step:
        step = self._step(node, "while", (node.test,))
        step.body, step.orelse = self._block(node.body), self._block(node.orelse)
        return step

    def _for(self, node: cst.For) -> Step:
        step = self._step(node, "for", (node.iter,))
        step.target = self.bits.mask(target_names(node.target))
        parts = tuple(stored_parts(node.target))
        if parts:
            step.reads |= self._usage(parts).reads
        step.body, step.orelse = self._block(node.body), self._block(node.orelse)
        step.suspends |= node.asynchronous is not None
        return step

    def _with(self, node: cst.With) -> Step:
        step = self._step(node, "with", [item.item for item in node.items])
        for item in node.items:
            if item.asname is not None:
                step.binds |= self.bits.mask(target_names(item.asname.name))
                step.reads |= self._usage(tuple(stored_parts(item.asname.name))).reads
        step.body = self._block(node.body)
        step.calls = True
        return step

    def _try(self, node: Any) -> Step:
        step = self._step(node, "try", ())
        step.body = self._block(node.body)
        for handler in node.handlers:
            usage = self._usage(() if handler.type is None else (handler.type,))
            if handler.name is not None:
                usage.binds |= self.bits.mask(target_names(handler.name.name))
            step.cases.append(Case(handler, usage, self._block(handler.body)))
        step.orelse, step.final = self._block(node.orelse), self._block(node.finalbody)
        return step

    def _match(self, node: cst.Match) -> Step:
        step = self._step(node, "match", (node.subject,))
        for case in node.cases:
            usage = Usage()
            pattern_usage(case.pattern, self.bits, usage)
            if case.guard is not None:
                gather((case.guard,), self.bits, self._free, usage)
            self._note(usage)
            step.cases.append(Case(case, usage, self._block(case.body)))
        return step


_MAKERS: dict[type, Any] = {
    cst.AnnAssign: Outline._ann_assign,
    cst.Assert: Outline._assert,
    cst.Assign: Outline._assign,
    cst.AugAssign: Outline._aug_assign,
    cst.Break: Outline._jump,
    cst.ClassDef: Outline._definition,
    cst.Continue: Outline._jump,
    cst.Del: Outline._delete,
    cst.Expr: Outline._expr,
    cst.For: Outline._for,
    cst.FunctionDef: Outline._definition,
    cst.Global: Outline._declare,
    cst.If: Outline._if,
    cst.Import: Outline._import,
    cst.ImportFrom: Outline._import,
    cst.Match: Outline._match,
    cst.Nonlocal: Outline._declare,
    cst.Raise: Outline._raise,
    cst.Return: Outline._return,
    cst.Try: Outline._try,
    cst.TryStar: Outline._try,
    cst.While: Outline._while,
    cst.With: Outline._with,
    cst.TypeAlias: Outline._type_alias,
}


class Outlines:
    """The outlines of all functions of a source, each made once; ``bound``: all names that are bound anywhere in it."""

    def __init__(self, bound: Iterable[str] = ()) -> None:
        self._made: dict[int, Outline] = {}
        self.bound = set(bound)

    def of(self, node: Any) -> Outline:
        outline = self._made.get(id(node))
        if outline is None:
            outline = self._made[id(node)] = Outline(node, self)
        return outline

"""Assignments, augmented assignments and deletions of one line."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from relaxpy.transform.context import Context
from relaxpy.transform.expressions import Expressions
from relaxpy.transform.pieces import Pieces

# a line of a rewritten statement: how much deeper than the statement, and its text
Line = tuple[int, Pieces]

AUGMENTED: dict[type, str] = {
    cst.AddAssign: "iadd",
    cst.SubtractAssign: "isub",
    cst.MultiplyAssign: "imul",
    cst.MatrixMultiplyAssign: "imatmul",
    cst.DivideAssign: "itruediv",
    cst.FloorDivideAssign: "ifloordiv",
    cst.ModuloAssign: "imod",
    cst.PowerAssign: "ipow",
    cst.LeftShiftAssign: "ilshift",
    cst.RightShiftAssign: "irshift",
    cst.BitAndAssign: "iand",
    cst.BitXorAssign: "ixor",
    cst.BitOrAssign: "ior",
}


class Stores(Expressions):
    """Stores go through the runtime, so that a soft path can be rolled back; plain names stay plain."""

    def is_shared(self, name: str, context: Context) -> bool:
        return name in context.globals or name in context.nonlocals

    def is_plain_target(self, target: cst.CSTNode, context: Context) -> bool:
        """Does the target bind nothing but locals?"""
        if isinstance(target, cst.Name):
            return not self.is_shared(target.value, context)
        if isinstance(target, (cst.Tuple, cst.List)):
            return all(self.is_plain_target(element.value, context) for element in target.elements)
        return False

    def store(self, target: cst.CSTNode, value: Pieces, context: Context) -> Pieces:
        """A store of a value (evaluated already, or to be evaluated first) to one target that is no tuple."""
        if isinstance(target, cst.Subscript):
            where = [*self.argument(target.value, context), ", ", *self.index(target, context)]
            return [f"{self.rt}.store(", *value, ", ", *where, ")"]
        if isinstance(target, cst.Attribute):
            name = context.mangled(target.attr.value)
            return [f"{self.rt}.store_attr(", *value, ", ", *self.argument(target.value, context), f", {name!r})"]
        assert isinstance(target, cst.Name)
        if target.value in context.globals:
            return [f"{self.rt}.store_global(", *value, f", {self.reader('globals')}, {target.value!r})"]
        if target.value in context.nonlocals:
            return [f"{self.rt}.store_cell(", *value, f", lambda: {target.value})"]
        return [f"{target.value} = ", *value]

    def reader(self, name: str) -> str:
        """`locals()` or `globals()`, also where the source binds that name."""
        return f"{name}()" if self.is_builtin(name) else f"{self.rt}.builtins.{name}()"

    def temporary(self, context: Context) -> str:
        return context.names.fresh("_t")

    def unpacked(self, target: cst.CSTNode, context: Context, stores: list[Pieces]) -> Pieces:
        """A target whose subscripts and attributes are temporaries; what is to be stored from them follows."""
        if isinstance(target, (cst.Tuple, cst.List)):
            pieces: Pieces = ["("]
            for element in target.elements:
                if isinstance(element, cst.StarredElement):
                    pieces.append("*")
                pieces += [*self.unpacked(element.value, context, stores), ", "]
            return [*pieces, ")"]
        if self.is_plain_target(target, context):
            return [self.positions.of(target)]
        name = self.temporary(context)
        stores.append(self.store(target, [name], context))
        return [name]

    def assign(self, node: cst.Assign, context: Context) -> list[Line] | None:
        targets = [target.target for target in node.targets]
        if all(self.is_plain_target(target, context) for target in targets):
            return None
        value = self.argument(node.value, context)
        if len(targets) == 1:
            return self._assign_one(targets[0], value, context)
        name = self.temporary(context)
        lines: list[Line] = [(0, [f"{name} = ", *value])]
        for target in targets:
            lines += self._assign_one(target, [name], context)
        return lines

    def _assign_one(self, target: cst.CSTNode, value: Pieces, context: Context) -> list[Line]:
        if isinstance(target, (cst.Tuple, cst.List)):
            stores: list[Pieces] = []
            unpacked = self.unpacked(target, context, stores)
            return [(0, [*unpacked, " = ", *value]), *((0, store) for store in stores)]
        return [(0, self.store(target, value, context))]

    def annotated(self, node: cst.AnnAssign, context: Context) -> list[Line] | None:
        if node.value is None or isinstance(node.target, cst.Name):
            return None
        return [(0, self.store(node.target, self.argument(node.value, context), context))]

    def augmented(self, node: cst.AugAssign, context: Context) -> list[Line]:
        operation = AUGMENTED[type(node.operator)]
        value = self.argument(node.value, context)
        target = node.target
        if isinstance(target, cst.Name):
            return self._augmented_name(node, target.value, operation, value, context)
        lines: list[Line] = []
        if isinstance(target, cst.Subscript):
            container = self._held(target.value, self.argument(target.value, context), lines, context)
            index = self._held_index(target, lines, context)
            loaded: Pieces = [f"{self.rt}.load(", *container, ", ", *index, ")"]
            rest: Pieces = [", ", *container, ", ", *index, ")"]
            store = "store"
        else:
            assert isinstance(target, cst.Attribute)
            container = self._held(target.value, self.argument(target.value, context), lines, context)
            loaded = [*container, f".{target.attr.value}"]
            rest = [", ", *container, f", {context.mangled(target.attr.value)!r})"]
            store = "store_attr"
        result: Pieces = [f"{self.rt}.{operation}(", *loaded, ", ", *value, ")"]
        return [*lines, (0, [f"{self.rt}.{store}(", *result, *rest])]

    def _augmented_name(
        self, node: cst.AugAssign, name: str, operation: str, value: Pieces, context: Context
    ) -> list[Line]:
        updated: Pieces = [f"{self.rt}.{operation}({name}, ", *value, ")"]
        if self.is_shared(name, context):
            return [(0, self.store(node.target, updated, context))]
        if isinstance(node.value, (cst.Integer, cst.Float)):
            return [
                (0, [f"if {self.rt}.paths: {name} = ", *updated]),
                (0, ["else: ", self.positions.of(node)]),
            ]
        return [(0, [f"{name} = ", *updated])]

    def _held(self, node: cst.CSTNode, pieces: Pieces, lines: list[Line], context: Context) -> Pieces:
        """An operand that is needed twice: a name or constant as it is, anything else in a temporary."""
        if isinstance(node, (cst.Name, cst.Integer, cst.SimpleString)) and not getattr(node, "lpar", ()):
            return pieces
        name = self.temporary(context)
        lines.append((0, [f"{name} = ", *pieces]))
        return [name]

    def _held_index(self, target: cst.Subscript, lines: list[Line], context: Context) -> Pieces:
        pieces = self.index(target, context)
        only = target.slice[0].slice
        simple = len(target.slice) == 1 and not self._trailing_comma(target)
        if simple and isinstance(only, cst.Index) and isinstance(only.value, (cst.Name, cst.Integer, cst.SimpleString)):
            return pieces
        name = self.temporary(context)
        lines.append((0, [f"{name} = ", *pieces]))
        return [name]

    def delete(self, node: cst.Del, context: Context) -> list[Line] | None:
        targets = list(self._deleted(node.target))
        if all(isinstance(target, cst.Name) and not self.is_shared(target.value, context) for target in targets):
            return None
        return [(0, self._delete_one(target, context)) for target in targets]

    def _deleted(self, target: cst.CSTNode) -> Iterator[cst.CSTNode]:
        if isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                yield from self._deleted(element.value)
        else:
            yield target

    def _delete_one(self, target: cst.CSTNode, context: Context) -> Pieces:
        if isinstance(target, cst.Subscript):
            return [
                f"{self.rt}.delete(",
                *self.argument(target.value, context),
                ", ",
                *self.index(target, context),
                ")",
            ]
        if isinstance(target, cst.Attribute):
            name = context.mangled(target.attr.value)
            return [f"{self.rt}.delete_attr(", *self.argument(target.value, context), f", {name!r})"]
        assert isinstance(target, cst.Name)
        if target.value in context.globals:
            return [f"{self.rt}.delete_global({self.reader('globals')}, {target.value!r})"]
        if target.value in context.nonlocals:
            return [f"{self.rt}.delete_cell(lambda: {target.value})"]
        return ["del ", self.positions.of(target)]

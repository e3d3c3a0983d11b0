"""What can be changed in place, seen alike: cells that can be read, written and removed, and the whole content.

One small adapter for each kind of container: list, dict, set, deque, bytearray, soft array, the cell of a closure, and (in
attributecontainers.py) the attributes of an object.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from types import CellType
from typing import Any

from relaxpy.runtime.soft import UNDEFINED

# what `container` adapts of Python's own
BUILT_IN = (list, dict, set, deque, bytearray)


class Container:
    """Base of the adapters: ``target`` is the user's object, ``key`` its identity in logs."""

    __slots__ = ("target", "key")
    noun = "object"
    plain_only = False  # takes no soft values

    def __init__(self, target: Any) -> None:
        self.target = target
        self.key = (id(target), False)

    def get(self, cell: Any) -> Any:
        """The value of a cell, UNDEFINED where there is none."""
        raise NotImplementedError

    def put(self, cell: Any, value: Any) -> None:
        """Write a cell; UNDEFINED removes it."""
        raise NotImplementedError

    def content(self) -> Any:
        """The content itself, to be read only."""
        return self.target

    def copy(self) -> Any:
        return self.target.copy()

    def fill(self, content: Any) -> None:
        self.target.clear()
        self.target.update(content)

    def patched(self, content: Any, cells: Mapping[Any, Any]) -> Any:
        """The content with some cells replaced (in place)."""
        for cell, value in cells.items():
            if value is UNDEFINED:
                content.pop(cell, None)
            else:
                content[cell] = value
        return content

    def names(self, content: Any) -> list[Any]:
        """The cells of a content."""
        return list(content)

    def cell_of(self, content: Any, cell: Any) -> Any:
        return content.get(cell, UNDEFINED)

    def rebuilt(self, cells: dict[Any, Any]) -> Any:
        """A content from all its cells."""
        return cells

    def described(self, cell: Any) -> str:
        return f"[{cell!r}]"


class ListContainer(Container):
    __slots__ = ()
    noun = "list"

    def get(self, cell: Any) -> Any:
        return self.target[cell]

    def put(self, cell: Any, value: Any) -> None:
        self.target[cell] = value

    def copy(self) -> Any:
        return list(self.target)

    def fill(self, content: Any) -> None:
        self.target[:] = content

    def names(self, content: Any) -> list[Any]:
        return list(range(len(content)))

    def cell_of(self, content: Any, cell: Any) -> Any:
        return content[cell]

    def rebuilt(self, cells: dict[Any, Any]) -> Any:
        return list(cells.values())


class BytearrayContainer(ListContainer):
    __slots__ = ()
    noun = "bytearray"
    plain_only = True

    def copy(self) -> Any:
        return bytearray(self.target)


class DequeContainer(ListContainer):
    __slots__ = ()
    noun = "deque"

    def fill(self, content: Any) -> None:
        self.target.clear()
        self.target.extend(content)


class DictContainer(Container):
    __slots__ = ()
    noun = "dict"

    def get(self, cell: Any) -> Any:
        return dict.get(self.target, cell, UNDEFINED)

    def put(self, cell: Any, value: Any) -> None:
        # an OrderedDict keeps its order apart, which the methods of dict would go around
        kind = OrderedDict if isinstance(self.target, OrderedDict) else dict
        if value is not UNDEFINED:
            kind.__setitem__(self.target, cell, value)
        elif cell in self.target:
            kind.__delitem__(self.target, cell)

    def copy(self) -> Any:
        return dict(self.target)

    def fill(self, content: Any) -> None:
        self.target.clear()
        for cell, value in content.items():
            self.target[cell] = value


class SetContainer(Container):
    """A set has no cells to blend: its sides must agree."""

    __slots__ = ()
    noun = "set"

    def get(self, cell: Any) -> Any:
        return cell if cell in self.target else UNDEFINED

    def put(self, cell: Any, value: Any) -> None:
        if value is UNDEFINED:
            self.target.discard(cell)
        else:
            self.target.add(cell)

    def cell_of(self, content: Any, cell: Any) -> Any:
        return cell if cell in content else UNDEFINED

    def patched(self, content: Any, cells: Mapping[Any, Any]) -> Any:
        for cell, value in cells.items():
            (content.discard if value is UNDEFINED else content.add)(cell)
        return content

    def rebuilt(self, cells: dict[Any, Any]) -> Any:
        return set(cells)


class ArrayContainer(ListContainer):
    """A soft array, row by row."""

    __slots__ = ()
    noun = "soft array"

    def get(self, cell: Any) -> Any:
        return (self.target._rows or self.target.rows())[cell]

    def put(self, cell: Any, value: Any) -> None:
        self.target.rows()[cell] = value

    def content(self) -> Any:
        return self.target.rows()

    def copy(self) -> Any:
        return list(self.target.rows())

    def fill(self, content: Any) -> None:
        self.target.rows()[:] = content


class CellContainer(Container):
    """The cell of a closure: one cell, named after the variable."""

    __slots__ = ()
    noun = "closure"

    def get(self, cell: Any) -> Any:
        try:
            return self.target.cell_contents
        except ValueError:
            return UNDEFINED

    def put(self, cell: Any, value: Any) -> None:
        if value is not UNDEFINED:
            self.target.cell_contents = value
        elif self.get(cell) is not UNDEFINED:
            del self.target.cell_contents

    def content(self) -> Any:
        return {"cell_contents": self.get("cell_contents")}

    def copy(self) -> Any:
        return self.content()

    def fill(self, content: Any) -> None:
        self.put("cell_contents", content["cell_contents"])

    def described(self, cell: Any) -> str:
        return ""


_ADAPTERS: list[tuple[type, type[Container]]] = [
    (list, ListContainer),
    (dict, DictContainer),
    (set, SetContainer),
    (deque, DequeContainer),
    (bytearray, BytearrayContainer),
    (CellType, CellContainer),
]


def container(target: Any) -> Container | None:
    """The adapter of a built-in container (or a subclass), None for anything else."""
    for base, adapter in _ADAPTERS:
        if isinstance(target, base):
            return adapter(target)
    if hasattr(type(target), "_relaxpy_rows"):
        return ArrayContainer(target)
    return None

"""What can be changed in place, seen alike: cells that can be read, written and removed, and the whole content.

One small adapter for each kind of container: list, dict, set, deque, bytearray, soft array, the attributes of an object and
the cell of a closure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import CellType, GetSetDescriptorType, MemberDescriptorType
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
        if value is UNDEFINED:
            dict.pop(self.target, cell, None)
        else:
            dict.__setitem__(self.target, cell, value)

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


def _own_attributes(target: Any) -> Mapping[str, Any]:
    """The ``__dict__`` of an object, whatever its class's ``__getattr__`` would say where it has none."""
    try:
        return object.__getattribute__(target, "__dict__")  # type: ignore[no-any-return]
    except AttributeError:
        return _NONE


HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
_NONE: Mapping[str, Any] = {}
_C_SLOTS = (MemberDescriptorType, GetSetDescriptorType)  # `f.__defaults__`, `o.__class__`, `error.__cause__`


def _slot_value(slot: MemberDescriptorType | GetSetDescriptorType, target: Any) -> Any:
    try:
        return slot.__get__(target)
    except AttributeError:
        return UNDEFINED


class AttributeContainer(Container):
    """The attributes of an object, in its ``__dict__`` or its slots; a class or module is an object too."""

    __slots__ = ()
    noun = "object"

    def __init__(self, target: Any) -> None:
        self.target = target
        own = _own_attributes(target)
        # `vars(target)` shows the same cells
        self.key = (id(own), False) if type(own) is dict and own is not _NONE else (id(target), True)

    def get(self, cell: Any) -> Any:
        own = _own_attributes(self.target)
        if cell in own:
            return own[cell]
        slot = next((vars(base)[cell] for base in type(self.target).__mro__ if cell in vars(base)), None)
        return _slot_value(slot, self.target) if isinstance(slot, _C_SLOTS) else UNDEFINED

    def put(self, cell: Any, value: Any) -> None:
        kind = type(self.target)
        if isinstance(self.target, type):
            plain: Any = type
        else:  # a class written in C has its own way, which `object` must not go around
            plain = object if kind.__flags__ & HEAP_TYPE or "__setattr__" not in vars(kind) else kind
        if value is not UNDEFINED:
            plain.__setattr__(self.target, cell, value)
        elif self.get(cell) is not UNDEFINED:
            plain.__delattr__(self.target, cell)

    def content(self) -> Any:
        content = dict(_own_attributes(self.target))
        for base in type(self.target).__mro__:
            if "__slots__" in vars(base):
                slots = [(name, slot) for name, slot in vars(base).items() if isinstance(slot, MemberDescriptorType)]
                found = ((name, _slot_value(slot, self.target)) for name, slot in slots)
                content.update((name, value) for name, value in found if value is not UNDEFINED)
        return content

    def copy(self) -> Any:
        return self.content()

    def fill(self, content: Any) -> None:
        for name in self.content().keys() - content.keys():
            self.put(name, UNDEFINED)
        for name, value in content.items():
            self.put(name, value)

    def described(self, cell: Any) -> str:
        return f".{cell}"


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

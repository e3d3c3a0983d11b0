"""The attributes of an object as a container: in its ``__dict__``, its slots, or what a class written in C has for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from relaxpy.runtime.containers import Container
from relaxpy.runtime.soft import UNDEFINED


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

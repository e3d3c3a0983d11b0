"""Stores as rewritten code calls them: in place, and on a soft path remembered by the journal."""

from __future__ import annotations

from collections.abc import Callable
from types import CellType
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import CellContainer, Container, DictContainer, ListContainer
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import UNDEFINED, Soft
from relaxpy.runtime.state import calls, paths, state

softstores: Any = LazyModule("relaxpy.runtime.softstores")
callees: Any = LazyModule("relaxpy.runtime.callees")
drawn: Any = LazyModule("relaxpy.runtime.drawn")
doubts: Any = LazyModule("relaxpy.runtime.doubts")
presence: Any = LazyModule("relaxpy.runtime.presence")

_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None)})


def changing(holder: Container, cell: Any, value: Any = None) -> None:
    """Say that a cell is about to change: journalled on a soft path, and cleaned up later if it may hold a soft value."""
    if state.logs:
        state.logs[-1].note(holder, cell)
    if type(value) not in _ATOMS and state.call is not None:
        state.call.touched[holder.key] = holder


def defining(holder: Container, cell: Any, value: Any = None) -> None:
    """Say that a key or attribute is about to be stored: it exists from now on."""
    changing(holder, cell, value)
    if state.presences:
        presence.defined(holder, cell)


def restructuring(holder: Container) -> None:
    """Say that the user's code is about to change a container's structure."""
    if state.call and state.call.drawn:
        drawn.refuse_restructuring(holder.target)
    if state.presences:
        doubts.check(holder)
    refilling(holder)


def refilling(holder: Container) -> None:
    """Say that a container gets another content: journalled, and cleaned up later."""
    if state.logs:
        state.logs[-1].note_all(holder)
    if state.call is not None:
        state.call.touched[holder.key] = holder


def store(value: Any, container: Any, index: Any) -> None:
    """`container[index] = value`"""
    if not calls:
        container[index] = value
        return
    kind = type(container)
    if kind is list and type(index) is int:
        if not state.logs and type(value) in _ATOMS and not (state.call and state.call.drawn):
            container[index] = value
            return
        old = container[index]  # Python's own IndexError comes before anything is remembered
        if old is not value:
            changing(ListContainer(container), index if index >= 0 else index + len(container), value)
        container[index] = value
    elif kind is dict and not isinstance(index, Soft):
        defining(DictContainer(container), index, value)
        container[index] = value
    else:
        softstores.store(value, container, index)
        return
    if state.call and state.call.drawn:
        softstores.spread(value, container, index)


def delete(container: Any, index: Any) -> None:
    """`del container[index]`"""
    if calls and softstores.delete(container, index):
        return
    del container[index]


def store_attr(value: Any, target: Any, name: str) -> None:
    """`target.name = value`"""
    if not calls:
        setattr(target, name, value)
        return
    setter = _python_setter(target, name)
    if setter is not None:
        setter(value)
        return
    if name == "__dict__" and state.scopes:
        raise SoftValueError(
            "all attributes of an object were replaced under a soft condition", remedy="store them one by one: o.x = x"
        )
    defining(AttributeContainer(target), name, value)
    setattr(target, name, value)
    if state.call and state.call.drawn:
        softstores.spread(value, target, drawn.Attribute(name))


def _python_setter(target: Any, name: str) -> Callable[[Any], Any] | None:
    """A property's setter or a class's own __setattr__, relaxed; None for a plain attribute."""
    kind = type(target)
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    if isinstance(found, property) and found.fset is not None:
        setter = callees.callee(found.fset)
        return lambda value: setter(target, value)
    put = getattr(type(found), "__set__", None)
    if put is not None and callees.is_user_function(put):
        descriptor = callees.callee(put)
        return lambda value: descriptor(found, target, value)
    own: Any = kind.__setattr__
    if own is not object.__setattr__ and callees.is_user_function(own):
        set_attribute = callees.callee(own)
        return lambda value: set_attribute(target, name, value)
    return None


def delete_attr(target: Any, name: str) -> None:
    """`del target.name`"""
    if calls:
        restructuring(AttributeContainer(target))
    delattr(target, name)


def store_global(value: Any, names: dict[str, Any], name: str) -> Any:
    """`global name; name = value`; returns the value."""
    if calls:
        changing(DictContainer(names), name, value)
    names[name] = value
    return value


def delete_global(names: dict[str, Any], name: str) -> None:
    if calls:
        changing(DictContainer(names), name)
    if name not in names:
        raise NameError(f"name {name!r} is not defined")
    del names[name]


def store_cell(value: Any, reader: Callable[[], Any]) -> Any:
    """`nonlocal name; name = value`; the reader's only cell is the variable. Returns the value."""
    cell = _cell(reader)
    if calls:
        changing(CellContainer(cell), "cell_contents", value)
    cell.cell_contents = value
    return value


def delete_cell(reader: Callable[[], Any]) -> None:
    cell = _cell(reader)
    reader()  # raises Python's own NameError where the variable is unbound
    if calls:
        changing(CellContainer(cell), "cell_contents")
    del cell.cell_contents


def _cell(reader: Callable[[], Any]) -> CellType:
    closure = reader.__closure__
    if not closure:
        raise TypeError(f"{reader!r} reads no variable of an enclosing function")
    return closure[0]


def maybe(names: dict[str, Any], name: str) -> Any:
    """A local that may be unbound."""
    return names.get(name, UNDEFINED)


__all__ = [
    "changing",
    "defining",
    "delete",
    "delete_attr",
    "delete_cell",
    "delete_global",
    "maybe",
    "refilling",
    "paths",
    "restructuring",
    "store",
    "store_attr",
    "store_cell",
    "store_global",
]

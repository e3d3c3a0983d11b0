"""From soft values back to plain ones, when a call ends (SEMANTICS, section 2).

Results, and whatever was stored in objects, globals and cells, become plain; a tensor that was only wrapped comes back as
the object that it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Iterator
from types import FunctionType, MethodType, SimpleNamespace
from typing import Any

import torch

from relaxpy.runtime.adopted import AdoptedTensor
from relaxpy.runtime.arrays import NUMBER, SoftArray
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import CellContainer, Container, container
from relaxpy.runtime.soft import Soft, Unblendable
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.wrapping import ATOMS, cells


def _unchanged(wrapped: Any) -> bool:
    """Does an argument still hold what the caller gave?"""
    if isinstance(wrapped, tuple):
        return all(map(_unchanged, wrapped))
    return not isinstance(wrapped, SoftArray) or wrapped.is_as_made()


class Unwrapper:
    """Makes plain what a call leaves behind.

    ``tolerant``: a value that could not be blended stays, and says so when it is read; else it is an error here.
    """

    def __init__(self, call: Any, tolerant: bool = False) -> None:
        self.call = call
        self.tolerant = tolerant
        self.seen: dict[int, Any] = {}
        self.pending: list[Container] = []
        self.changes: list[tuple[Container, Any, Any, Any]] = []  # container, cell, soft, plain

    def give_back(self) -> None:
        """Put the caller's own objects back into the caller's containers, where the program left them."""
        for holder, cell, wrapped, original in self.call.borrowed:
            with contextlib.suppress(IndexError):  # of a list that has become shorter
                if holder.cell_of(holder.content(), cell) is wrapped and _unchanged(wrapped):
                    self._put(holder, cell, wrapped, original)

    def unwrap(self, value: Any) -> Any:
        """The plain value; containers, objects of the user's and closures are cleaned in place, however deep they go."""
        plain = self._unwrapped(value)
        self.clean()
        return plain

    def clean(self, holders: Iterable[Container] = ()) -> None:
        """Unwrap every cell of these containers, and of all that are met on the way, in place."""
        self.pending.extend(holders)
        while self.pending:
            self._clean(self.pending.pop())

    def _unwrapped(self, value: Any) -> Any:
        if isinstance(value, ATOMS):
            return value
        if isinstance(value, (Soft, AdoptedTensor)):
            return self._soft(value)
        if isinstance(value, TENSORS):
            return value
        if isinstance(value, tuple):
            items = [self._unwrapped(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if id(value) not in self.seen:
            self.seen[id(value)] = (value, value)
            self.pending.extend(self._holders(value))
        return value

    def _holders(self, value: Any) -> Iterator[Container]:
        """What can hold something soft: the parts of a value that can be changed in place."""
        holder = container(value)
        if holder is not None:
            if not isinstance(value, set):
                yield holder
        elif isinstance(value, FunctionType):
            yield from map(CellContainer, value.__closure__ or ())
            if value.__dict__:
                yield AttributeContainer(value)
            self._clean_defaults(value)
        elif isinstance(value, functools.partial):
            partial: Any = value
            self._unwrapped(partial.func)
            partial.__setstate__((partial.func, *map(self._unwrapped, (partial.args, partial.keywords)), vars(partial)))
        elif isinstance(value, MethodType) or getattr(type(value), "__relaxpy_relaxed__", False):
            self._unwrapped(getattr(value, "__self__", None))
            self._unwrapped(getattr(value, "__wrapped__", None) or value.__func__)
        elif isinstance(value, BaseException):
            value.args = self._unwrapped(value.args)
            yield AttributeContainer(value)
        elif dataclasses.is_dataclass(value) or self._is_of_the_user(value):
            if not isinstance(value, type):
                yield AttributeContainer(value)

    def _clean_defaults(self, function: FunctionType) -> None:
        defaults = self._unwrapped(function.__defaults__ or ())
        if function.__defaults__ and defaults is not function.__defaults__:
            function.__defaults__ = defaults
        if function.__kwdefaults__:
            self._unwrapped(function.__kwdefaults__)

    def _is_of_the_user(self, value: Any) -> bool:
        kind = type(value)
        root = str(getattr(kind, "__module__", "")).partition(".")[0]
        return isinstance(value, SimpleNamespace) or root in self.call.roots

    def _clean(self, holder: Container) -> None:
        if isinstance(holder.target, SoftArray):
            return  # it becomes plain as a whole, where it is met
        for cell, item in list(cells(holder)):
            plain = self._unwrapped(item)
            if plain is not item:
                self._put(holder, cell, item, plain)

    def _put(self, holder: Container, cell: Any, soft: Any, plain: Any) -> None:
        holder.put(cell, plain)
        self.changes.append((holder, cell, soft, plain))

    def _soft(self, value: Any) -> Any:
        if type(value) is Unblendable:
            if self.tolerant:
                return value
            raise object.__getattribute__(value, "error")
        original = self.call.originals.get(id(value))
        if original is not None and _unchanged(value):
            return original[1]
        known = self.seen.get(id(value))
        if known is None:
            known = self.seen[id(value)] = (value, self._plain(value))
        return known[1]

    def _plain(self, value: Any) -> Any:
        if isinstance(value, AdoptedTensor):
            return self._unwrapped(value.relaxpy_array)
        lanes = value.tensor() if isinstance(value, SoftArray) else value.lanes
        if isinstance(value, SoftArray) and value.element == NUMBER and not lanes.is_floating_point():
            lanes = lanes.to(torch.get_default_dtype())
        if state.lanes is None:
            return lanes
        if lanes.dim() == 0:
            return lanes.expand(state.lanes)
        if lanes.shape[-1] != state.lanes:
            lanes = lanes.expand(*lanes.shape[:-1], state.lanes)
        return lanes.movedim(-1, 0)

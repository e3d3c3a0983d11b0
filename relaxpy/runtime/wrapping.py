"""From the caller's values to soft ones and back (SEMANTICS, section 2).

Containers of the caller are changed in place, so that aliases stay aliases; when the call ends, whatever is soft in them
becomes plain, and a tensor that was only wrapped comes back as the object that it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import ops
from relaxpy.runtime.adopted import AdoptedTensor, looked_through
from relaxpy.runtime.arrays import INTEGER, NUMBER, TRUTH, SoftArray
from relaxpy.runtime.containers import AttributeContainer, Container, container
from relaxpy.runtime.integers import from_lanes
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.soft import Soft, Unblendable
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth

_ATOMS = (int, float, bool, str, bytes, complex, type(None))


def soft_tensor(tensor: Tensor) -> Soft:
    """A floating tensor without lanes, or with lanes last, as a soft number or array."""
    axes = 0 if state.lanes is None else 1
    if tensor.dim() <= axes:
        return SoftNumber(tensor, ops.all_finite(tensor))
    return SoftArray(tensor).born_with(None)


def met(tensor: Tensor) -> Soft:
    """A captured tensor that requires grad: shared by all lanes."""
    state.call.become_soft()  # type: ignore[union-attr]
    if tensor.dim() == 0:
        return SoftNumber(tensor, ops.all_finite(tensor))
    return SoftArray(tensor if state.lanes is None else tensor.unsqueeze(-1)).born_with(None)


def make_soft(value: Any) -> Any:
    """relaxpy.soft inside a call: tensors, floats and ints become soft, also inside lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return met(value if value.is_floating_point() else value.to(torch.get_default_dtype()))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return met(torch.tensor(float(value)))
    if isinstance(value, (list, tuple)):
        return type(value)(map(make_soft, value))
    if isinstance(value, dict):
        return {key: make_soft(item) for key, item in value.items()}
    raise RelaxError(f"relaxpy.soft takes tensors and numbers, not {value!r}", remedy="give it a tensor or a float")


def make_hard(value: Any) -> Any:
    """relaxpy.hard inside a call: the plain tensor of a soft value, without gradient."""
    if isinstance(value, (list, tuple, dict)):
        return _hard_items(value)
    value = looked_through(value)
    if not isinstance(value, (SoftArray, SoftScalar)):
        return value
    if state.lanes is not None:
        raise RelaxError(
            "relaxpy.hard(x) inside a batched call would be one plain value for all lanes",
            remedy="mark the argument as hard, or use with relaxpy.options(mode='hard')",
        )
    tensor = value.tensor() if isinstance(value, SoftArray) else value.lanes
    return tensor.detach()


def _hard_items(value: Any) -> Any:
    """A container itself if nothing in it is soft, else a hard copy."""
    items = {key: make_hard(item) for key, item in (value.items() if isinstance(value, dict) else enumerate(value))}
    if all(new is old for new, old in zip(items.values(), value.values() if isinstance(value, dict) else value)):
        return value
    if isinstance(value, dict):
        return items
    return type(value)(*items.values()) if hasattr(value, "_fields") else type(value)(items.values())


class Wrapper:
    """Wraps the arguments of one call; ``place_lanes`` moves a tensor's batch axis last (None: no batch).

    ``shared``: the tensors have no batch axis, so one that leaves as a result is expanded to the batch.
    """

    def __init__(self, call: Any, place_lanes: Callable[[Tensor], Tensor] | None = None, shared: bool = False) -> None:
        self.call = call
        self.place_lanes = place_lanes
        self.shared = shared
        self.seen: dict[int, Any] = {}
        self.found_soft = False

    def wrap(self, value: Any) -> Any:
        if isinstance(value, _ATOMS):
            return value
        if isinstance(value, Hard):
            self.call.mark_hard(value.value)
            return value.value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, tuple):
            items = [self.wrap(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) in (list, dict) or dataclasses.is_dataclass(value) and not isinstance(value, type):
            self._in_place(value)
        return value

    def _tensor(self, tensor: Tensor) -> Any:
        known = self.seen.get(id(tensor))
        if known is not None:
            return known[0]
        lanes = tensor if self.place_lanes is None else self.place_lanes(tensor)
        if tensor.is_floating_point():
            wrapped: Any = soft_tensor(lanes)
        elif self.place_lanes is None or lanes is tensor:
            return tensor
        else:
            wrapped = lane_values(lanes)
        self.found_soft = True
        self.seen[id(tensor)] = (wrapped, tensor)
        if not self.shared:
            self.call.originals[id(wrapped)] = (wrapped, tensor)
        return wrapped

    def _in_place(self, value: Any) -> None:
        if id(value) in self.seen:
            return
        self.seen[id(value)] = (value, value)
        holder = content_holder(value)
        if holder is None:
            return
        for cell, item in list(cells(holder)):
            wrapped = self.wrap(item)
            if wrapped is not item:
                holder.put(cell, wrapped)
                self.call.touched[holder.key] = holder
                self.call.borrowed.append((holder, cell, wrapped, item))


def lane_values(lanes: Tensor) -> Any:
    """Hard integers or bools that differ between lanes: they select exactly."""
    dtype = torch.get_default_dtype()
    if lanes.dtype == torch.bool:
        truths = lanes.to(dtype)
        return SoftTruth(truths) if lanes.dim() == 1 else SoftArray(truths, element=TRUTH)
    return from_lanes(lanes, dtype) if lanes.dim() == 1 else SoftArray(lanes, element=INTEGER)


def content_holder(value: Any) -> Container | None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return AttributeContainer(value)
    return container(value)


def cells(holder: Container) -> Iterator[tuple[Any, Any]]:
    content = holder.content()
    for name in holder.names(content):
        yield name, holder.cell_of(content, name)


def _unchanged(wrapped: Any) -> bool:
    """Does an argument still hold what the caller gave?"""
    if isinstance(wrapped, tuple):
        return all(map(_unchanged, wrapped))
    return not isinstance(wrapped, SoftArray) or wrapped.whole() is not None


class Unwrapper:
    """Makes plain what a call leaves behind."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.seen: dict[int, Any] = {}
        self.changes: list[tuple[Container, Any, Any, Any]] = []  # container, cell, soft, plain

    def give_back(self) -> None:
        """Put the caller's own objects back into the caller's containers, where the program left them."""
        for holder, cell, wrapped, original in self.call.borrowed:
            with contextlib.suppress(IndexError):  # of a list that has become shorter
                if holder.cell_of(holder.content(), cell) is wrapped and _unchanged(wrapped):
                    self._put(holder, cell, wrapped, original)

    def unwrap(self, value: Any) -> Any:
        """The plain value; containers are cleaned in place."""
        if isinstance(value, _ATOMS):
            return value
        if isinstance(value, (Soft, AdoptedTensor)):
            return self._soft(value)
        if isinstance(value, Tensor):
            return value
        if isinstance(value, tuple):
            items = [self.unwrap(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if type(value) in (set, frozenset):
            return value
        if not isinstance(value, type) and id(value) not in self.seen:
            self.seen[id(value)] = (value, value)
            holder = content_holder(value)
            if holder is not None:
                self.clean(holder)
        return value

    def clean(self, holder: Container) -> None:
        """Unwrap every cell of a container in place; a soft array becomes plain as a whole where it is met."""
        if isinstance(holder.target, SoftArray):
            return
        for cell, item in list(cells(holder)):
            plain = self.unwrap(item)
            if plain is not item:
                self._put(holder, cell, item, plain)

    def _put(self, holder: Container, cell: Any, soft: Any, plain: Any) -> None:
        holder.put(cell, plain)
        self.changes.append((holder, cell, soft, plain))

    def _soft(self, value: Any) -> Any:
        if type(value) is Unblendable:
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
            return self.unwrap(value.relaxpy_array)
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

"""From the caller's values to soft ones (SEMANTICS, section 2).

Containers of the caller are changed in place, so that aliases stay aliases; `relaxpy.runtime.unwrapping` is the way back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import ops
from relaxpy.runtime.adopted import looked_through
from relaxpy.runtime.arrays import INTEGER, TRUTH, SoftArray, lane_axes
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import Container, container
from relaxpy.runtime.integers import from_lanes
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth

ATOMS = (int, float, bool, str, bytes, complex, type(None))
_PLAIN = frozenset(ATOMS)


def soft_tensor(tensor: Tensor) -> Soft:
    """A floating tensor without lanes, or with lanes last, as a soft number or array."""
    axes = 0 if state.lanes is None else 1
    if tensor.dim() <= axes:
        return SoftNumber(tensor, ops.all_finite(tensor))
    return SoftArray(tensor).born_with(None)


def met(tensor: Tensor) -> Soft:
    """A captured tensor that requires grad: shared by all lanes."""
    state.call.become_soft()  # type: ignore[union-attr]
    if state.recorder is not None:
        tensor = state.recorder.captured(tensor)
    if tensor.dim() == 0:
        return SoftNumber(tensor, ops.all_finite(tensor))
    return SoftArray(tensor if state.lanes is None else tensor.unsqueeze(-1)).born_with(None)


def make_soft(value: Any) -> Any:
    """relaxpy.soft inside a call: tensors, floats and ints become soft, also inside lists, tuples and dicts.

    Numbers of Python's have the widest precision among the soft arguments of the call, torch's default if there are none.
    """
    call = state.call
    dtype = torch.get_default_dtype() if call is None or call.dtype is None else call.dtype
    if isinstance(value, TENSORS):
        return met(value if value.is_floating_point() else value.to(dtype))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return met(torch.tensor(float(value), dtype=dtype))
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
        self.pending: list[Container] = []
        self.found_soft = False

    def wrap(self, value: Any) -> Any:
        """The soft value; what is in containers is wrapped in place, however deep they go."""
        wrapped = self._wrapped(value)
        while self.pending:
            self._in_place(self.pending.pop())
        return wrapped

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, ATOMS):
            return value
        if isinstance(value, Hard):
            self.call.mark_hard(value.value)
            return value.value
        if isinstance(value, TENSORS):
            return self._tensor(value)
        if isinstance(value, tuple):
            items = [self._wrapped(item) for item in value]
            if all(new is old for new, old in zip(items, value)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) in (list, dict):
            if not _PLAIN.issuperset(map(type, value if type(value) is list else value.values())):
                self._note(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            self._note(value)
        return value

    def _tensor(self, tensor: Tensor) -> Any:
        known = self.seen.get(id(tensor))
        if known is not None:
            return known[0]
        lanes = tensor if self.place_lanes is None else self.place_lanes(tensor)
        if tensor.is_floating_point():
            known_dtype = self.call.dtype
            self.call.dtype = tensor.dtype if known_dtype is None else torch.promote_types(known_dtype, tensor.dtype)
            wrapped: Any = soft_tensor(lanes)
        elif lanes is tensor and not ops.hides_lanes(tensor):
            return tensor
        else:
            wrapped = lane_values(lanes)
        self.found_soft = True
        self.seen[id(tensor)] = (wrapped, tensor)
        if not self.shared:
            self.call.originals[id(wrapped)] = (wrapped, tensor)
        return wrapped

    def _note(self, value: Any) -> None:
        if id(value) not in self.seen:
            self.seen[id(value)] = (value, value)
            holder = container(value) or AttributeContainer(value)
            self.pending.append(holder)

    def _in_place(self, holder: Container) -> None:
        for cell, item in list(cells(holder)):
            wrapped = self._wrapped(item)
            if wrapped is not item:
                holder.put(cell, wrapped)
                self.call.touched[holder.key] = holder
                self.call.borrowed.append((holder, cell, wrapped, item))


def lane_values(lanes: Tensor) -> Any:
    """Hard integers or bools that differ between lanes: they select exactly."""
    dtype = torch.get_default_dtype()
    is_scalar = lanes.dim() == lane_axes()
    if lanes.dtype == torch.bool:
        truths = lanes.to(dtype)
        return SoftTruth(truths) if is_scalar else SoftArray(truths, element=TRUTH)
    return from_lanes(lanes, dtype) if is_scalar else SoftArray(lanes, element=INTEGER)


def cells(holder: Container) -> Iterator[tuple[Any, Any]]:
    content = holder.content()
    for name in holder.names(content):
        yield name, holder.cell_of(content, name)

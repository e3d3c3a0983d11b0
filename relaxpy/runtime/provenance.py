"""Where a tensor's gradient comes from: what is computed from hard arguments alone is hard, too (SEMANTICS, section 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


class HardTensors:
    """The tensors of a call that are marked hard although they require grad."""

    def __init__(self) -> None:
        self._tensors: dict[int, Tensor] = {}
        self._functions: set[Any] = set()

    def add(self, value: Any) -> None:
        """Remember all such tensors in a value: a tensor, a module, or a container of them."""
        for tensor in _tensors_in(value, set()):
            if tensor.requires_grad and id(tensor) not in self._tensors:
                self._tensors[id(tensor)] = tensor
                if tensor.grad_fn is not None:
                    self._functions.add(tensor.grad_fn)

    def account_for(self, tensor: Tensor) -> bool:
        """Does the tensor's gradient go to hard tensors only?"""
        if not self._tensors:
            return False
        if tensor.grad_fn is None:
            return id(tensor) in self._tensors
        pending, seen = [tensor.grad_fn], set[Any]()
        while pending:
            function = pending.pop()
            if function in self._functions or function in seen:
                continue
            seen.add(function)
            leaf = getattr(function, "variable", None)
            if leaf is not None and id(leaf) not in self._tensors:
                return False
            pending += [earlier for earlier, _ in function.next_functions if earlier is not None]
        return True


def _tensors_in(value: Any, seen: set[int]) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
        return
    if isinstance(value, nn.Module):
        yield from value.parameters()
        return
    items: Any = ()
    if isinstance(value, (list, tuple)):
        items = value
    elif isinstance(value, dict):
        items = value.values()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    if items and id(value) not in seen:
        seen.add(id(value))
        for item in items:
            yield from _tensors_in(item, seen)

"""Calls that keep nothing for the backward pass, which works it out again, part by part.

    with relaxpy.options(checkpoint=4):
        loss = sort(scores)[0].square().sum()
    loss.backward()                        # runs the call again for each of 4 parts of what it needs

Each operation keeps what its derivative needs: for a loop of n iterations, n times as much. With ``checkpoint=k`` the call keeps
nothing. The backward pass takes it in k parts of about the same size, from the last to the first: for each the call runs again,
from its beginning to the end of the part, on the arguments as they were. So about 1 / k of the memory is in use at a time,
for about (k + 1) / 2 further runs. Values and gradients are the same, second derivatives too.
(Checkpointing as in Chen et al., "Training deep nets with sublinear memory cost", 2016; stacked on torch's saved-tensor hooks.)

Since the call runs again, it must do the same again. Lists, dicts and objects among its arguments are copied, and random numbers
of torch, numpy and `random` are drawn again as they were. What it prints or writes happens once more, and globals, attributes of
objects that are no arguments, iterators and files that it changes or reads are not put back. Where a run differs from the first
in what is kept, the backward pass is an error that says so.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
import sys
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from relaxpy.errors import RelaxError
from relaxpy.runtime.attributecontainers import AttributeContainer
from relaxpy.runtime.containers import Container, container
from relaxpy.runtime.marks import Hard
from relaxpy.runtime.state import state

_DEVICES = ("cpu", "cuda")


class _EnoughError(BaseException):
    """Ends a run that has kept what it was run for."""


class _Kept:
    """Stands in the graph for a tensor that was saved: the number of its place among all that the call saves."""

    __slots__ = ("checkpoint", "number", "shape", "dtype")

    def __init__(self, checkpoint: Checkpoint, number: int, tensor: Tensor) -> None:
        self.checkpoint = checkpoint
        self.number = number
        self.shape = tensor.shape
        self.dtype = tensor.dtype

    def tensor(self) -> Tensor:
        found = self.checkpoint.tensor(self.number)
        if found is None or found.shape != self.shape or found.dtype != self.dtype:
            raise RelaxError(
                "a call with `checkpoint` did something else when it ran again for the backward pass",
                remedy="leave out `checkpoint`, or let the call depend on its arguments only",
            )
        return found


class Checkpoint:
    """The tensors that one call saves, numbered in order; those of one part are at hand."""

    def __init__(self, again: Callable[[], object], parts: int) -> None:
        self._again = again
        self._parts = parts
        self._sizes: list[int] = []  # of all tensors up to each, in bytes
        self._tensors: dict[int, Tensor] = {}
        self.surroundings = Surroundings()

    def first_run(self) -> saved_tensors_hooks:
        def pack(tensor: Tensor) -> _Kept:
            self._sizes.append((self._sizes[-1] if self._sizes else 0) + tensor.nbytes)
            return _Kept(self, len(self._sizes) - 1, tensor)

        return saved_tensors_hooks(pack, _Kept.tensor)

    def tensor(self, number: int) -> Tensor | None:
        if number not in self._tensors:
            self._run_again(*self._part_of(number))
        return self._tensors.get(number)

    def _part_of(self, number: int) -> tuple[int, int]:
        """The first number of the part that a number is in, and the first of the next part."""
        total = self._sizes[-1]
        part = min(self._sizes[number] * self._parts // max(total, 1), self._parts - 1)
        first = bisect_left(self._sizes, -(-part * total // self._parts))
        if part == self._parts - 1:
            return first, len(self._sizes)
        return first, bisect_left(self._sizes, -(-(part + 1) * total // self._parts))

    def _run_again(self, first: int, end: int) -> None:
        self._tensors = {}
        count = 0

        def pack(tensor: Tensor) -> int:
            nonlocal count
            if count == end:
                raise _EnoughError
            if count >= first:
                self._tensors[count] = tensor.detach()
            count += 1
            return count

        def unpack(number: int) -> Tensor:
            raise RelaxError(
                "a call with `checkpoint` asks for a derivative inside itself",
                remedy="leave out `checkpoint` for this call",
            )

        with contextlib.suppress(_EnoughError), self.surroundings.restored(), saved_tensors_hooks(pack, unpack):
            self._again()


class Surroundings:
    """What a call depends on beside its arguments, put back for a further run: random states, autocast, this thread's state."""

    def __init__(self) -> None:
        numpy = sys.modules.get("numpy")
        self._random = random.getstate(), numpy and numpy.random.get_state()
        self._torch = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        self._autocast = [
            (device, torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in _DEVICES
        ]

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        present = Surroundings()
        outside = dict(vars(state))
        with contextlib.ExitStack() as stack:
            for device, enabled, dtype in self._autocast:
                if enabled or torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, dtype=dtype, enabled=enabled))
            stack.enter_context(torch.enable_grad())
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # they were given by the first run
            self._put()
            vars(state).update(type(state)().__dict__)
            try:
                yield
            finally:
                vars(state).update(outside)
                present._put()

    def _put(self) -> None:
        python, numpy = self._random
        random.setstate(python)
        if numpy is not None:
            sys.modules["numpy"].random.set_state(numpy)
        torch.set_rng_state(self._torch)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)


class Copies:
    """Arguments as they were: lists, dicts, sets and objects of the user's are copied, tensors and all else are the same."""

    def __init__(self, roots: set[str]) -> None:
        self._roots = roots
        self._known: dict[int, tuple[Any, Any]] = {}
        self._versions: list[tuple[Tensor, int]] = []

    def of(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._versions.append((value, value._version))
            return value
        if isinstance(value, Hard):
            return Hard(self.of(value.value))
        if isinstance(value, tuple):
            items = [self.of(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        holder = self._holder(value)
        if holder is None:
            return value
        new = copy.copy(value)
        self._known[id(value)] = value, new
        other = self._holder(new)
        assert other is not None
        content = holder.content()
        other.fill(holder.rebuilt({cell: self.of(holder.cell_of(content, cell)) for cell in holder.names(content)}))
        return new

    def _holder(self, value: Any) -> Container | None:
        holder = container(value)
        if holder is not None:
            return holder
        root = str(type(value).__module__).partition(".")[0]
        return AttributeContainer(value) if root in self._roots and not callable(value) else None

    def check(self) -> None:
        """Have the tensors kept their values?"""
        if any(tensor._version != version for tensor, version in self._versions):
            raise RelaxError(
                "an argument of a call with `checkpoint` was changed in place before the backward pass",
                remedy="change it after the backward pass, or give the call a copy",
            )


@contextlib.contextmanager
def checkpointing(
    current: Any, plan: Any, parts: int, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[None]:
    """An outermost call with ``checkpoint``; ``call(plan, args, kwargs)`` is one more."""
    if plan.function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise RelaxError(
            f"`{plan.name}` is a generator or coroutine, which `checkpoint` cannot run again",
            remedy="leave out `checkpoint`, or collect the values in a list and return it",
        )
    further = replace(plan, settings={**state.settings, "beta": state.options.beta, "checkpoint": None})
    before = Copies(current.roots)
    kept_args, kept_kwargs = before.of(args), before.of(kwargs)

    def again() -> None:
        before.check()
        copies = Copies(current.roots)
        call(further, copies.of(kept_args), copies.of(kept_kwargs))

    with Checkpoint(again, parts).first_run():
        yield


def applies() -> bool:
    """Is anything kept for a backward pass? torch.func and recorded programs keep it in ways of their own."""
    return torch.is_grad_enabled() and torch._C._functorch.peek_interpreter_stack() is None and state.recorder is None

"""A relaxed call as an operator of torch, so that a compiled graph can hold it.

The operator calls the function as it is when the graph runs, so nothing that the function reads can be out of date: only the
form of its result is settled when the graph is traced, by recording the call for the values at hand, and compared at each run.
The gradients are those of the run; a tensor that each run gives, ``token``, names it, and keeps it as long as the graph does.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from relaxpy import engine
from relaxpy.errors import RelaxError
from relaxpy.runtime import boundary
from relaxpy.runtime.calls import Plan
from relaxpy.runtime.settings import checked
from relaxpy.runtime.state import state

__all__ = ["Kinds", "site"]

_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None)})


class Kinds:
    """Classes of named tuples, as attributes: so the compiler finds what it makes."""


class _LeftToTorchError(Exception):
    """There is no program for a call."""


@dataclass(frozen=True, eq=False)
class Site:
    """A call in a graph: the function, weakly, the form of its arguments, and what its result is like."""

    function: Callable[[], Any]
    instance: Callable[[], Any]
    form: Any
    tree: Any
    shapes: list[tuple[int, ...]]  # of the outputs, without the batch
    dtypes: list[torch.dtype]
    batched: bool
    parameters: list[int]  # of the instance, in its order

    @property
    def signature(self) -> str:
        """What compiled code relies on; kept with it, so that code in a cache is that of a graph like this one."""
        return repr((self.batched, self.shapes, self.dtypes))

    def call(self, tensors: Sequence[Tensor]) -> Any:
        args, kwargs, settings = _filled(self.form, tensors)
        return _called(self.function(), self.instance(), args, kwargs, settings)

    def check(self, tree: Any, outputs: Sequence[Tensor]) -> None:
        """A graph can hold results of one form only."""
        shapes = [tuple(out.shape[1:] if self.batched else out.shape) for out in outputs]
        if not (_alike(tree, self.tree) and shapes == self.shapes and [out.dtype for out in outputs] == self.dtypes):
            raise RelaxError(
                f"the result of `{self.function().__qualname__}` has not the form that it had when it was compiled",
                remedy="call torch.compiler.reset(), or leave this call out of the graph by torch.compiler.disable",
            )


@dataclass(frozen=True, eq=False)
class _Run:
    """What a gradient needs."""

    leaves: list[Tensor]
    outputs: list[Tensor]


_sites: dict[int, Site] = {}
_runs: dict[int, _Run] = {}
_numbers = itertools.count(1)


@torch._dynamo.assume_constant_result  # type: ignore[untyped-decorator]
def site(function: Any, instance: Any, form: Any, sizes: Any, wanted: Sequence[bool], *tensors: Tensor) -> Any:
    """When a call is traced: its number, the parameters of the instance that it uses, and the tree of its result.

    None, with the reason in the function's report, if it is to be called as it is.
    """
    if not hasattr(function, "_made") or state.call is not None:  # it is being made itself, or relaxed code runs
        return None
    plan = function.plan_of(instance)
    if boundary.engine_of(plan) == "eager":
        engine.note(plan, "under torch.compile, engine='eager'")
        return None
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        engine.note(plan, "under torch.compile, autocast is on")  # which is off again when the graph runs
        return None
    leaves = [tensor.detach().requires_grad_(want) for tensor, want in zip(tensors, wanted)]
    args, kwargs, settings = _filled(form, leaves)
    try:
        result = _called(function, instance, args, kwargs, settings, _only_recorded)
    except _LeftToTorchError:
        return None
    parts = _Parts(leaves)
    tree = parts.tree(result)
    batched = function._batch is True and not function._hard
    used = _parameters(parts.outputs, leaves, instance)
    if used is None:
        parts.why = "it uses a parameter that is neither an argument nor of its object"
    if parts.why is not None or used is None:
        engine.note(plan, f"under torch.compile, {parts.why}")
        return None
    here = Site(
        weakref.ref(function),
        _nothing if instance is None else weakref.ref(instance),
        form,
        tree,
        [tuple(part.shape[1:] if batched else part.shape) for part in parts.outputs],
        [part.dtype for part in parts.outputs],
        batched,
        used,
    )
    number = next(_numbers)
    _sites[number] = here
    weakref.finalize(function, _sites.pop, number, None).atexit = False
    return number, here.signature, tuple(used), tree


def _nothing() -> None:
    """In place of a reference to an object."""


def _called(
    function: Any, instance: Any, args: Any, kwargs: dict[str, Any], settings: dict[str, Any], run: Any = None
) -> Any:
    """The result of a call; ``run``: what is to be done where there is no program."""
    plan: Plan = function.plan_of(instance)
    plan = replace(plan, settings={**plan.settings, **checked(settings), "engine": "tape"})
    args = tuple(args) if instance is None else (instance, *args)
    return boundary.call(plan, args, kwargs) if run is None else boundary.call_by_engine(plan, args, kwargs, run)


def _only_recorded(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if state.recorder is None:
        raise _LeftToTorchError
    return boundary.call_eagerly(plan, args, kwargs)


def _filled(form: Any, tensors: Sequence[Tensor]) -> Any:
    """Arguments from their form."""
    kind = form[0]
    if kind == "tensor":
        return tensors[form[1]]
    if kind == "value":
        return form[1]
    if kind == "dict":
        return dict(zip(form[1], (_filled(item, tensors) for item in form[2:])))
    items = [_filled(item, tensors) for item in form[1:]]
    return items if kind == "list" else tuple(items)


class _Parts:
    """The tree of a result, and the tensors that are its outputs."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        self.given = {id(tensor): k for k, tensor in enumerate(given)}
        self.outputs: list[Tensor] = []
        self.known: dict[int, Any] = {}
        self.why: str | None = None

    def tree(self, value: Any) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return "value", value
        if isinstance(value, Tensor):
            place = self.given.get(id(value))
            if place is not None:
                return "given", place
            self.outputs.append(value)
            return "smooth" if value.requires_grad else "flat", len(self.outputs)
        if id(value) in self.known:
            self.why = "a list or dict occurs twice in its result"
        self.known[id(value)] = value
        if kind in (list, tuple):
            return "list" if kind is list else "tuple", *map(self.tree, value)
        if kind is dict:
            return "dict", tuple(value), *map(self.tree, value.values())
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            name = f"{kind.__name__}_{id(kind)}"
            setattr(Kinds, name, kind)
            return "named", name, *map(self.tree, value)
        self.why = f"its result holds a {kind.__name__}"
        return "value", None


def _parameters(outputs: Sequence[Tensor], leaves: Sequence[Tensor], instance: Any) -> list[int] | None:
    """The numbers of the instance's parameters on which the outputs depend; None if they depend on others."""
    own = list(instance.parameters()) if isinstance(instance, torch.nn.Module) else []
    numbers = {id(parameter): k for k, parameter in enumerate(own)}
    known = {id(leaf) for leaf in leaves}
    used: dict[int, None] = {}
    pending = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set(pending)
    while pending:
        node: Any = pending.pop()
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) not in known:
            if id(variable) not in numbers:
                return None
            used[numbers[id(variable)]] = None
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    return list(used)


def _autograd_on() -> Any:
    """Inside an operator autograd is left out; here a function with gradients of its own is called."""
    keys = torch._C._dispatch_tls_local_exclude_set()
    for name in ("AutogradFunctionality", "AutogradOther", "AutogradNestedTensor", "ADInplaceOrView"):
        keys = keys.remove(getattr(torch._C.DispatchKey, name))
    return torch._C._ForceDispatchKeyGuard(torch._C._dispatch_tls_local_include_set(), keys)


@torch.library.custom_op("relaxpy::call", mutates_args=())
def _call(number: int, signature: str, wanted: list[bool], tensors: list[Tensor]) -> list[Tensor]:
    """The token of the run, and its outputs."""
    here = _sites[number]
    count = len(tensors) - len(here.parameters)
    token = torch.tensor(0)
    with _autograd_on(), torch.set_grad_enabled(any(wanted)):
        leaves = [tensor.detach().requires_grad_(want) for tensor, want in zip(tensors[:count], wanted)]
        result = here.call(leaves)
        parts = _Parts(leaves)
        here.check(parts.tree(result), parts.outputs)
    if any(wanted):
        run = next(_numbers)
        token.fill_(run)
        own = list(here.instance().parameters()) if here.parameters else []
        _runs[run] = _Run([*leaves, *(own[k] for k in here.parameters)], parts.outputs)
        weakref.finalize(token.untyped_storage(), _runs.pop, run, None).atexit = False
    memory = {leaf.untyped_storage().data_ptr() for leaf in leaves}
    return [token, *[_own(out.detach(), memory) for out in parts.outputs]]


def _alike(one: Any, two: Any) -> bool:
    """Are trees of one form? Whether an output has a gradient may differ from run to run."""
    if not (isinstance(one, tuple) and isinstance(two, tuple)):
        return type(one) is type(two) and (one == two or one != one and two != two)
    kinds = one[:1], two[:1]
    if kinds in ((("smooth",), ("flat",)), (("flat",), ("smooth",))):
        return bool(one[1:] == two[1:])
    return len(one) == len(two) and all(map(_alike, one, two))


def _own(tensor: Tensor, memory: set[int]) -> Tensor:
    """Laid out as the compiler was told, in memory of its own."""
    laid = tensor.contiguous()
    if laid.untyped_storage().data_ptr() in memory:
        laid = laid.clone()
    memory.add(laid.untyped_storage().data_ptr())
    return laid


@_call.register_fake
def _(number: int, signature: str, wanted: list[bool], tensors: list[Tensor]) -> list[Tensor]:
    here = _sites[number]
    batch = (tensors[0].shape[0],) if here.batched else ()
    outputs = [tensors[0].new_empty((*batch, *s), dtype=d) for s, d in zip(here.shapes, here.dtypes)]
    return [torch.empty((), dtype=torch.int64), *outputs]


@torch.library.custom_op("relaxpy::gradients", mutates_args=())
def _gradients(
    token: Tensor, wanted: list[bool], tensors: list[Tensor], gradients: list[Tensor | None]
) -> list[Tensor]:
    run = _runs[int(token)]
    pairs = [(out, g) for out, g in zip(run.outputs, gradients) if out.requires_grad and g is not None]
    leaves = [leaf for leaf, want in zip(run.leaves, wanted) if want]
    with _autograd_on():
        found = torch.autograd.grad(
            [pair[0] for pair in pairs], leaves, [pair[1] for pair in pairs], retain_graph=True, allow_unused=True
        )
    memory = {tensor.untyped_storage().data_ptr() for tensor in (*tensors, *gradients) if tensor is not None}
    return [_own(torch.zeros_like(leaf) if g is None else g, memory) for leaf, g in zip(leaves, found)]


@_gradients.register_fake
def _(token: Tensor, wanted: list[bool], tensors: list[Tensor], gradients: list[Tensor | None]) -> list[Tensor]:
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t, want in zip(tensors, wanted) if want]


def _keep(ctx: Any, inputs: Any, output: list[Tensor]) -> None:
    _, _, ctx.wanted, tensors = inputs
    ctx.save_for_backward(output[0], *tensors)


def _backward(ctx: Any, gradients: list[Tensor | None]) -> Any:
    token, *tensors = ctx.saved_tensors
    found = iter(torch.ops.relaxpy.gradients(token, ctx.wanted, tensors, gradients[1:]))
    return None, None, None, [next(found) if want else None for want in ctx.wanted]


_call.register_autograd(_backward, setup_context=_keep)

"""Relaxed calls in code under torch.compile: one operator of the compiled graph, or a break of it.

What stands here is followed by the compiler. A call that can be recorded becomes the operator of relaxpy.engine.compiled, since
the form of its result is known when it is traced; any other ends the graph before it, and the graph goes on after it.
"""

from __future__ import annotations

from typing import Any

import torch

# What is needed of the compiler (tensors and objects that are given to `assume_constant_result`) came with this version.
IN_GRAPHS = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 13)
if IN_GRAPHS:
    from relaxpy.engine import compiled

_CONSTANTS = (bool, str, type(None))


def call(
    function: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], settings: dict[str, Any] | None = None
) -> Any:
    """A call of a `Relaxed`, with the object that it is bound to, if any, as its first argument, and settings of the call."""
    tensors: list[torch.Tensor] = []
    beta = function._settings.get("beta")
    if settings is None:
        settings = {"beta": beta} if isinstance(beta, torch.Tensor) else {}
    form = _form((list(args), kwargs, settings), tensors)
    if IN_GRAPHS and form is not None:
        grad = torch.is_grad_enabled()
        wanted = [grad and tensor.requires_grad for tensor in tensors]
        site = compiled.site(
            function, instance, form, [_size(function, tensor) for tensor in tensors], wanted, *tensors
        )
        if site is not None:
            number, signature, parameters, tree = site
            if parameters:
                own = list(instance.parameters())
                tensors = tensors + [own[k] for k in parameters]
                wanted = wanted + [True for _ in parameters]
            outputs = torch.ops.relaxpy.call(number, signature, wanted, tensors)
            return _built(tree, outputs, tensors)
    return call_as_it_is(function, instance, args, kwargs, settings)


def _size(function: Any, tensor: torch.Tensor) -> list[int]:
    """What a graph holds for: all sizes but that of the batch, where every tensor has that first."""
    sizes = tensor.shape[1:] if function._batch is True and not function._hard else tensor.shape
    return [_settled(size) for size in sizes]


def _settled(number: Any) -> Any:
    """A number that the graph holds for, where the compiler takes it for a variable: as a key it is settled."""
    (key,) = {number: None}
    return key


@torch.compiler.disable(reason="the relaxed call cannot be recorded; see its engine_report")  # type: ignore[no-untyped-call,untyped-decorator]
def call_as_it_is(
    function: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], settings: dict[str, Any]
) -> Any:
    """Call what the compiler shall not look into."""
    function = function.with_options(**settings) if settings else function
    return function(*args, **kwargs) if instance is None else function.__get__(instance)(*args, **kwargs)


def _form(value: Any, tensors: list[torch.Tensor]) -> Any:
    """Arguments with numbers in place of tensors, which are collected; None if there is something that no graph can hold."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        return ("tensor", len(tensors) - 1)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ("value", _settled(value))
    if isinstance(value, _CONSTANTS):
        return ("value", value)
    if type(value) in (list, tuple):
        items = [_form(item, tensors) for item in value]
        return None if None in items else ("list" if type(value) is list else "tuple", *items)
    if type(value) is dict:
        items = [_form(item, tensors) for item in value.values()]
        return None if None in items else ("dict", tuple(value.keys()), *items)
    return None


def _built(tree: Any, outputs: list[torch.Tensor], tensors: list[torch.Tensor]) -> Any:
    """A result from its tree."""
    kind = tree[0]
    if kind == "smooth":
        return outputs[tree[1]]
    if kind == "flat":
        return outputs[tree[1]].detach()
    if kind == "given":
        return tensors[tree[1]]
    if kind == "value":
        return tree[1]
    if kind == "dict":
        return {key: _built(item, outputs, tensors) for key, item in zip(tree[1], tree[2:])}
    if kind == "named":
        return getattr(compiled.Kinds, tree[1])(*[_built(item, outputs, tensors) for item in tree[2:]])
    items = [_built(item, outputs, tensors) for item in tree[1:]]
    return items if kind == "list" else tuple(items)

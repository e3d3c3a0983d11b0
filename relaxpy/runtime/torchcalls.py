"""torch functions and tensor methods on soft values.

User code is written for one sample: a function that works element by element is called on all lanes at once, any other goes
through torch.vmap over the lanes (SEMANTICS, section 2).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from relaxpy.errors import SoftValueError
from relaxpy.runtime import integers, ops, scopes, softcompare
from relaxpy.runtime.adopted import AdoptedTensor, looked_through
from relaxpy.runtime.arrays import SoftArray, beside_lanes, lane_axes, of_truths
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.soft import Soft
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth

softtorch: Any = LazyModule("relaxpy.runtime.softtorch")


def named(names: str) -> frozenset[Any]:
    """The functions of these names in torch, torch.nn.functional and Tensor."""
    found = [getattr(home, name, None) for name in names.split() for home in (torch, Tensor, torch.nn.functional)]
    return frozenset(function for function in found if callable(function))


# elementwise, and harmless at a harmless operand: finite stays finite
SMOOTH = named(
    "add sub rsub subtract mul multiply neg negative positive abs absolute sigmoid tanh relu sin cos atan arctan sinh_ "
    "softplus silu gelu elu leaky_relu hardtanh clamp clip minimum maximum where lerp addcmul erf square hypot atan2 "
    "logsigmoid detach clone contiguous __add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __neg__ __pos__ __abs__"
)
# elementwise, singular somewhere or quickly infinite
SINGULAR = named(
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal div divide true_divide pow float_power tan asin acos arcsin "
    "arccos sinh cosh asinh acosh atanh logit digamma lgamma xlogy erfinv addcdiv __truediv__ __rtruediv__ __rdiv__ __div__ "
    "__pow__ __rpow__ isnan isinf isfinite sgn sign nan_to_num mish"
)
ELEMENTWISE = SMOOTH | SINGULAR
COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    function: relaxed
    for names, relaxed in (
        ("gt greater __gt__", softcompare.greater),
        ("ge greater_equal __ge__", softcompare.greater_equal),
        ("lt less __lt__", softcompare.less),
        ("le less_equal __le__", softcompare.less_equal),
        ("eq __eq__", softcompare.equal),
        ("ne not_equal __ne__", softcompare.unequal),
    )
    for function in named(names)
}
# of integers only: an int in a tensor of no dimension and a soft integer stay integers
_OF_INTEGERS: dict[Any, Callable[[Any, Any], Any]] = {
    function: exact
    for names, exact in (
        ("add __add__ __radd__", operator.add),
        ("sub subtract __sub__", operator.sub),
        ("rsub __rsub__", lambda a, b: b - a),
        ("mul multiply __mul__ __rmul__", operator.mul),
        ("floor_divide __floordiv__", operator.floordiv),
    )
    for function in named(names)
}
_AS_LIST = {
    getattr(Tensor, name): name for name in ("__getitem__", "__setitem__", "__len__", "__iter__", "__reversed__")
}
_METADATA = frozenset(
    "dim ndim ndimension size numel nelement is_floating_point is_complex element_size get_device dtype device layout is_cuda "
    "requires_grad shape is_leaf is_sparse itemsize".split()
)
_REFUSED = frozenset(
    "item tolist numpy data backward grad data_ptr retain_grad register_hook __array__ storage".split()
)


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``function(*args, **kwargs)`` with soft values among the arguments."""
    name = _AS_LIST.get(function)
    if name is not None and isinstance(args[0], AdoptedTensor):
        return getattr(SoftArray, name)(args[0].relaxpy_array, *args[1:])
    if function in COMPARISONS and len(args) == 2:
        return COMPARISONS[function](*map(looked_through, args))
    exact = _OF_INTEGERS.get(function)
    if exact is not None and len(args) == 2 and not kwargs and all(map(integers.is_integer, args)):
        return exact(*map(integers.as_plain, args))
    relaxed = softtorch.RELAXED.get(function)
    if relaxed is not None:
        return relaxed(*map(looked_through, args), **kwargs)
    return plain_call(function, args, kwargs)


def plain_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """torch's own function on the lanes."""
    leaves, structure = pytree.tree_flatten((args, kwargs), is_leaf=lambda leaf: isinstance(leaf, Soft))
    leaves = [looked_through(leaf) for leaf in leaves]
    soft_places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, (SoftScalar, SoftArray))]
    tensors: list[Any] = [_lanes(leaves[k]) for k in soft_places]
    if function not in SMOOTH:
        tensors = list(scopes.guarded(*tensors))
    if state.lanes is not None and function in ELEMENTWISE:
        leaves = [beside_lanes(leaf) if isinstance(leaf, TENSORS) else leaf for leaf in leaves]
    recorder = state.recorder
    run = function if recorder is None else recorder.handler(function)

    def plain(*values: Tensor) -> Any:
        filled = list(leaves)
        for place, value in zip(soft_places, values):
            filled[place] = value
        plain_args, plain_kwargs = pytree.tree_unflatten(filled, structure)
        return run(*plain_args, **plain_kwargs)

    if state.lanes is None or function in ELEMENTWISE or not tensors:
        result = plain(*tensors)
    else:
        shared = [tensor.dim() == 0 for tensor in tensors]
        if all(shared):
            result = plain(*tensors)
            return pytree.tree_map(lambda leaf: wrap_result(leaf, function, 0), result)
        in_dims = tuple(None if s else -1 for s in shared)
        spread = [t if s else _spread(t) for t, s in zip(tensors, shared)]
        if recorder is None:
            result = torch.vmap(plain, in_dims=in_dims, out_dims=-1, randomness="different")(*spread)
        else:
            result = recorder.each_lane(plain, spread)
    return pytree.tree_map(lambda leaf: wrap_result(leaf, function, lane_axes()), result)


def _lanes(value: Any) -> Tensor:
    lanes: Tensor = value.tensor() if isinstance(value, SoftArray) else value.lanes
    return lanes


def _spread(tensor: Tensor) -> Tensor:
    """A value that all lanes share has a lane axis of size 1; vmap wants them all."""
    lanes = state.lanes
    if lanes is not None and tensor.shape[-1] != lanes:
        tensor = tensor.expand(*tensor.shape[:-1], lanes)
    return tensor


def wrap_result(value: Any, function: Callable[..., Any], axes: int) -> Any:
    """What torch gave, as a soft value; integers computed from soft values would cut the gradient, so they are refused."""
    if not isinstance(value, TENSORS):
        return value
    if value.is_floating_point():
        if value.dim() <= axes or value.dim() == 0:
            return SoftNumber(value, ops.all_finite(value))
        return SoftArray(value)
    if value.dtype == torch.bool:
        if not axes:
            return value
        p = value.to(torch.get_default_dtype())
        return SoftTruth(p) if value.dim() <= axes else of_truths(p)
    name = getattr(function, "__name__", repr(function))
    raise SoftValueError(
        f"torch's `{name}` of a soft value gives integers, which would cut the gradient silently",
        remedy="compare and index soft values in plain Python, or give it relaxpy.hard(x)",
    )


def attribute(value: Any, name: str) -> Any:
    """An attribute or method of Tensor, of a soft value."""
    found = getattr(Tensor, name, None)
    if found is None or name.startswith("__"):
        raise AttributeError(f"a {value.kind} has no attribute {name!r}")
    if name in _REFUSED or name.endswith("_") and callable(found):
        raise SoftValueError(
            f"`.{name}` is not possible on a {value.kind}",
            remedy="rebind the name instead of changing in place (`x = x + 1`)"
            if name.endswith("_")
            else "return the value from the relaxed function first, or use relaxpy.hard(x)",
        )
    if name in _METADATA:
        return getattr(_sample(value), name)
    if callable(found):
        return lambda *args, **kwargs: call(found, (value, *args), kwargs)
    return plain_call(lambda tensor: getattr(tensor, name), (value,), {})


def _sample(value: Any) -> Tensor:
    """One lane of a value, for questions about its form."""
    lanes = _lanes(value)
    if state.lanes is None or lanes.dim() == 0:
        return lanes
    return lanes[..., 0] if lanes.shape[-1] else lanes.new_empty(lanes.shape[:-1])

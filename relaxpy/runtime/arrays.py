"""Soft arrays: a list of rows for loads, stores and iteration, a tensor for arithmetic (SEMANTICS, section 2).

A soft array holds either one tensor of shape (n, ..., *lanes) or, from the first access to an element on, its rows apart:
a Python list of soft scalars or of soft arrays that are references. It is stacked when it leaves for code that wants a tensor.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.errors import RelaxError
from relaxpy.runtime import births, ops, scopes
from relaxpy.runtime.arraymethods import ArrayMethods
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.ops import Operand
from relaxpy.runtime.standins import TENSORS
from relaxpy.runtime.state import state
from relaxpy.runtime.values import SoftNumber, SoftScalar, SoftTruth

softcompare: Any = LazyModule("relaxpy.runtime.softcompare")
integers: Any = LazyModule("relaxpy.runtime.integers")
torchcalls: Any = LazyModule("relaxpy.runtime.torchcalls")
softindex: Any = LazyModule("relaxpy.runtime.softindex")
stacking: Any = LazyModule("relaxpy.runtime.stacking")
stores: Any = LazyModule("relaxpy.runtime.stores")
drawn: Any = LazyModule("relaxpy.runtime.drawn")

NUMBER, TRUTH, INTEGER = "number", "truth", "integer"


def lane_axes() -> int:
    return 0 if state.lanes is None else 1


class SoftArray(ArrayMethods):
    """A tensor of dimension >= 1; ``element`` says what its elements are: numbers, truths or (hard, per lane) integers.

    ``stored_as``: the dtype and device that it keeps when nothing but Python numbers is left in its rows.
    """

    __slots__ = ("_tensor", "_rows", "_given", "birth", "element", "stored_as", "origin", "_awaited")
    kind = "soft array"
    origin: Any  # of an expectation over rows: which rows (see drawn.py)
    _relaxpy_rows = True

    def __init__(
        self,
        tensor: Tensor | None = None,
        rows: list[Any] | None = None,
        element: str = NUMBER,
        stored_as: tuple[torch.dtype, torch.device] | None = None,
    ) -> None:
        self._tensor = tensor
        self._rows = rows
        self._given: tuple[Any, ...] | None = None  # the rows as they came apart
        self.element = element
        self.stored_as = stored_as if tensor is None else (tensor.dtype, tensor.device)
        self.origin = None
        self._awaited: list[Any] | None = None
        self.birth = births.here() if state.scopes else None

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return torchcalls.call(function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        return torchcalls.attribute(self, name)

    def born_with(self, other: SoftArray | None) -> SoftArray:
        """This array, which is as old as another one, or as old as the call."""
        self.birth = None if other is None else other.birth
        return self

    def rows(self) -> list[Any]:
        """The rows, apart from now on; changing the list changes the array."""
        if self._rows is None:
            assert self._tensor is not None
            tensor = self._tensor
            parts = tensor.unbind(0)
            if tensor.dim() - lane_axes() > 1:
                self._rows = [SoftArray(part, element=self.element).born_with(self) for part in parts]
            elif self.element == TRUTH:
                self._rows = [SoftTruth(part) for part in parts]
            elif self.element == INTEGER:
                dtype = torch.get_default_dtype()
                self._rows = [integers.from_lanes(part, dtype) for part in parts]
            else:
                finite = ops.all_finite(tensor)
                self._rows = [SoftNumber(part, finite) for part in parts]
            self._tensor, self._given = None, tuple(self._rows)
            if self._awaited is not None:
                self._awaited += self._rows
            if self.origin is not None:
                for place, row in enumerate(self._rows):
                    drawn.remember(row, drawn.Part(self.origin, place))
        return self._rows

    def tensor(self) -> Tensor:
        """All of it as one tensor, shape (n, ..., *lanes)."""
        if self._rows is None:
            assert self._tensor is not None
            return self._tensor
        certain: Tensor | None = integers.certain_lanes(self._rows) if self.element == INTEGER else None
        return stacking.stacked(self._rows, self.stored_as) if certain is None else certain

    def is_as_made(self) -> bool:
        """Does it hold what the tensor held of which it was made?"""
        if self._rows is None or self._given is None:
            return self._rows is None
        pairs = zip(self._rows, self._given)
        return len(self._rows) == len(self._given) and all(
            row is part and (type(row) is not SoftArray or row.is_as_made()) for row, part in pairs
        )

    def whole(self) -> Tensor | None:
        """The tensor, if the rows are not apart."""
        return self._tensor

    def rows_to_come(self) -> list[Any]:
        """The rows as they will be when they come apart: the list is filled then."""
        if self._awaited is None:
            self._awaited = []
        return self._awaited

    def copy(self) -> SoftArray:
        """A shallow copy: rows of rows are shared, as in a list's copy."""
        return self.of_rows(list(self.rows()))

    def of_rows(self, rows: list[Any]) -> SoftArray:
        """An array like this one, with other rows."""
        return SoftArray(rows=rows, element=self.element, stored_as=self.stored_as)

    @property
    def shape(self) -> torch.Size:
        shape = self.tensor().shape
        return shape if state.lanes is None else shape[:-1]

    def __len__(self) -> int:
        return len(self._rows) if self._rows is not None else self.tensor().shape[0]

    def __iter__(self) -> Iterator[Any]:
        position = 0
        while position < len(self):
            yield self.rows()[position]
            position += 1

    def __reversed__(self) -> Iterator[Any]:
        return iter(self.rows()[::-1])

    def __contains__(self, value: Any) -> Any:
        self._refuse("the right side of `in` outside rewritten code", "write it in a relaxed function")

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int:
            return (self.rows() if self._rows is None else self._rows)[index]
        return softindex.load(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        stores.store(value, self, index)

    def __delitem__(self, index: Any) -> None:
        raise RelaxError("rows of an array cannot be deleted", remedy="use a list: `xs = list(a)`")

    def __repr__(self) -> str:
        if self._rows is not None:
            return f"SoftArray({self._rows!r})"
        values, lanes = ops.concrete(self.tensor()), state.lanes
        if lanes is None:
            return f"SoftArray({values.tolist()!r:.60})"
        return f"SoftArray({lanes} lanes, the first: {values[..., 0].tolist()!r:.60})"

    def __copy__(self) -> SoftArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> SoftArray:
        return SoftArray(self.tensor(), element=self.element)

    def __add__(self, other: Any) -> Any:
        return array_arithmetic(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return array_arithmetic(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return array_arithmetic(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return array_arithmetic(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return array_arithmetic(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return array_arithmetic(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return array_arithmetic(operator.truediv, self, other, singular=True)

    def __rtruediv__(self, other: Any) -> Any:
        return array_arithmetic(operator.truediv, other, self, singular=True)

    def __pow__(self, other: Any) -> Any:
        return array_arithmetic(operator.pow, self, other, singular=not (isinstance(other, int) and other >= 0))

    def __rpow__(self, other: Any) -> Any:
        return array_arithmetic(operator.pow, other, self, singular=True)

    def __matmul__(self, other: Any) -> Any:
        return torchcalls.call(torch.matmul, (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return torchcalls.call(torch.matmul, (other, self), {})

    def __neg__(self) -> SoftArray:
        return SoftArray(-self.tensor())

    def __pos__(self) -> SoftArray:
        return SoftArray(+self.tensor())

    def __abs__(self) -> SoftArray:
        return SoftArray(abs(self.tensor()))


def is_array(value: Any) -> bool:
    return isinstance(value, SoftArray) or isinstance(value, TENSORS) and value.dim() > 0


def beside_lanes(tensor: Tensor) -> Tensor:
    """A plain tensor beside lanes: it has no lane axis, so an array gets one of size 1."""
    return tensor if tensor.dim() == 0 or state.lanes is None else tensor.unsqueeze(-1)


def constant_array(tensor: Tensor) -> SoftArray:
    """A plain tensor (no lanes) among soft values."""
    return SoftArray(tensor if state.lanes is None else tensor.unsqueeze(-1))


def of_element(tensor: Tensor, element: str) -> Any:
    """One element of an array, from its lanes."""
    return SoftArray(tensor.unsqueeze(0), element=element).rows()[0]


def of_truths(tensor: Tensor) -> SoftArray:
    return SoftArray(tensor, element=TRUTH)


def array_operand(value: Any) -> Operand | None:
    """What torch arithmetic takes for an array, a tensor or a scalar; None for anything else."""
    if isinstance(value, SoftArray):
        return value.tensor()
    if isinstance(value, SoftScalar):
        return value.lanes
    if isinstance(value, TENSORS):
        return beside_lanes(value)
    return value if isinstance(value, (int, float)) else None


def array_arithmetic(operation: Callable[[Any, Any], Any], a: Any, b: Any, singular: bool = False) -> Any:
    x, y = array_operand(a), array_operand(b)
    if x is None or y is None:
        return NotImplemented
    if singular and state.scopes:
        x, y = scopes.guarded(x, y)
    return SoftArray(operation(x, y))


def elementwise(a: Any, b: Any, comparison: Callable[[Operand, Operand], Tensor]) -> Any:
    """An array of truths."""
    x, y = array_operand(a), array_operand(b)
    if x is None or y is None:
        return NotImplemented
    return of_truths(comparison(x, y))


# `case [x, *rest]` takes it for what it behaves like: a list of its rows
Sequence.register(SoftArray)

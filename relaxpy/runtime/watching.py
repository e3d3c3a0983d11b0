"""Library code on a soft path: what it changes in all that can be reached from its arguments is found by comparison.

What the journal can undo is journalled. Other memory (tensors, numpy arrays, `array.array`, ctypes) is refused if it was changed
and was there before the path began.
"""

from __future__ import annotations

import functools
import io
from array import array
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any

from relaxpy.errors import SoftValueError
from relaxpy.runtime import advancing, births
from relaxpy.runtime.attributecontainers import HEAP_TYPE, AttributeContainer
from relaxpy.runtime.births import returned
from relaxpy.runtime.containers import CellContainer, Container, container
from relaxpy.runtime.marks import is_tensor
from relaxpy.runtime.soft import UNDEFINED, Soft
from relaxpy.runtime.state import state
from relaxpy.runtime.stores import changing, restructuring

_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None), range, slice, type, ModuleType, type(Ellipsis)})
_WITH_OWNERS = (BuiltinFunctionType, MethodType, MethodWrapperType)

# Functions of these packages look at the frame that calls them, for which no other may stand; they change no arguments.
_LOOK_AT_THEIR_CALLER = frozenset(
    "_warnings bdb debugpy enum inspect ipdb IPython logging pdb pudb pydevd pydevd_pycharm sys traceback typing warnings".split()
)
_MAKE_CLASSES = frozenset({"namedtuple", "make_dataclass"})  # which are of the module that calls


def watched(function: Any) -> Any:
    """Library code whose changes to what it is given are found by comparison."""
    return function if looks_at_its_caller(function) else functools.partial(_watch, function)


def looks_at_its_caller(function: Any) -> bool:
    module = (getattr(function, "__module__", None) or "").partition(".")[0]
    return module in _LOOK_AT_THEIR_CALLER or getattr(function, "__name__", "") in _MAKE_CLASSES


def _watch(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    owner = getattr(function, "__self__", None)
    given = (*args, *kwargs.values())
    advancing.check_given(function, owner, given)
    before = [_Seen(value) for value in _reachable((owner, *given))]
    try:
        result = returned(function(*args, **kwargs))
        if hasattr(result, "__next__") and any(seen.held(result) for seen in before):
            return result  # an iterator that was there before
        return advancing.noted(result, (owner, *args))
    finally:
        for seen in before:
            seen.compare()


class _Seen:
    """Something that may change, as it was before a call."""

    __slots__ = ("target", "old")

    def __init__(self, target: Any) -> None:
        self.target = target
        self.old = target.copy() if isinstance(target, Container) else memory_of(target)

    def held(self, value: Any) -> bool:
        """Was this value in it?"""
        if not isinstance(self.target, Container) or isinstance(self.old, bytearray):
            return False
        return any(each is value for each in (self.old.values() if isinstance(self.old, dict) else self.old))

    def compare(self) -> None:
        target, old = self.target, self.old
        if not isinstance(target, Container):
            if memory_of(target) != old:
                refuse_change(target)
        elif isinstance(target, (AttributeContainer, CellContainer)):
            _journal_cells(target, old)
        elif _differs(target, old):
            now = target.copy()
            target.fill(old)
            restructuring(target)
            target.fill(now)


def _journal_cells(holder: Container, old: Any) -> None:
    now = holder.copy()
    for cell in {**old, **now}:
        before, after = old.get(cell, UNDEFINED), now.get(cell, UNDEFINED)
        if before is not after:
            holder.put(cell, before)
            changing(holder, cell, after)
            holder.put(cell, after)


def _differs(holder: Container, old: Any) -> bool:
    content = holder.content()
    if len(content) != len(old):
        return True
    if isinstance(old, (set, bytearray)):
        return bool(content != old)
    pairs = zip(content.items(), old.items()) if isinstance(old, dict) else zip(enumerate(content), enumerate(old))
    return any(a[0] != b[0] or a[1] is not b[1] for a, b in pairs)


def _reachable(roots: Iterable[Any]) -> Iterator[Any]:
    """All that can change among these values and in what they hold: containers, and memory of other kinds."""
    pending = list(roots)
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if type(value) in _ATOMS or id(value) in seen or isinstance(value, (Soft, type)):
            continue
        seen.add(id(value))
        if isinstance(value, (tuple, frozenset)):
            pending += value
        elif isinstance(value, _WITH_OWNERS):
            pending.append(value.__self__)
        elif isinstance(value, FunctionType):
            for cell in value.__closure__ or ():
                holder = CellContainer(cell)
                yield holder
                pending.append(holder.get("cell_contents"))
        elif memory_of(value) is not None:
            yield value
        else:
            yield from _holders(value, pending)


def _holders(value: Any, pending: list[Any]) -> Iterator[Container]:
    holder = container(value)
    if holder is not None:
        yield holder
        content = holder.content()
        pending += content.values() if isinstance(content, dict) else content if isinstance(content, Iterable) else ()
    elif type(value) is functools.partial:
        pending += (value.func, value.args, value.keywords)
    if type(value).__flags__ & HEAP_TYPE:
        holder = AttributeContainer(value)
        yield holder
        pending += holder.content().values()


def memory_of(value: Any) -> Any:
    """What tells whether memory has changed that is neither a container nor an attribute; None for what has none."""
    if is_tensor(value):
        return None if value.is_inference() else value._version
    if isinstance(value, (io.StringIO, io.BytesIO)):
        return None if value.closed else (value.getvalue(), value.tell())
    if births.is_hash(value):
        return value.digest(1) if "shake" in value.name else value.digest()
    if not (isinstance(value, (array, memoryview)) or hasattr(type(value), "__array_interface__") or _is_ctypes(type(value))):
        return None
    try:
        return value.tobytes() if hasattr(value, "tobytes") else memoryview(value).tobytes()
    except (TypeError, ValueError, BufferError, NotImplementedError):
        return None


def _is_ctypes(kind: type) -> bool:
    return type(kind).__module__ == "_ctypes"


def refuse_change(target: Any) -> None:
    """Memory has changed, or is about to: an error, unless it was made on this very side."""
    birth = births.of_value(target)
    if birth is not None and state.scopes and birth.place is state.scopes[-1].place:
        return
    if is_tensor(target):
        raise SoftValueError(
            "a tensor was changed in place on a soft path, so that the other side would find it changed, too",
            remedy="assign the result instead (`a = a + x`, `a = torch.add(a, x)`), or store to elements: `a[i] = x`",
        )
    is_numpy = hasattr(type(target), "__array_interface__")
    noun = "a numpy array" if is_numpy else f"an object of type {type(target).__name__}"
    raise SoftValueError(
        f"{noun} was changed on a soft path, so that the other side would find it changed, too",
        remedy="use a list or a torch tensor, or make the condition hard with relaxpy.hard(...)",
    )

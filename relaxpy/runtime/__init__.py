"""What rewritten code calls, as ``_rt``. Importing it imports no torch: that comes with the first soft value."""

from __future__ import annotations

import builtins
from typing import Any

from relaxpy.runtime import ejected
from relaxpy.runtime.advancing import spent
from relaxpy.runtime.births import made
from relaxpy.runtime.callees import callee
from relaxpy.runtime.compare import eq, ge, gt, in_, le, lt, ne, not_in
from relaxpy.runtime.control import asserted, if_, if_eq, if_ge, if_gt, if_le, if_lt, if_ne
from relaxpy.runtime.expressions import (
    and_,
    chain_eq,
    chain_ge,
    chain_gt,
    chain_in,
    chain_is,
    chain_is_not,
    chain_le,
    chain_lt,
    chain_ne,
    chain_not_in,
    not_,
    or_,
    pick,
    tested,
)
from relaxpy.runtime.filters import filtered
from relaxpy.runtime.finishing import finally_
from relaxpy.runtime.frames import frame
from relaxpy.runtime.gate import enter, from_outside, in_pieces
from relaxpy.runtime.index import load, slice_
from relaxpy.runtime.inplace import (
    iadd,
    iand,
    ifloordiv,
    ilshift,
    imatmul,
    imod,
    imul,
    ior,
    ipow,
    irshift,
    isub,
    itruediv,
    ixor,
)
from relaxpy.runtime.installed import hooked
from relaxpy.runtime.literal import class_body, executed
from relaxpy.runtime.loops import for_, while_
from relaxpy.runtime.managing import suppressor, with_
from relaxpy.runtime.matching import all_of, any_of, captured, is_same, match_
from relaxpy.runtime.raising import raised
from relaxpy.runtime.ranges import range_
from relaxpy.runtime.scopes import live
from relaxpy.runtime.sides import on_side
from relaxpy.runtime.soft import SKIP, UNDEFINED, Soft
from relaxpy.runtime.state import paths, state
from relaxpy.runtime.stores import (
    delete,
    delete_attr,
    delete_cell,
    delete_global,
    maybe,
    store,
    store_attr,
    store_cell,
    store_global,
)
from relaxpy.runtime.suspending import suspending
from relaxpy.runtime.trying import try_
from relaxpy.runtime.walruses import bound, first
from relaxpy.runtime.wholes import whole


def visible(names: dict[str, Any]) -> dict[str, Any]:
    """`locals()` without the names that the rewriter made."""
    return {name: value for name, value in names.items() if not _is_made(name, value)}


def _is_made(name: str, value: Any) -> bool:
    if name.startswith("__relaxpy_") or getattr(value, "__name__", None) == __name__:
        return True
    # Objects of the runtime that users hold are soft values, and no module or object of the user's has these names.
    return name.startswith("_") and type(value).__module__.startswith(__name__) and not isinstance(value, Soft)

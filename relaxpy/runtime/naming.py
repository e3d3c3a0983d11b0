"""How the user's code names what an error is about: `values`, `self.rows`, `state['mode']`, rather than "a list"."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from relaxpy.errors import is_users
from relaxpy.runtime.containers import CellContainer, Container

__all__ = ["cell_text", "content_text", "user_frames"]


def cell_text(holder: Container, cell: Any) -> str:
    """A cell of a container, as the code that runs would write it."""
    if isinstance(holder, CellContainer):
        name = _cell_name(holder)
        return f"`{name}`" if name else holder.noun
    if any(frame.f_globals is holder.target for frame in user_frames()):
        return f"the global `{cell}`"
    name = _name(holder.target)
    return f"`{name}{holder.described(cell)}`" if name else f"{holder.noun}{holder.described(cell)}"


def content_text(holder: Container) -> str:
    """A container whose structure has changed."""
    name = _name(holder.target)
    changed = f"{'an' if holder.noun[0] in 'aeio' else 'a'} {holder.noun} changed on a soft path"
    return f"`{name}`, {changed}," if name else changed


def user_frames() -> Iterator[FrameType]:
    """The frames of the user's code, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_users(str(frame.f_globals.get("__name__", ""))):
            yield frame
        frame = frame.f_back


def _names(frame: FrameType) -> dict[str, Any]:
    """What a frame's code can name; the names that the rewriter made, which begin with an underscore, come last."""
    outside = {name: frame.f_globals[name] for name in frame.f_code.co_names if name in frame.f_globals}
    names = {**outside, **frame.f_locals}
    return dict(sorted(names.items(), key=lambda item: item[0].startswith("_")))


def _name(target: Any) -> str | None:
    """The innermost name of an object, or of what holds it."""
    for frame in user_frames():
        names = _names(frame)
        for name, value in names.items():
            if value is target:
                return name
        for name, value in names.items():
            part = _part(value, target)
            if part is not None:
                return name + part
    return None


def _part(value: Any, target: Any) -> str | None:
    if type(value) in (list, tuple):
        return next((f"[{place}]" for place, item in enumerate(value) if item is target), None)
    if type(value) is dict:
        return next((f"[{key!r}]" for key, item in value.items() if item is target), None)
    own = getattr(value, "__dict__", None)
    if type(own) is dict and not isinstance(value, type(sys)):
        return next((f".{key}" for key, item in own.items() if item is target), None)
    return None


def _cell_name(holder: CellContainer) -> str | None:
    """The variable of a closure: that of the innermost function that holds its value in a cell."""
    held = holder.get("cell_contents")
    for frame in user_frames():
        shared = {*frame.f_code.co_cellvars, *frame.f_code.co_freevars}
        for name, value in frame.f_locals.items():
            if name in shared and value is held:
                return name
    return None

"""Where a value that could not be blended would be asked by `is`, which no object can refuse.

``x is None`` stays Python's own in rewritten code. So where a name is left with a value that cannot be blended, the code that
will get it is looked through for such a test: then the error comes at once.
"""

from __future__ import annotations

import dis
from types import CodeType, FrameType
from typing import Any

from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.naming import user_frames

__all__ = ["is_asked"]

frame_objects: Any = LazyModule("relaxpy.runtime.frames")

# how jumps are called that test for None
_WORDS = ("IF_NONE", "IF_NOT_NONE")


def is_asked(name: str) -> bool:
    """Does the code that runs ask by `is` for a value: of this variable, or (no variable) of the expression that ends here?"""
    frames = list(user_frames())
    if not frames:
        return False
    if name.isidentifier():
        return _asks_for(frames[0].f_code, name)
    return _goes_to_a_test(frames[1:] if name == frame_objects.RESULT else frames)


def _goes_to_a_test(frames: list[FrameType]) -> bool:
    """Follow the value of the call that runs: to a test, a variable, or the caller."""
    for frame in frames:
        following = [each for each in _instructions(frame.f_code) if each.offset > frame.f_lasti][:2]
        if not following:
            return False
        first = following[0]
        if first.opname.startswith("STORE_"):
            return any(_asks_for(frame.f_code, name) for name in _names(first))
        if not first.opname.startswith("RETURN_"):
            return _is_test(first) or any(each.opname == "IS_OP" for each in following)
    return False


def _asks_for(code: CodeType, name: str) -> bool:
    instructions = _instructions(code)
    for place, each in enumerate(instructions):
        before = 1 if _is_test(each) else 6 if each.opname == "IS_OP" else 0
        if before and instructions[place - 1].argval == "UNDEFINED":
            continue  # the rewriter's own
        loads = instructions[max(place - before, 0) : place]
        if any(load.opname.startswith(("LOAD_", "STORE_FAST_LOAD")) and name in _names(load) for load in loads):
            return True
    return False


def _instructions(code: CodeType) -> list[dis.Instruction]:
    return [each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "NOP", "EXTENDED_ARG", "COPY")]


def _is_test(instruction: dis.Instruction) -> bool:
    return instruction.opname.endswith(_WORDS)


def _names(instruction: dis.Instruction) -> tuple[str, ...]:
    value = instruction.argval
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()

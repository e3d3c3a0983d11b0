"""What an exception says about the soft path that it was raised on (SEMANTICS, section 5).

    IndexError: list index out of range
    on a soft path of probability 0.69:
      File "program.py", line 12: `if x > 0:` holds
      File "program.py", line 14: `while y < 3.0:` in iteration 2

Python 3.10 knows no notes: there the same text is a `RelaxWarning`, so that neither the exception nor the text is changed or
lost (under ``-W error`` the warning is raised, with the exception as its context).
"""

from __future__ import annotations

import linecache
import sys
import warnings
from types import CodeType
from typing import Any

from relaxpy.errors import RelaxError, RelaxWarning, user_place
from relaxpy.runtime import scopes
from relaxpy.runtime.installed import is_in_rewritten
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.state import state

ops: Any = LazyModule("relaxpy.runtime.ops")

# of a long path (a recursion's) this many steps at either end are told
_SHOWN = 8


def explain(error: BaseException) -> None:
    """Say on which soft path an error arose, how probable it is and where it branched off; nothing on a hard path."""
    if isinstance(error, RelaxError):
        locate(error)
    if not state.scopes:
        return
    steps = [f'\n  File "{place[0]}", line {place[1]}: {text}' for place, text in map(_step, state.scopes) if text]
    if len(steps) > 2 * _SHOWN:
        steps[_SHOWN:-_SHOWN] = [f"\n  ... {len(steps) - 2 * _SHOWN} more ..."]
    note = f"on a soft path of probability {_probability(scopes.path_mass())}{':' if steps else ''}{''.join(steps)}"
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        warnings.warn(f"{type(error).__name__} {note}", RelaxWarning, stacklevel=4)


def locate(error: RelaxError) -> None:
    """An error of relaxpy's own that names no line yet gets the user's line."""
    if error.file is None:
        error.file, error.line = _line_of(error) or user_place() or (None, None)


def _line_of(error: BaseException) -> tuple[str, int] | None:
    """File and line in the innermost rewritten code that an error went through."""
    place, traceback = None, error.__traceback__
    while traceback is not None:
        if is_in_rewritten(traceback.tb_frame):
            place = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return place


def _step(scope: scopes.Scope) -> tuple[tuple[str, int], str]:
    where = scope.described()
    if not where or scope.site is None:
        return ("", 0), ""
    file, line = placed(*scope.site)
    return (file, line), f"`{linecache.getline(file, line).strip()}` {where}"


def placed(code: CodeType, instruction: int) -> tuple[str, int]:
    """File and line of an instruction of the user's code."""
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            line = number
    return code.co_filename, line


def _probability(mass: Any) -> str:
    mass = ops.value_of(mass)
    if isinstance(mass, (int, float)) or not mass.dim():
        return f"{ops.largest(mass):.3g}"
    return f"{-ops.largest(-mass):.3g} to {ops.largest(mass):.3g} in the {mass.numel()} lanes of the batch"

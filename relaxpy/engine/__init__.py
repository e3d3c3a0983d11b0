"""The tape engine: a relaxed call recorded once and run as one program of a small vector machine.

`call` is where the runtime comes in. A call that cannot be recorded, or whose program might be out of date, runs operation by
operation, as it would without the engine; `f.engine_report()` says why. The machine needs llvmlite (``relaxpy[fast]``);
without it programs run as groups of torch operations. Calls in half precision are computed in float32, and rounded at the end.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import forward_ad

if TYPE_CHECKING:
    from relaxpy.runtime.options import Options

__all__ = ["call", "declines", "note", "tries"]

_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None)})
_lock = threading.Lock()
_HAVE_NUMPY = importlib.util.find_spec("numpy") is not None


def tries(plan: Any, chosen: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """May there be a program for a call? Asked before every call: not if nothing can become soft, or all was in vain so far."""
    programs = plan.made.programs
    return not (chosen == "auto" and programs is not None and programs.rests()) and _holds_tensors([*args, *kwargs.values()])


def _holds_tensors(pending: list[Any]) -> bool:
    """Is there a floating-point tensor among values that may become soft, or in their lists, tuples and dicts?"""
    seen: set[int] = set()
    for value in pending:
        kind = type(value)
        if kind in _ATOMS:
            continue
        if isinstance(value, torch.Tensor):
            if value.is_floating_point():
                return True
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            items = value.values() if isinstance(value, dict) else value
            if not _ATOMS.issuperset(map(type, items)):
                pending.extend(items)
    return False


def call(plan: Any, options: Options, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
    """Call a relaxed function by a recorded program, or by ``run(plan, args, kwargs)``."""
    programs = plan.made.programs
    if programs is None:
        programs = _new_programs(plan.made)
    why = _why_not_now(options)
    if why is not None:
        programs.note(why)
        return run(plan, args, kwargs)
    from relaxpy.engine.programs import call as call_program

    return call_program(programs, plan, options, args, kwargs, run)


def declines(plan: Any, options: Options) -> bool:
    """Is a call left to the eager path whatever its arguments are? It is counted by its reason."""
    programs = plan.made.programs
    if options.engine == "auto" and programs is not None and programs.rests():
        return True
    why = _why_not_now(options)
    if why is not None:
        note(plan, why)
    return why is not None


def note(plan: Any, why: str) -> None:
    """A call runs operation by operation."""
    (plan.made.programs or _new_programs(plan.made)).note(why)


def _new_programs(made: Any) -> Any:
    with _lock:
        if made.programs is None:
            from relaxpy.engine import compositions, filling, functions, reductions, shapes  # noqa: F401 (they list what is recorded)
            from relaxpy.engine.programs import Programs

            made.programs = Programs()
        return made.programs


def _why_not_now(options: Options) -> str | None:
    """Circumstances in which torch must see every operation."""
    if not _HAVE_NUMPY:
        return "numpy is not installed (pip install numpy)"
    if options.mode != "soft" or options.estimator != "merged":
        return f"mode={options.mode!r}, estimator={options.estimator!r}"
    if torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0:
        return "a transformation of torch.func, or forward differentiation, is at work"
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        return "a torch mode looks at every operation"
    if torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
        # of torch.utils.checkpoint, for example, which wants the same tensors to be saved when it calls once more
        return "hooks are told of every tensor that is saved for the backward pass"
    if torch.is_anomaly_enabled():
        return "autograd's anomaly detection is on"
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace is at work"
    if options.engine == "auto" and sys.gettrace() is not None:
        return "a debugger or tracer follows the code"
    return None

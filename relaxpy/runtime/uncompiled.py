"""Functions of relaxed modules under torch.compile: called as they are."""

from __future__ import annotations

import gc
import sys
from types import FunctionType
from typing import Any

import torch

from relaxpy.codes import codes


@torch._dynamo.assume_constant_result  # type: ignore[untyped-decorator]
def leave_alone(module: str) -> bool:
    """When the compiler has met a gate: from now on it does not look into the functions of its module."""
    kinds: Any = torch._dynamo.types
    skip = kinds.FrameExecStrategy(kinds.FrameAction.SKIP, kinds.FrameAction.SKIP)
    namespace = getattr(sys.modules.get(module), "__dict__", None)
    for value in gc.get_objects():
        if type(value) is FunctionType and value.__globals__ is namespace:
            for code in codes(value.__code__):
                torch._C._dynamo.eval_frame.set_code_exec_strategy(code, skip)
    return True

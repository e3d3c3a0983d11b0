"""Relaxed calls in code under torch.compile: the compiled graph ends before them and goes on after them.

What a relaxed call does depends on values (which paths matter, when a loop ends), so its operations are no graph of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


@torch.compiler.disable(reason="a relaxed call runs operation by operation")  # type: ignore[no-untyped-call,untyped-decorator]
def call_as_it_is(call: Callable[..., Any], *args: Any) -> Any:
    """Call what the compiler shall not look into."""
    return call(*args)

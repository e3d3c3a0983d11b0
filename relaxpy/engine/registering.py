"""The torch functions that can be recorded, by the names that they have in torch, torch.Tensor and torch.nn.functional.

What is not registered is refused, and the call is left to the eager path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.recorded import Recorded, functions

Handler = Callable[..., Any]


def registered(names: str) -> Callable[[Handler], Handler]:
    """Register a handler for torch functions, and as methods of recorded tensors."""

    def register(handler: Handler) -> Handler:
        for name in names.split():
            for home in (torch, Tensor, torch.nn.functional, torch.special, torch.linalg):
                function = getattr(home, name, None)
                if callable(function):
                    functions[function] = handler
            if hasattr(Tensor, name):
                setattr(Recorded, name, handler)
        return handler

    return register

"""Which lanes are looked at while a program is recorded, where all are too many."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from relaxpy.engine.executor import executor
from relaxpy.engine.instructions import CHECK, CODES, WORDS
from relaxpy.engine.tape import Tape

MOST_UNLIKE = 1024


def lanes_unlike(tape: Tape, sample: Tensor, lanes: Tensor, uniform: Tensor | None, dtype: torch.dtype) -> Tensor:
    """The sample, and for each check that fails a lane in which it does, from inputs as `Executor.forward` takes them."""
    code = np.array(tape.code, np.int32).reshape(-1, WORDS)
    rows = code[code[:, 0] == CODES[CHECK], 1].tolist()
    truths, _ = executor(tape, rows, dtype, lanes.device).forward(lanes, uniform)
    fails = truths == 0
    unlike = torch.unique(fails.to(torch.uint8).argmax(1)[fails.any(1)]).cpu()
    chosen: Tensor = torch.unique(torch.cat([sample, unlike[:MOST_UNLIKE]]))
    return chosen

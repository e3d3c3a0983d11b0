"""Every piece of Python in the README runs, in order, and does what the comments beside it say."""

from __future__ import annotations

import linecache
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

README = Path(__file__).parents[1] / "README.rst"
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", re.MULTILINE)


def run(text: str, number: int, names: dict[str, Any]) -> None:
    """As a file that has a source, which relaxed functions need."""
    name = f"<README, block {number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), names)


def test_every_block_runs() -> None:
    blocks = [dedent(block) for block in BLOCK.findall(README.read_text())]
    assert len(blocks) >= 5
    names: dict[str, Any] = {"__name__": "readme"}
    for number, block in enumerate(blocks):
        run(block, number, names)
    assert names["bubble_sort"]([3.0, 1.0, 2.0]) == [1.0, 2.0, 3.0]
    assert names["scores"].grad is not None
    assert names["layer"].log_beta.grad is not None
    assert names["beta"].value > 1.0
    assert names["hamming"]("karolin", "kathrin") == 3
    kinds = {site.kind for site in names["first_above"].sites}
    assert {"if", "compare", "return"} <= kinds


def test_every_name_of_a_distribution_and_t_norm_is_there() -> None:
    from relaxpy.runtime.distributions import DISTRIBUTIONS
    from relaxpy.runtime.tnorms import _NAMED

    text = README.read_text()
    assert all(name in text for name in (*DISTRIBUTIONS, *_NAMED))

"""What `f.engine_report()` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from relaxpy.engine import objectcode

_FASTER = "; pip install relaxpy[fast] for a faster way"


@dataclass(frozen=True)
class EngineReport:
    """How the calls of a function ran.

    ``recorded``: programs that were recorded; ``runs``: calls that ran one; ``eager``: calls that ran operation by operation,
    by reason; ``executor``: what programs are run by, "llvmlite" or "torch". Printed, it is a short text.
    """

    recorded: int = 0
    runs: int = 0
    eager: Mapping[str, int] = field(default_factory=dict)
    executor: str = ""

    @classmethod
    def of(cls, programs: Any) -> EngineReport:
        if programs is None:
            return cls()
        with programs.lock:
            return cls(programs.recordings, programs.runs, dict(programs.reasons), programs.executor)

    def __str__(self) -> str:
        if not self.recorded and not self.eager:
            return "no program was recorded"
        recorded = "1 program was" if self.recorded == 1 else f"{self.recorded} programs were"
        lines = [f"{recorded} recorded; {_calls(self.runs)} ran one"]
        if self.executor == "torch":
            lines.append("they run as groups of torch operations" + ("" if objectcode.available() else _FASTER))
        lines += [f"{_calls(count)} ran operation by operation: {why}" for why, count in self.eager.items()]
        return "\n".join(lines)


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"

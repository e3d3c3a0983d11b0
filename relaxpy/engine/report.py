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
        lines = [f"{self.recorded} programs were recorded; {self.runs} calls ran one"]
        if self.executor == "torch":
            lines.append("they run as groups of torch operations" + ("" if objectcode.available() else _FASTER))
        lines += [f"{count} calls ran operation by operation: {why}" for why, count in self.eager.items()]
        return "\n".join(lines)

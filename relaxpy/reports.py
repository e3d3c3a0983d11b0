"""`engine_report`: how the calls of a relaxed function have run, with or without a decorator."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from relaxpy.bound import BoundRelaxed
from relaxpy.errors import RelaxError
from relaxpy.relaxed import Relaxed
from relaxpy.runtime.installed import rewritten_with_module
from relaxpy.runtime.recordable import recordable_of

if TYPE_CHECKING:
    from relaxpy.engine.report import EngineReport

__all__ = ["engine_report"]


def engine_report(function: Callable[..., Any]) -> EngineReport:
    """How calls of a relaxed function have run: by recorded programs, or operation by operation and why.

        relaxpy.install("research.algos")
        from research.algos import shortest_path
        shortest_path(costs)
        print(relaxpy.engine_report(shortest_path))

    Functions that are made from one definition share a report. That of a decorated function is ``f.engine_report()``, too.
    """
    from relaxpy.engine.report import EngineReport

    found: Any = function
    while found is not None:
        if isinstance(found, (Relaxed, BoundRelaxed)):
            report: EngineReport = found.engine_report()
            return report
        if isinstance(found, FunctionType) and rewritten_with_module(found):
            recordable = recordable_of(found)
            return EngineReport.of(None if recordable is None else recordable.programs)
        found = found.__func__ if isinstance(found, MethodType) else getattr(found, "__wrapped__", None)
    raise RelaxError(
        f"{function!r} is not a relaxed function, so there is no report of its calls",
        remedy="decorate it with @relax, or name its module in relaxpy.install before it is imported",
    )

"""Plain Python algorithms, made differentiable.

>>> from relaxpy import relax
>>> @relax
... def clip(x, low, high):
...     if x < low:
...         return low
...     if x > high:
...         return high
...     return x
>>> clip(5.0, 0.0, 1.0)
1.0

On plain values a relaxed function does what the original does; on tensors that need a gradient it gives the expectation
of the program when every comparison is perturbed a little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relaxpy import schedules
    from relaxpy.decorator import relax
    from relaxpy.errors import BlendError, RelaxError, RelaxIndexError, RelaxSyntaxError, RelaxWarning, SoftValueError
    from relaxpy.importhook import install
    from relaxpy.module import RelaxedModule
    from relaxpy.relaxed import Relaxed
    from relaxpy.reports import engine_report
    from relaxpy.runtime.distributions import Distribution, Symmetric
    from relaxpy.runtime.marks import categorical, hard, probabilities, soft, truth
    from relaxpy.runtime.options import Options, options
    from relaxpy.runtime.tnorms import TNorm
    from relaxpy.schedules import Schedule

__all__ = [
    "BlendError",
    "Distribution",
    "Options",
    "RelaxError",
    "RelaxIndexError",
    "RelaxSyntaxError",
    "RelaxWarning",
    "Relaxed",
    "RelaxedModule",
    "Schedule",
    "SoftValueError",
    "Symmetric",
    "TNorm",
    "__version__",
    "categorical",
    "engine_report",
    "hard",
    "install",
    "options",
    "probabilities",
    "relax",
    "schedules",
    "soft",
    "truth",
]

__version__ = "0.1.0"

# Imported when first asked for, so that `import relaxpy` costs next to nothing.
_HOMES = {
    "relaxpy.decorator": ("relax",),
    "relaxpy.errors": (
        "BlendError",
        "RelaxError",
        "RelaxIndexError",
        "RelaxSyntaxError",
        "RelaxWarning",
        "SoftValueError",
    ),
    "relaxpy.importhook": ("install",),
    "relaxpy.module": ("RelaxedModule",),
    "relaxpy.notebook": ("load_ipython_extension", "unload_ipython_extension"),
    "relaxpy.relaxed": ("Relaxed",),
    "relaxpy.reports": ("engine_report",),
    "relaxpy.runtime.distributions": ("Distribution", "Symmetric"),
    "relaxpy.runtime.marks": ("categorical", "hard", "probabilities", "soft", "truth"),
    "relaxpy.runtime.options": ("Options", "options"),
    "relaxpy.runtime.tnorms": ("TNorm",),
    "relaxpy.schedules": ("Schedule",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


_SUBMODULES = frozenset({"schedules"})


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

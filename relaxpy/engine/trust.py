"""Which code of libraries is trusted to depend on nothing but its arguments, and to change nothing else."""

from __future__ import annotations

# Modules whose functions depend on their arguments alone, but for the names below.
PURE = frozenset(
    "builtins math cmath operator _operator itertools functools _functools collections _collections heapq _heapq bisect _bisect "
    "copy copyreg dataclasses enum typing typing_extensions string fractions numbers abc _abc contextlib types torch numpy "
    "relaxpy __future__".split()
)
IMPURE_BUILTINS = frozenset(
    "print input open eval exec globals locals vars dir id compile __import__ breakpoint help exit quit".split()
)
# Names in torch and numpy that draw random numbers, switch modes, or reach outside.
IMPURE_NAMES = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like bernoulli multinomial normal poisson dropout alpha_dropout "
    "feature_dropout rrelu seed manual_seed initial_seed random default_rng choice shuffle Generator no_grad enable_grad "
    "inference_mode set_grad_enabled autocast save load savetxt loadtxt fromfile memmap compile jit cuda distributed backward "
    "set_default_dtype set_default_device use_deterministic_algorithms gumbel_softmax empty empty_like new_empty".split()
)
IMPURE_METHODS = frozenset(
    "bernoulli_ random_ normal_ uniform_ exponential_ geometric_ log_normal_ cauchy_ requires_grad_ backward retain_grad "
    "register_hook share_memory_".split()
)


def is_pure(module: str | None) -> bool:
    """Is a module trusted? relaxpy's own algorithms are ordinary user code."""
    name = module or ""
    if name.startswith(("relaxpy.algorithms", "relaxpy.experiments")):
        return False
    return name.partition(".")[0] in PURE

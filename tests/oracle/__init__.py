"""An oracle for relaxed programs that shares nothing with the library under test.

    >>> import torch
    >>> def step(x):
    ...     y = 0.0
    ...     if x > 1.0:
    ...         y = x * 2.0
    ...     return y
    >>> expectation(step, [torch.tensor([1.0, 3.0])], beta=1.0).leaves["result"]
    tensor([1.0000, 5.2848])

It calls the *undecorated* function on values whose ``bool()`` draws the decision. Every path is run once, and the
results are summed by the probability of their path. A truth is drawn where it is tested, anew for each test. Paths
never merge here, so the oracle is the exact expectation, while a relaxed program merges its paths after each block. The
two agree, in value and in gradient, for programs in which merging loses nothing:

1. **Conditions read inputs only.** The probability of a decision is a function of values which no decision has touched:
   arguments that are never stored to, constants, and counters which at a given test have the same value on every path
   that reaches it (as the counter of a ``while`` which its first statement increments).
2. **Updates are affine** in what decisions have touched, with coefficients that no decision has touched:
   ``t = x * s[0] + y`` is, ``t * s[0]`` is not, since the expectation of a product is not the product of expectations.
3. **No decision chooses between objects that are changed later.** A name bound to one list on one side and to another
   on the other side is, after the block, an alias of neither.
4. **A soft integer is independent of what it meets.** As an index it reads containers that no decision has touched, and
   stores once into such a container a value that no decision has touched. Where it is compared, both sides of the block
   do the same to what decisions have touched, apart from adding untouched terms (``if k >= 2: t += 1.0``), and do not
   leave the block.
5. **A truth made by** ``not``, ``and``, ``or`` **or a chain**, used as a value, is tested at most once: those operators
   draw, so on one path it is settled. A truth made by a comparison may be tested any number of times; each test draws
   anew, there and here.
"""

from __future__ import annotations

from tests.oracle.leaves import flatten
from tests.oracle.paths import Expectation, PathBudgetExceeded, expectation
from tests.oracle.values import Integer, Number, Truth

__all__ = ["Expectation", "Integer", "Number", "PathBudgetExceeded", "Truth", "expectation", "flatten"]

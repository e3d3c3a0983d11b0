"""Every construct that is refused says what it is, shows the user's line, and says what to write instead."""

from __future__ import annotations

import linecache
import math
from typing import Any

import numpy as np
import pytest
import torch

import relaxpy
from relaxpy import RelaxError, install, relax
from tests.laws.support import array, number

# The head of a function of a soft number x = 0.4, a soft array a = (1, 2) and a soft matrix m; ``line`` is refused in it.
_SOURCE = """\
def store(table, x):
    if x > 0:
        table['a'] = 1.0


def program(x, a, m):
    k, zeros = 1 if x > 0 else 3, np.zeros(2)
    {line}
"""
ROUND = "round it first: int(x), round(x)"
NORMALISE = "normalise them first: torch.softmax(scores, -1), torch.sigmoid(score)"
REFUSED: list[tuple[str, str, str]] = [
    # indices and stores
    ("x[k]", "a soft number has no elements", "index an array or a list"),
    (
        "a[a > 0]",
        "an array was indexed by a mask of soft truths, which would select a soft number of elements",
        "write torch.where(mask, a, other), or a loop with a plain `if`",
    ),
    (
        "m[0:1, a]",
        "an array of soft indices cannot be mixed with other indices in one subscript",
        "index one axis after the other: a[i][xs]",
    ),
    ("m[0] = 1.0", "a number was stored where a row of an array was", "store to its elements: a[i][j] = x"),
    ("a[None, 0] = 1.0", "a store with None in its index", "leave it out: it names no axis"),
    (
        "a['0'] = 1.0",
        "a soft array cannot be stored to by '0'",
        "use ints, slices, lists of ints or soft indices; for a mask torch.where(mask, new, a)",
    ),
    ("'abcd'[k] = x", "a str cannot be stored to by a soft index", "use a list, dict or tensor"),
    (
        "b = 1.0 * a; b[0] = 'text'; b + 1",
        "an array holds 'text', which is no number, so it cannot become a tensor",
        "use a list for such values",
    ),
    ("del a[0]", "rows of an array cannot be deleted", "use a list: `xs = list(a)`"),
    ("del [1, 2, 3, 4][k]", "an element cannot be deleted by a soft integer", "use relaxpy.hard(...)"),
    (
        "rows = [[1.0], [2.0], [3.0], [4.0]]; rows[k].append(x)",
        "a list that was chosen by a soft index cannot grow, shrink or be reordered",
        "store to its elements, or loop over the positions and test them",
    ),
    (
        "table = {}; store(table, x); list(table)",
        "the key 'a' exists with a probability of 0.982 only, since it was stored under a soft condition; "
        "so what there is in all is not certain",
        "store something before the condition or on its other side, too; "
        "one may ask for the key itself: `d[k]`, `d.get(k, default)`, `k in d`",
    ),
    (
        "b = 1.0 * m; b[0] = torch.zeros(3); b + 1",
        "rows of different shapes [(2,), (3,)] do not make a tensor",
        "keep them in a list",
    ),
    (
        "y = CAPTURED; y += x",
        "a tensor that was made outside the relaxed call cannot be changed in place on a soft path or by a soft value",
        "rebind the name: `x = x + v`",
    ),
    (
        "if x > 0: zeros += 1.0",
        "a numpy array cannot be changed in place on a soft path",
        "rebind the name (`x = x + v`), or use a list",
    ),
    # what makes soft values
    ("relaxpy.soft('text')", "relaxpy.soft takes tensors and numbers, not 'text'", "give it a tensor or a float"),
    ("relaxpy.truth('yes')", "relaxpy.truth takes probabilities, not 'yes'", "give it a number or a tensor"),
    (
        "relaxpy.truth(torch.tensor(1.5))",
        "the probabilities given to relaxpy.truth hold 1.5, which is not between 0 and 1",
        NORMALISE,
    ),
    (
        "relaxpy.categorical(0.5)",
        "relaxpy.categorical takes an array of probabilities, not 0.5",
        "give it a tensor of shape (C,), or (n, C) for a sequence of n",
    ),
    (
        "relaxpy.categorical(torch.zeros(0))",
        "relaxpy.categorical was given no probabilities",
        "give it at least one category",
    ),
    (
        "relaxpy.categorical(torch.tensor([0.5, 0.7]))",
        "the probabilities given to relaxpy.categorical sum to 1.2, not to 1",
        NORMALISE,
    ),
    (
        "relaxpy.probabilities(x, 3)",
        "relaxpy.probabilities takes an integer or a truth, and a soft number has no distribution over integers",
        ROUND,
    ),
    ("relaxpy.probabilities(5, 3)", "5 is not among 0, ..., 2", "give a larger n"),
    (
        "relaxpy.probabilities(k, 2)",
        "a soft integer is outside 0, ..., 1 with probability 0.018",
        "give a larger n, or shift the integer first",
    ),
    # builtins
    ("range(0, 5, k)", "the step of a range is soft", "write the loop as a `while`"),
    (
        "list(range(k))",
        "a soft range was used as an iterable whose length would be soft, which would decide silently",
        "loop over it with a plain `for` in a relaxed function",
    ),
    ("pow(x, 2, 3)", "`pow` with a modulus of soft numbers", "write `x ** y % m`"),
    ("max(m)", "`min` or `max` of the rows of an array", "take it of each row, or of `a.flatten()`"),
    ("math.gcd(x, 2)", "math.gcd of a soft number", ROUND),
    ("math.frexp(x)", "math.frexp of a soft value", "use math.log2, or relaxpy.hard(x)"),
    (
        "if x > 0: raise StopIteration",
        "`StopIteration` was raised under a soft condition",
        "make the condition hard, or write the iteration as a `for` over a range in relaxed code",
    ),
    # torch and numpy
    (
        "torch.bucketize(a, a)",
        "torch's `bucketize` of a soft value has no relaxation",
        "write a loop that counts the boundaries below x",
    ),
    (
        "torch.unique(a)",
        "torch's `unique` of a soft value has no relaxation",
        "write a loop over the elements with plain comparisons",
    ),
    (
        "torch.where(a > 0)",
        "torch's `where` of a soft condition alone gives positions, whose number would be soft",
        "write torch.where(condition, a, b), or a loop over the elements",
    ),
    (
        "a.add_(1.0)",
        "`.add_` is not possible on a soft array",
        "rebind the name instead of changing in place (`x = x + 1`)",
    ),
    (
        "a.numpy()",
        "`.numpy` is not possible on a soft array",
        "return the value from the relaxed function first, or use relaxpy.hard(x)",
    ),
    (
        "np.unique(a)",
        "numpy's `unique` of a soft value, which torch cannot do for it",
        "use the torch function, plain Python, or relaxpy.hard(x)",
    ),
    (
        "zeros += x",
        "numpy's `add(..., out=)` of a soft value, which torch cannot do for it",
        "use the torch function, plain Python, or relaxpy.hard(x)",
    ),
]


@pytest.mark.parametrize(("line", "text", "remedy"), REFUSED, ids=[line for line, *_ in REFUSED])
def test_the_whole_message(line: str, text: str, remedy: str) -> None:
    source, name = _SOURCE.format(line=line), f"<refused {line}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"np": np, "math": math, "torch": torch, "relaxpy": relaxpy, "CAPTURED": torch.zeros(2)}
    exec(compile(source, name, "exec"), scope)
    with pytest.raises(RelaxError) as caught:
        relax(scope["program"])(number(0.4), array(1.0, 2.0), array([1.0, 2.0], [3.0, 4.0]))
    assert str(caught.value) == f'{text}\n  File "{name}", line 8\n    {line}\n  remedy: {remedy}'


def test_what_is_hard_in_a_batch() -> None:
    def program(x: Any) -> Any:
        return relaxpy.hard(x + 1.0)

    with pytest.raises(RelaxError) as caught:
        relax(program, batch=True)(array(1.0, 2.0))
    assert str(caught.value) == (
        "relaxpy.hard(x) inside a batched call would be one plain value for all lanes\n"
        f'  File "{__file__}", line {program.__code__.co_firstlineno + 1}\n    return relaxpy.hard(x + 1.0)\n'
        "  remedy: mark the argument as hard, or use with relaxpy.options(mode='hard')"
    )


def test_a_batch_inside_a_call_that_has_none() -> None:
    def inner(x: Any) -> Any:
        return x

    rows = relax(inner, batch=True)

    def program(x: Any) -> Any:
        return rows(x)

    with pytest.raises(RelaxError) as caught:
        relax(program)(array(1.0, 2.0))
    assert str(caught.value) == (
        f"`{inner.__qualname__}` with batch=True was called from inside a relaxed call that has no batch\n"
        f'  File "{__file__}", line {program.__code__.co_firstlineno + 1}\n    return rows(x)\n'
        "  remedy: loop over the samples, or give batch to the outermost call"
    )


def test_a_yield_under_a_soft_condition() -> None:
    def program(x: Any) -> Any:
        if x > 0:
            yield x

    with pytest.raises(RelaxError) as caught:
        list(relax(program)(number(0.4)))
    assert str(caught.value) == (
        "a `yield` or `await` under a soft condition: the other paths would have to wait, too\n"
        f'  File "{__file__}", line {program.__code__.co_firstlineno + 2}\n    yield x\n'
        "  remedy: make the condition hard, or collect the values in a list of fixed length and return it"
    )


MODULES: list[tuple[tuple[Any, ...], str]] = [
    ((), "install was given no module\n  remedy: name one: relaxpy.install('package.module')"),
    ((3,), "install takes names of modules, not 3"),
    ((math,), f"install takes names of modules, not {math!r}\n  remedy: give its name, before it is imported"),
    (("./algos.py",), "install takes names of modules, not files such as './algos.py'\n  remedy: write 'algos'"),
    (("two words",), "'two words' is no name of a module\n  remedy: write names such as 'package.module'"),
]


@pytest.mark.parametrize(("names", "text"), MODULES, ids=[repr(names) for names, _ in MODULES])
def test_names_of_modules(names: tuple[Any, ...], text: str) -> None:
    with pytest.raises(RelaxError) as caught:
        install(*names)
    assert str(caught.value) == text

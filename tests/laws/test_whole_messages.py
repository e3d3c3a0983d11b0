"""What is said of calls as a whole, estimators, checkpoints, regions of options and modules: every word of it."""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import RelaxError, relax, schedules
from relaxpy.errors import RelaxSyntaxError
from relaxpy.hooked import opted_out
from relaxpy.source import function_source
from tests.laws.support import array, number

X = number(0.4)


def step(x: Any) -> Any:
    return 1.0 if x > 0 else 2.0


def two_steps(x: Any) -> Any:
    return step(x) + step(x - 1.0)


def pieces(x: Any) -> Iterator[Any]:
    yield step(x)


def sums(xs: Any, x: Any) -> Any:
    return sum(xs) + step(x)


CAPTURED = torch.tensor(0.3, requires_grad=True)


def captured(n: int) -> Any:
    return 1.0 if n * CAPTURED > 0 else 2.0


OWN = random.Random(0)


def random_step(x: Any) -> Any:
    level = OWN.random()
    return (1.0 if x > level else 0.0) + (1.0 if x > 0.5 else 0.0)


def region(x: Any) -> Any:
    with relaxpy.options(estimator="exact"):
        return step(x)


def checkpointed_region(x: Any) -> Any:
    with relaxpy.options(checkpoint=2):
        return step(x)


def without_number(k: Any) -> Any:
    return relaxpy.probabilities(1 if k > 0 else 2, k)


def executed(x: Any) -> Any:
    s = [1.0]
    if x > 0:
        exec("s[0] = x")
    return s


def asked_key(x: Any) -> Any:
    counts: dict[str, Any] = __import__("collections").Counter()
    if x > 0:
        counts["a"] += 1
    return -counts["a"] if "a" in counts else 2.0


def waiting(x: Any) -> Any:
    table: dict[str, Any] = {}
    if x > 0:
        table["a"] = 1.0
    try:
        return table["a"]
    except KeyError:
        return 2.0


def both_types(x: Any) -> Any:
    k = 1 if x > 0 else 2.5
    return isinstance(k, int)


def type_of_array(x: Any) -> Any:
    return type(x)


def places(x: Any) -> Any:
    x[torch.tensor([0, 1])] = [1.0, 2.0, 3.0]
    return x


def whole_places(x: Any) -> Any:
    return x.long()


# a call, its message, the text of the line that it names ("" for the call itself, None for none), and the remedy
MESSAGES: list[tuple[Callable[[], Any], str, str | None, str]] = [
    (
        lambda: list(relax(pieces, estimator="exact")(X)),
        "estimator='exact' follows whole calls, and `pieces` is a generator or a coroutine, which gives values before it ends",
        "",
        "call it in a function that collects what it gives, and relax that function",
    ),
    (
        lambda: relax(two_steps, estimator="exact", max_paths=3)(X),
        "the exact expectation has more than max_paths=3 paths; 1 were still to be followed",
        "",
        "raise max_paths, epsilon or beta, or use estimator='sampled' or 'merged'",
    ),
    (
        lambda: relax(captured, estimator="exact")(2),
        "estimator='exact' met a soft value in a call that had none among its arguments",
        "return 1.0 if n * CAPTURED > 0 else 2.0",
        "pass the tensor as an argument, or mark an argument with relaxpy.soft",
    ),
    (
        lambda: relax(random_step, estimator="exact")(X),
        "a path of the exact expectation did not repeat what the paths before it had decided",
        "return (1.0 if x > level else 0.0) + (1.0 if x > 0.5 else 0.0)",
        "let the function depend on its arguments only (not on iterators, files, the time, or random numbers of its own "
        "generators), or use estimator='sampled' or 'merged'",
    ),
    (
        lambda: relax(region)(X),
        "estimator='exact' follows whole calls, and cannot begin in the middle of one",
        'with relaxpy.options(estimator="exact"):',
        "give it to a function or a call: `f.with_options(estimator='exact')`",
    ),
    (
        lambda: relax(checkpointed_region)(X),
        "`checkpoint` is of whole calls, and cannot begin in the middle of one",
        "with relaxpy.options(checkpoint=2):",
        "give it to a function or a call: `f.with_options(checkpoint=...)`",
    ),
    (
        lambda: list(relax(pieces, checkpoint=2)(X)),
        "`pieces` is a generator or coroutine, which `checkpoint` cannot run again",
        None,
        "leave out `checkpoint`, or collect the values in a list and return it",
    ),
    (
        lambda: relaxpy.options(beta=2.0).__exit__(None, None, None),
        "a region of options was left that had not begun",
        None,
        "write `with relaxpy.options(...):`",
    ),
    (
        lambda: relax(step).module(beta=schedules.Linear(1.0, 2.0, steps=3), learn_beta=True),
        "a beta that follows a schedule is not learned",
        None,
        "give it a number, or leave out learn_beta",
    ),
    (
        lambda: relaxpy.probabilities("a", 3),
        "relaxpy.probabilities takes an integer or a truth, not 'a'",
        None,
        "give it an int, or what became one",
    ),
    (
        lambda: relax(without_number)(X),
        "relaxpy.probabilities takes a number n of integers, not SoftNumber(0.4)",
        "return relaxpy.probabilities(1 if k > 0 else 2, k)",
        "give it a plain int",
    ),
    (
        lambda: relax(executed)(X),
        "`exec` under a soft condition: what its code changes cannot be undone for the other side",
        'exec("s[0] = x")',
        "call `exec` before the condition, or write the code into the function",
    ),
    (
        lambda: relax(asked_key)(X),
        "whether there is a key 'a' was asked of a counter, which gives 0 where there is none: on the path on which it exists "
        "its value is not known any more",
        'return -counts["a"] if "a" in counts else 2.0',
        "test the value (`counts[k] > 0`), or use a dict and `d.get(k, 0)`",
    ),
    (
        lambda: relax(waiting)(X),
        "a `try` catches `KeyError`, and the key 'a' exists with a probability of 0.982 only, since it was stored under a soft "
        "condition",
        "try:",
        "ask for it instead: `if k in d`, `d.get(k, default)`, `hasattr(o, name)`, `getattr(o, name, default)`",
    ),
    (
        lambda: relax(both_types)(X),
        "`isinstance` of a number that is an int on one side of a soft condition and a float on the other",
        "return isinstance(k, int)",
        "give it the same type on both sides (`1.0` instead of `1`), or ask for both: `isinstance(x, (int, float))`",
    ),
    (
        lambda: relax(type_of_array)(array(1.0)),
        "the `type` of a soft array, which is a list for some and a tensor for others",
        "return type(x)",
        "ask `isinstance(a, list)` or `isinstance(a, torch.Tensor)`: both are true",
    ),
    (
        lambda: relax(places)(array(1.0, 2.0)),
        "3 values cannot be stored to 2 places of an array",
        "x[torch.tensor([0, 1])] = [1.0, 2.0, 3.0]",
        "store as many values as places",
    ),
    (
        lambda: relax(whole_places)(array(1.0, 2.0)),
        "torch's `long` of a soft value gives integers, which would cut the gradient silently",
        "return x.long()",
        "compare and index soft values in plain Python, or give it relaxpy.hard(x)",
    ),
]


@pytest.mark.parametrize(("call", "text", "shown", "remedy"), MESSAGES, ids=range(len(MESSAGES)))
def test_every_word(call: Callable[[], Any], text: str, shown: str | None, remedy: str) -> None:
    with pytest.raises(RelaxError) as caught:
        call()
    lines = [text]
    if shown is not None:
        first, last = 1, len(linecache.getlines(__file__))
        shown = shown or linecache.getline(__file__, call.__code__.co_firstlineno).strip()
        numbers = [n for n in range(first, last + 1) if linecache.getline(__file__, n).strip() == shown]
        assert len(numbers) == 1, shown
        lines += [f'  File "{__file__}", line {numbers[0]}', f"    {shown}"]
    assert str(caught.value) == "\n".join([*lines, f"  remedy: {remedy}"])


def test_a_call_with_checkpoint_that_does_something_else_when_it_runs_again() -> None:
    sizes = iter([2, 3, 3])

    def program(x: Any) -> Any:
        return (x * torch.ones(next(sizes), dtype=x.dtype)).exp().sum()

    result = relax(program, checkpoint=1)(X)
    with pytest.raises(RelaxError) as caught:
        result.backward()
    assert str(caught.value).startswith("a call with `checkpoint` did something else when it ran again for the backward pass\n")
    assert str(caught.value).endswith("  remedy: leave out `checkpoint`, or let the call depend on its arguments only")


def test_an_argument_that_is_changed_before_the_backward_pass() -> None:
    scale = torch.tensor(2.0, dtype=torch.float64)
    result = relax(lambda x, k: (x * k).exp(), checkpoint=1)(X, scale)
    scale.add_(1.0)
    with pytest.raises(RelaxError) as caught:
        result.backward()
    assert str(caught.value).startswith(
        "an argument of a call with `checkpoint` was changed in place before the backward pass\n"
    )
    assert str(caught.value).endswith("  remedy: change it after the backward pass, or give the call a copy")


def test_the_mark_of_a_module_that_is_worked_out() -> None:
    with pytest.raises(RelaxSyntaxError) as caught:
        opted_out(b"import os\n__relaxpy__ = bool(os.environ)\n", "marked.py")
    assert str(caught.value).splitlines()[0] == "`__relaxpy__` says whether a module is relaxed, before any of it runs"
    assert str(caught.value).splitlines()[-1] == "  remedy: write `__relaxpy__ = False` or `__relaxpy__ = True`"
    assert (caught.value.file, caught.value.line, caught.value.column) == ("marked.py", 2, 0)


def test_a_source_that_cannot_be_parsed(tmp_path: Path) -> None:
    path = tmp_path / "template.py"
    source = "def program(x):\n    return x\n"
    scope: dict[str, Any] = {}
    exec(compile(source, str(path), "exec"), scope)
    path.write_text("def program(x):\n    return {{ x\n")
    linecache.checkcache(str(path))
    with pytest.raises(RelaxError) as caught:
        function_source(scope["program"])
    first, place, *_, remedy = str(caught.value).splitlines()
    assert first.startswith("the source of `program` cannot be parsed: ")
    assert place.startswith(f'  File "{path}", line ')
    assert remedy == "  remedy: put the function in a file or a cell that is plain Python"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* came with Python 3.11")
def test_a_group_of_handlers() -> None:
    source = (
        "def program(x):\n    y = 2.0\n    try:\n        if x > 0:\n            raise ValueError\n"
        "    except* ValueError:\n        y = 1.0\n    return y\n"
    )
    linecache.cache["group.py"] = (len(source), None, source.splitlines(keepends=True), "group.py")
    scope: dict[str, Any] = {}
    exec(compile(source, "group.py", "exec"), scope)
    with pytest.raises(RelaxError) as caught:
        relax(scope["program"])(X)
    assert str(caught.value) == (
        "a `ValueError` was raised under a soft condition, in a `try` that is not relaxed\n"
        '  File "group.py", line 5\n    raise ValueError\n'
        "  remedy: call a function in the body of the `try`, and raise there (`except*` is never relaxed)"
    )

"""What is wrong with a call, an option or a source is said in full: what, where, and what to write instead."""

from __future__ import annotations

import functools
import linecache
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from relaxpy import RelaxError, RelaxIndexError, RelaxSyntaxError, hard, options, relax

TWO, THREE = torch.zeros(2), torch.zeros(3)


def add(x: Any, y: Any = 0.0, *more: Any, scale: Any = 1.0) -> Any:
    return (x + y) * scale


def pick(x: Any, k: Any) -> Any:
    return x[k]


def refusal(call: Callable[[], Any], error: type[Exception] = RelaxError) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


SIZES = "give all of them the same size along the batch axis, or mark shared ones with relaxpy.hard(...)"
NO_AXIS = "stack the samples along axis 0, or mark it with relaxpy.hard(...) or None in `batch`"
CALLS: list[tuple[Callable[[], Any], str, str]] = [
    (
        lambda: relax(add, batch=True)(TWO, THREE),
        "the arguments of `add` have batches of different sizes: 2 of `x`, 3 of `y`",
        SIZES,
    ),
    (
        lambda: relax(add, batch=True)([TWO, {"k": THREE}], TWO, TWO, THREE, scale=TWO),
        "the arguments of `add` have batches of different sizes: "
        "2 of `x[0]`, 3 of `x[1]['k']`, 2 of `y`, 2 of `more[0]`, 3 of `more[1]`, 2 of `scale`",
        SIZES,
    ),
    (
        lambda: relax(pick, batch=True)(torch.zeros(2, 4), torch.tensor([0, 1, 2])),
        "the arguments of `pick` have batches of different sizes: 2 of `x`, 3 of `k`",
        SIZES,
    ),
    (
        lambda: relax(pick, batch=True)(torch.zeros(2, 4), torch.tensor(0)),
        "`k` is a tensor of no dimension, so it has no batch axis",
        NO_AXIS,
    ),
    (
        lambda: relax(add, batch=True)(TWO, scale=torch.tensor(1.0)),
        "`scale` is a tensor of no dimension, so it has no batch axis",
        NO_AXIS,
    ),
    (
        lambda: relax(add, batch=(0,))(TWO, THREE),
        "batch=(0,) counts 1, but `add` was called with 2 positional arguments",
        "give one entry per positional argument, as in torch.vmap's in_dims (None: shared by all lanes)",
    ),
    (
        lambda: relax(add, batch=(0, 5))(TWO, THREE),
        "`y` has shape (3,), so no axis 5",
        "name an axis that it has in `batch`, or None if all samples share it",
    ),
    (
        lambda: relax(add, batch=True)(1.0, "text"),
        "`add` was called with batch=True, but no argument has a batch axis",
        "give it a tensor whose axis 0 is the batch, or leave out `batch`",
    ),
    (
        lambda: relax(add, batch=True)(hard(TWO)),
        "`add` was called with batch=True, but no argument has a batch axis",
        "give it a tensor whose axis 0 is the batch, or leave out `batch`",
    ),
]


@pytest.mark.parametrize(("call", "text", "remedy"), CALLS, ids=range(len(CALLS)))
def test_a_call_that_cannot_be_made(call: Callable[[], Any], text: str, remedy: str) -> None:
    line = call.__code__.co_firstlineno
    shown = linecache.getline(__file__, line).strip()
    assert refusal(call) == f'{text}\n  File "{__file__}", line {line}\n    {shown}\n  remedy: {remedy}'


def test_an_integer_of_one_lane_is_outside() -> None:
    with pytest.raises(RelaxIndexError) as caught:
        relax(pick, batch=True)(torch.zeros(3, 2), torch.tensor([0, 5, 1]))
    assert str(caught.value) == (
        "a soft integer points outside an axis of length 2 with probability 1 in lane 1\n"
        f'  File "{__file__}", line {pick.__code__.co_firstlineno + 1}\n    return x[k]\n'
        "  remedy: keep the index inside (test it first), make the axis longer, or follow each path by itself: estimator='exact'"
    )


@pytest.mark.parametrize("arguments", [(), (1.0, 2.0, 3.0)])
@pytest.mark.parametrize("names", [(), ("k",)])
def test_wrong_numbers_of_arguments_are_pythons_own_errors(arguments: tuple[Any, ...], names: tuple[str, ...]) -> None:
    with pytest.raises(TypeError) as expected:
        pick(*arguments)
    assert refusal(lambda: relax(pick, hard=names)(*arguments), TypeError) == str(expected.value)


def test_no_soft_argument_at_all_is_plain_python() -> None:
    values = [3, 1, 2]
    assert relax(pick)(values, 0) == 3
    assert relax(pick)(torch.tensor([3, 1, 2]), 0).dtype == torch.int64
    assert refusal(lambda: relax(pick)(values, 7), IndexError) == "list index out of range"


BETA = "a positive finite number, a floating-point tensor of one element, or a schedule"
OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"betta": 3}, "there is no option `betta`\n  remedy: did you mean `beta`?"),
    ({"max_itr": 3}, "there is no option `max_itr`\n  remedy: did you mean `max_iter`?"),
    (
        {"colour": "red"},
        "there is no option `colour`\n"
        "  remedy: the options are beta, max_iter, max_paths, samples, epsilon, distribution, t_norm, checkpoint, mode, "
        "estimator, engine",
    ),
    ({"beta": "3"}, f"`beta` is {BETA}, not '3'"),
    ({"beta": -1}, f"`beta` is {BETA}, not -1"),
    ({"beta": True}, f"`beta` is {BETA}, not True"),
    ({"beta": torch.tensor(-1.0)}, f"`beta` is {BETA}, not tensor(-1.)"),
    ({"beta": torch.tensor([0.0])}, f"`beta` is {BETA}, not tensor([0.])"),
    ({"beta": torch.tensor(float("nan"))}, f"`beta` is {BETA}, not tensor(nan)"),
    ({"beta": torch.ones(2)}, f"`beta` is {BETA}, not tensor([1., 1.])"),
    ({"max_iter": 1.5}, "`max_iter` is a number of soft tests: an int, 0 or more, not 1.5"),
    ({"epsilon": 2}, "`epsilon` is a probability below which a path is left out: 0 <= epsilon < 1, not 2"),
    ({"t_norm": "prodct"}, "there is no t-norm `prodct`\n  remedy: did you mean `product`?"),
]


@pytest.mark.parametrize(("settings", "text"), OPTIONS, ids=[f"{each[0]}" for each in OPTIONS])
def test_an_option_that_does_not_exist_or_means_nothing(settings: dict[str, Any], text: str) -> None:
    assert refusal(lambda: relax(**settings)) == text
    assert refusal(lambda: relax(add, **settings)) == text
    assert refusal(lambda: options(**settings)) == text
    assert refusal(lambda: relax(add).with_options(**settings)) == text


def test_what_is_said_of_a_function_and_not_of_a_region() -> None:
    assert refusal(lambda: options(batch=True)) == (  # type: ignore[call-arg]
        "there is no option `batch`\n  remedy: it belongs to a function: `relax(batch=True)` or `f.batch()`"
    )


@pytest.mark.parametrize("value", ["yes", 1.5])
def test_a_batch_that_means_nothing(value: Any) -> None:
    text = (
        f"`batch` is True, an axis, or a tuple with an axis or None for each argument, not {value!r}\n"
        "  remedy: write batch=True if every tensor argument has a leading batch axis"
    )
    assert refusal(lambda: relax(add, batch=value)) == text
    assert refusal(lambda: relax(add).batch(value)) == text


def test_names_of_hard_parameters() -> None:
    assert refusal(lambda: relax(add, hard="scal")) == (
        "`add` has no parameter `scal` that could be hard\n  remedy: did you mean `scale`?"
    )
    assert refusal(lambda: relax(add, hard=3)) == (  # type: ignore[call-overload]
        "`hard` must be the name of a parameter, or several names, not 3\n"
        "  remedy: write hard=('x',), or mark one value at the call: f(relaxpy.hard(x))"
    )


class Adder:
    def __call__(self, x: Any) -> Any:
        return x


GIVEN: list[tuple[Any, str]] = [
    (len, "`len` is not written in Python, so there is no source to relax\n  remedy: write it as a Python function"),
    (
        Adder,
        "`Adder` is a class; what is relaxed is a function\n"
        "  remedy: decorate its methods, or those functions that decide something",
    ),
    (3, "3 is not a function\n  remedy: write @relax above a `def`, or relax(f)"),
    (
        functools.lru_cache(add),
        "`add` keeps its results by its arguments, which soft values cannot be found by\n"
        "  remedy: relax the function itself: relax(add.__wrapped__)",
    ),
    (property(add), "a property cannot be relaxed\n  remedy: put @relax below @property"),
]


@pytest.mark.parametrize(("given", "text"), GIVEN, ids=["builtin", "class", "number", "cached", "property"])
def test_what_is_no_function(given: Any, text: str) -> None:
    assert refusal(lambda: relax(given)) == text


def test_an_object_that_can_be_called_and_a_partial() -> None:
    adder = Adder()
    assert refusal(lambda: relax(adder)) == (
        f"{adder!r} is an object that can be called, not a function\n"
        "  remedy: decorate `Adder.__call__`, or the method that does the work"
    )
    partial = functools.partial(add, 1)
    assert refusal(lambda: relax(partial)) == (
        f"`{partial!r}` is a partial of a function\n  remedy: relax the function first: functools.partial(relax(f), ...)"
    )


SOURCE = "def program(x):\n    return x\n"
TEXT = "compile it with a file name of its own and put the text in `linecache.cache`, or in a file"
NO_SOURCE = [
    ("<string>", "it was compiled from text, as <string>", TEXT),
    ("<made up>", "it was compiled from text, as <made up>", TEXT),
    (
        "<stdin>",
        "this interactive session keeps no source",
        "put the function in a file and import it, or use IPython, or Python 3.13 or later",
    ),
    ("/nowhere/gone.py", "there is no file /nowhere/gone.py", "install the package with its source files"),
]


@pytest.mark.parametrize(("filename", "why", "remedy"), NO_SOURCE, ids=[each[0] for each in NO_SOURCE])
def test_a_source_that_is_not_available(filename: str, why: str, remedy: str) -> None:
    scope: dict[str, Any] = {}
    exec(compile(SOURCE, filename, "exec"), scope)
    relaxed = relax(scope["program"])
    text = f"the source of `program` is not available: {why}\n  remedy: {remedy}"
    assert refusal(lambda: relaxed(TWO)) == text
    assert refusal(lambda: relaxed.source) == text


def test_a_source_that_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(SOURCE)
    scope: dict[str, Any] = {}
    exec(compile(SOURCE, str(file), "exec"), scope)
    file.write_text(SOURCE.replace("return x", "return -x"))
    assert refusal(lambda: relax(scope["program"])(TWO)) == (
        "the source of `program` has changed since it was imported\n"
        f'  File "{file}", line 1\n    def program(x):\n  remedy: import it anew, or start again'
    )


# What Python refuses when it parses, when it looks at names, when it compiles; and what only later versions take.
WRONG = [
    "x = 1\nif x >:\n    y\n",
    "x = b'a' 'b'\n",
    "x = f'{y!z}'\n",
    "x = (1\n",
    "def f(x, x):\n    return x\n",
    "def f():\n    x = 1\n    global x\n",
    "def f(x):\n    break\n",
    "return 1\n",
    "async def f(x):\n    yield from x\n",
    "match x:\n    case y: pass\n    case z: pass\n",
    "[*x for x in y]\n",
    "from __future__ import braces\n",
    "x = 1\nprint \x00\n",
]
TOO_NEW = ["type X = int\n", "def f[T](x: T) -> T:\n    return x\n", "x = f'{'a'}'\n", "class A[T]: pass\n"]
WRONG += TOO_NEW if sys.version_info < (3, 12) else []


@pytest.mark.parametrize("source", WRONG)
def test_what_python_refuses_is_refused_in_its_words(source: str) -> None:
    from relaxpy.transform import rewrite

    with pytest.raises((SyntaxError, ValueError)) as expected:
        compile(source, "program.py", "exec", dont_inherit=True)
    wrong: Any = expected.value
    line, column = (getattr(wrong, name, 1) or 1 for name in ("lineno", "offset"))
    with pytest.raises(RelaxSyntaxError) as caught:
        rewrite(source, filename="program.py", first_line=7)
    shown = source.splitlines()[line - 1]
    column -= len(shown) - len(shown.lstrip())
    words, place, text, caret, remedy = str(caught.value).splitlines()
    assert words == getattr(wrong, "msg", str(wrong))
    assert place == f'  File "program.py", line {line + 6}'
    assert text.replace("\x00", " ") == f"    {shown.strip()}".replace("\x00", " ")
    assert caret == f"{' ' * (3 + column)}^"
    assert remedy == "  remedy: make it valid Python first"


def test_what_the_parser_of_relaxpy_does_not_know_is_refused() -> None:
    from relaxpy.transform import rewrite

    with pytest.raises(RelaxSyntaxError) as caught:
        rewrite("def f(y):\n    (x): int = y\n    return x\n", filename="program.py", first_line=7)
    assert str(caught.value) == (
        "valid Python that libcst, which relaxpy reads source with, cannot parse\n"
        '  File "program.py", line 8\n    (x): int = y\n       ^\n'
        "  remedy: leave out the parentheses around the name, or the annotation"
    )


def test_what_the_place_of_a_definition_gives_it_is_not_refused() -> None:
    from relaxpy.transform import rewrite

    nonlocal_name = "def f(x):\n    nonlocal y\n    y = x\n"
    assert rewrite(nonlocal_name, free_variables=frozenset({"y"})).changed
    assert not rewrite("import asyncio\nawait asyncio.sleep(0)\n").changed


def test_source_that_is_not_python_is_shown_with_a_caret() -> None:
    from relaxpy.transform import rewrite

    with pytest.raises(RelaxSyntaxError) as caught:
        rewrite("def f(x):\n    if x >:\n        return 1\n", filename="program.py", first_line=7)
    assert re.sub(r" +\^", lambda found: found[0], str(caught.value)) == (
        'invalid syntax\n  File "program.py", line 8\n    if x >:\n          ^\n  remedy: make it valid Python first'
    )
    assert (caught.value.filename, caught.value.lineno, caught.value.offset) == ("program.py", 8, 11)

"""`relaxpy.install`: every function of a module behaves as if it were decorated, and nothing else changes."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import pickle
import pydoc
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import relaxpy
from tests.hook.conftest import Write

_MODULE = '''\
"""Thresholds."""
from __future__ import annotations

TOP = 1.0 if 2 > 1 else 0.0


def step(x: float, at: float = 0.0) -> float:
    """One above, zero below."""
    if x > at:
        return 1.0
    return 0.0


above = lambda x, *, at=0.0: 1.0 if x > at else 0.0


class Level:
    def __init__(self, at):
        self.at = at

    def method(self, x):
        return 1.0 if x > self.at else 0.0

    @staticmethod
    def static(x, at):
        return 1.0 if x > at else 0.0

    @classmethod
    def made(cls, x, at):
        return cls(at).method(x)

    @property
    def positive(self):
        return 1.0 if self.at > 0 else 0.0


def nested(at):
    def inner(x):
        return 1.0 if x > at else 0.0
    return inner


def nested_lambda(at):
    return lambda x: 1.0 if x > at else 0.0


def starred(*values, **more):
    return 1.0 if values[0] > more["at"] else 0.0


def fail(x):
    if x > 0:
        raise ValueError("too large")
    return x


def caller():
    import sys
    return sys._getframe(1).f_code.co_name
'''


@pytest.fixture
def module(write: Write) -> Iterator[Any]:
    write(thresholds=_MODULE)
    with relaxpy.install("thresholds", beta=5.0):
        yield importlib.import_module("thresholds")


CALLS = [
    ("step", lambda m, x, at: m.step(x, at)),
    ("lambda", lambda m, x, at: m.above(x, at=at)),
    ("method", lambda m, x, at: m.Level(at).method(x)),
    ("static method", lambda m, x, at: m.Level.static(x, at)),
    ("class method", lambda m, x, at: m.Level.made(x, at)),
    ("nested", lambda m, x, at: m.nested(at)(x)),
    ("nested lambda", lambda m, x, at: m.nested_lambda(at)(x)),
    ("starred", lambda m, x, at: m.starred(x, at=at)),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
def test_every_kind_of_function_is_relaxed(module: Any, call: Any) -> None:
    x = torch.tensor(0.3, requires_grad=True)
    result = call(module, x, 0.1)
    result.backward()
    p = 1 / (1 + math.exp(-5.0 * 0.2))
    assert result.item() == pytest.approx(p)
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(5.0 * p * (1 - p))
    assert call(module, 0.3, 0.1) == 1.0
    assert type(call(module, 0.3, 0.1)) is float


def test_a_property_is_relaxed(module: Any) -> None:
    level = module.Level(torch.tensor(0.3, requires_grad=True))
    assert level.positive.item() == pytest.approx(1 / (1 + math.exp(-1.5)))


_SUSPENDED = """\
from contextlib import contextmanager

LEVEL = 0.0


def steps(x, *, at=LEVEL):
    'Two values.'
    y = 1.0 if x > at else 0.0
    more = yield y
    try:
        yield y + more
    finally:
        LOG.append('closed')


async def awaited(x, at=0.0):
    return 1.0 if x > at else 0.0


async def later(x, at=0.0):
    y = 1.0 if x > at else 0.0
    try:
        got = yield y
    except KeyError:
        got = 5.0
    yield y + got


class Level:
    def __init__(self, at):
        self.at = at

    def items(self):
        yield 1.0 if self.at > 0 else 0.0


def counted(n):
    found = 0

    def inner(x):
        nonlocal found
        for _ in range(n):
            found += 1.0 if x > 0 else 0.0
            yield found

    return inner


lazy = lambda x: (yield 1.0 if x > 0 else 0.0)


@contextmanager
def level_of(x):
    yield 1.0 if x > 0 else 0.0


LOG = []
"""


@pytest.fixture
def suspended(write: Write) -> Iterator[Any]:
    write(suspended=_SUSPENDED)
    with relaxpy.install("suspended", beta=5.0):
        yield importlib.import_module("suspended")


async def _collected(values: Any, send: Any = 1.0) -> list[Any]:
    return [await values.__anext__(), await (values.asend(send) if send is not None else values.athrow(KeyError()))]


def _context(m: Any, x: Any) -> Any:
    with m.level_of(x) as level:
        return [level]


def _stepped(steps: Any) -> list[Any]:
    return [next(steps), steps.send(1.0)]


SUSPENDED: list[tuple[str, Any, list[float]]] = [
    ("generator", lambda m, x: _stepped(m.steps(x)), [0, 1]),
    ("coroutine", lambda m, x: [asyncio.run(m.awaited(x))], [0]),
    ("asynchronous generator", lambda m, x: asyncio.run(_collected(m.later(x))), [0, 1]),
    ("thrown into", lambda m, x: asyncio.run(_collected(m.later(x), None)), [0, 5]),
    ("method", lambda m, x: list(m.Level(x).items()), [0]),
    ("closure", lambda m, x: list(m.counted(1)(x)), [0]),
    ("lambda", lambda m, x: list(m.lazy(x)), [0]),
    ("context manager", _context, [0]),
]


@pytest.mark.parametrize(("call", "more"), [row[1:] for row in SUSPENDED], ids=[row[0] for row in SUSPENDED])
def test_generators_and_coroutines_are_relaxed(suspended: Any, call: Any, more: list[float]) -> None:
    x = torch.tensor(0.2, requires_grad=True)
    results = call(suspended, x)
    p = 1 / (1 + math.exp(-5.0 * 0.2))
    assert [each.item() for each in results] == pytest.approx([p + each for each in more])
    assert [torch.autograd.grad(each, x, retain_graph=True)[0].item() for each in results] == pytest.approx(
        [5.0 * p * (1 - p)] * len(results)
    )
    plain = call(suspended, 0.2)
    assert plain == [1.0 + each for each in more]
    assert {type(each) for each in plain} == {float}


def test_generators_are_still_what_they_were(suspended: Any) -> None:
    assert inspect.isgeneratorfunction(suspended.steps)
    assert inspect.iscoroutinefunction(suspended.awaited)
    assert inspect.isasyncgenfunction(suspended.later)
    assert suspended.steps.__doc__ == "Two values."
    assert str(inspect.signature(suspended.steps)) == "(x, *, at=0.0)"
    for x in (0.2, torch.tensor(0.2, requires_grad=True)):
        steps = suspended.steps(x)
        assert _stepped(steps)[0] > 0.5
        with pytest.raises(ZeroDivisionError) as caught:
            steps.throw(ZeroDivisionError())
        names = [entry.name for entry in caught.traceback]
        assert names[1] == names[-1] == "steps"
        assert None not in [frame.lineno for frame in traceback.extract_tb(caught.tb)]
        steps = suspended.steps(x)
        _stepped(steps)
        steps.close()
    assert suspended.LOG == ["closed"] * 4


def test_module_level_code_stays_literal(module: Any) -> None:
    assert module.TOP == 1.0


def test_options_of_a_region_count_more_and_uninstalling_forgets_them(write: Write) -> None:
    write(thresholds=_MODULE)
    x = torch.tensor(0.3)
    handle = relaxpy.install("thresholds", beta=5.0)
    step = importlib.import_module("thresholds").step
    with relaxpy.options(beta=1.0):
        assert step(x).item() == pytest.approx(1 / (1 + math.exp(-0.3)))
    assert step(x).item() == pytest.approx(1 / (1 + math.exp(-1.5)))
    handle.uninstall()
    handle.uninstall()
    assert step(x).item() == pytest.approx(1 / (1 + math.exp(-3.0)))


def test_functions_look_like_themselves(module: Any) -> None:
    assert inspect.isfunction(module.step)
    assert str(inspect.signature(module.step)) == "(x: 'float', at: 'float' = 0.0) -> 'float'"
    assert inspect.getsource(module.step).startswith("def step(x: float")
    assert pickle.loads(pickle.dumps(module.step)) is module.step
    assert "One above, zero below." in pydoc.plain(pydoc.render_doc(module.step))
    assert module.step.__code__.co_varnames[:2] == ("x", "at")
    assert module.step.__closure__ is None


def test_no_frame_comes_between_caller_and_function(module: Any) -> None:
    assert module.caller() == "test_no_frame_comes_between_caller_and_function"
    with pytest.raises(ValueError, match="too large") as caught:
        module.fail(1)
    lines = [(frame.name, frame.line) for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert lines[-1] == ("fail", 'raise ValueError("too large")')
    assert len(lines) == 2


def test_uninstalled_modules_stay_as_they_are(write: Write) -> None:
    write(thresholds=_MODULE)
    before = list(sys.meta_path)
    with relaxpy.install("thresholds"):
        pass
    assert list(sys.meta_path) == before
    module = importlib.import_module("thresholds")
    assert type(module.step(torch.tensor(0.3, requires_grad=True))) is float


def test_a_module_that_is_loaded_again_without_the_hook_is_plain_and_can_be_decorated(write: Write) -> None:
    write(again=_MODULE)
    half = torch.tensor(0.5, requires_grad=True)
    with relaxpy.install("again", beta=2.0):
        module = importlib.import_module("again")
        expected = module.step(half)
        assert 0 < expected < 1
    importlib.reload(module)
    assert type(module.step(half)) is float
    assert relaxpy.relax(module.step, beta=2.0)(half) == expected
    with pytest.warns(relaxpy.RelaxWarning, match="imported already"):
        installed = relaxpy.install("again", beta=2.0)
    with installed:
        importlib.reload(module)
        assert module.step(half) == expected


def test_expressions_as_deep_as_python_takes_them(write: Write) -> None:
    write(deep=f"def decide(x):\n    y = x{' + x' * 900}\n    return 1.0 if y > 0 else 0.0\n")
    with relaxpy.install("deep"):
        module = importlib.import_module("deep")
    assert module.decide(1.0) == 1.0
    assert 0 < module.decide(torch.tensor(0.0, requires_grad=True)) < 1


def test_modules_that_are_imported_already_are_named_but_not_those_that_opted_out(write: Write) -> None:
    write(early=_MODULE, opted_out=f"{_MODULE}\n__relaxpy__ = False\n")
    for name in ("early", "opted_out"):
        importlib.import_module(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with relaxpy.install("early", "opted_out"):
            pass
    assert [str(warning.message).partition(";")[0] for warning in caught] == [
        "imported already, and so not relaxed: early"
    ]


def test_a_function_with_cells_is_called_again_with_them(write: Write) -> None:
    write(
        cells="""
        def make(at, scale):
            def outer(x, *more, low=0.0, **others):
                def inner(y):
                    return scale if y > at else low + others["z"]
                return inner(x) + sum(more)
            return outer

        class Base:
            def value(self, x):
                return 2.0 * x

        class Derived(Base):
            def value(self, x):
                return super().value(x) if x > 0 else 0.0
        """
    )
    x, z = torch.tensor(0.3, requires_grad=True), torch.tensor(0.5)
    with relaxpy.install("cells", beta=5.0):
        module = importlib.import_module("cells")
        p = 1 / (1 + math.exp(-1.0))
        assert module.make(0.1, 3.0)(x, 1.0, x, low=z, z=1.0).item() == pytest.approx(p * 3 + (1 - p) * 1.5 + 1.3)
        assert module.Derived().value(x).item() == pytest.approx(0.6 / (1 + math.exp(-1.5)))
        assert module.make(0.1, 3.0)(0.05, 1, z=2.0) == 3.0


def test_arguments_marked_as_hard_are_constants(module: Any) -> None:
    x = torch.tensor(0.3)
    assert module.step(relaxpy.hard(x)) == 1.0
    assert module.step(x, relaxpy.hard(torch.tensor(0.1))).item() == pytest.approx(1 / (1 + math.exp(-1.0)))


def test_hard_functions_and_modules_opt_out(write: Write) -> None:
    write(
        some="""
        import relaxpy
        from relaxpy import hard as literal

        def relaxed(x):
            return 1.0 if x > 0 else 0.0

        @relaxpy.hard
        def by_attribute(x):
            return 1.0 if x > 0 else 0.0

        @literal
        def by_name(x, y=2):
            def inner():
                return x if x > y else 0.0
            return inner()

        class Level:
            at = 0.0

            @staticmethod
            @literal
            def static(x):
                return 1.0 if x > 0 else 0.0

            @relaxpy.hard
            def method(self, x):
                return 1.0 if x > self.at else 0.0

        def outer(at):
            @relaxpy.hard
            def inner(x):
                return 1.0 if x > at else 0.0
            return inner

        later = lambda x: 1.0 if x > 0 else 0.0
        other_name = later
        later = relaxpy.hard(later)
        """,
        none="""
        __relaxpy__ = False

        def step(x):
            return 1.0 if x > 0 else 0.0
        """,
    )
    x = torch.tensor(0.3, requires_grad=True)
    with relaxpy.install("some", "none"):
        some, none = importlib.import_module("some"), importlib.import_module("none")
    assert isinstance(some.relaxed(x), torch.Tensor)
    for function in (some.by_attribute, some.Level.static, some.Level().method, some.outer(0.1), some.later, none.step):
        assert function(x) == 1.0
        assert type(function(x)) is float
    assert some.by_name(torch.tensor(2.5)).item() == 2.5
    assert some.later is some.other_name
    assert "__relaxpy_runtime__" not in vars(none)


@pytest.mark.parametrize("text", ["__relaxpy__ = bool()", "x = __relaxpy__ = None"])
def test_a_module_says_plainly_whether_it_is_relaxed(write: Write, text: str) -> None:
    write(unclear=text)
    with relaxpy.install("unclear"), pytest.raises(SyntaxError) as caught:
        importlib.import_module("unclear")
    assert caught.value.lineno == 1
    assert "__relaxpy__ = False" in str(caught.value)


def test_tracebacks_have_the_lines_of_the_user(write: Write) -> None:
    text = """\
    def divide(x):
        if x > 0:
            x = [x][3]
        return x
    def show(x):
        return {x > 0: 1}
    gone = lambda x: {x > 0: 1}
    """
    write(failing=text)
    with relaxpy.install("failing"):
        import failing  # type: ignore[import-not-found]
    soft = torch.tensor(0.5, requires_grad=True)
    for function, lines in ((failing.divide, [3]), (failing.show, [6]), (failing.gone, [7, 7])):
        with pytest.raises(Exception) as raised:  # noqa: PT011
            function(soft)
        frames = traceback.extract_tb(raised.value.__traceback__)
        assert [frame.lineno for frame in frames if frame.filename == failing.__file__] == lines
        assert all(frame.lineno for frame in frames)

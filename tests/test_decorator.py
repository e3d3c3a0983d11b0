from __future__ import annotations

import abc
import asyncio
import copy
import functools
import inspect
import linecache
import pickle
import pydoc
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import RelaxError, relax
from relaxpy.bound import BoundRelaxed
from relaxpy.relaxed import Relaxed
from relaxpy.runtime import boundary
from relaxpy.runtime.calls import Plan


@relax
def clip(x: float, low: float = 0.0, *, high: float = 1.0) -> float:
    """Between ``low`` and ``high``."""
    # keep this comment
    if x < low:
        return low
    if x > high:
        return high
    return x


def plain(x: float) -> float:
    return x if x > 0 else -x


absolute = relax(plain, beta=3.0)


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.__count = start

    @relax
    def add(self, by: int) -> int:
        if by > 0:
            self.__count += by
        return self.__count

    @relax(beta=2.0)
    def add_twice(self, by: int) -> int:
        return self.add(by) + self.add(by)

    @relax
    @classmethod
    def starting(cls, start: int) -> Counter:
        return cls(start)

    @classmethod
    @relax
    def below(cls, start: int) -> Counter:
        return cls(start)

    @relax
    @staticmethod
    def sign(x: float) -> int:
        return 1 if x > 0 else -1

    @staticmethod
    @relax
    def sign_below(x: float) -> int:
        return 1 if x > 0 else -1


class Special(Counter):
    @relax
    def add(self, by: int) -> int:
        return super().add(by) * 10

    @property
    @relax
    def double(self) -> int:
        return 2 * self.add(0)


def test_plain_values() -> None:
    assert clip(2.0) == 1.0
    assert clip(-3.0, -2.0) == -2.0
    assert clip(x=2.0, high=5.0) == 2.0
    assert plain(-2.0) == absolute(-2.0) == 2.0


def test_exceptions_are_the_originals() -> None:
    with pytest.raises(TypeError, match=r"clip\(\) missing 1 required positional argument: 'x'"):
        clip()
    with pytest.raises(TypeError, match=r"clip\(\) got an unexpected keyword argument 'y'"):
        clip(1.0, y=2)


def test_methods() -> None:
    counter = Counter(1)
    assert counter.add(2) == 3
    assert Counter.add(counter, 1) == 4
    assert counter.add_twice(1) == 11
    assert Special(1).add(2) == 30
    assert Special(3).double == 60
    assert [counter.starting(4).add(0), Counter.starting(4).add(0)] == [4, 4]
    assert [type(counter.below(4)), type(Special.below(4))] == [Counter, Special]
    assert type(Special.starting(1)) is Special
    assert [Counter.sign(-2.0), counter.sign(2.0), Counter.sign_below(-2.0), counter.sign_below(2.0)] == [-1, 1, -1, 1]


def test_bound_methods() -> None:
    counter = Counter(1)
    bound = counter.add
    assert isinstance(bound, BoundRelaxed)
    assert bound.__self__ is counter
    assert bound == counter.add
    assert bound != Counter(1).add
    assert hash(bound) == hash(counter.add)
    assert bound.with_options(beta=4.0)(3) == 4
    assert bound.with_options(beta=4.0).options.beta == 4.0
    assert Special.starting.with_options(beta=4.0)(3).add(0) == 30
    assert repr(bound).startswith("<bound relaxed method Counter.add of <")


def test_relaxing_a_bound_method() -> None:
    class Plain:
        def double(self, x: int) -> int:
            return 2 * x

    bound = relax(Plain().double)
    assert bound(4) == 8
    assert isinstance(bound, BoundRelaxed)


def test_abstract_methods_stay_abstract() -> None:
    class Shape(abc.ABC):
        @relax
        @abc.abstractmethod
        def area(self) -> float:
            return 1.0

    with pytest.raises(TypeError, match="abstract"):
        Shape()  # type: ignore[abstract]


def test_closures_share_their_cells() -> None:
    def make() -> tuple[Relaxed, Callable[[], int]]:
        total = 0

        @relax
        def add(x: int) -> int:
            nonlocal total
            if x > 0:
                total += x
            return total

        return add, lambda: total

    (one, read), (two, _) = make(), make()
    assert (one(1), one(2), two(5)) == (1, 3, 5)
    assert read() == 3


def test_recursion_by_name() -> None:
    @relax
    def factorial(n: int) -> int:
        return 1 if n <= 1 else n * factorial(n - 1)

    assert factorial(20) == 2432902008176640000


def test_generators_and_coroutines_on_plain_values() -> None:
    @relax
    def positive(values: list[float]) -> Iterator[float]:
        for value in values:
            if value > 0:
                yield value

    @relax
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x if x > 0 else -x

    @relax
    async def several(n: int) -> AsyncIterator[int]:
        for i in range(n):
            await asyncio.sleep(0)
            yield i

    async def collect() -> list[int]:
        return [i async for i in several(3)]

    assert list(positive([1.0, -1.0, 2.0])) == [1.0, 2.0]
    assert asyncio.run(later(-2)) == 2
    assert asyncio.run(collect()) == [0, 1, 2]
    assert inspect.isgeneratorfunction(positive)
    assert inspect.iscoroutinefunction(later)
    assert inspect.isasyncgenfunction(several)
    assert not inspect.isgeneratorfunction(clip)


def test_lambda() -> None:
    assert relax(lambda x: x if x > 0 else 0)(-3) == 0
    assert [f(2) for f in (relax(lambda x: x + 1), relax(lambda x: x * 5))] == [3, 10]


def test_wrapper_is_relaxed_and_not_what_it_wraps() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return "logged", function(*args)

        return wrapper

    function = relax(logged(plain))
    assert function(-1) == ("logged", 1)
    assert function.__name__ == "plain"
    assert "wrapper" in function.source


def test_looks_like_the_function() -> None:
    original = clip.__wrapped__
    assert inspect.signature(clip) == inspect.signature(original)
    assert inspect.getsource(clip) == inspect.getsource(original)
    assert inspect.getdoc(clip) == "Between ``low`` and ``high``."
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__code__"):
        assert getattr(clip, name) == getattr(original, name)
    text = pydoc.plain(pydoc.render_doc(clip))
    assert "clip(x: 'float', low: 'float' = 0.0, *, high: 'float' = 1.0) -> 'float'" in text
    assert "Between ``low`` and ``high``." in text
    assert repr(clip).startswith("<relaxed function clip at 0x")
    assert repr(absolute).startswith("<relaxed function plain, beta=3.0 at 0x")


def test_signature_of_a_bound_method() -> None:
    assert list(inspect.signature(Counter().add).parameters) == ["by"]
    assert list(inspect.signature(Counter.add).parameters) == ["self", "by"]
    assert list(inspect.signature(Counter.starting).parameters) == ["start"]


def test_function_attributes() -> None:
    def f() -> int:
        return f.calls

    f.calls = 3
    relaxed = relax(f)
    assert relaxed.calls == 3
    relaxed.calls += 1
    assert relaxed.calls == 4


def test_source_is_rewritten_and_keeps_comments() -> None:
    assert clip.source.startswith("def clip(x: float")
    assert "# keep this comment" in clip.source
    assert "_rt." in clip.source
    assert "@relax" not in clip.source


def test_sites() -> None:
    first = clip.__wrapped__.__code__.co_firstlineno
    places = {(site.kind, site.line - first) for site in clip.sites}
    assert {("if", 4), ("if", 6)} <= places


def test_options_from_inside_to_outside() -> None:
    assert clip.options.beta == 10.0
    assert absolute.options.beta == 3.0
    assert absolute.with_options(beta=4.0, max_iter=5).options == relaxpy.Options(beta=4.0, max_iter=5)
    assert absolute.with_options(max_iter=5).options.beta == 3.0
    with relaxpy.options(beta=7.0, epsilon=0.0):
        assert clip.options == relaxpy.Options(beta=7.0, epsilon=0.0)
        assert absolute.options == relaxpy.Options(beta=3.0, epsilon=0.0)
    assert relax(absolute, max_iter=3).options == relaxpy.Options(beta=3.0, max_iter=3)
    assert relax(absolute) is absolute


def test_rewritten_once_by_whichever_thread_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    function_of = relaxpy.relaxed.function_of

    def slow(*args: Any) -> Any:
        time.sleep(0.02)
        made.append(args)
        return function_of(*args)

    monkeypatch.setattr(relaxpy.relaxed, "function_of", slow)

    @relax
    def f(x: int) -> int:
        return x if x > 0 else -x

    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(f(-3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [3] * 8
    assert len(made) == 1
    f.with_options(beta=2.0)(1)
    assert len(made) == 1


def test_decorating_takes_next_to_no_time() -> None:
    relax(plain)
    start = time.perf_counter()
    for _ in range(100):
        relax(plain)
    assert (time.perf_counter() - start) / 100 < 2e-4


def test_decorating_and_plain_calls_import_neither_torch_nor_what_is_not_needed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, relaxpy\n"
        "@relaxpy.relax\n"
        "def f(x):\n"
        "    while x < 3:\n"
        "        x += 1\n"
        "    return x\n"
        "loaded = {'torch', 'libcst', 'rich', 'ast'} & set(sys.modules)\n"
        "assert not loaded - {'ast'}, loaded\n"
        "assert f(0) == 3\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, script], check=True, cwd=Path(relaxpy.__file__).parent.parent)


def test_plan_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []
    monkeypatch.setattr(boundary, "call", lambda plan, args, kwargs: plans.append(plan) or args)

    @relax(hard=("n", "rest"), batch=(0, None), beta=2)
    def f(x: float, n: int, *rest: int) -> float:
        return x

    class Holder:
        method = f

    f(1.0, 2)
    f.batch(False)(1.0, 2)
    f.batch(0)(1.0, 2)
    f.batch([0, 1])(1.0, 2)
    holder = Holder()
    assert holder.method(2) == (holder, 2)
    holder.method.batch()(2)
    relax(f, hard="x", max_iter=3)(1.0, 2)
    assert [plan.batch for plan in plans] == [(0, None), False, True, (0, 1), (None, 0, None), True, (0, None)]
    assert plans[0].hard == {"n", "rest"}
    assert plans[-1].hard == {"n", "rest", "x"}
    assert plans[-1].settings == {"beta": 2.0, "max_iter": 3}
    assert plans[0].function is plans[-1].function
    assert plans[0].signature == inspect.signature(f)
    assert plans[0].name.endswith("<locals>.f")


def test_same_plan_for_every_call() -> None:
    clip(1.0)
    plan = clip._plan
    clip(2.0)
    assert clip._plan is plan


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_by_name(protocol: int) -> None:
    def again(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value, protocol))

    assert again(clip) is clip
    if protocol >= 4:
        assert again(Counter.add) is Counter.add
    variant = again(clip.with_options(beta=2.0))
    assert (variant.options.beta, variant(3.0)) == (2.0, 1.0)
    assert variant.__wrapped__ is clip.__wrapped__
    assert again(absolute).options.beta == 3.0
    bound = again(Counter(3).add)
    assert bound(1) == 4
    assert again(Counter(3).add.with_options(beta=2.0)).options.beta == 2.0


def test_local_functions_pickle_as_little_as_plain_ones() -> None:
    @relax
    def local(x: int) -> int:
        return x

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local)


def test_copies() -> None:
    assert copy.copy(clip) is clip
    assert copy.deepcopy(clip) is clip

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.beta = torch.nn.Parameter(torch.tensor(5.0))
            self.clip = clip.with_options(beta=self.beta)

    net = copy.deepcopy(Net())
    assert net.clip.options.beta is net.beta


def run(text: str, filename: str, keep: bool = True) -> dict[str, Any]:
    if keep:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"relax": relax, "__name__": "cell"}
    exec(compile(text, filename, "exec"), scope)
    return scope


def test_notebook_cell_that_is_run_again() -> None:
    text = "@relax\ndef f(x):\n    return {} if x > 0 else 0\n"
    one = run(text.format(1), "<cell a>")["f"]
    assert one(1) == 1
    two = run(text.format(2), "<cell b>")["f"]
    assert (one(1), two(1)) == (1, 2)


def test_no_source() -> None:
    f = run("@relax\ndef f(x):\n    return x\n", "<nothing>", keep=False)["f"]
    with pytest.raises(RelaxError, match="the source of `f` is not available: it was compiled from text, as <nothing>"):
        f(1)


def test_traceback_shows_the_users_lines() -> None:
    @relax
    def fails(x: Any) -> Any:
        if x > 0:
            for i in range(3):
                while i < 10:
                    i += 1
                    if i > 1:
                        raise KeyError(i)
        return x

    with pytest.raises(KeyError) as caught:
        fails(1)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.name, last.line) == (__file__, "fails", "raise KeyError(i)")


@dataclass
class Caller:
    name: str

    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            Counter,
            "`Counter` is a class; what is relaxed is a function\n"
            "  remedy: decorate its methods, or those functions that decide something",
        ),
        (
            len,
            "`len` is not written in Python, so there is no source to relax\n  remedy: write it as a Python function",
        ),
        (
            str.upper,
            "`str.upper` is not written in Python, so there is no source to relax\n"
            "  remedy: write it as a Python function",
        ),
        (
            functools.partial(len, []),
            "`functools.partial(<built-in function len>, [])` is a partial of a function\n"
            "  remedy: relax the function first: functools.partial(relax(f), ...)",
        ),
        (
            Caller("a"),
            "Caller(name='a') is an object that can be called, not a function\n"
            "  remedy: decorate `Caller.__call__`, or the method that does the work",
        ),
        (property(plain), "a property cannot be relaxed\n  remedy: put @relax below @property"),
        (3, "3 is not a function\n  remedy: write @relax above a `def`, or relax(f)"),
        (None, "None is not a function\n  remedy: write @relax above a `def`, or relax(f)"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, property) else repr(case),
)
def test_refused(given: Any, message: str) -> None:
    with pytest.raises(RelaxError) as caught:
        relax(beta=2.0)(given)
    assert str(caught.value) == message


def test_wrong_options() -> None:
    with pytest.raises(RelaxError) as caught:
        relax(hard=("lowe",))(clip.__wrapped__)
    assert str(caught.value) == ("`clip` has no parameter `lowe` that could be hard\n  remedy: did you mean `low`?")
    with pytest.raises(RelaxError) as caught:
        relax(batch="yes")  # type: ignore[call-overload]
    assert str(caught.value) == (
        "`batch` is True, an axis, or a tuple with an axis or None for each argument, not 'yes'\n"
        "  remedy: write batch=True if every tensor argument has a leading batch axis"
    )
    with pytest.raises(RelaxError, match="did you mean `beta`"):
        relax(beto=3.0)  # type: ignore[call-overload]
    with pytest.raises(RelaxError, match="`beta` is a positive finite number"):
        clip.with_options(beta=-1.0)

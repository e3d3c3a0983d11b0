"""Functions that nobody decorated, called from plain code, are recorded as decorated ones are."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

pytest.importorskip("llvmlite")

import relaxpy
from tests.hook.conftest import Write
from tests.hook.process import command, environment, python

FIRST = "the first call of its kind"

KINDS = """
    import torch

    def steps(x, count=8, *more, scale=1.0, **others):
        for _ in range(count):
            x = x / 2.0 if x > 1.0 else x + 0.1 * scale
        return x

    class Model:
        def __init__(self, level):
            self.level = level

        def method(self, x):
            for _ in range(8):
                x = x / 2.0 if x > self.level else x + 0.1
            return x

        @staticmethod
        def static(x):
            return steps(x)

        @classmethod
        def of_class(cls, x):
            return steps(x)

        @property
        def settled(self):
            return steps(self.level)

        def __call__(self, x):
            return Derived.method(self, x)

    class Derived(Model):
        def method(self, x):
            return super().method(x) + 1.0

    def with_level(level):
        def closure(x):
            for _ in range(8):
                x = x / 2.0 if x > level else x + 0.1
            return x
        return closure

    def recursive_one():
        def down(x, n=8):
            return x if n == 0 else down(x / 2.0 if x > 1.0 else x + 0.1, n - 1)
        return down

    half = lambda x: [x := x / 2.0 if x > 1.0 else x + 0.1 for _ in range(8)][-1]

    def with_nested(x):
        def step(x):
            return x / 2.0 if x > 1.0 else x + 0.1
        for _ in range(8):
            x = step(x)
        return x

    def with_class(x):
        class Local:
            level = 1.0
            def step(self, x):
                return x / 2.0 if x > self.level else x + 0.1
        for _ in range(8):
            x = Local().step(x)
        return x

    def with_torch(x):
        table = [k * torch.sigmoid(x) for k in range(8)]
        for k in range(8):
            if x > 0.4:
                last = k
        return table[last] + table[x]

    model, derived = Model(0.7), Derived(0.7)
    method, static, of_class, inherited, called = (
        model.method, Model.static, model.of_class, derived.method, derived.__call__
    )
    closure, recursive = with_level(0.3), recursive_one()

    def pieces(x):
        for _ in range(8):
            x = x / 2.0 if x > 1.0 else x + 0.1
            yield x

    async def later(x):
        return steps(x)

    def names(x):
        found = locals()
        return x if x > 0.0 else x * len(found)

    def store(x):
        model.level = x
        for _ in range(8):
            x = x / 2.0 if x > model.level else x + 0.1
        return x
"""
RECORDED = (
    "steps method static of_class inherited called closure recursive half with_nested with_class with_torch".split()
)


@pytest.fixture
def kinds(write: Write) -> ModuleType:
    write(kinds=KINDS)
    with relaxpy.install("kinds"):
        return importlib.import_module("kinds")


def value(number: float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float64, requires_grad=True)


def assert_as_eager(function: Any, *args: Any) -> None:
    """Value and gradients are those of the call operation by operation."""
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
    ours = function(*args)
    with relaxpy.options(engine="eager"):
        theirs = function(*args)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(torch.autograd.grad(ours, tensors), torch.autograd.grad(theirs, tensors))


@pytest.mark.parametrize("name", RECORDED)
def test_every_kind_of_function_is_recorded_at_its_second_call(kinds: ModuleType, name: str) -> None:
    function = getattr(kinds, name)
    for number in (0.5, 0.52, 0.54):  # so near that the same paths are negligible
        assert_as_eager(function, value(number))
    report = relaxpy.engine_report(function)
    assert (report.recorded, report.runs, report.eager) == (1, 2, {FIRST: 1})


def test_a_property_is_asked_for_its_report_by_its_getter(kinds: ModuleType) -> None:
    for number in (0.5, 1.5, 3.0):
        kinds.model.level = number
        expected = kinds.steps(number)
        assert kinds.model.settled == expected  # plain values never meet the engine
    assert str(relaxpy.engine_report(kinds.Model.settled.fget)) == "no program was recorded"


def test_what_runs_in_pieces_is_eager_and_says_so(kinds: ModuleType) -> None:
    with relaxpy.options(engine="tape"):
        assert len(list(kinds.pieces(value(0.5)))) == 8
        coroutine = kinds.later(value(0.5))
        with pytest.raises(StopIteration) as stopped:
            coroutine.send(None)
    with relaxpy.options(engine="eager"):
        torch.testing.assert_close(stopped.value.value, kinds.steps(value(0.5)))
    for function in (kinds.pieces, kinds.later):
        assert relaxpy.engine_report(function).eager == {"its body runs in pieces": 1}


def test_effects_are_eager_and_say_so(kinds: ModuleType) -> None:
    with relaxpy.options(engine="tape"):
        for number in (0.5, 1.5):
            kinds.store(value(number))
            assert kinds.model.level.item() == number
    assert relaxpy.engine_report(kinds.store).eager == {"it changes objects that outlive the call": 2}
    with relaxpy.options(engine="tape"):
        kinds.names(value(0.5))
    assert relaxpy.engine_report(kinds.names).eager == {"it calls `locals`": 1}


def test_all_ways_to_pass_arguments(kinds: ModuleType) -> None:
    with relaxpy.options(engine="tape"):
        for _ in range(2):
            for args, kwargs in (((8,), {}), ((), {"count": 3}), ((3, 4), {"scale": 2.0}), ((3,), {"z": value(0.5)})):
                ours = kinds.steps(value(0.5), *args, **kwargs)
                with relaxpy.options(engine="eager"):
                    torch.testing.assert_close(ours, kinds.steps(value(0.5), *args, **kwargs))
    assert relaxpy.engine_report(kinds.steps).recorded == 4
    assert relaxpy.engine_report(kinds.steps).runs == 8


def test_hard_arguments_are_constants(kinds: ModuleType) -> None:
    with relaxpy.options(engine="tape"):
        for scale in (1.0, 1.0, 2.0):
            mark = relaxpy.hard(torch.tensor(scale, dtype=torch.float64))
            ours = kinds.steps(value(0.5), scale=mark)
            with relaxpy.options(engine="eager"):
                torch.testing.assert_close(ours, kinds.steps(value(0.5), scale=mark))
    assert relaxpy.engine_report(kinds.steps).recorded == 2


def test_lists_of_tensors_are_given_back(kinds: ModuleType, write: Write) -> None:
    text = """
        def total(xs):
            result = 0.0
            for x in xs:
                result = result + x if x > 0.0 else result
            return result
    """
    write(lists=text)
    with relaxpy.install("lists"):
        import lists  # type: ignore[import-not-found]
    for engine in ("eager", "auto", "auto", "tape"):
        xs = [value(0.1 * k - 0.3) for k in range(8)]
        before = list(xs)
        with relaxpy.options(engine=engine):  # type: ignore[arg-type]
            result = lists.total(xs)
        assert all(new is old for new, old in zip(xs, before))
        assert result.item() == pytest.approx(float(lists.total([float(x) for x in xs])), abs=0.3)
    assert relaxpy.engine_report(lists.total).runs == 2


def test_closures_are_told_apart_by_what_they_captured(kinds: ModuleType) -> None:
    parameter = torch.nn.Parameter(torch.tensor(0.2, dtype=torch.float64))
    table = torch.tensor(0.9, dtype=torch.float64)
    with relaxpy.options(engine="tape"):
        for _ in range(2):
            for level in (0.3, 0.6, 0.3, parameter, table):
                function = kinds.with_level(level)
                assert_as_eager(function, value(0.5))
            with torch.no_grad():
                parameter.add_(0.3)
                table.add_(0.3)
        ours = kinds.with_level(parameter)(value(0.5))
    with relaxpy.options(engine="eager"):
        theirs = kinds.with_level(parameter)(value(0.5))
    torch.testing.assert_close(torch.autograd.grad(ours, parameter), torch.autograd.grad(theirs, parameter))
    # of each float one, of the parameter one, of the constant one for each of its values
    assert relaxpy.engine_report(kinds.closure).recorded == 5


def test_a_captured_variable_that_changes(kinds: ModuleType, write: Write) -> None:
    text = """
        def make():
            level = 0.3
            def set_level(new):
                nonlocal level
                level = new
            def closure(x):
                for _ in range(8):
                    x = x / 2.0 if x > level else x + 0.1
                return x
            return set_level, closure
    """
    write(counter=text)
    with relaxpy.install("counter"), relaxpy.options(engine="tape"):
        import counter  # type: ignore[import-not-found]

        set_level, closure = counter.make()
        for level in (0.3, 0.9, 0.3):
            set_level(level)
            assert_as_eager(closure, value(0.5))
    report = relaxpy.engine_report(closure)
    assert (report.recorded, report.runs) == (2, 3)


def test_closures_are_not_kept_alive(kinds: ModuleType) -> None:
    watched = []
    with relaxpy.options(engine="tape"):
        for _ in range(3):
            level = torch.nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
            kinds.with_level(level)(value(0.5))
            watched.append(weakref.ref(level))
            del level
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3


VERSION = """
    LEVEL = {level}

    def helper(x):
        return x * {factor}

    def scaled(x):
        return helper(x) if x > LEVEL else x
"""


def test_globals_helpers_and_source_change(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(changing=VERSION.format(level=0.5, factor=2.0))
    with relaxpy.install("changing"), relaxpy.options(engine="tape"):
        module = importlib.import_module("changing")
        old = module.scaled
        assert_as_eager(module.scaled, value(0.7))
        module.LEVEL = 0.9
        assert_as_eager(module.scaled, value(0.7))
        with monkeypatch.context() as patch:
            patch.setattr(module, "helper", lambda x: x * 11.0)
            assert_as_eager(module.scaled, value(0.7))
        programs = weakref.ref(module.__relaxpy_hook__.recordables[id(old.__code__)].programs)
        file = folder / "changing.py"
        write(changing=VERSION.format(level=0.2, factor=7.0))
        os.utime(file, (file.stat().st_mtime + 10,) * 2)
        importlib.invalidate_caches()
        importlib.reload(module)
        for function in (module.scaled, old):
            for _ in range(2):
                assert_as_eager(function, value(0.7))
        assert float(module.scaled(value(30.0))) == pytest.approx(210.0)
    assert relaxpy.engine_report(module.scaled).runs == 3
    gc.collect()
    assert programs() is None  # released when the module was loaded anew


def test_programs_go_with_their_module(write: Write) -> None:
    write(gone=KINDS)
    with relaxpy.install("gone"), relaxpy.options(engine="tape"):
        module = importlib.import_module("gone")
        for name in RECORDED:
            getattr(module, name)(value(0.5))
    found = [weakref.ref(each.programs) for each in module.__relaxpy_hook__.recordables.values() if each.programs]
    assert len(found) >= len(RECORDED) - 3  # `static` and `of_class` call `steps`, bound methods are one function
    del sys.modules["gone"], module
    gc.collect()
    assert all(ref() is None for ref in found)


def test_errors_come_from_the_users_lines(write: Write) -> None:
    text = """
        def fails(x):
            for _ in range(8):
                x = x / 2.0 if x > 1.0 else x + 0.1
            return [x][3]
    """
    write(failing=text)
    with relaxpy.install("failing"), relaxpy.options(engine="tape"):
        import failing  # type: ignore[import-not-found]

        for _ in range(3):
            with pytest.raises(IndexError, match="list index out of range") as raised:
                failing.fails(value(0.5))
            assert raised.traceback[-1].lineno + 1 == 5
            own = [entry for entry in raised.traceback if str(entry.path) == failing.__file__]
            assert len(own) == 1
    assert "IndexError while it was recorded" in str(relaxpy.engine_report(failing.fails))


def test_a_report_of_what_is_not_relaxed_is_an_error() -> None:
    with pytest.raises(relaxpy.RelaxError, match="is not a relaxed function"):
        relaxpy.engine_report(python)
    with pytest.raises(relaxpy.RelaxError, match="is not a relaxed function"):
        relaxpy.engine_report(len)


def test_a_decorated_function_has_the_same_report_either_way() -> None:
    @relaxpy.relax(engine="tape")
    def clip(x: Any) -> Any:
        return x if x > 0.0 else 0.0

    clip(value(0.5))
    assert relaxpy.engine_report(clip) == clip.engine_report()
    assert relaxpy.engine_report(clip).runs == 1


USER = """
    import relaxpy
    relaxpy.install("user_module"{options})
    import torch, user_module
    x = torch.tensor([0.5, 1.5], requires_grad=True)
    for _ in range(4):
        user_module.steps(x[0]).backward()
    report = relaxpy.engine_report(user_module.steps)
    print(report.recorded, report.runs, sum(report.eager.values()), float(x.grad[0]))
"""


@pytest.mark.parametrize(
    ("options", "variable", "counts"),
    [
        ("", "", "1 3 1"),
        (", engine='auto'", "tape", "1 3 1"),
        (", engine='tape'", "", "1 4 0"),
        (", engine='eager'", "tape", "0 0 0"),
        ("", "eager", "0 0 0"),
        ("", "tape", "1 4 0"),
    ],
)
def test_the_engine_by_installation_and_environment(tmp_path: Path, options: str, variable: str, counts: str) -> None:
    (tmp_path / "user_module.py").write_text(textwrap.dedent(KINDS))
    extra = {"RELAXPY_ENGINE": variable} if variable else {}
    printed = python(USER.format(options=options), tmp_path, **extra).split()
    assert printed[:3] == counts.split()
    eager = python(USER.format(options=", engine='eager'"), tmp_path).split()
    assert float(printed[3]) == pytest.approx(float(eager[3]), rel=1e-4)


def test_plain_values_import_no_engine(tmp_path: Path) -> None:
    (tmp_path / "user_module.py").write_text(textwrap.dedent(KINDS).replace("import torch", ""))
    text = """
        import sys, relaxpy
        relaxpy.install("user_module", engine="tape")
        import user_module
        user_module.steps(0.5); user_module.model.method(0.5); user_module.half(0.5)
        print([name for name in sys.modules if name.startswith(("relaxpy.engine", "torch", "llvmlite"))])
    """
    assert python(text, tmp_path).strip() == "[]"


def test_without_llvmlite_programs_run_in_groups(tmp_path: Path) -> None:
    (tmp_path / "user_module.py").write_text(textwrap.dedent(KINDS))
    text = "import sys\nsys.modules['llvmlite'] = None\n" + textwrap.dedent(USER.format(options=", engine='tape'"))
    done = subprocess.run(
        command("-c", text), cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.split()[:3] == ["1", "4", "0"]
    eager = python(USER.format(options=", engine='eager'"), tmp_path).split()
    assert float(done.stdout.split()[3]) == pytest.approx(float(eager[3]), rel=1e-4)

"""Relaxing what is relaxed already changes nothing: by the decorator, of rewritten code, and under the import hook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax
from relaxpy.cli.eject import ejected
from relaxpy.programs import function_of, program_of
from relaxpy.transform import rewrite

X = torch.tensor(0.3)


def step(x: Any) -> Any:
    values = [0.0, 1.0]
    if x > 0:
        values[0] += x
        return values
    return values[::-1]


class Counter:
    @relax
    @relax
    def count(self, x: Any) -> Any:
        return 1.0 if x > 0 else 2.0

    @staticmethod
    @relax
    def static(x: Any) -> Any:
        return 1.0 if x > 0 else 2.0


def test_decorating_twice_rewrites_once_and_keeps_the_options() -> None:
    once = relax(step, beta=3.0)
    twice = relax(once)
    assert twice.source == once.source
    assert twice.options == once.options
    assert twice.__wrapped__ is once.__wrapped__ is step
    assert program_of(twice.__wrapped__) is program_of(step)
    for x in (0.3, -0.3, X):
        assert twice(x) == once(x)
    assert relax(once, beta=5.0).options.beta == 5.0
    assert once.options.beta == 3.0


def test_methods_that_are_decorated_twice() -> None:
    counter = Counter()
    assert counter.count(0.3) == 1.0
    assert counter.count(X) == relax(counter.count)(X) == counter.static(X) == relax(Counter.static)(X)


def test_rewritten_code_is_not_rewritten_again() -> None:
    rewritten = function_of(program_of(step), step)
    again = relax(rewritten)
    assert again.source == relax(step).source
    assert program_of(rewritten).code is rewritten.__code__
    assert again(0.3) == step(0.3)
    assert again(X) == relax(step)(X)


def closing_over(y: Any) -> Any:
    def inner(x: Any) -> Any:
        return y if x > 0 else -y

    return inner


def test_rewritten_closures_and_lambdas_are_not_rewritten_again() -> None:
    for function in (closing_over(3.0), lambda x: 2.0 if x > 0 else 1.0):
        rewritten = function_of(program_of(function), function)
        again = relax(rewritten)
        assert again.source == relax(function).source
        assert again(X) == relax(function)(X)
        assert again(-0.3) == function(-0.3)


SOURCES = sorted(Path(relaxpy.__file__).with_name("algorithms").glob("*.py"))


def test_rewriting_what_is_rewritten_changes_nothing() -> None:
    for path in SOURCES:
        once = rewrite(path.read_text(encoding="utf-8"))
        twice = rewrite(once.text)
        assert twice.text == once.text, path
        assert twice.changed is (twice.sites != ()) is False, path
        assert not once.changed or twice.runtime_name == once.runtime_name, path


def test_rewritten_definitions_are_known_too() -> None:
    once = rewrite("def f(x, a):\n    if x > 0:\n        a[x] = 1\n    return a\n")
    assert "_rt.store(" in once.text
    assert rewrite(once.text).text == once.text
    assert rewrite(f"import relaxpy.runtime as runtime\n{once.text.replace('_rt.', 'runtime.')}").changed is False


MINE = [
    "_rt = Loader()\ndef f(a, k):\n    return _rt.load(a, k)\n",  # a name that the source binds
    "def f(a, k, _rt):\n    return _rt.load(a, k)\n",
    "def f(a, k):\n    return _rt.load_all(a, k)\n",  # what the runtime has not
    "def f(a, k):\n    return _rt.load(a, k), _rt\n",
]


@pytest.mark.parametrize("source", MINE)
def test_the_users_own_name_that_looks_like_it_is_rewritten(source: str) -> None:
    assert rewrite(source).changed


def test_a_global_of_the_users_that_looks_like_it_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("own_name.py").write_text(
        "import relaxpy.runtime as _rt_2\n\nclass _rt:\n    load = staticmethod(lambda a, k: a[k] if a[k] > 0 else 0.0)\n\n"
        "def mine(a, k):\n    return _rt.load(a, k)\n\n"
        "def theirs(a, k):\n    return (_pick1 := _rt_2.pick(_rt_2.gt(a, k))).end("
        "a if _pick1.begin() else _rt_2.SKIP, k if _pick1.mid() else _rt_2.SKIP)\n\n"
        "def calls(a, k):\n    return _rt_2.callee(theirs)(a, k)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_name  # type: ignore[import-not-found]

    assert "_rt_2.callee(_rt.load)" in relax(own_name.mine).source
    larger = 0.3 * torch.sigmoid(torch.tensor(3.0)) + 0.0
    for function in (own_name.theirs, own_name.calls):
        assert "_rt_3" not in relax(function).source
        assert relax(function)(X, 0.0) == larger
    del sys.modules["own_name"]


def test_a_rewritten_module_under_the_import_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "def inner(x):\n    return [1.0] if x > 0 else [2.0]\n\ndef outer(x):\n    return inner(x)[0]\n"
    tmp_path.joinpath("dumped_text.py").write_text(rewrite(plain).text)
    tmp_path.joinpath("ejected_text.py").write_text(ejected(plain, "plain.py"))
    monkeypatch.syspath_prepend(tmp_path)
    with relaxpy.install("dumped_text"), relaxpy.install("ejected_text"):
        import dumped_text  # type: ignore[import-not-found]
        import ejected_text  # type: ignore[import-not-found]

        share = torch.sigmoid(10.0 * X)
        for module in (dumped_text, ejected_text):
            assert float(module.outer(X)) == pytest.approx(float(share + 2 * (1 - share)))
            assert module.outer(0.3) == 1.0
            assert float(relax(module.outer)(X)) == pytest.approx(float(share + 2 * (1 - share)))
            del sys.modules[module.__name__]


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    tmp_path.joinpath("relaxed_twice.py").write_text(
        "from relaxpy import relax\n\n"
        "def plain(x):\n    return [1.0] if x > 0 else [2.0]\n\n"
        "@relax(beta=3.0)\ndef decorated(x):\n    return plain(x)[0]\n\n"
        "class A:\n    @relax\n    def method(self, x):\n        return decorated(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with relaxpy.install("relaxed_twice"):
        import relaxed_twice  # type: ignore[import-not-found]

        yield relaxed_twice
    del sys.modules["relaxed_twice"]


def test_decorating_under_the_import_hook(hooked: Any) -> None:
    share = torch.sigmoid(3.0 * X)
    expected = pytest.approx(float(share + 2 * (1 - share)))
    assert float(hooked.decorated(X)) == expected
    assert float(hooked.A().method(X)) == expected
    assert float(relax(hooked.plain, beta=3.0)(X)[0]) == expected
    assert float(relax(relax(hooked.plain, beta=3.0))(X)[0]) == expected
    assert hooked.decorated(0.3) == hooked.A().method(0.3) == 1.0
    # The module's own code is what runs: nothing has been rewritten a second time.
    code = hooked.decorated.__wrapped__.__code__
    assert program_of(hooked.decorated.__wrapped__).code is code
    assert "callee(_rt" not in hooked.decorated.source

"""Relaxing what is relaxed already changes nothing: by the decorator, of rewritten code, and under the import hook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax
from relaxpy.programs import function_of, program_of

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
    assert again.source.replace("_rt_2.", "_rt.") == relax(step).source  # a name that its closure has taken
    assert again(0.3) == step(0.3)
    assert again(X) == relax(step)(X)


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

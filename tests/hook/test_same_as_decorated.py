"""A function of a relaxed module gives what it gives with a decorator: exits, handlers, clean-ups, classes, whole algorithms."""

from __future__ import annotations

import copy
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import relaxpy
from relaxpy import relax
from tests.algorithms.pool import POOL, Case
from tests.algorithms.test_laws import to_tensor
from tests.laws import test_classes, test_made_inside, test_raises
from tests.oracle import flatten

_LAWS = {
    f"{module.__name__.rpartition('.')[2]}-{name}": (module, name)
    for module in (test_raises, test_made_inside, test_classes)
    for name in (
        module.PROGRAMS if isinstance(module.PROGRAMS, dict) else [program.__name__ for program in module.PROGRAMS]
    )
}


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """The twin of a module: the same source, relaxed by the hook."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "twins").mkdir()

    def twin(name: str) -> ModuleType:
        stem = name.rpartition(".")[2].removeprefix("test_")  # pytest would explain the asserts of tests
        source = Path(str(sys.modules[name].__file__)).read_text()
        (folder / "twins" / f"{stem}.py").write_text(source)
        importlib.invalidate_caches()
        return importlib.import_module(f"twins.{stem}")

    sys.path.insert(0, str(folder))
    with relaxpy.install("twins"):
        yield twin
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "twins"]:
        del sys.modules[name]


def results(function: Callable[..., Any], *arguments: Any) -> dict[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", relaxpy.RelaxWarning)
        found = flatten(function(*copy.deepcopy(arguments)))
    return {place: float(value) if isinstance(value, torch.Tensor) else value for place, value in found.items()}


# by a program, the first values that it is recorded with: others may take it further than one of their own
VALUES = {"eager": ((0.1, -0.2), (0.4, 0.5), (-0.3, 0.2)), "tape": ((0.1, -0.2),)}


@pytest.mark.parametrize("engine", VALUES)
@pytest.mark.parametrize("law", _LAWS)
def test_programs_of_the_laws(twin: Callable[[str], ModuleType], law: str, engine: Any) -> None:
    module, name = _LAWS[law]
    hooked = twin(module.__name__)
    one, two = (m.PROGRAMS[name] if isinstance(m.PROGRAMS, dict) else getattr(m, name) for m in (module, hooked))
    assert "__relaxpy_runtime__" in two.__code__.co_names
    for x, y in VALUES[engine]:
        soft = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
        with relaxpy.options(engine=engine):
            assert results(two, *soft) == results(relax(one), *soft)


@pytest.mark.parametrize("engine", VALUES)
@pytest.mark.parametrize("case", POOL, ids=lambda case: case.name)
def test_algorithms(twin: Callable[[str], ModuleType], case: Case, engine: Any) -> None:
    hooked = getattr(twin(case.function.__module__), case.function.__name__)
    decorated = relax(case.function)
    before = relaxpy.engine_report(hooked).runs
    arguments = [to_tensor(argument) for argument in case.draw(1)[0]]
    with relaxpy.options(beta=case.beta, max_iter=20, engine=engine):
        assert results(hooked, *arguments) == results(decorated, *arguments)
    runs = relaxpy.engine_report(hooked).runs - before, decorated.engine_report().runs
    assert runs in ((0, 0), (1, 1))
    assert engine == "tape" or runs == (0, 0)

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
import torch

from relaxpy.errors import RelaxError
from relaxpy.runtime import settings
from relaxpy.runtime.distributions import DISTRIBUTIONS, Cauchy
from relaxpy.runtime.options import DEFAULTS, Options, options, resolve
from relaxpy.runtime.settings import checked
from relaxpy.runtime.state import state
from relaxpy.runtime.tnorms import Hamacher


def test_defaults() -> None:
    assert Options() == DEFAULTS
    assert resolve({}) is DEFAULTS
    values = (DEFAULTS.beta, DEFAULTS.max_iter, DEFAULTS.epsilon)
    assert values == (10.0, 1024, 1e-5)
    names = (DEFAULTS.distribution, DEFAULTS.t_norm, DEFAULTS.mode, DEFAULTS.estimator)
    assert names == ("logistic", "product", "soft", "merged")


@pytest.mark.parametrize("engine", ["auto", "eager", "tape"])
def test_the_engine_by_an_environment_variable(engine: str) -> None:
    assert _in_environment(engine) == engine


def test_an_engine_that_does_not_exist() -> None:
    assert "RELAXPY_ENGINE: `engine` can be 'auto' or 'eager' or 'tape', not 'tapes'" in _in_environment("tapes")


def _in_environment(engine: str) -> str:
    """What a new interpreter with this variable says its default is, or the end of its error."""
    done = subprocess.run(
        [sys.executable, "-c", "import relaxpy.runtime.options; print(relaxpy.runtime.options.DEFAULTS.engine)"],
        env={**os.environ, "RELAXPY_ENGINE": engine},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip()


@pytest.mark.parametrize(
    ("settings", "result"),
    [
        ({"beta": 3}, {"beta": 3.0}),
        ({"max_iter": 0}, {"max_iter": 0}),
        ({"epsilon": 0}, {"epsilon": 0.0}),
        ({"distribution": "logistic", "mode": "soft"}, {"distribution": "logistic", "mode": "soft"}),
        ({"t_norm": "product", "estimator": "merged"}, {"t_norm": "product", "estimator": "merged"}),
        ({"t_norm": "yager(2)"}, {"t_norm": "yager(2)"}),
        ({"distribution": Cauchy(), "t_norm": Hamacher(0.5)}, {"distribution": Cauchy(), "t_norm": Hamacher(0.5)}),
    ],
)
def test_accepted(settings: dict[str, Any], result: dict[str, Any]) -> None:
    assert checked(settings) == result


def test_every_distribution_can_be_named() -> None:
    assert set(settings.DISTRIBUTIONS) == DISTRIBUTIONS.keys()
    for name in DISTRIBUTIONS:
        assert checked({"distribution": name}) == {"distribution": name}
    with pytest.raises(RelaxError, match="did you mean `cauchy`"):
        checked({"distribution": "couchy"})


_BETA = "`beta` is a positive finite number, a floating-point tensor of one element, or a schedule, not "
_MAX_ITER = "`max_iter` is a number of soft tests: an int, 0 or more, not "
_EPSILON = "`epsilon` is a probability below which a path is left out: 0 <= epsilon < 1, not "


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": 0}, _BETA + "0"),
        ({"beta": -1.0}, _BETA + "-1.0"),
        ({"beta": float("inf")}, _BETA + "inf"),
        ({"beta": float("nan")}, _BETA + "nan"),
        ({"beta": True}, _BETA + "True"),
        ({"beta": "10"}, _BETA + "'10'"),
        ({"beta": None}, _BETA + "None"),
        ({"beta": torch.tensor(1)}, _BETA + "tensor(1)"),
        ({"beta": torch.ones(2)}, _BETA + "tensor([1., 1.])"),
        ({"max_iter": -1}, _MAX_ITER + "-1"),
        ({"max_iter": 10.0}, _MAX_ITER + "10.0"),
        ({"max_iter": True}, _MAX_ITER + "True"),
        ({"max_iter": torch.tensor(3)}, _MAX_ITER + "tensor(3)"),
        ({"epsilon": 1}, _EPSILON + "1"),
        ({"epsilon": -1e-9}, _EPSILON + "-1e-09"),
        ({"epsilon": float("nan")}, _EPSILON + "nan"),
        ({"epsilon": "x" * 80}, _EPSILON + "'" + "x" * 56 + "..."),
        (
            {"distribution": 3},
            "`distribution` is a name or an instance of relaxpy.Distribution, not 3",
        ),
        ({"t_norm": "Product"}, "there is no t-norm `Product`\n  remedy: did you mean `product`?"),
        ({"t_norm": "yager"}, "the t-norm `yager` takes a parameter: `yager(2)`"),
        ({"t_norm": "minimum(2)"}, "the t-norm `minimum` takes no parameter"),
        ({"t_norm": "frank(x)"}, "the parameter of the t-norm `frank(x)` is no number"),
        ({"t_norm": "frank(0)"}, "the parameter of Frank is more than 0 and finite, not 0.0"),
        ({"t_norm": 2}, "`t_norm` is a name or an instance of relaxpy.TNorm, not 2"),
        ({"mode": 1}, "`mode` can be 'soft' or 'hard' or 'straight-through', not 1"),
        ({"estimator": "best"}, "`estimator` can be 'merged' or 'exact' or 'sampled', not 'best'"),
        ({"samples": 1}, "`samples` is a number of paths: an int, 2 or more, not 1"),
        ({"max_paths": 0}, "`max_paths` is a number of paths: an int, 1 or more, not 0"),
        ({"maxiter": 3}, "there is no option `maxiter`\n  remedy: did you mean `max_iter`?"),
        (
            {"zzz": 3},
            "there is no option `zzz`\n  remedy: the options are beta, max_iter, max_paths, samples, epsilon, "
            "distribution, t_norm, checkpoint, mode, estimator, engine",
        ),
        (
            {"batch": True},
            "there is no option `batch`\n  remedy: it belongs to a function: `relax(batch=True)` or `f.batch()`",
        ),
    ],
)
def test_refused_with_the_whole_message(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RelaxError) as caught:
        checked(settings)
    assert str(caught.value) == message


def test_refused_where_it_is_written() -> None:
    with pytest.raises(RelaxError, match="beta"):
        options(beta=-1.0)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_parameter_stays_itself_and_becomes_a_scalar_with_gradient(shape: tuple[int, ...]) -> None:
    beta = torch.nn.Parameter(torch.full(shape, 4.0))
    assert checked({"beta": beta})["beta"] is beta
    scalar = resolve({"beta": beta}).beta
    assert isinstance(scalar, torch.Tensor)
    assert scalar.shape == ()
    (gradient,) = torch.autograd.grad(scalar * 3, beta)
    assert gradient.flatten().tolist() == [3.0]


def test_regions_nest_and_end() -> None:
    with options(beta=2.0, max_iter=7) as outer:
        assert (outer.beta, outer.max_iter, outer.epsilon) == (2.0, 7, 1e-5)
        with options(beta=3.0) as inner:
            assert (inner.beta, inner.max_iter) == (3.0, 7)
            assert state.options is inner
        assert state.options is outer
        assert state.settings == {"beta": 2.0, "max_iter": 7}
    assert state.options is DEFAULTS
    assert state.settings == {}


def test_a_region_ends_by_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), options(beta=2.0):
        raise ZeroDivisionError
    assert state.options is DEFAULTS


def test_a_region_can_be_entered_again_and_inside_itself() -> None:
    region = options(beta=2.0)
    with region, options(beta=3.0), region as now:
        assert now.beta == 2.0
    assert state.options is DEFAULTS


def test_regions_belong_to_their_thread() -> None:
    seen = []
    with options(beta=2.0):
        thread = threading.Thread(target=lambda: seen.append(state.options))
        thread.start()
        thread.join()
    assert seen == [DEFAULTS]


def test_repr() -> None:
    assert repr(options(beta=2, mode="soft")) == "options(beta=2.0, mode='soft')"

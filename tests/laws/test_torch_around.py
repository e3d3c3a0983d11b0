"""What torch does around relaxed calls: its function transforms, autocast, torch.compile, threads, CUDA."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import relaxpy
from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import objectcode
from tests.laws.support import assert_same

BETA = 2.0
POINT = torch.tensor([0.7, 0.3, 0.9], dtype=torch.float64)
POINTS = torch.rand(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
ONES = torch.ones_like(POINT)


def program(x: list[float]) -> float:
    total = x[0] * x[1]
    for i in range(2):
        if x[i] > x[i + 1]:
            total = total + x[i] * x[i]
            x[i + 1] = x[i] * 0.5 + x[i + 1]
        else:
            total = total - x[i + 1]
    steps = 0
    while total > x[2]:
        total = total * 0.5
        steps += 1
    return total + steps * x[0]


def formula(x: Tensor, beta: float = BETA) -> Any:
    """The same by hand: both sides weighed, and the loop as the sum over its exits."""
    values = list(x.unbind())
    total = values[0] * values[1]
    for i in range(2):
        a, b = values[i], values[i + 1]
        p = torch.sigmoid(beta * (a - b))
        total = p * (total + a * a) + (1 - p) * (total - b)
        values[i + 1] = p * (a * 0.5 + b) + (1 - p) * b
    mass: Any = 1.0
    result: Any = 0.0
    for steps in range(120):
        again = torch.sigmoid(beta * (total - values[2]))
        result = result + mass * (1 - again) * (total + steps * values[0])
        mass = mass * again
        total = total * 0.5
    return result + mass * total


relaxed = relax(program, beta=BETA, epsilon=1e-12)


def tangent(function: Callable[..., Any]) -> Any:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(function(forward_ad.make_dual(POINT, ONES))).tangent


TRANSFORMS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "grad": lambda f: grad(f)(POINT),
    "vjp": lambda f: vjp(f, POINT)[1](torch.tensor(2.0, dtype=torch.float64))[0],
    "jvp": lambda f: torch.stack(jvp(f, (POINT,), (ONES,))),
    "jacrev": lambda f: jacrev(f)(POINT),
    "jacfwd": lambda f: jacfwd(f)(POINT),
    "hessian": lambda f: hessian(f)(POINT),
    "vmap": lambda f: vmap(f)(POINTS),
    "vmap of grad": lambda f: vmap(grad(f))(POINTS),
    "vmap of hessian": lambda f: vmap(hessian(f))(POINTS),
    "grad of vmap": lambda f: grad(lambda rows: vmap(f)(rows).sum())(POINTS),
    "vmap of vmap": lambda f: vmap(vmap(f))(POINTS.reshape(2, 2, 3)),
    "forward-mode autograd": tangent,
    "double backward": lambda f: torch.autograd.functional.hessian(f, POINT),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_function_transforms(name: str) -> None:
    torch.testing.assert_close(TRANSFORMS[name](relaxed), TRANSFORMS[name](formula), rtol=1e-7, atol=1e-7)


def doubled_if(x: Any, k: Any) -> Any:
    return x * 2.0 if k > 1 else x


def doubled_while(x: Any, k: Any) -> Any:
    while k > 0:
        x, k = x * 2.0, k - 1
    return x


def doubled_often(x: Any, k: Any) -> Any:
    for _ in range(k):
        x = x * 2.0
    return x


def counted(x: Any, k: Any) -> Any:
    n = 1
    if x > 1.5:
        n += k
    return x if n > 2 else -x


def signed(x: Any, k: Any) -> Any:
    return x if k else -x


def chosen(x: Any, k: Any) -> Any:
    values = [x, 2.0 * x, 3.0 * x]
    values[k] = values[k] * 10.0
    return values[0] + values[k]


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.bool], ids=str)
@pytest.mark.parametrize("function", [doubled_if, doubled_while, doubled_often, counted, signed, chosen])
def test_integers_and_truths_differ_between_the_samples_of_vmap(
    function: Callable[..., Any], kind: torch.dtype
) -> None:
    """They select exactly, as in a batched call and as the plain program does one sample after the other."""
    x, k = torch.tensor([0.5, 2.5, 1.0, 9.0], dtype=torch.float64), torch.tensor([0, 1, 2, 1]).to(kind)
    relaxed = relax(function, beta=100.0)
    plain = [function(each.item(), number) for each, number in zip(x, k.tolist(), strict=True)]
    for ours in (vmap(relaxed)(x, k), relaxed.batch()(x, k)):
        torch.testing.assert_close(ours, torch.tensor(plain, dtype=torch.float64))
    slopes = torch.tensor(plain, dtype=torch.float64) / x  # all of them are multiples of x
    torch.testing.assert_close(vmap(grad(relaxed))(x, k), slopes)


def test_arrays_of_integers_under_vmap() -> None:
    def total(x: Any, wanted: Any) -> Any:
        result = 0.0
        for k in wanted:
            if k > 0:
                result = result + x[k]
        return result

    x, wanted = torch.rand(3, 4, dtype=torch.float64), torch.tensor([[0, 1], [2, 3], [3, 3]])
    expected = [sum(row[k] for k in places if k) for row, places in zip(x.tolist(), wanted.tolist(), strict=True)]
    torch.testing.assert_close(vmap(relax(total))(x, wanted), torch.tensor(expected, dtype=torch.float64))


def test_jacobian_of_a_sort() -> None:
    sort = relax(bubble_sort, beta=BETA)
    rows = [torch.autograd.grad(sort(x := POINT.clone().requires_grad_())[0][k], x)[0] for k in range(3)]
    assert_same(jacrev(lambda x: sort(x)[0])(POINT), torch.stack(rows))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype: torch.dtype) -> None:
    net = torch.nn.Linear(4, 3)
    inputs = torch.rand(8, 4, generator=torch.Generator().manual_seed(1))
    sort = relax(bubble_sort, batch=True, beta=BETA)
    with torch.autocast("cpu", dtype=dtype):
        scores = net(inputs)
        found = sort(scores)[0]
    assert scores.dtype == dtype
    torch.testing.assert_close(found.float(), sort(scores.float())[0], atol=0.05, rtol=0.05)
    found.float().square().sum().backward()
    assert net.weight.grad is not None
    assert torch.isfinite(net.weight.grad).all()


@pytest.fixture
def graphs() -> Iterator[CompileCounter]:
    torch._dynamo.reset()
    yield CompileCounter()
    torch._dynamo.reset()


@pytest.mark.parametrize(("engine", "frames"), [("eager", 2), ("auto", 1 if objectcode.available() else 2)])
def test_compiled_models_break_their_graph_once_if_at_all(graphs: CompileCounter, engine: Any, frames: int) -> None:
    sort = relax(bubble_sort, batch=True, beta=BETA, engine=engine)

    def model(x: Tensor) -> Tensor:
        return sort(x.exp() + 1)[0].square().sum(1)

    compiled = torch.compile(model, backend=graphs)
    for rows in (2, 2, 2):
        x = torch.rand(rows, 4, dtype=torch.float64, requires_grad=True)
        assert_same(compiled(x), model(x), [x])
    assert graphs.frame_count == frames  # before an eager call, and after it


def test_compiled_models_see_what_has_changed(graphs: CompileCounter) -> None:
    threshold = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)

    @relax
    def above(x: Any) -> Any:
        return x * 2 if x > threshold else x - 1

    compiled = torch.compile(lambda x: above(x * 3) + 1, backend=graphs)
    x = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    for beta, at in ((1.0, 0.2), (4.0, 0.2), (4.0, 0.9)):
        with torch.no_grad():
            threshold.fill_(at)
        with relaxpy.options(beta=beta):
            found = compiled(x)
        p = torch.sigmoid(beta * (3 * x - threshold))
        assert_same(found, p * 6 * x + (1 - p) * (3 * x - 1) + 1, [x, threshold])


def test_threads_with_options_of_their_own() -> None:
    betas = [0.5 * (k + 1) for k in range(8)]
    together = threading.Barrier(4)

    def gradient(beta: float) -> Tensor:
        together.wait(timeout=60)  # four at a time are inside a call
        x = POINT.clone().requires_grad_()
        with relaxpy.options(beta=beta):
            relax(program, epsilon=1e-12)(x).backward()
        assert x.grad is not None
        return x.grad

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(gradient, betas))
    for beta, mine in zip(betas, found, strict=True):
        expected = grad(lambda x, beta=beta: formula(x, beta))(POINT)
        torch.testing.assert_close(mine, expected, rtol=1e-7, atol=1e-7)


def test_replicas_in_threads() -> None:
    """As torch.nn.DataParallel runs them: one module, a thread for each part of a batch, one backward pass."""
    net = torch.nn.Linear(4, 3, dtype=torch.float64)
    sort = relax(bubble_sort, batch=True, beta=BETA)
    batch = torch.rand(12, 4, dtype=torch.float64)

    def step(part: Tensor) -> Tensor:
        result: Tensor = sort(net(part))[0]
        return result

    with ThreadPoolExecutor(3) as pool:
        together = torch.cat(list(pool.map(step, batch.split(4))))
    assert_same(together, step(batch), [net.weight, net.bias])


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@cuda
def test_cuda_agrees_with_the_cpu() -> None:
    sort = relax(bubble_sort, batch=True, beta=BETA)
    here, there = POINTS.clone().requires_grad_(), POINTS.cuda().requires_grad_()
    found, out_of_order, swaps = sort(there)
    expected = sort(here)
    assert found.is_cuda
    for mine, theirs in zip((found, out_of_order, swaps), expected, strict=True):
        torch.testing.assert_close(mine.cpu(), theirs)
    found.square().sum().backward()
    expected[0].square().sum().backward()
    assert here.grad is not None
    assert there.grad is not None
    torch.testing.assert_close(there.grad.cpu(), here.grad)


@cuda
@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "forward-mode autograd"])
def test_function_transforms_on_cuda(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = TRANSFORMS[name](formula)
    for constant in ("POINT", "POINTS", "ONES"):
        monkeypatch.setitem(globals(), constant, globals()[constant].cuda())
    with torch.device("cuda"):
        torch.testing.assert_close(TRANSFORMS[name](relaxed).cpu(), expected, rtol=1e-7, atol=1e-7)

"""What is soft and what is hard, batches, and relaxed functions among torch's own transformations."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relaxpy import hard, options, relax, soft
from tests.laws.support import BETA, FINE, above, array, assert_same, mixture, number


def keep_larger(a: Any) -> Any:
    for i in range(len(a) - 1):
        if a[i] > a[i + 1]:
            a[i + 1] = a[i]
    return a


def test_a_tensor_of_the_caller_is_never_changed() -> None:
    for requires_grad in (True, False):
        a = torch.tensor([3.0, 1.0, 2.0], requires_grad=requires_grad)
        version = a._version
        for batch, argument in ((False, a), (True, a.detach().repeat(2, 1))):
            before = argument.detach().clone()
            result = relax(keep_larger, batch=batch)(argument)
            assert torch.equal(argument, before)
            assert result is not argument
        assert a._version == version


def test_an_array_that_was_not_changed_comes_back_as_a_tensor() -> None:
    a = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    result = relax(lambda a: a)(a)
    assert type(result) is torch.Tensor
    assert torch.equal(result, a)


def test_python_numbers_integers_and_bools_are_hard() -> None:
    def program(x: Any, n: Any, flags: Any) -> Any:
        if n > 2:
            x = x + 1.0
        if flags[0]:
            x = x * 2.0
        return x if 0.1 < 0.2 else None

    x = number(0.4)
    result = relax(program, **FINE)(x, torch.tensor(3), torch.tensor([True, False]))
    assert_same(result, 2 * (x + 1), [x])


@pytest.mark.parametrize("way", ["option", "value"])
def test_a_hard_argument_decides_as_in_python(way: str) -> None:
    def program(x: Any, bound: Any) -> Any:
        if bound > 0.35:
            x = x * 2.0
        return x

    x, bound = number(0.3), number(0.4)
    if way == "option":
        result = relax(program, hard=("bound",), **FINE)(x, bound)
    else:
        result = relax(program, **FINE)(x, hard(bound))
    assert_same(result, 2 * x, [x, bound])


def test_what_is_computed_from_hard_tensors_alone_is_hard() -> None:
    weight = number(0.5)

    def program(x: Any, bound: Any, level: Any) -> Any:
        scaled = (bound * 3.0).exp() + level[0]
        if scaled > 1.0:
            x = x * scaled
        return x + 10.0 if bound * weight > 0.1 else x

    x, bound, level = number(0.3), number(0.1), number(0.2)
    result = relax(program, **FINE)(x, hard(bound * 2.0), hard([level]))
    scaled = (bound * 6.0).exp() + level
    # The last condition meets a captured parameter, which is not hard.
    assert_same(result, x * scaled + 10 * above(2 * bound * weight, 0.1), [x, bound, level, weight])


def test_a_captured_parameter_marked_hard_inside() -> None:
    weight = number(0.3)

    def program(x: Any) -> Any:
        return x * weight if hard(weight) > 0.25 else -x

    x = number(2.0)
    assert_same(relax(program, **FINE)(x), x * weight, [x, weight])


def test_a_module_marked_hard() -> None:
    layer = torch.nn.Linear(1, 1).double()

    def program(layer: Any, x: Any) -> Any:
        return x * 2.0 if layer.weight[0, 0] > -5.0 else x

    x = number(0.7)
    assert_same(relax(program, **FINE)(hard(layer), x), 2 * x, [x])


def test_hard_names_of_a_function_that_is_called_from_a_relaxed_one() -> None:
    @relax(hard=("bound",))
    def inner(x: Any, bound: Any) -> Any:
        return x * 2.0 if x > bound[0] and bound[1] > 0 else x

    def program(x: Any, y: Any) -> Any:
        return inner(x, [y, x])

    x, y = number(0.3), number(0.1)
    p = above(x, y.detach())
    assert_same(relax(program, **FINE)(x, y), p * 2 * x + (1 - p) * x, [x, y])


def test_hard_marks_in_a_list_of_the_caller_are_still_there_afterwards() -> None:
    x, y = number(0.3), number(0.1)
    mark = hard(y)
    values = [x, mark]
    relax(lambda values: values[0] if values[1] > 0 else 0.0)(values)
    assert values[0] is x
    assert values[1] is mark


def test_soft_marks_a_number() -> None:
    def program(x: Any) -> Any:
        y = soft(torch.tensor(0.3, dtype=torch.float64))
        return 1.0 if y > x else 0.0

    assert_same(relax(program, **FINE)(0.1), above(torch.tensor(0.3, dtype=torch.float64), 0.1))


def test_a_captured_parameter_is_soft_and_a_captured_constant_is_hard() -> None:
    weight = number(0.3)
    constant = torch.tensor(0.3, dtype=torch.float64)

    def learns() -> Any:
        return 1.0 if weight > 0 else 0.0

    def decides(x: Any) -> Any:
        return x if constant > 0 else -x

    assert_same(relax(learns, **FINE)(), above(weight), [weight])
    x = number(2.0)
    assert_same(relax(decides, **FINE)(x), x, [x])


def test_integer_tensors_of_a_batch_select_exactly() -> None:
    def program(x: Any, k: Any, flag: Any) -> Any:
        y = x[0]
        if k > 1:
            y = x[1] * 10.0
        if flag:
            y = y + 100.0
        return y, x[k]

    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64, requires_grad=True)
    k, flag = torch.tensor([0, 2]), torch.tensor([True, False])
    y, chosen = relax(program, batch=True, **FINE)(x, k, flag)
    assert_same([y[0], y[1]], [x[0, 0] + 100.0, x[1, 1] * 10.0], [x])
    assert_same([chosen[0], chosen[1]], [x[0, 0], x[1, 2]], [x])


def test_integer_tensors_stored_by_in_a_batch() -> None:
    def program(x: Any, k: Any) -> Any:
        x[k] = 0.0
        return x

    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    result = relax(program, batch=True, **FINE)(x, torch.tensor([1, 0]))
    assert result.tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert torch.autograd.grad(result.sum(), x)[0].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_tensors_of_one_int_or_bool_blend_as_ints_and_bools() -> None:
    three, one, yes = torch.tensor(3), torch.tensor(1), torch.tensor(True)

    def program(x: Any) -> Any:
        k = three if x > 0 else one
        flag = x > 0 and yes
        return [5.0, 7.0, 9.0, 11.0][k], 1.0 if flag else 0.0

    x = number(0.3)
    p = above(x)
    assert_same(relax(program, **FINE)(x), (p * 11 + (1 - p) * 7, p), [x])


def test_an_argument_shared_between_lanes() -> None:
    def program(x: Any, y: Any, table: Any) -> Any:
        return table[0] if x > y else table[1]

    x, y = array(0.3, -0.4, 0.9), array(0.1, 0.2, 0.3)
    table = array(5.0, 7.0)
    result = relax(program, batch=(0, 0, None), **FINE)(x, y, table)
    p = above(x, y)
    assert_same(result, p * table[0] + (1 - p) * table[1], [x, y, table])


def test_another_axis_for_the_lanes() -> None:
    def program(x: Any) -> Any:
        return x[0] if x[0] > x[1] else x[1]

    x = array([0.3, -0.4, 0.9], [0.1, 0.2, 0.3])
    p = above(x[0], x[1])
    assert_same(relax(program, batch=1, **FINE)(x), p * x[0] + (1 - p) * x[1], [x])


def test_soft_results_are_expanded_to_the_batch() -> None:
    def program(x: Any, c: Any) -> Any:
        return x, c * 2.0, [x[0], c], 3

    x, c = torch.zeros(4, 2), torch.tensor(1.5, requires_grad=True)
    first, second, listed, count = relax(program, batch=(0, None))(x, c)
    assert first.shape == (4, 2)
    assert second.shape == (4,)
    assert [each.shape for each in listed] == [(4,), (4,)]
    assert count == 3
    assert type(count) is int


def test_shared_arguments_in_containers_of_the_caller_stay_as_they_are() -> None:
    def program(x: Any, shared: Any, out: Any) -> Any:
        out.append(shared["c"])
        del shared["d"][0]
        return shared, (shared["c"],), {"k": [shared["t"][0]]}

    x, c, d, t = torch.zeros(4, 2), torch.tensor(1.5), torch.tensor(2.5), (torch.tensor(3.5),)
    shared: dict[str, Any] = {"c": c, "d": [d, d], "t": t}
    out: list[Any] = []
    same, single, inner = relax(program, batch=(0, None, None))(x, shared, out)
    assert same is shared
    assert shared["c"] is c
    assert shared["t"] is t
    assert len(shared["d"]) == 1
    assert [each.tolist() for each in (single[0], inner["k"][0], out[0])] == [[1.5] * 4, [3.5] * 4, [1.5] * 4]


def test_batches_equal_single_calls_and_work_through_the_method_too() -> None:
    rows = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    relaxed = relax(keep_larger, **FINE)
    alone = torch.stack([relaxed(row) for row in rows])
    assert_same(relax(keep_larger, batch=True, **FINE)(rows), alone, [rows])
    assert_same(relaxed.batch()(rows), alone, [rows])


def test_whole_array_operations_in_a_batch() -> None:
    def program(a: Any) -> Any:
        b = torch.softmax(a, 0) * a.sum()
        c = a @ b
        return b, c if c > 0 else -c, a.mean(), torch.stack([a[0], b[1]]), a.reshape(2, 2)[1]

    rows = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    together = relax(program, batch=True, **FINE)(rows)
    for lane in range(3):
        alone = relax(program, **FINE)(rows[lane])
        assert_same([each[lane] for each in together], list(alone), [rows])


def test_an_empty_batch() -> None:
    def program(a: Any) -> Any:
        left = a[0]
        while left > 0:
            left = left - 1.0
        return keep_larger(a), left

    rows = torch.zeros(0, 3, requires_grad=True)
    values, left = relax(program, batch=True)(rows)
    assert values.shape == (0, 3)
    assert left.shape == (0,)
    assert torch.autograd.grad(values.sum() + left.sum(), rows)[0].shape == (0, 3)


def test_an_empty_array() -> None:
    def total(a: Any) -> Any:
        s = 0.0
        for v in a:
            if v > 0:
                s += v
        return s, len(a)

    assert relax(total)(torch.zeros(0)) == (0.0, 0)


def test_vmap_from_outside() -> None:
    rows = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    relaxed = relax(keep_larger, beta=BETA, epsilon=0.0)
    outside = torch.vmap(relaxed)(rows)
    assert_same(outside, relax(keep_larger, batch=True, beta=BETA, epsilon=0.0)(rows), [rows])


def loop_while(x: Any) -> Any:
    n = 0.0
    while x > n:
        n = n + 1.0
    return n


def test_vmap_from_outside_over_a_loop() -> None:
    xs = array(0.3, 1.7, -2.0)
    inside = relax(loop_while, batch=True, **FINE)(xs)
    assert_same(torch.vmap(relax(loop_while, **FINE))(xs), inside, [xs])


def test_torch_func_grad() -> None:
    def value(a: Any) -> Any:
        return a[0] * 2.0 if a[0] > a[1] else a[1]

    a = array(0.3, 0.1)
    relaxed = relax(value, **FINE)
    (expected,) = torch.autograd.grad(relaxed(a), a)
    assert torch.allclose(torch.func.grad(relaxed)(a.detach()), expected)
    together = torch.vmap(torch.func.grad(relaxed))(a.detach().repeat(2, 1))
    assert torch.allclose(together, expected.repeat(2, 1))
    hessian = torch.func.hessian(relaxed)(a.detach())
    assert torch.allclose(hessian, torch.autograd.functional.hessian(relaxed, a.detach()))


def test_gradients_agree_with_finite_differences() -> None:
    def program(a: Any) -> Any:
        total = 0.0
        for i in range(len(a)):
            if a[i] > 0.1:
                total = total + a[i] ** 2
            elif a[i] == 0.2:
                continue
            if total > 2.0:
                return total * a[0]
            a[i] = total
        return total, a[1], a[2]

    def flat(a: Any) -> Any:
        result = relax(program_flat, beta=3.0, epsilon=0.0)(a)
        return result

    def program_flat(a: Any) -> Any:
        total = 0.0
        for i in range(len(a)):
            if a[i] > 0.1:
                total = total + a[i] ** 2
            elif a[i] == 0.2:
                continue
            if total > 2.0:
                return total * a[0]
            a[i] = total
        return total + a[1] * a[2]

    assert torch.autograd.gradcheck(flat, (torch.randn(4, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (torch.float32, torch.float64, torch.float32),
        (torch.float16, torch.float32, torch.float32),
        (torch.bfloat16, torch.bfloat16, torch.bfloat16),
    ],
)
def test_mixed_dtypes_follow_torch(first: torch.dtype, second: torch.dtype, result: torch.dtype) -> None:
    """As torch promotes them: two scalars to the larger type, a Python number to the tensor's."""

    def program(x: Any, y: Any) -> Any:
        z = 1.0
        if x > y:
            z = x
        return z

    z = relax(program)(torch.tensor(0.5, dtype=first), torch.tensor(0.25, dtype=second))
    assert z.dtype == torch.promote_types(first, second) if first != second else result


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("batch", [False, True])
def test_an_array_filled_with_python_numbers_keeps_its_dtype(dtype: torch.dtype, batch: bool) -> None:
    def program(a: Any, grid: Any) -> Any:
        for i in range(len(a)):
            a[i] = 0.0
        for row in grid:
            row[0] = row[1] = 2
        return a, grid, a[1:], a[:0], a.copy() if hasattr(a, "copy") else None, a.dtype

    a, grid = torch.ones(3, dtype=dtype), torch.ones(2, 2, dtype=dtype)
    if batch:
        a, grid = a.repeat(4, 1), grid.repeat(4, 1, 1)
    *results, inside = relax(program, batch=batch)(a, grid)
    assert [each.dtype for each in results] == [dtype] * 5
    assert inside == dtype
    shapes = [tuple(each.shape)[1 if batch else 0 :] for each in results]
    assert shapes == [(3,), (2, 2), (2,), (0,), (3,)]
    assert results[0].abs().max() == 0
    assert results[1].min() == 2


def test_an_array_filled_with_python_numbers_keeps_its_device() -> None:
    def program(a: Any) -> Any:
        for i in range(len(a)):
            a[i] = 1.0
        return a

    # The meta device cannot be looked at, so the values must not be, either.
    a = torch.ones(3)
    device = torch.device("meta")
    result = relax(program)(a)
    assert result.device == a.device
    from relaxpy.runtime.arrays import SoftArray

    assert SoftArray(rows=[1.0, 2.0], stored_as=(torch.float16, device)).tensor().device == device


def test_half_precision_is_finite_far_from_the_decision() -> None:
    def program(x: Any) -> Any:
        return x * 2.0 if x > 0 else -x

    for dtype in (torch.float16, torch.bfloat16):
        x = torch.tensor([-300.0, -0.5, 0.0, 0.5, 300.0], dtype=dtype, requires_grad=True)
        y = relax(program, batch=True)(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert y.dtype == dtype
        assert bool(torch.isfinite(y).all())
        assert bool(torch.isfinite(gradient).all())


def test_options_of_region_call_decorator_and_default() -> None:
    def program(x: Any) -> Any:
        return 1.0 if x > 0 else 0.0

    def inner_region(x: Any) -> Any:
        with options(beta=5.0):
            first = 1.0 if x > 0 else 0.0
        return first + (10.0 if x > 0 else 0.0)

    x = number(0.1)
    assert_same(relax(program)(x), above(x, beta=10.0))
    assert_same(relax(program, beta=3.0)(x), above(x, beta=3.0))
    with options(beta=4.0):
        assert_same(relax(program)(x), above(x, beta=4.0))
        assert_same(relax(program, beta=3.0)(x), above(x, beta=3.0))
    assert_same(relax(program, beta=3.0).with_options(beta=6.0)(x), above(x, beta=6.0))
    assert_same(relax(inner_region, beta=3.0)(x), above(x, beta=5.0) + 10 * above(x, beta=3.0))


def test_callees_inherit_options_unless_they_have_their_own() -> None:
    def step(x: Any) -> Any:
        return 1.0 if x > 0 else 0.0

    own = relax(step, beta=7.0)

    def program(x: Any) -> Any:
        return step(x), own(x)

    x = number(0.1)
    assert_same(relax(program, beta=3.0)(x), (above(x, beta=3.0), above(x, beta=7.0)), [x])


def test_named_and_default_arguments_in_a_batch() -> None:
    def program(x: Any, *, bound: Any, scale: Any = 2.0) -> Any:
        return x * scale if x > bound else bound

    x, bound = array(0.3, -0.4), array(0.1, 0.2)
    p = above(x, bound)
    assert_same(relax(program, batch=True, **FINE)(x, bound=bound), p * x * 2 + (1 - p) * bound, [x, bound])


def test_methods_static_methods_and_class_methods() -> None:
    class Shifted:
        offset = 0.25

        def __init__(self, scale: float) -> None:
            self.scale = scale

        @relax(**FINE)
        def method(self, x: Any) -> Any:
            return x * self.scale if x > self.offset else x

        @staticmethod
        @relax(**FINE)
        def static(x: Any) -> Any:
            return 2.0 if x > 0 else 1.0

        @classmethod
        @relax(**FINE)
        def of_class(cls, x: Any) -> Any:
            return x if x > cls.offset else 1.0

    x = number(0.4)
    p, q = above(x, 0.25), above(x)
    thing = Shifted(3.0)
    assert_same(thing.method(x), p * x * 3 + (1 - p) * x, [x])
    assert_same(Shifted.static(x), 1 + q, [x])
    assert_same(thing.of_class(x), p * x + (1 - p), [x])


def test_a_lane_that_fails_fails_the_call() -> None:
    def program(x: Any, k: Any) -> Any:
        return x[k]

    with pytest.raises(IndexError):
        relax(program, batch=True)(torch.zeros(2, 3), torch.tensor([0, 7]))


def test_modules_and_threads_do_not_share_state() -> None:
    from concurrent.futures import ThreadPoolExecutor

    relaxed = relax(keep_larger, **FINE)
    rows = [torch.randn(4, dtype=torch.float64) for _ in range(8)]
    alone = [relaxed(row) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(relaxed, rows))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_mixture_of_arrays() -> None:
    def program(x: Any, a: Any) -> Any:
        b = a * 2.0
        if x > 0:
            b = torch.cat([a[:1], a[1:]])
        return b

    x, a = number(0.3), array(1.0, 2.0)
    p = above(x)
    assert_same(relax(program, **FINE)(x, a), mixture((p, list(a)), (1 - p, list(2 * a))), [x, a])

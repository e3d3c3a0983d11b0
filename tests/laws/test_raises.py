"""`raise`, `assert`, `finally` and `with` under soft conditions, against the enumeration of all paths."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from relaxpy import RelaxError, relax
from tests.laws.support import BETA, FINE, above, assert_same, mixture, number
from tests.oracle import expectation, flatten

X = torch.tensor([0.2, -0.4, 1.3], dtype=torch.float64)
Y = torch.tensor([0.3, 0.1, -0.6], dtype=torch.float64)


class TooLargeError(ValueError):
    pass


def checked(value: Any, limit: Any = 0.0) -> Any:
    if value > limit:
        raise TooLargeError("too large")
    return value * 2.0


def rejected(message: str) -> Any:
    raise TooLargeError(message)


def caught_where_it_is_raised(x: Any, y: Any) -> Any:
    try:
        if x > 0:
            raise ValueError("positive")
        result = x
    except ValueError:
        result = y * 5.0
    return result


def state_at_the_raise(x: Any, y: Any) -> Any:
    seen = [0.0]
    try:
        seen[0] = 1.0
        value = checked(x)
        seen[0] = value
        value = value + checked(y, 0.5)
        seen[0] = 7.0
    except (KeyError, ValueError):
        value = seen[0] * 10.0
    return value, seen


def first_handler_that_matches(x: Any, y: Any) -> Any:
    try:
        if x > 0:
            raise KeyError(3)
        if y > 0:
            raise TooLargeError
        result = 1.0
    except LookupError as error:
        result = 2.0 * error.args[0]
    except TooLargeError:
        result = 4.0
    except ValueError:
        result = 8.0
    return result


def otherwise(x: Any, y: Any) -> Any:
    log = [0.0]
    try:
        try:
            if x > 0:
                raise ValueError
            log[0] = log[0] + 1.0
        except ValueError:
            log[0] = log[0] + 10.0
        else:
            log[0] = log[0] + checked(y) - 100.0
    except ValueError:
        log[0] = log[0] + 1000.0
    return log


def raised_again(x: Any, y: Any) -> Any:
    log = [0.0]
    try:
        try:
            log[0] = log[0] + 1.0
            if x > 0:
                raise KeyError("k")
            log[0] = log[0] + 2.0
        except KeyError:
            log[0] = log[0] * 10.0
            if y > 0:
                raise
            log[0] = log[0] + 0.5
    except LookupError:
        log[0] = log[0] + 1000.0
    return log


def raised_from_a_handler(x: Any, y: Any) -> Any:
    try:
        try:
            return checked(x) + checked(y)
        except TooLargeError as error:
            raise RuntimeError("failed") from error
    except RuntimeError as error:
        return -1.0 if isinstance(error.__cause__, TooLargeError) else 100.0


def past_a_handler_that_does_not_match(x: Any, y: Any) -> Any:
    log = [0.0]
    try:
        try:
            value = checked(x)
        except KeyError:
            value = 100.0
        log[0] = 1.0
    except ValueError:
        value = 3.0
    return value + y, log


def out_of_a_loop(x: Any, y: Any) -> Any:
    total = 0.0
    try:
        for i in range(4):
            total = total + x
            if y > i:
                raise StopAsyncIteration if i > 5 else TooLargeError
            total = total + 1.0
    except TooLargeError:
        total = total * 2.0
    return total


def caught_in_each_iteration(x: Any, y: Any) -> Any:
    total, failures = 0.0, 0
    for i in range(3):
        try:
            total = total + checked(x, 0.5 * i)
        except ValueError:
            failures += 1
            if y > i:
                continue
            total = total - 1.0
        total = total + 0.25
    return total, failures


def handler_breaks(x: Any, y: Any) -> Any:
    total = 0.0
    for i in range(3):
        try:
            total = total + checked(x, 0.5 * i)
        except ValueError:
            break
        total = total + y
    else:
        total = total + 100.0
    return total


def returned_from_body_and_handler(x: Any, y: Any) -> Any:
    try:
        return checked(x) + checked(y, 0.2)
    except TooLargeError:
        return -1.0


def raised_in_part_after_a_return(x: Any, y: Any) -> Any:
    def part() -> Any:
        if x > 0:
            return 1.0
        raise ValueError

    try:
        return part() + y
    except ValueError:
        return -2.0


def callee_that_always_raises(x: Any, y: Any) -> Any:
    def deep() -> Any:
        table = {"known": 1.0}
        rejected("always")
        return table["unknown"]

    try:
        result = y
        if x > 0:
            result = deep()
    except TooLargeError:
        result = 3.0
    return result


def endless_until_raised(x: Any, y: Any) -> Any:
    n = 0.0
    try:
        while True:
            n = n + 1.0
            if x + n > y + 2.0:
                raise RuntimeError
    except RuntimeError:
        n = n + 0.5
    return n


def recursive(x: Any, y: Any) -> Any:
    def walk(depth: int) -> Any:
        if depth > 3:
            raise OverflowError
        if x > depth:
            return 1.0
        return walk(depth + 1) + y

    try:
        return walk(0)
    except OverflowError:
        return -2.0


def asserted(x: Any, y: Any) -> Any:
    try:
        assert x > 0, f"{x} is not positive"
        if y > 0:
            assert isinstance(y, str), "a plain assertion on a soft path"
        return 1.0
    except AssertionError:
        return 5.0


def in_a_conditional_expression(x: Any, y: Any) -> Any:
    def part() -> Any:
        if x > 0.5:
            return 1.0
        raise ValueError

    try:
        return part() if y > 0 else 10.0
    except ValueError:
        return 100.0


def counted_clean_ups(x: Any, y: Any) -> Any:
    total, cleaned = 0.0, 0
    for i in range(3):
        try:
            total = total + 1.0
            if x > i:
                break
            total = total + y
            if y > i:
                continue
            total = total * 2.0
        finally:
            cleaned = cleaned + 1
        total = total + 8.0
    return total, cleaned


def left_by_a_clean_up(x: Any, y: Any) -> Any:
    """What it writes is for the paths that leave, though the others write it anew."""
    t, u, left = 0.5, 0.0, [0.0]
    for i in range(3):
        try:
            if x > i:
                u = u + y
            elif y > i:
                continue
            else:
                break
        finally:
            t = 2.0 + i
            left = [t]
        t = 3.0
        left = [7.0]
    return t, u, left


class Shelf:
    def __init__(self, value: float) -> None:
        self.values = [value, value]
        self.log = {"last": value}


def stored_by_a_clean_up(x: Any, y: Any) -> Any:
    """Each path has lists of its own, in which the clean-up stores."""
    values, shelf, nested = [0.5, 1.0], Shelf(0.0), [[1.0], [2.0]]
    for i in range(2):
        try:
            if x > i:
                values = [9.0, y]
                nested = [[3.0], [y]]
                continue
            if y > i:
                shelf.values = [4.0, x]
                break
            shelf.log = {"last": x}
        finally:
            values[0] = 2.0
            shelf.values[0] = 3.0 + i
            shelf.log["last"] = 6.0
            nested[1][0] = -1.0
        values[1] = values[1] + 1.0
    return values, shelf.values, shelf.log["last"], nested


def left_through_two_clean_ups(x: Any, y: Any) -> Any:
    """The outer one meets each path with its own variables, which the inner one does not name."""
    t, u, values = 0.5, 1.0, [0.25, 0.75]
    for _ in range(2):
        try:
            u = -1.5
            try:
                if x > 0:
                    t, values = 4.0, [x, 2.0]
                    continue
                if y > 0:
                    u, values = 3.0, [y, 1.0]
                    return t, u, values
                u = 6.0
            finally:
                values[1] = 7.0
            values = [5.0, 8.0]
        finally:
            values[0] = 9.0
        u = 2.0
    return t, u, values


def kept_by_a_clean_up(x: Any, y: Any) -> Any:
    """What the clean-up keeps of a list is the path's own list."""
    values, kept = [0.5], [[0.0], [0.0]]
    for _ in range(1):
        try:
            if x > 0:
                values = [9.0]
                continue
            values = [y]
        finally:
            kept[0] = values
            values.append(1.0)
        values[0] = 5.0
    return values, kept


def returned_through_clean_ups(x: Any, y: Any) -> Any:
    state = [0.0, 0.0, 0.0]
    for i in range(2):
        try:
            try:
                if x > i:
                    state[0] = 5.0
                    return x * 3.0, state
                state[0] = 7.0
            finally:
                state[1] = state[1] + 1.0
        finally:
            for _ in range(2):
                state[2] = state[2] + 2.0
        if y > i:
            state[0] = state[0] + 1.0
    return -1.0, state


def raised_through_a_clean_up(x: Any, y: Any) -> Any:
    state = [0.0, 0.0]
    try:
        try:
            state[0] = checked(x)
        finally:
            state[1] = state[1] + 1.0
        state[0] = state[0] + y
    except TooLargeError:
        state[0] = state[0] + 50.0
    return state


def from_a_side_of_a_ternary(x: Any, y: Any) -> Any:
    seen = [0.0]
    try:
        seen[0] = 1.0
        value = rejected("then") if x > 0 else y
        seen[0] = value
        value = y * 3.0 if x > y else rejected("else")
    except TooLargeError:
        value = 10.0 * seen[0] + y
    return value, seen


def from_a_side_of_a_ternary_in_another(x: Any, y: Any) -> Any:
    try:
        return (rejected("x") if x > 0.5 else x * 2.0) if y > 0 else rejected("y")
    except TooLargeError:
        return 5.0


def from_the_right_of_and(x: Any, y: Any) -> Any:
    try:
        if x > 0 and rejected("right"):
            return 3.0
        result = y
    except TooLargeError:
        result = 10.0
    return result


def from_the_right_of_or(x: Any, y: Any) -> Any:
    log = [0.0]
    try:
        x > 0 or rejected("right")
        log[0] = log[0] + y
        known = y > 0 or rejected("again")
        log[0] = log[0] + 1.0 if known else -1.0
    except TooLargeError:
        log[0] = log[0] + 10.0
    return log


def in_three_tests(count: Any, x: Any) -> Any:
    return rejected("too often") if count == 3 else x > count - 1


def from_the_test_of_a_loop(x: Any, y: Any) -> Any:
    count = 0
    total = y
    try:
        while in_three_tests(count, x):
            count += 1
            total = total + x
        total = total * 2.0
    except TooLargeError:
        total = total - 10.0
    else:
        total = total + 100.0
    return total


def from_the_end_of_a_test(x: Any, y: Any) -> Any:
    count = 0
    try:
        while x > count - 1 and in_three_tests(count, y):
            count += 1
    except TooLargeError:
        return -1.0
    return 1.0 * count


def in_a_part_of_a_test(x: Any, y: Any) -> Any:
    count = 0
    try:
        while x > count - 1 and checked(y, count) < 1.0:
            count += 1
            if count > 2:
                return 7.0
    except TooLargeError:
        return -1.0
    return 1.0 * count


def from_a_method_in_a_loop(x: Any, y: Any) -> Any:
    class Guard:
        def __init__(self) -> None:
            self.count = 0

        def refuse(self, value: Any) -> Any:
            self.count += 1
            raise TooLargeError

    guard = Guard()
    total = 0.0
    for i in range(3):
        try:
            total = total + (guard.refuse(x) if x > 0.5 * i else y)
        except TooLargeError:
            total = total - 1.0
    return total, guard.count


PROGRAMS: list[Callable[[Any, Any], Any]] = [
    from_a_side_of_a_ternary,
    from_a_side_of_a_ternary_in_another,
    from_the_right_of_and,
    from_the_right_of_or,
    from_the_test_of_a_loop,
    from_the_end_of_a_test,
    in_a_part_of_a_test,
    from_a_method_in_a_loop,
    caught_where_it_is_raised,
    state_at_the_raise,
    first_handler_that_matches,
    otherwise,
    raised_again,
    raised_from_a_handler,
    past_a_handler_that_does_not_match,
    out_of_a_loop,
    caught_in_each_iteration,
    handler_breaks,
    returned_from_body_and_handler,
    raised_in_part_after_a_return,
    callee_that_always_raises,
    endless_until_raised,
    recursive,
    asserted,
    in_a_conditional_expression,
    counted_clean_ups,
    left_by_a_clean_up,
    stored_by_a_clean_up,
    kept_by_a_clean_up,
    left_through_two_clean_ups,
    returned_through_clean_ups,
    raised_through_a_clean_up,
]


def assert_is_expectation(
    program: Callable[[Any, Any], Any], tolerance: float = 1e-9, left_out: tuple[type[Exception], ...] = ()
) -> None:
    """Values and gradients of a batch are those of the enumeration."""
    inputs = [X.clone().requires_grad_(), Y.clone().requires_grad_()]
    exact = expectation(program, inputs, beta=BETA, left_out=left_out).leaves
    leaves = flatten(relax(program, batch=True, **FINE)(*inputs), lanes=True)
    assert leaves.keys() == exact.keys()
    for place, wanted in exact.items():
        given = torch.as_tensor(leaves[place], dtype=torch.float64).expand(3)
        assert_same([given], flatten([wanted]), inputs, tolerance)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_expectation(program: Callable[[Any, Any], Any]) -> None:
    assert_is_expectation(program)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_plain_values(program: Callable[[Any, Any], Any]) -> None:
    for x, y in zip(X.tolist(), Y.tolist()):
        assert relax(program)(x, y) == program(x, y)
        sharp = flatten(relax(program, beta=1e6)(torch.tensor(x), torch.tensor(y)))
        for place, wanted in flatten(program(x, y)).items():
            assert sharp[place] == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


def test_a_raise_that_leaves_the_call_is_left_out_up_to_a_half() -> None:
    def program(x: Any, y: Any) -> Any:
        total = x
        if x > 1.5:
            raise ValueError("too large")
        for i in range(2):
            if y > 1.0 + i:
                total = total + 1.0
                rejected("in a loop")
            total = total + y
        assert x + y < 2.5
        return total, [x * y]

    assert_is_expectation(program, left_out=(ValueError, AssertionError))


@pytest.mark.parametrize("where", ["at once", "together"])
def test_a_raise_that_leaves_the_call_is_raised_above_a_half(where: str) -> None:
    def program(x: Any) -> Any:
        if where == "at once":
            if x > 0:
                raise TooLargeError("most likely")
        else:
            for _ in range(3):
                if x > 0.5:
                    raise TooLargeError("most likely")
        return x

    with pytest.raises(TooLargeError, match="most likely"):
        relax(program, beta=2.0)(number(0.2))
    assert relax(program, beta=2.0)(number(-1.0)) == -1.0
    with pytest.raises(TooLargeError):  # one lane is enough
        relax(program, beta=2.0, batch=True)(torch.tensor([-1.0, 0.2]))


def test_any_other_exception_propagates_at_once() -> None:
    def program(x: Any) -> Any:
        log = [0.0]
        try:
            if x > 0:
                log[0] = 1.0
                return {}["missing"]
            log[0] = 2.0
        except KeyError:
            log[0] = log[0] + 10.0
        return log

    assert_same(relax(program)(number(0.1)), [11.0])


def test_exceptions_that_arrive_together_have_mean_arguments() -> None:
    def program(x: Any) -> Any:
        try:
            if x > 0:
                raise ValueError(x * 2.0, "same")
            if x > -1.0:
                raise ValueError(7.0, "same")
        except ValueError as error:
            return error.args
        return 0.0, "same"

    x = number(0.3)
    p, q = above(x), above(x, -1.0)
    first, text = relax(program, **FINE)(x)
    assert text == "same"
    assert_same(first, p * 2 * x + (1 - p) * q * 7.0, [x])


def test_messages_that_differ_are_no_message() -> None:
    def program(x: Any, read: bool) -> Any:
        try:
            if x > 0:
                raise ValueError("positive")
            raise ValueError("negative")
        except ValueError as error:
            return str(error) if read else 1.0

    assert relax(program)(number(0.3), False) == 1.0
    with pytest.raises(RelaxError, match="the exception that was caught is 'negative' and 'positive'"):
        relax(program)(number(0.3), True)


def test_a_side_that_leaves_the_call_is_left_out() -> None:
    def program(x: Any, y: Any) -> Any:
        assert x > -1.5 or rejected("negative")
        return y if x > -1.5 else rejected("negative")

    x, y = number(0.3), number(0.2)
    assert_same(relax(program, **FINE)(x, y), y, [y])
    with pytest.raises(TooLargeError, match="negative"):
        relax(program)(number(-2.0), y)


def in_half_a_side(x: Any) -> Any:
    try:
        return rejected("inside") + 1.0 if x > 0 else 1.0
    except ValueError:
        return 2.0


def in_a_loop_condition(x: Any) -> Any:
    count = 0
    try:
        while x > count and (count < 1 or rejected("inside") > x):
            count += 1
    except ValueError:
        return 2.0
    return count


@pytest.mark.parametrize("program", [in_half_a_side, in_a_loop_condition])
def test_half_an_expression_cannot_be_left(program: Callable[[Any], Any]) -> None:
    assert relax(program)(1.5) == program(1.5) == 2.0
    with pytest.raises(RelaxError) as caught:
        relax(program)(number(0.3))
    assert str(caught.value) == (
        "a `TooLargeError` was raised on one side of a soft expression, so that the other side would be lost\n"
        f'  File "{__file__}", line {rejected.__code__.co_firstlineno + 1}\n    raise TooLargeError(message)\n'
        "  remedy: write the expression as an `if` statement "
        "(a ternary, `and`, `or`, or a `while` condition cannot be left half way)"
    )


def test_the_end_of_an_iteration_is_not_soft() -> None:
    class Countdown:
        def __init__(self, n: Any) -> None:
            self.n = n

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            self.n = self.n - 1.0
            if self.n < 0.0:
                raise StopIteration
            return self.n

    def program(x: Any) -> Any:
        total = 0.0
        steps = Countdown(x)
        for _ in range(2):
            total = total + steps.__next__()
        return total

    assert relax(program)(2.5) == 2.0
    with pytest.raises(RelaxError, match="`StopIteration` was raised under a soft condition"):
        relax(program)(number(2.5))



def test_the_state_is_clean_after_an_exception() -> None:
    def program(x: Any, fail: bool) -> Any:
        state = {"value": 0.0}
        while x < 1.0:
            x = x + 0.5
            if x > 0:
                state["value"] = x
                if fail:
                    raise KeyboardInterrupt
        return state["value"]

    expected = relax(program)(number(0.2), False)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            relax(program)(number(0.2), True)
        assert_same(relax(program)(number(0.2), False), expected)


def test_suppress() -> None:
    def program(x: Any) -> Any:
        result = 1.0
        with contextlib.suppress(ValueError):
            if x > 0:
                raise ValueError
            result = 2.0
        return result

    x = number(0.2)
    assert_same(relax(program, **FINE)(x), mixture((above(x), 1.0), (1 - above(x), 2.0)), [x])


def index_or(x: Any) -> Any:
    try:
        return [1.0, 2.0][5 if x > 0 else 1]
    except IndexError:
        return 9.0


def float_or(x: Any) -> Any:
    try:
        return {x: 1.0}[x]
    except TypeError:
        return 9.0


def blended_or(x: Any) -> Any:
    try:
        name = "a" if x > 0 else None
        return len(str(name))
    except Exception:
        return 9.0


@pytest.mark.parametrize("program", [index_or, float_or, blended_or])
def test_handlers_do_not_take_errors_of_relaxpy_for_those_of_the_program(program: Callable[..., Any]) -> None:
    with pytest.raises(RelaxError):
        relax(program)(number(0.02))


def test_an_error_that_the_original_has_as_well_is_handled() -> None:
    assert relax(index_or)(number(30.0)) == 9.0
    assert relax(index_or)(number(-30.0)) == 2.0

    def has_elements(x: Any) -> Any:
        try:
            return x[0]
        except TypeError:
            return 9.0

    assert relax(has_elements)(number(0.4)) == has_elements(0.4) == 9.0

    def named(x: Any) -> Any:
        try:
            return [1.0, 2.0][5 if x > 0 else 1]
        except RelaxError:
            return 9.0

    assert relax(named)(number(0.02)) == 9.0


def test_a_clean_up_runs_once_on_the_mixture_of_the_paths_that_cross_it() -> None:
    def program(x: Any) -> Any:
        counts = [0.0]

        def inner() -> Any:
            t = 1.0
            try:
                if x > 0:
                    t = 2.0
                    return t
                t = 3.0
            finally:
                t = t + 10.0  # what it writes is the same for all paths
                counts[0] += 1.0
            return t

        return inner(), counts[0]

    x = number(0.4)
    p = above(x)
    mean = p * 2.0 + (1 - p) * 3.0
    assert_same(relax(program, **FINE)(x), (p * 2.0 + (1 - p) * (mean + 10.0), 1.0), [x])
    exact = p * 2.0 + (1 - p) * 13.0
    assert_same(relax(program, estimator="exact", **FINE)(x), (exact, 1.0), [x])

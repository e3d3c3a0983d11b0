"""Threads that call a function at once, and processes that are forked: right results, as many programs as are needed."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relaxpy import relax
from relaxpy.algorithms.sorting import bubble_sort
from relaxpy.engine import machine
from tests.engine.drawn import Drawn, both_ways, executor_of

THREADS = 8
SIZES = (3, 4, 5)


def halve(x: Any) -> Any:
    while x > 1.0:
        x = x / 2.0
    return x


def value_and_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    result = function(x)
    (gradient,) = torch.autograd.grad((result * torch.arange(1.0, 1.0 + result.shape[-1])).sum(), x)
    return result.detach(), gradient


def in_threads(work: Callable[[int], None]) -> list[BaseException]:
    """Run it in several threads that begin together; what they raised."""
    errors: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def run(number: int) -> None:
        together.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_that_record_and_run_at_once() -> None:
    tape, eager = (relax(bubble_sort, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    cases = [torch.rand(10, size, dtype=torch.float64) for size in SIZES]
    expected = [value_and_gradient(lambda x: eager(x)[0], case) for case in cases]

    def work(number: int) -> None:
        for k in range(number, number + 6):
            found = value_and_gradient(lambda x: tape(x)[0], cases[k % len(cases)])
            torch.testing.assert_close(found, expected[k % len(cases)])

    assert in_threads(work) == []
    report = tape.engine_report()
    assert (report.recorded, report.runs, dict(report.eager)) == (len(SIZES), 6 * THREADS, {})


def test_threads_whose_values_need_programs_of_different_length() -> None:
    tape, eager = (relax(halve, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    cases = [torch.rand(4, dtype=torch.float64) * 10.0**k for k in range(4)]
    expected = [eager(case) for case in cases]

    def work(number: int) -> None:
        for k in range(number, number + 8):
            torch.testing.assert_close(tape(cases[k % 4]), expected[k % 4], rtol=1e-4, atol=1e-4)

    assert in_threads(work) == []
    assert tape.engine_report().recorded <= 4
    assert tape.engine_report().runs > 0


def test_a_parameter_that_changes_while_others_call() -> None:
    """A program reads each time what it captured: every result belongs to one of the values that were there."""
    levels = [0.0]

    def shift(x: Any) -> Any:
        return x + levels[0] if x > 0.0 else x - levels[0]

    tape = relax(shift, batch=True, engine="tape", beta=1e3)
    x = torch.linspace(0.5, 1.0, 20, dtype=torch.float64)

    def work(number: int) -> None:
        for k in range(10):
            if number == 0:
                levels[0] = float(k)
            added = tape(x) - x
            nearest = added.round().clamp(0, 9)
            torch.testing.assert_close(added, nearest)
            assert bool((nearest == nearest[0]).all())

    assert in_threads(work) == []
    torch.testing.assert_close(tape(x), x + 9.0)


def test_threads_that_run_one_program_at_once() -> None:
    drawn = Drawn(3, 150, 4, 2, 300)
    program = executor_of(drawn)
    expected = both_ways(program, drawn)

    def work(number: int) -> None:
        for _ in range(25):
            assert all(map(torch.equal, both_ways(program, drawn), expected))

    assert in_threads(work) == []


def forked(work: Callable[[Any], None]) -> Any:
    """What a function puts into a queue in a forked process."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0
    return queue.get()


def test_a_forked_process_runs_a_program_that_ran_before_it(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's threads are not there in the new process; torch's own would be waited for without end."""
    monkeypatch.setattr(machine, "SPLIT_WORK", 1)
    drawn = Drawn(4, 100, 3, 0, 400)
    program = executor_of(drawn)
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if executor == "machine" else 1)
    try:
        expected = [each.tolist() for each in both_ways(program, drawn)]
        assert forked(lambda queue: queue.put([each.tolist() for each in both_ways(program, drawn)])) == expected
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [4, 5], ids=["a known program", "a new program"])
def test_a_forked_process_goes_on(size: int) -> None:
    tape, eager = (relax(bubble_sort, batch=True, engine=engine) for engine in ("tape", "eager"))  # type: ignore[call-overload]
    known, x = torch.rand(3, 4, dtype=torch.float64), torch.rand(3, size, dtype=torch.float64)
    value_and_gradient(lambda x: tape(x)[0], known)

    def work(queue: Any) -> None:
        torch.set_num_threads(1)
        result = tape(x)[0]
        queue.put((result.tolist(), tape.engine_report().runs))

    found = forked(work)
    assert found == (tape(x)[0].tolist(), 2)
    torch.testing.assert_close(tape(x)[0], eager(x)[0])


def test_a_process_that_is_forked_while_another_thread_holds_the_locks() -> None:
    """The thread, which may be recording a program, is not there in the new process."""
    begun, finish = threading.Event(), threading.Event()

    def sort_steps(x: Any, steps: Any) -> Any:
        for _ in range(steps):
            x = x / 2.0 if x > 1.0 else x
        return x

    tape = relax(sort_steps, batch=True, engine="tape")
    x = torch.tensor([0.5, 3.0], dtype=torch.float64)
    expected = relax(sort_steps, batch=True)(x, 3)
    tape(x, 3)
    (entry,) = tape._made.programs.entries.values()

    def hold() -> None:
        with entry.lock, tape._made.programs.lock:
            begun.set()
            finish.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()

    def work(queue: Any) -> None:
        queue.put((tape(x, 3).tolist(), tape(x * 0 + 3.0, 4).tolist()))

    try:
        found = forked(work)
    finally:
        finish.set()
        thread.join()
    assert found[0] == expected.tolist()
    assert found[1] == relax(sort_steps, batch=True)(x * 0 + 3.0, 4).tolist()

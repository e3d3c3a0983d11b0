"""Programs of many instructions give what torch gives, however they are cut into segments, chunks and threads."""

from __future__ import annotations

import ast
import ctypes
from array import array
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest
import torch

from relaxpy.engine import machine as machine_module, objectcode, threads as threads_module
from relaxpy.engine.instructions import CODES
from relaxpy.engine.machine import Machine
from relaxpy.engine.planner import plan
from relaxpy.engine.tape import Tape
from tests.engine.drawn import Drawn, both_ways

EXECUTORS = ("machine",)


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, also for programs that are too short for them."""
    monkeypatch.setattr(machine_module, "SPLIT_WORK", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("segment_rows", [5, 1000])
@pytest.mark.parametrize(("lanes", "uniform_inputs"), [(1, 0), (100, 0), (100, 3), (3000, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed: int, lanes: int, uniform_inputs: int, segment_rows: int, two_threads: None) -> None:
    drawn = Drawn(seed, 120, 4, uniform_inputs, lanes)
    machine = Machine(plan(drawn.tape, drawn.outputs, segment_rows), torch.float64)
    outputs, run = machine.forward(drawn.inputs, drawn.uniform)
    torch.testing.assert_close(outputs, drawn.expected.detach(), rtol=1e-12, atol=1e-12)
    seeds = torch.randn_like(outputs)
    theirs = torch.autograd.grad(drawn.expected, drawn.leaves, seeds, allow_unused=True)
    for ours, expected in zip(machine.backward(run, seeds), theirs):
        torch.testing.assert_close(
            ours, torch.zeros_like(ours) if expected is None else expected, rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize("openmp", [True, False])
@pytest.mark.parametrize("uniform_inputs", [0, 3])
def test_results_do_not_depend_on_the_number_of_threads(
    uniform_inputs: int, openmp: bool, two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not openmp:
        monkeypatch.setattr(threads_module, "_openmp", lambda: None)
    drawn = Drawn(7, 200, 4, uniform_inputs, 5000)
    machine = Machine(plan(drawn.tape, drawn.outputs), torch.float64)
    results = []
    for threads in (1, 2, 3, 4, 7):
        torch.set_num_threads(threads)
        results.append(both_ways(machine, drawn))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not say which OpenMP torch uses")
def test_torchs_own_threads_are_used() -> None:
    assert threads_module._openmp() is not None


def test_each_part_of_a_run_is_called_once_whatever_the_team() -> None:
    """A team may be smaller than it was asked to be, as when it is called from one of its threads."""
    kernel, thread = objectcode.kernel(True), ctypes.CFUNCTYPE(ctypes.c_int)
    seen: list[int] = []
    entry = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda address: seen.append(array("q", ctypes.string_at(address, 8))[0]))
    for size in (1, 2, 5):
        seen.clear()
        parts = [[array("q", [10 * k + j]) for j in range(k)] for k in range(4)]
        for number in range(size):
            functions = [thread(lambda number=number: number), thread(lambda size=size: size), entry]
            addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions]
            ends = accumulate(map(len, parts), initial=0)
            data = array("q", [*addresses, 4, *ends, *(each.buffer_info()[0] for part in parts for each in part)])
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(kernel.addresses["share"])(data.buffer_info()[0])
        assert sorted(seen) == [10, 20, 21, 30, 31, 32]


def test_a_long_program_is_cut_into_segments() -> None:
    tape = Tape()
    rows = [tape.lane_input(), tape.lane_input()]
    half = tape.constant(0.5)
    for _ in range(100_000):
        difference = tape.emit(CODES["sub"], rows[-1], rows[-2])
        rows.append(tape.emit(CODES["lerp"], rows[-2], difference, half))
    program = plan(tape, rows[-1:])
    assert len(program.code) == 200_000
    assert program.local_rows <= 1000


def test_machine_code_is_named_after_all_that_writes_it() -> None:
    """Modules of the engine that the generator imports, directly or not."""
    folder = Path(objectcode.__file__).parent
    found, pending = {"objectcode.py"}, ["chunks.py"]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            for node in ast.walk(ast.parse((folder / name).read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("relaxpy.engine."):
                    pending.append(f"{(node.module or '').rpartition('.')[2]}.py")
    assert found == set(objectcode._SOURCES)


def test_a_damaged_file_in_the_cache_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAXPY_CACHE", str(tmp_path))
    monkeypatch.setattr(objectcode, "_kernels", {})
    objectcode.kernel(True)
    (file,) = (tmp_path / "kernels").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:100] + b"?" + whole[101:]):
        file.write_bytes(damaged)
        assert objectcode._read(file) is None
    monkeypatch.setattr(objectcode, "_kernels", {})
    drawn = Drawn(1, 30, 2, 0, 10)
    outputs, _ = Machine(plan(drawn.tape, drawn.outputs), torch.float64).forward(drawn.inputs)
    torch.testing.assert_close(outputs, drawn.expected.detach())
    assert objectcode._read(file) is not None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RELAXPY_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(objectcode, "_kernels", {})
    assert objectcode.kernel(True).double


def test_marks_spread_the_same_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    prologues = 0
    for seed in range(5):
        drawn = Drawn(seed, 200, 4, 3, 1)
        kernels = plan(drawn.tape, drawn.outputs)
        with monkeypatch.context() as patched:
            patched.setattr(objectcode, "available", lambda: False)
            ours = plan(drawn.tape, drawn.outputs)
        assert 0 < len(ours.prologue) + len(ours.code) < 200
        prologues += len(ours.prologue) > 0
        assert (ours.code == kernels.code).all()
        assert (ours.prologue == kernels.prologue).all()
        assert ours.smooth == kernels.smooth
    assert prologues > 2

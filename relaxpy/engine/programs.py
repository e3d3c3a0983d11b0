"""The programs of a function: which one fits a call, when one is recorded, and when a call is left to the eager path."""

from __future__ import annotations

import dataclasses
import dis
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.arguments import Arguments
from relaxpy.engine.calling import Called, Packing, ProgramFunction
from relaxpy.engine.machine import Machine
from relaxpy.engine.planner import plan as planned
from relaxpy.engine.reading import Reading
from relaxpy.engine.recorded import NO_LANES, NotRecordedError, refuse
from relaxpy.engine.recorder import Input, Recorder, Warned
from relaxpy.engine.recording import Run, record
from relaxpy.engine.replay import Replay
from relaxpy.engine.results import Building, Recording
from relaxpy.engine.sampling import lanes_unlike
from relaxpy.engine.tape import Tape
from relaxpy.runtime.options import Options

MOST_KEYS = 64
MOST_VARIANTS = 4
MOST_ATTEMPTS = 8
# What engine="auto" leaves to torch: fewer operations than this, and vectors, in one operation or on average, longer than this.
FEWEST = 12
WIDEST = 4096
VECTOR = 64
_DIFFERS = "its decisions differ from call to call"
CAUTION = 0.01  # how far below epsilon a mass must be once a program has turned out to be too short


@dataclass(frozen=True, eq=False)
class Variant:
    """A recorded program, with what must be as it was for it to hold."""

    machine: Machine
    replay: Replay
    inputs: list[Input]
    recording: Recording
    warned: list[Warned]
    reading: Reading
    lanes: int
    differentiable: list[bool]
    sampled: tuple[Tape, Tensor] | None  # where some of the lanes decided: its tape, and which they were

    def call(self, request: Request) -> tuple[bool, Any]:
        """(does it hold for these values, the result)"""
        arguments = request.arguments
        given = [self._fetched(spec, arguments.tensors, request.beta) for spec in self.inputs]
        called = Called(self.machine, self._packing(), self.replay)
        outputs = ProgramFunction.apply(called, self.differentiable, *given)  # type: ignore[no-untyped-call]
        assert called.run is not None
        assert called.extra is not None
        if called.run.failed:
            return False, None
        for warned, masses in zip(self.warned, called.extra):
            warned.say(float(masses.max()))
        return True, Building(outputs, arguments.tensors, arguments.containers).build(self.recording.result)

    def more_lanes(self, request: Request) -> Tensor:
        """Lanes to look at when it is recorded again, since it did not hold."""
        assert self.sampled is not None
        given = [self._fetched(spec, request.arguments.tensors, request.beta).detach() for spec in self.inputs]
        lanes, uniform = self._packing().inputs_of(given)
        return lanes_unlike(*self.sampled, lanes, uniform, self.machine.dtype)

    def _packing(self) -> Packing:
        return Packing(self.inputs, self.recording.outputs, self.lanes, self.machine.dtype)

    @staticmethod
    def _fetched(spec: Input, tensors: list[Tensor], beta: Tensor | None) -> Tensor:
        if isinstance(spec.source, int):
            return tensors[spec.source]
        fetched: Any = beta if spec.source is BETA else spec.source()
        return fetched  # type: ignore[no-any-return]


BETA = "beta"


class Entry:
    """What is known for one key: programs, or why there are none."""

    def __init__(self) -> None:
        self.variants: list[Variant] = []
        self.eager: str | None = None
        self.met = False  # was there a call of this key before?
        self.last = _DIFFERS  # why the last attempt gave no program
        self.attempts = 0
        self.lock = threading.RLock()


_all: weakref.WeakSet[Programs] = weakref.WeakSet()


class Programs:
    """All programs of a function, the most recently used ones."""

    def __init__(self) -> None:
        self.entries: OrderedDict[Any, Entry] = OrderedDict()
        self.lock = threading.Lock()
        self.reasons: dict[str, int] = {}
        self.runs = 0
        self.recordings = 0
        _all.add(self)

    def unlock(self) -> None:
        """Forget who holds a lock."""
        self.lock = threading.Lock()
        for entry in self.entries.values():
            entry.lock = threading.RLock()

    def entry(self, key: Any) -> Entry:
        with self.lock:
            found = self.entries.get(key)
            if found is None:
                found = self.entries[key] = Entry()
                while len(self.entries) > MOST_KEYS:
                    self.entries.popitem(last=False)
            else:
                self.entries.move_to_end(key)
            return found

    def ran(self) -> None:
        with self.lock:
            self.runs += 1

    def note(self, why: str) -> None:
        with self.lock:
            self.reasons[why] = self.reasons.get(why, 0) + 1


def _unlock_all() -> None:
    """A thread that held a lock when the process was forked is not there in the new one."""
    for programs in _all:
        programs.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)


@dataclass(frozen=True)
class Request:
    """A call that wants a program."""

    plan: Any
    options: Options
    arguments: Arguments
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    run: Run

    @property
    def beta(self) -> Tensor | None:
        return self.options.beta if isinstance(self.options.beta, Tensor) else None


def call(
    programs: Programs, plan: Any, options: Options, args: tuple[Any, ...], kwargs: dict[str, Any], run: Run
) -> Any:
    """Call a function by one of its programs, recorded if need be, or by ``run``."""
    try:
        arguments = Arguments(args, kwargs)
        key = (_key_of_options(options), plan.batch, plan.hard, torch.get_default_dtype(), arguments.key)
        if not arguments.tensors:
            refuse("no argument is soft")
    except NotRecordedError as error:
        programs.note(str(error))
        return run(plan, args, kwargs)
    entry = programs.entry(key)
    if options.engine == "auto" and not entry.met:
        entry.met = True
        programs.note("the first call of its kind")
        return run(plan, args, kwargs)
    if entry.eager is None:
        request = Request(plan, options, arguments, args, kwargs, run)
        tried = tuple(entry.variants)
        holds, result = _by_known_program(tried, request)
        if not holds:
            with entry.lock:
                # another thread may have recorded one in the meantime
                others = [variant for variant in entry.variants if variant not in tried]
                holds, result = _by_known_program(others, request)
                if not holds and entry.eager is None:
                    holds, result = _by_new_program(programs, entry, request)
        if holds:
            programs.ran()
            return result
    programs.note(entry.eager or entry.last)
    return run(plan, args, kwargs)


def _by_known_program(variants: Sequence[Variant], request: Request) -> tuple[bool, Any]:
    """(does one hold, the result)"""
    for variant in variants:
        if variant.reading.unchanged():
            holds, result = variant.call(request)
            if holds:
                return True, result
    return False, None


def _by_new_program(programs: Programs, entry: Entry, request: Request) -> tuple[bool, Any]:
    """(could it be recorded, the result); once more where lanes that nobody looked at were unlike the others."""
    sample: Tensor | None = None
    for again in (False, True):
        new = _record(programs, entry, request, sample)
        if new is None:
            break
        holds, result = new.call(request)
        if holds:
            return True, result
        if again or new.sampled is None:
            break
        sample = new.more_lanes(request)
        entry.variants.remove(new)
    return False, None


def _key_of_options(options: Options) -> Any:
    beta: Any = options.beta
    if isinstance(beta, Tensor):
        if type(beta) not in (Tensor, torch.nn.Parameter) or beta.device.type != "cpu":
            refuse("beta is a tensor of another kind or device")
        beta = (BETA, beta.dtype)
    for chosen in (options.distribution, options.t_norm):
        if not isinstance(chosen, str) and not type(chosen).__module__.startswith("relaxpy."):
            refuse("it uses a distribution or t-norm of its own")
    fields = [getattr(options, field.name) for field in dataclasses.fields(options) if field.name != "beta"]
    return (beta, *fields)


def _record(programs: Programs, entry: Entry, request: Request, sample: Tensor | None) -> Variant | None:
    """A new program for this call; None, with the reason in the entry, if there can be none."""
    if entry.attempts >= MOST_ATTEMPTS:
        entry.eager = entry.last
        return None
    entry.attempts += sample is None
    caution = 1.0 if entry.attempts == 1 else CAUTION
    reading = Reading()
    try:
        reading.function(request.plan.made.function)
        for value, get in _objects(request.arguments):
            reading.object(value, get)
        variant = _recorded(request, reading, caution, sample)
    except NotRecordedError as error:
        reading.snapshots.restore()
        entry.eager = str(error)
        return None
    except BaseException as error:
        reading.snapshots.restore()
        if isinstance(error, KeyboardInterrupt) and not _was_raised_by_code(error):
            raise
        # the eager path raises it, if it was the function's own
        entry.last = f"{type(error).__name__} while it was recorded"
        return None
    if not reading.unchanged():
        reading.snapshots.restore()
        entry.eager = "it changes objects that outlive the call"
        return None
    programs.recordings += 1
    entry.variants.insert(0, variant)
    del entry.variants[MOST_VARIANTS:]
    return variant


def _objects(arguments: Arguments) -> list[tuple[Any, Callable[[], Any]]]:
    # their identity is part of the key
    return [(value, lambda value=value: value) for value in arguments.objects]  # type: ignore[misc]


def _recorded(request: Request, reading: Reading, caution: float, sample: Tensor | None) -> Variant:
    plan, beta, arguments = request.plan, request.beta, request.arguments
    dtype = arguments.tensors[0].dtype
    if dtype not in (torch.float32, torch.float64) or any(t.dtype != dtype for t in arguments.tensors):
        refuse(f"its arguments are {' and '.join(sorted({str(t.dtype) for t in arguments.tensors}))}")
    recorder = Recorder(bool(plan.batch), dtype, caution, sample)
    recorder.parameters = reading.snapshots.parameters
    if request.options.engine == "auto":
        recorder.widest = WIDEST
    if beta is not None:
        recorded = recorder.read(beta.reshape(()), BETA, None, NO_LANES)
        plan = dataclasses.replace(plan, settings={**plan.settings, BETA: recorded})
    recording = record(request.run, plan, request.args, request.kwargs, arguments, recorder, reading)
    if request.options.engine == "auto":
        _refuse_what_torch_does_well(recorder)
    rows = [*recording.rows, *(warned.row for warned in recorder.warned)]
    program = planned(recorder.tape, rows)
    tape = recorder.tape
    replay = Replay(
        tape.code, tape.arguments, tape.lane_inputs, tape.uniform_inputs, tape.constants, recording.rows, dtype
    )
    smooth = program.smooth
    differentiable = [any(smooth[o.start : o.start + o.count]) and o.dtype.is_floating_point for o in recording.outputs]
    return Variant(
        machine=Machine(program, dtype),
        replay=replay,
        inputs=recorder.inputs,
        recording=recording,
        warned=recorder.warned,
        reading=reading,
        lanes=recorder.lane_count,
        differentiable=differentiable,
        sampled=None if recorder.sample is None else (recorder.tape, recorder.sample),
    )


def _refuse_what_torch_does_well(recorder: Recorder) -> None:
    """A program costs as much as a few operations of torch; long vectors are as fast without one."""
    if recorder.operations < FEWEST:
        refuse("it takes few operations")
    if recorder.tape.rows > VECTOR * recorder.operations:
        refuse("it works on long vectors")


def _was_raised_by_code(error: BaseException) -> bool:
    """Was it a `raise` statement, not the user's Ctrl-C?"""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] == "RAISE_VARARGS"

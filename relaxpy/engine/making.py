"""A new program for a call, and what is left to torch where it would not pay."""

from __future__ import annotations

import dataclasses
import gc

from torch import Tensor

from relaxpy.engine.executor import executor
from relaxpy.engine.precision import types_of
from relaxpy.engine.reading import Reading
from relaxpy.engine.recorded import refuse
from relaxpy.engine.recorder import Recorder
from relaxpy.engine.recording import record
from relaxpy.engine.replay import Replay
from relaxpy.engine.variants import BETA, Request, Variant

# What engine="auto" leaves to torch: fewer operations than this; vectors, in one operation or on average, longer than this;
# programs longer than this; and calls that read more than this, for each operation, which each run would compare.
FEWEST = 12
WIDEST = 4096
VECTOR = 64
LONGEST = 1_000_000
LOOKS = 10


def make(request: Request, reading: Reading, caution: float, sample: Tensor | None) -> Variant:
    """A program for a call. Raises NotRecordedError, or what the function raises."""
    collecting = gc.isenabled()
    gc.disable()  # what is recorded lives until it is planned; to look through it again and again would take most of the time
    try:
        return _made(request, reading, caution, sample)
    finally:
        if collecting:
            gc.enable()


def _made(request: Request, reading: Reading, caution: float, sample: Tensor | None) -> Variant:
    plan, beta, arguments = request.plan, request.beta, request.arguments
    types = types_of(arguments.tensors)
    recorder = Recorder(bool(plan.batch), arguments.device, types, caution, sample)
    recorder.parameters = reading.snapshots.parameters
    if request.options.engine == "auto":
        recorder.widest, recorder.tape.longest = WIDEST, LONGEST
    if beta is not None:
        plan = dataclasses.replace(plan, settings={**plan.settings, BETA: recorder.beta(beta, BETA)})
    recording = record(request.run, plan, request.args, request.kwargs, arguments, recorder, reading)
    if request.options.engine == "auto":
        _refuse_what_torch_does_well(recorder, reading)
    rows = [*recording.rows, *(warned.row for warned in recorder.warned)]
    recorder.close()
    tape = recorder.tape
    machine = executor(tape, rows, recorder.computed, recorder.device)
    if request.options.engine == "auto" and not machine.pays(recorder.operations, recorder.lane_count):
        refuse("torch runs its operations as fast one by one")
    replay = Replay(
        tape.code,
        tape.arguments,
        tape.lane_inputs,
        tape.uniform_inputs,
        tape.constants,
        recording.rows,
        recorder.computed,
        recorder.device,
    )
    smooth = machine.smooth
    differentiable = [any(smooth[o.start : o.start + o.count]) and o.dtype.is_floating_point for o in recording.outputs]
    return Variant(
        machine=machine,
        replay=replay,
        inputs=recorder.inputs,
        connected=[not machine.reached.isdisjoint(rows) for rows in recorder.input_rows],
        recording=recording,
        warned=recorder.warned,
        reading=reading,
        lanes=recorder.lane_count,
        differentiable=differentiable,
        sampled=None if recorder.sample is None else (recorder.tape, recorder.sample),
    )


def _refuse_what_torch_does_well(recorder: Recorder, reading: Reading) -> None:
    """A program costs as much as a few operations of torch and what it compares; long vectors are as fast without one."""
    if recorder.operations < FEWEST:
        refuse("it takes few operations")
    if recorder.tape.rows > VECTOR * recorder.operations:
        refuse("it works on long vectors")
    if reading.size > LOOKS * recorder.operations:
        refuse("it takes few operations for all that it reads")

"""A recorded program of a function, and what must be as it was for it to hold."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.arguments import Arguments
from relaxpy.engine.calling import Called, Packing, ProgramFunction
from relaxpy.engine.executor import Executor
from relaxpy.engine.instructions import WORDS
from relaxpy.engine.looking import Warned
from relaxpy.engine.reading import Reading
from relaxpy.engine.recorder import Input
from relaxpy.engine.recording import Run
from relaxpy.engine.replay import Replay
from relaxpy.engine.results import Building, Recording
from relaxpy.engine.sampling import lanes_unlike
from relaxpy.engine.tape import Tape
from relaxpy.runtime.options import Options

BETA = "beta"


@dataclass(frozen=True)
class Request:
    """A call that wants a program."""

    plan: Any
    options: Options
    arguments: Arguments
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    run: Run
    beta: Tensor | None  # where it is an input of the program


@dataclass(frozen=True, eq=False)
class Variant:
    """A recorded program, with what must be as it was for it to hold."""

    machine: Executor
    replay: Replay
    inputs: list[Input]
    connected: list[bool]  # of each input: may a gradient come to it?
    recording: Recording
    warned: list[Warned]
    reading: Reading
    lanes: int
    differentiable: list[bool]
    sampled: tuple[Tape, Tensor] | None  # where some of the lanes decided: its tape, and which they were

    @property
    def size(self) -> int:
        """Its instructions."""
        return len(self.replay.code) // WORDS

    def call(self, request: Request) -> tuple[bool, Any]:
        """(does it hold for these values, the result)"""
        arguments = request.arguments
        given = [
            tensor if connected else tensor.detach() for connected, tensor in zip(self.connected, self._given(request))
        ]
        called = Called(self.machine, self._packing, self.replay)
        outputs = ProgramFunction.apply(called, self.differentiable, *given)  # type: ignore[no-untyped-call]
        assert called.run is not None
        if called.run.failed:
            return False, None
        for warned, mass in zip(self.warned, called.masses):
            warned.say(mass)
        building = Building(self._packing.each(outputs), arguments.tensors, arguments.containers)
        building.store(self.recording.stored)
        return True, building.build(self.recording.result)

    def more_lanes(self, request: Request) -> Tensor:
        """Lanes to look at when it is recorded again, since it did not hold."""
        assert self.sampled is not None
        given = [tensor.detach() for tensor in self._given(request)]
        lanes, uniform = self._packing.inputs_of(given)
        return lanes_unlike(*self.sampled, lanes, uniform, self.machine.dtype)

    def _given(self, request: Request) -> list[Tensor]:
        """What is read by the call."""
        return [self._fetched(spec, request.arguments.tensors, request.beta) for spec in self.inputs]

    @functools.cached_property
    def _packing(self) -> Packing:
        like = torch.empty(0, dtype=self.machine.dtype, device=self.machine.device)
        return Packing(self.inputs, self.recording.outputs, self.lanes, like, all(self.differentiable))

    @staticmethod
    def _fetched(spec: Input, tensors: list[Tensor], beta: Tensor | None) -> Tensor:
        if isinstance(spec.source, int):
            return tensors[spec.source]
        fetched: Any = beta if spec.source is BETA else spec.source()
        return fetched  # type: ignore[no-any-return]

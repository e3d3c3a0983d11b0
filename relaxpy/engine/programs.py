"""The programs of a function: which one fits a call, when one is recorded, and when a call is left to the eager path."""

from __future__ import annotations

import dataclasses
import dis
import operator
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from relaxpy.engine.arguments import Arguments
from relaxpy.engine.entries import Entry
from relaxpy.engine.making import make
from relaxpy.engine.precision import autocast_around
from relaxpy.engine.reading import Reading
from relaxpy.engine.recorded import NotRecordedError, refuse
from relaxpy.engine.recording import Run
from relaxpy.engine.variants import BETA, Request, Variant
from relaxpy.runtime.options import Options

MOST_KEYS = 64
MOST_INSTRUCTIONS = 4_000_000  # of all programs of a function, but for the one used last
MOST_VARIANTS = 4
MOST_ATTEMPTS = 8
# Where engine="auto" has met so many calls in a row for which there can be no program, it looks at every so many-th only.
PATIENCE = 16
SELDOM = 64
MOST_DESCRIBED = 2000  # parts of the arguments, beyond which it leaves a call to torch
# Devices for which a program is recorded, and those where engine="auto" knows what pays.
_KNOWN, _MEASURED = ("cpu", "cuda"), ("cpu",)
CAUTION = 0.01  # how far below epsilon a mass must be once a program has turned out to be too short


_all: weakref.WeakSet[Programs] = weakref.WeakSet()


class Programs:
    """All programs of a function, the most recently used ones."""

    def __init__(self) -> None:
        self.entries: OrderedDict[Any, Entry] = OrderedDict()
        self.lock = threading.Lock()
        self.reasons: dict[str, int] = {}
        self.runs = 0
        self.recordings = 0
        self.executor = ""  # what the last program is run by
        self.refused = 0  # calls in a row for which there could be no program
        self.refusal = ""  # of the last one
        _all.add(self)

    def unlock(self) -> None:
        """Forget who holds a lock."""
        self.lock = threading.Lock()
        for entry in self.entries.values():
            entry.unlock()

    def entry(self, key: Any, objects: Sequence[Any] = ()) -> Entry:
        """What is known for a key, in which the objects are named by their addresses."""
        with self.lock:
            found = self.entries.get(key)
            if found is not None and any(get() is not value for get, value in zip(found.objects, objects)):
                del self.entries[key]  # of objects that are gone, at whose addresses there are others
                found = None
            if found is None:
                found = self.entries[key] = Entry(objects)
                while len(self.entries) > MOST_KEYS:
                    self.entries.popitem(last=False)
            else:
                self.entries.move_to_end(key)
            return found

    def trim(self) -> None:
        """Let the programs that were not used for longest go, where there are too many instructions."""
        with self.lock:
            instructions = 0
            for key, entry in reversed(list(self.entries.items())):
                instructions += entry.size
                if instructions > MOST_INSTRUCTIONS and key != next(reversed(self.entries)):
                    del self.entries[key]

    def ran(self) -> None:
        with self.lock:
            self.runs += 1
            self.refused = 0

    def note(self, why: str) -> None:
        with self.lock:
            self.reasons[why] = self.reasons.get(why, 0) + 1

    def refuse(self, why: str) -> None:
        """There can be no program for a call."""
        self.note(why)
        self.refused += 1
        self.refusal = why

    def rests(self) -> bool:
        """Is a call left to torch without looking at it, since there was no program for any of the last ones?"""
        if self.refused < PATIENCE or self.refused % SELDOM == 0:
            return False
        self.refuse(self.refusal)
        return True


def _unlock_all() -> None:
    """A thread that held a lock when the process was forked is not there in the new one."""
    for programs in _all:
        programs.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)


def call(
    programs: Programs, plan: Any, options: Options, args: tuple[Any, ...], kwargs: dict[str, Any], run: Run
) -> Any:
    """Call a function by one of its programs, recorded if need be, or by ``run``."""
    auto = options.engine == "auto"
    try:
        most, devices = (MOST_DESCRIBED, _MEASURED) if auto else (None, _KNOWN)
        arguments = Arguments(args, kwargs, plan.batch, most, plan.captured, devices)
        of_options = _key_of_options(options, arguments.device)
        around = torch.get_default_dtype(), autocast_around(arguments.device, arguments.tensors)
        key = (of_options, plan.batch, plan.hard, around, arguments.device, arguments.key)
        if not arguments.tensors:
            refuse("no argument is soft")
    except NotRecordedError as error:
        programs.refuse(str(error))
        return run(plan, args, kwargs)
    beta: Any = options.beta
    entry = programs.entry(key, arguments.objects)
    if type(beta) is float:
        entry = entry.of_number(beta)
        beta = torch.tensor(beta, dtype=torch.float64) if entry.for_any_beta else None
    if auto and not entry.met:
        entry.met = True
        programs.note("the first call of its kind")
        return run(plan, args, kwargs)
    if entry.eager is None:
        request = Request(plan, options, arguments, args, kwargs, run, beta)
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
    programs.refuse(entry.eager or entry.last)
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


def _key_of_options(options: Options, device: torch.device) -> Any:
    beta: Any = options.beta
    if type(beta) is float:
        beta = None  # see Entry.of_number
    else:
        if type(beta) not in (Tensor, torch.nn.Parameter) or beta.device != device:
            refuse("beta is a tensor of another kind or device")
        beta = (BETA, beta.dtype)
    for chosen in (options.distribution, options.t_norm):
        if not isinstance(chosen, str) and not type(chosen).__module__.startswith("relaxpy."):
            refuse("it uses a distribution or t-norm of its own")
    return beta, _OTHERS(options)


_OTHERS = operator.attrgetter(*(field.name for field in dataclasses.fields(Options) if field.name != "beta"))


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
        for value, get in zip(request.arguments.objects, entry.objects):
            reading.object(value, get)
        variant = make(request, reading, caution, sample)
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
    reading.forget()
    programs.recordings += 1
    programs.executor = variant.machine.kind
    entry.variants.insert(0, variant)
    del entry.variants[MOST_VARIANTS:]
    programs.trim()
    return variant


def _was_raised_by_code(error: BaseException) -> bool:
    """Was it a `raise` statement, not the user's Ctrl-C?"""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] == "RAISE_VARARGS"

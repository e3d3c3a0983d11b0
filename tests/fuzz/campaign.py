"""Many random programs, and the first failures made small.

python -m tests.fuzz.campaign --programs 2000                      # the programs of the seeds 0 to 1999
python -m tests.fuzz.campaign --programs 20000 --by hypothesis     # those of the Hypothesis strategy
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

import torch

from tests.fuzz.check import Failure, Inputs, Verdict, check
from tests.fuzz.program import Program, enclosed, generate
from tests.fuzz.shrink import shrink
from tests.fuzz.strategy import each_example


class OutOfTime(BaseException):
    """A program that takes this long is taken to hang."""


# No program is made smaller for longer than this.
SHRINK_SECONDS = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program")
    parser.add_argument("--by", choices=("seed", "hypothesis"), default="seed", help="who writes the programs")
    parser.add_argument("--show", type=int, default=3, help="how many failures to print with their source")
    parser.add_argument("--budget", type=int, default=400, help="paths that the oracle may take for one program")
    parser.add_argument("--seconds", type=float, default=30.0, help="time of the processor for one program")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--guards", action="store_true", help="programs with try, raise, with and match as well")
    parser.add_argument("--enclosed", action="store_true", help="everything inside the function, no global is assigned")
    parser.add_argument("--engine", choices=["eager", "tape", "auto"], default="eager", help="how relaxed calls run")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    started = time.monotonic()

    def visit(program: Program, inputs: Inputs) -> None:
        program = enclosed(program) if options.enclosed else program
        verdict = _checked(program, inputs, options)
        counts.update(["programs", *_features(program, verdict)])
        if counts["programs"] % 1000 == 0:
            print(f"{counts['programs']} programs, {sum(failures.values())} failures", file=sys.stderr, flush=True)
        if verdict.failure:
            failures[verdict.failure.kind] += 1
            if sum(failures.values()) <= options.show:
                _report(program, inputs, verdict.failure, options)

    if options.by == "hypothesis":
        each_example(options.programs, options.seed, visit)
    else:
        for seed in range(options.seed, options.seed + options.programs):
            visit(generate(seed, guards=options.guards), Inputs.of(seed))
    print(f"from seed {options.seed} on, in {time.monotonic() - started:.0f} s")
    for feature, count in sorted(counts.items()):
        print(f"  {feature:<32}{count:>8}")
    print(f"failures: {dict(failures) or 'none'}")
    return int(bool(failures))


def _checked(program: Program, inputs: Inputs, options: argparse.Namespace) -> Verdict:
    signal.signal(signal.SIGPROF, _out_of_time)
    signal.setitimer(signal.ITIMER_PROF, options.seconds, 1.0)  # again, should a finalizer swallow the first
    try:
        return check(program, inputs, budget=options.budget, engine=options.engine)
    except OutOfTime:
        return Verdict(Failure("out of time", f"more than {options.seconds} s"))
    except Exception as error:
        return Verdict(Failure(f"breaks {type(error).__name__}", str(error)))
    finally:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # it comes again until it is stopped
        signal.setitimer(signal.ITIMER_PROF, 0)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime


def _features(program: Program, verdict: Verdict) -> list[str]:
    features = [f"({verdict.note})"] if verdict.note else []
    if verdict.paths:
        main = program.source.partition("def program(")[2]
        early = main.rpartition("return")[0]
        exits = [word for word in ("break", "continue", "return {", "return (", "return t") if word in early]
        features += ["equal to the oracle" if not verdict.failure else "compared, and failed"]
        features += ["  by recorded programs"] if verdict.runs else []
        features += ["  with exits in the main function"] if exits else []
        features += ["  with several paths"] if verdict.paths > 1 else []
        features += ["  with a soft while"] if "while x[" in main or "while y" in main else []
        features += ["  with loop else"] if "\n    else:" in main else []
    return features


def _report(program: Program, inputs: Inputs, failure: Failure, options: argparse.Namespace) -> None:
    if not options.no_shrink:
        deadline = time.monotonic() + SHRINK_SECONDS

        def fails(text: str) -> bool:
            if time.monotonic() > deadline:
                return False
            verdict = _checked(replace(program, source=text), inputs, options)
            return verdict.failure is not None and verdict.failure.kind == failure.kind

        program = replace(program, source=shrink(program.source, fails))
        failure = _checked(program, inputs, options).failure or failure
    print(f"--- {program.name}: {failure.kind}\n{failure.detail}\n{inputs}\n{program.source}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())

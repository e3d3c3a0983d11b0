"""Objects as arguments, what soft values look like when they are printed, and what a real Ctrl-C leaves behind."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch

from relaxpy import relax, soft
from tests.laws.support import FINE, above, array, assert_same, number


class Point(NamedTuple):
    x: Any
    y: Any = 0.0


@dataclasses.dataclass
class Holder:
    value: Any
    rows: list[Any]


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value


def larger(point: Any) -> Any:
    if point.x > point.y:
        return point
    return point._replace(x=point.y)


def test_named_tuples_stay_what_they_are() -> None:
    x, y = number(0.4), number(0.1)
    found = relax(larger, **FINE)(Point(x, y))
    assert type(found) is Point
    assert relax(larger)(Point(2, 1)) == Point(2, 1)
    p = above(x - y)
    assert_same(list(found), [p * x + (1 - p) * y, y], [x, y])


def test_a_batch_of_named_tuples() -> None:
    x, y = array(0.4, -0.2, 1.0), array(0.1, 0.0, 2.0)
    found = relax(larger, batch=True, **FINE)(Point(x, y))
    assert type(found) is Point
    for lane in range(3):
        alone = relax(larger, **FINE)(Point(x[lane], y[lane]))
        assert_same([found.x[lane], found.y[lane]], list(alone), [x, y])


def test_dataclasses_are_looked_into() -> None:
    def program(holder: Any) -> Any:
        if holder.value > 0:
            holder.rows[0] = holder.value
        return holder

    x = number(0.4)
    holder = Holder(x, [1.0])
    assert relax(program, **FINE)(holder) is holder
    assert holder.value is x
    assert_same(holder.rows, [above(x) * x + 1 - above(x)], [x])


@pytest.mark.parametrize("kind", [Plain, lambda value: SimpleNamespace(value=value)], ids=["class", "namespace"])
def test_plain_objects_are_changed_in_place_and_their_tensors_are_hard(kind: Any) -> None:
    def doubled(thing: Any, x: Any) -> Any:
        if thing.value > 0:
            thing.value = thing.value * 2.0
        if x > 0:
            thing.value = x
        return thing.value

    x = number(0.3)
    thing = kind(torch.tensor(0.5, dtype=torch.float64))
    result = relax(doubled, **FINE)(thing, x)
    assert_same([result, thing.value], [above(x) * x + 1 - above(x)] * 2, [x])
    assert type(thing.value) is torch.Tensor


def test_tensors_of_plain_objects_are_soft_where_they_are_marked() -> None:
    def program(thing: Any) -> Any:
        return 1.0 if soft(thing.value) > 0 else 0.0

    x = number(0.3)
    assert_same(relax(program, **FINE)(Plain(x)), above(x), [x])


def test_empty_containers() -> None:
    def program(values: Any, x: Any) -> Any:
        total = x
        for value in values:
            total = total + value
        if x > 0:
            total = total * 2.0
        return total, len(values), list(values)

    x = number(0.3)
    for empty in ([], (), torch.zeros(0, dtype=torch.float64), torch.zeros(0, 3)):
        result = relax(program, **FINE)(empty, x)
        assert_same(list(result), [(1 + above(x)) * x, 0, []], [x])


def shown(program: Any, *arguments: Any, **options: Any) -> Any:
    return relax(program, beta=2.0, **options)(*arguments)


def test_soft_values_are_shown() -> None:
    def program(x: Any, a: Any) -> Any:
        k = 2 if x > 0 else 0
        return [f"{x}", str(x), "%s" % x, repr(x > 0), f"{k}", f"{a}", str([x, {"a": a}])]  # noqa: UP031

    assert shown(program, torch.tensor(0.25), torch.tensor([1.0, 2.5])) == [
        "SoftNumber(0.25)",
        "SoftNumber(0.25)",
        "SoftNumber(0.25)",
        "SoftTruth(0.622459)",
        "SoftInteger(1.24492)",
        "SoftArray([1.0, 2.5])",
        "[SoftNumber(0.25), {'a': SoftArray([1.0, 2.5])}]",
    ]


def test_soft_values_of_a_batch_are_shown() -> None:
    def program(x: Any, a: Any) -> Any:
        return [f"{x}", f"{x:.1f}", f"{a}"]

    assert shown(program, torch.tensor([0.25, 0.5]), torch.tensor([[1.0, 2.5], [3.0, 4.0]]), batch=True) == [
        "SoftNumber(2 lanes: [0.25, 0.5])",
        "[0.2, 0.5]",
        "SoftArray(2 lanes, the first: [1.0, 2.5])",
    ]


def test_formats_apply_to_the_number() -> None:
    def program(x: Any) -> Any:
        k = 2 if x > 0 else 0
        return [f"{x:.3f}", f"{x:>8.1f}|", f"{x:.1e}", format(x > 0, ".2f"), f"{k:.2f}", f"{x!r:.8}"]

    assert shown(program, torch.tensor(0.25)) == ["0.250", "     0.2|", "2.5e-01", "0.62", "1.24", "SoftNumb"]


def test_printing_prints(capsys: pytest.CaptureFixture[str]) -> None:
    def program(x: Any) -> Any:
        print("x is", x, sep=" ")
        if x > 0:
            print("above", file=sys.stderr)
        return x

    shown(program, torch.tensor(0.25))
    assert capsys.readouterr() == ("x is SoftNumber(0.25)\n", "above\n")


INTERRUPTED = """
    import signal

    import torch
    from relaxpy import relax
    from relaxpy.runtime.state import state

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a shell that runs the tests has said
    SHARED = []
    WAIT = False

    @relax(max_iter=10**9)
    def program(x, out):
        out["share"] = x > 0
        SHARED.append(x)
        n = x
        while n < 100.0:
            if WAIT:
                if n == n:
                    out["seen"] = n
                if len(out) == 2:
                    out["waiting"] = 1.0
                    print("running", flush=True)
                n = n + 0.0
            else:
                n = n + 50.0
        return n

    x = torch.tensor(0.25, requires_grad=True)
    before = program(x, {})
    WAIT = True
    out = {}
    try:
        program(x, out)
    except KeyboardInterrupt:
        print("interrupted")
    print(sorted({type(value).__name__ for value in [*out.values(), *SHARED]}))
    print(len(state.scopes), len(state.logs), state.lanes)
    WAIT = False
    print(program(0.25, {}), torch.equal(program(x, {}), before))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_real_ctrl_c_leaves_plain_values_and_a_clean_state(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(textwrap.dedent(INTERRUPTED))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert said.splitlines() == ["interrupted", "['Tensor', 'float']", "0 0 None", "100.25 True"], errors

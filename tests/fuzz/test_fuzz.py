from __future__ import annotations

import ast

import pytest

from tests.fuzz.check import Inputs, check
from tests.fuzz.program import Program, generate
from tests.fuzz.shrink import shrink

CHUNK = 20


def keeps_the_laws(seed: int) -> None:
    program = generate(seed)
    failure = check(program, Inputs.of(seed), budget=100).failure
    assert failure is None, f"seed {seed}: {failure.kind}\n{failure.detail}\n{program.source}"


@pytest.mark.parametrize("first", range(0, 300, CHUNK))
def test_programs_keep_the_laws(first: int) -> None:
    for seed in range(first, first + CHUNK):
        keeps_the_laws(seed)


def test_a_seed_always_gives_the_same_program() -> None:
    assert generate(7) == generate(7) != generate(8)


def test_programs_can_be_inspected() -> None:
    namespace = Program("def program(x, y, a):\n    return x\n", name="<fuzz inspected>").load()
    assert namespace["program"](1, 2, 3) == 1


def test_shrink_keeps_only_what_the_failure_needs() -> None:
    source = (
        "def f(x):\n    y = 1\n    if x:\n"
        "        for i in x:\n            y = bad\n    else:\n        y = 2\n    return y\n"
    )

    def fails(text: str) -> bool:
        return any(isinstance(node, ast.Name) and node.id == "bad" for node in ast.walk(ast.parse(text)))

    assert shrink(source, fails) == "def f(x):\n    y = bad\n"

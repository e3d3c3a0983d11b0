"""Random programs of many instructions, with what torch makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from relaxpy.engine.executor import Executor, executor
from relaxpy.engine.instructions import BY_NAME, CODES
from relaxpy.engine.tape import Tape
from tests.engine.test_instructions import MEANING

CPU = torch.device("cpu")
SAFE = "add sub mul sigmoid tanh sin maximum minimum lerp where detach lt neg abs".split()


class Drawn:
    """A random program, with what torch makes of it."""

    def __init__(
        self,
        seed: int,
        length: int,
        lane_inputs: int,
        uniform_inputs: int,
        lanes: int,
        names: Sequence[str] = (*SAFE, "total", "softmax", "mean"),
    ) -> None:
        choose = random.Random(seed)
        torch.manual_seed(seed)
        self.inputs = torch.randn(lane_inputs, lanes, dtype=torch.float64)
        self.uniform = torch.randn(uniform_inputs, dtype=torch.float64)
        self.leaves = [self.inputs.clone().requires_grad_(), self.uniform.clone().requires_grad_()]
        self.tape = Tape()
        rows = [self.tape.lane_input() for _ in range(lane_inputs)]
        rows += [self.tape.uniform_input() for _ in range(uniform_inputs)]
        values: list[Tensor] = [*self.leaves[0].unbind(0), *(x.expand(lanes) for x in self.leaves[1].unbind(0))]
        rows.append(self.tape.constant(0.75))
        values.append(torch.full((lanes,), 0.75, dtype=torch.float64))
        for _ in range(length):
            name = choose.choice(names)
            count = BY_NAME[name].arity if name in BY_NAME else choose.randrange(3, 7)
            places = [choose.randrange(len(rows)) for _ in range(count)]
            if name == "softmax":
                first, *others = choose.sample(range(count), 3)  # some results are for nothing
                weights = torch.softmax(torch.stack([values[k] for k in places]), 0)
                made = self.tape.softmax([rows[k] for k in places])
                rows += [made[first], *(self._product(made[k], rows[places[k]]) for k in others)]
                values += [weights[first], *(weights[k] * values[places[k]] for k in others)]
            elif name == "mean":
                stacked = torch.stack([values[k] for k in places])
                weights = self.tape.softmax([rows[k] for k in places])
                rows.append(self.tape.total([self._product(w, rows[k]) for w, k in zip(weights, places)]))
                values.append((torch.softmax(stacked, 0) * stacked).sum(0))
            elif name == "total":
                # of products, or of anything
                factors = places[1:] + places[:1] if choose.random() < 0.5 else None
                rows.append(self.tape.total([self._product(rows[k], rows[j]) for k, j in zip(places, factors or places)]))
                values.append(sum(values[k] * values[j] for k, j in zip(places, factors or places)) + 0)
            else:
                rows.append(self.tape.emit(CODES[name], *(rows[k] for k in places)))
                values.append(MEANING[name](*(values[k] for k in places)))
        chosen = [*range(-4, 0), 0, lane_inputs, lane_inputs + uniform_inputs]
        self.outputs = [rows[k] for k in chosen]
        self.expected = torch.stack([values[k] for k in chosen])

    def _product(self, a: int, b: int) -> int:
        return self.tape.emit(CODES["mul"], a, b)


def executor_of(drawn: Drawn) -> Executor:
    return executor(drawn.tape, drawn.outputs, torch.float64, CPU)


def both_ways(program: Executor, drawn: Drawn) -> list[Tensor]:
    """The outputs, and the gradients of the sum of them all."""
    outputs, run = program.forward(drawn.inputs, drawn.uniform)
    return [outputs, *program.backward(run, torch.ones_like(outputs))]

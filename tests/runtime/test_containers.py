"""The adapters of what can be changed in place."""

from __future__ import annotations

from typing import Any

import torch

from relaxpy import relax
from relaxpy.runtime.attributecontainers import AttributeContainer


class Slotted:
    __slots__ = ("x",)

    def __init__(self) -> None:
        self.x = 1.0


class Mixed(Slotted):
    def __init__(self) -> None:
        super().__init__()
        self.y = 2.0


def test_attributes_are_those_of_the_slots_and_of_the_dict() -> None:
    assert AttributeContainer(Slotted()).content() == {"x": 1.0}
    assert AttributeContainer(Mixed()).content() == {"x": 1.0, "y": 2.0}


def test_content_can_be_put_back() -> None:
    mixed = Mixed()
    holder = AttributeContainer(mixed)
    before = holder.copy()
    del mixed.x
    mixed.y = 3.0
    holder.fill(before)
    assert (mixed.x, mixed.y) == (1.0, 2.0)


def test_an_attribute_in_a_slot_can_be_deleted_and_set_again_on_a_soft_path() -> None:
    def program(x: Any, thing: Any) -> Any:
        if x > 0:
            del thing.x
            thing.x = x * 2.0
        return thing.x

    thing = Slotted()
    x = torch.tensor(0.3, dtype=torch.float64)
    p = torch.sigmoid(10.0 * x)
    torch.testing.assert_close(relax(program)(x, thing), p * 2.0 * x + (1 - p))
    torch.testing.assert_close(torch.as_tensor(thing.x), p * 2.0 * x + (1 - p))

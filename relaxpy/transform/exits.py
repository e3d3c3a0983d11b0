"""Which `break`, `continue` and `return` may be soft, and what that makes of the constructs around them.

An exit may be soft if a construct between it and its target may: an `if` or loop whose condition is not provably plain, a
`match`, or a `try` in whose body something may raise on a soft path, so that its handlers and what is around them run on a
part of the mass.
A loop that a soft exit leaves or crosses needs an object of its own; so does the function, its frame.
"""

from __future__ import annotations

import libcst as cst

from relaxpy.transform.outline import Outline
from relaxpy.transform.steps import Step

__all__ = ["find_exits"]


class _Exit:
    """An exit with the constructs that it leaves, the target loop included."""

    __slots__ = ("crossed", "soft", "step", "target")

    def __init__(self, step: Step, crossed: list[Step], target: Step | None) -> None:
        self.step = step
        self.crossed = crossed
        self.target = target
        self.soft = False


def find_exits(outline: Outline) -> bool:
    """Mark steps: exits that are ``soft_exits``, loops that are objects, statements that may leave their block.

    True if the function needs a frame, that is, if a `return` in it may be soft.
    """
    exits: list[_Exit] = []
    _collect(outline.body, [], [], exits)
    changed = True
    while changed:
        changed = False
        for exit_ in exits:
            if not exit_.soft and any(_may_be_soft(step) for step in exit_.crossed):
                exit_.soft = changed = True
                for step in exit_.crossed:
                    step.is_object = step.is_object or step.kind in ("while", "for")
    for exit_ in exits:
        if exit_.soft:
            _mark(exit_)
    frame = any(exit_.soft and exit_.step.kind == "return" for exit_ in exits)
    for exit_ in exits:
        if exit_.step.kind == "break" and exit_.target is not None:
            exit_.target.has_break = True
        exit_.step.soft_exits = (
            frame if exit_.step.kind == "return" else exit_.target is not None and exit_.target.is_object
        )
    return frame


def _may_be_soft(step: Step) -> bool:
    return step.is_object or step.catches or step.kind == "match" or step.kind == "if" and not step.hard


def _has_handlers(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Try) and bool(node.handlers)


def _suppresses(node: cst.CSTNode) -> bool:
    """Is this ``with suppress(...):`` or ``with contextlib.suppress(...):``?"""
    if not isinstance(node, cst.With) or node.asynchronous is not None or len(node.items) > 1:
        return False
    manager = node.items[0].item
    function = manager.func if isinstance(manager, cst.Call) and node.items[0].asname is None else None
    name = function.attr if isinstance(function, cst.Attribute) else function
    return isinstance(name, cst.Name) and name.value == "suppress"


def _collect(block: list[Step], around: list[Step], loops: list[Step], exits: list[_Exit]) -> None:
    """All exits of a block. ``around``: the constructs that it stands in, outermost first; ``loops``: those it can break."""
    for step in block:
        kind = step.kind
        if kind == "return":
            exits.append(_Exit(step, list(around), None))
        elif kind in ("break", "continue"):
            if loops:
                step.loop = loops[-1]
                exits.append(_Exit(step, around[around.index(loops[-1]) :], loops[-1]))
        elif step.body or step.cases:
            is_loop = kind in ("while", "for")
            step.is_object = is_loop and not step.hard
            step.catches = (_has_handlers(step.node) or _suppresses(step.node)) and any(s.may_raise() for s in step.body)
            around.append(step)
            _collect(step.body, around, [*loops, step] if is_loop else loops, exits)
            for case in step.cases:
                _collect(case.body, around, loops, exits)
            _collect(step.orelse, around, loops, exits)
            _collect(step.final, around, loops, exits)
            around.pop()


def _mark(exit_: _Exit) -> None:
    """The exit may fall through: its path is dead then, and so is what follows in every block that it leaves."""
    exit_.step.leaves = True
    for step in exit_.crossed:
        step.soft_exits = True
        if step is not exit_.target:
            step.leaves = True

"""A runtime in which everything is soft and certain: each decision takes the soft machinery, but only one side runs.

So plain programs run through every line that the rewriter adds: names are saved and restored, what may be unbound is
looked up and unbound again, exits are noted and fall through, and what is dead must not run. A program that then differs
from the original was rewritten wrongly.
"""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import Any

from tests.transform.standin import SKIPPED, UNDEFINED, runtime as standin


class State:
    """What is going on in one call of a rewritten function: kept on its frame, so that it ends with it."""

    def __init__(self) -> None:
        self.open = 0
        self.left: Any = None  # where a path that has left is going

    def __call__(self, *_: Any) -> None:
        """A frame's trace function, which this stands in for, does nothing."""


def _state(depth: int = 2) -> State:
    frame: FrameType = sys._getframe(depth)
    if not isinstance(frame.f_trace, State):
        frame.f_trace = State()
    return frame.f_trace  # type: ignore[return-value]


def _checked(names: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(names.values())


class Branch:
    soft = True

    def __init__(self, condition: Any) -> None:
        self.then = bool(condition)
        self.orelse = not self.then
        self.before: dict[str, Any] = {}
        self.after_then: dict[str, Any] | None = None

    def raised(self) -> tuple[()]:
        return ()

    def open(self, look: bool = False, /, **names: Any) -> None:
        _state().open += 1
        self.before = names

    def swap(self, look: bool = False, /, **names: Any) -> tuple[Any, ...]:
        assert list(names) == list(self.before)
        self.after_then = names
        return _checked(self.before)

    def close(self, /, **names: Any) -> tuple[Any, ...]:
        _state().open -= 1
        assert list(names) == list(self.before)
        if self.after_then is not None:
            return _checked(self.after_then if self.then else names)
        return _checked(names if self.then else self.before)


class Loop:
    soft = True
    done = False
    fell = True

    def __init__(self) -> None:
        self.names: list[str] | None = None
        self.left: dict[str, Any] | None = None
        self.continued: dict[str, Any] | None = None

    def _same(self, names: dict[str, Any]) -> None:
        assert self.names is None or list(names) == self.names
        self.names = list(names)

    def raised(self) -> tuple[()]:
        return ()

    def test(self, condition: Any) -> bool:
        assert _state().left is None
        return bool(condition)

    def over(self, iterable: Any) -> Any:
        return iterable

    def keep(self, /, **names: Any) -> None:
        self._same(names)

    def brk(self, /, *crossed: Any, **names: Any) -> bool:
        self._same(names)
        self.left = names
        _state().left = self
        return False

    def cont(self, /, *crossed: Any, **names: Any) -> bool:
        self._same(names)
        self.continued = names
        _state().left = self
        return False

    def next(self, /, **names: Any) -> tuple[Any, ...]:
        self._same(names)
        state = _state()
        if self.continued is not None:
            assert state.left is self
            state.left = None
            names, self.continued = self.continued, None
        elif state.left is not None:
            self.done = True
        return _checked(names)

    def orelse(self, /, **names: Any) -> tuple[Any, ...]:
        self._same(names)
        self.fell = _state().left is None
        return _checked(names)

    def exit(self, /, **names: Any) -> tuple[Any, ...]:
        self._same(names)
        state = _state()
        state.open -= 1
        if self.left is not None:
            assert state.left is self
            state.left = None
            names = self.left
        return _checked(names)


def loop() -> Loop:
    _state().open += 1
    return Loop()


class Frame:
    result: Any = None

    def leave(self, value: Any, *crossed: Any) -> bool:
        self.result = value
        state = _state()
        if not state.open:
            return True
        state.left = self
        return False

    def finish(self) -> Any:
        return self.result

    def raised(self) -> tuple[()]:
        return ()


class Try:
    """A handler never runs where Python calls it, but where it stands a second time."""

    def __init__(self, *handlers: str, relaxed: bool = True) -> None:
        self.relaxed = relaxed
        self.open = _state().open
        self.thrown: tuple[int, BaseException] | None = None
        self.after: dict[str, Any] | None = None

    @property
    def soft(self) -> bool:
        return self.thrown is not None

    def caught(self, number: int) -> bool:
        _state().open = self.open
        error = sys.exc_info()[1]
        assert error is not None
        self.thrown = number, error
        return not self.relaxed

    def over(self) -> None:
        pass

    def raised(self) -> tuple[()]:
        return ()

    def takes(self, number: int, /, **names: Any) -> bool:
        return self.thrown is not None and self.thrown[0] == number

    def throw(self) -> None:
        assert self.thrown is not None
        raise self.thrown[1]

    def enter(self, **names: Any) -> tuple[Any, ...]:
        return _checked(names)

    def error(self) -> Any:
        assert self.thrown is not None
        return self.thrown[1]

    def handled(self, **names: Any) -> None:
        self.after = names

    def exit(self, **names: Any) -> tuple[Any, ...]:
        assert self.after is not None
        self.thrown = None
        return _checked(self.after)


class Match:
    """Each case is asked, with its comparisons as conditions."""

    plain = False
    soft = True
    never = SKIPPED

    def __init__(self, subject: Any) -> None:
        self.subject = subject

    def case(self, number: int, before: Any = SKIPPED) -> Any:
        return self if before is not None and before.orelse else None


class Finally:
    soft = True

    def __init__(self) -> None:
        self.open = _state().open
        self.left: Any = None

    def over(self) -> None:
        pass

    def gather(self, **names: Any) -> tuple[Any, ...]:
        state = _state()
        state.open = self.open
        self.left, state.left = state.left, None
        return _checked(names)

    def resume(self, **names: Any) -> tuple[Any, ...]:
        state = _state()
        if state.left is None:
            state.left = self.left
        return _checked(names)


def live() -> bool:
    return _state().left is None


def runtime() -> ModuleType:
    """The runtime, as a module."""
    module = standin()
    relations = {name: getattr(module, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
    for name, compare in relations.items():
        setattr(module, f"if_{name}", _branch(compare))
    vars(module).update(
        UNDEFINED=UNDEFINED, finally_=Finally, for_=loop, frame=Frame, if_=Branch, live=live, match_=Match, paths=[None],
        try_=Try, while_=loop,
    )  # fmt: skip
    return module


def _branch(compare: Any) -> Any:
    return lambda a, b: Branch(compare(a, b))

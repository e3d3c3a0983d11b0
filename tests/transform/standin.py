"""A runtime for plain values only: each function does exactly what the rewritten code stood for.

So rewritten programs can be run and compared with the originals without the real runtime (and without torch).
"""

from __future__ import annotations

import builtins
import operator
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

SKIP = object()
UNDEFINED = object()
_MADE = re.compile(r"_(if|loop|frame|and|or|chain|pick|t|try|finally|assert|with|keep|match|case)\d*|_rt(_\d+)?")


class Taken:
    soft = False

    def __init__(self, condition: Any) -> None:
        self.then = bool(condition)
        self.orelse = not self.then

    def raised(self) -> tuple[()]:
        return ()


SKIPPED = Taken(False)


class Sides:
    def binds(self, name: str) -> bool:
        return False


class And(Sides):
    def __init__(self, left: Any) -> None:
        self.left = left
        self.then = bool(left)

    def end(self, right: Any) -> Any:
        assert (right is SKIP) is not self.then
        return right if self.then else self.left


class Or(Sides):
    def __init__(self, left: Any) -> None:
        self.left = left
        self.then = bool(left)

    def end(self, right: Any) -> Any:
        assert (right is SKIP) is self.then
        return self.left if self.then else right


class Pick(Sides):
    def __init__(self, condition: Any) -> None:
        self.holds = bool(condition)

    def begin(self) -> bool:
        return self.holds

    def mid(self) -> bool:
        return not self.holds

    def end(self, then: Any, orelse: Any) -> Any:
        assert (then is SKIP) is not self.holds
        assert (orelse is SKIP) is self.holds
        return then if self.holds else orelse


class Chain(Sides):
    def __init__(self, link: Any, right: Any) -> None:
        self.link = link
        self.right = right
        self.then = bool(link)

    def end(self, rest: Any) -> Any:
        return rest if self.then else self.link


class Loop:
    soft = False
    done = False
    fell = True

    def test(self, condition: Any) -> bool:
        return bool(condition)

    def over(self, iterable: Any) -> Any:
        return iterable

    def brk(self, /, *crossed: Any, **names: Any) -> bool:
        self.fell = False
        return True

    def cont(self, /, *crossed: Any, **names: Any) -> bool:
        return True

    def raised(self) -> tuple[()]:
        return ()


class Frame:
    result: Any = None

    def leave(self, value: Any, *crossed: Any) -> bool:
        self.result = value
        return True

    def raised(self) -> tuple[()]:
        return ()

    def finish(self) -> Any:
        return self.result


class Try:
    soft = False

    def __init__(self, *handlers: str, relaxed: bool = True) -> None:
        assert all(isinstance(text, str) for text in handlers)

    def caught(self, number: int) -> bool:
        return True

    def over(self) -> None:
        pass

    def raised(self) -> tuple[()]:
        return ()


class Finally:
    soft = False

    def over(self) -> None:
        pass


class With:
    soft = False

    def __call__(self, manager: Any) -> Any:
        return manager


class Match:
    plain = True
    soft = False

    def __init__(self, subject: Any) -> None:
        self.subject = subject
        self.taken = 0

    def give(self) -> Any:
        subject, self.subject = self.subject, None
        return subject

    def case(self, number: int, before: Any = SKIPPED) -> Any:
        return Taken(self.taken == number) if before is not None and before.orelse else None


class Kept:
    def __init__(self, condition: Any, before: Any = None) -> None:
        self.then = bool(condition)

    def of(self, value: Any) -> Any:
        return value

    def over(self, iterable: Any) -> Any:
        return iterable


class Assertion:
    soft = False

    def __init__(self, condition: Any) -> None:
        self.holds = bool(condition)


def _link(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Chain]:
    return lambda a, b: Chain(compare(a, b), b)


def _branch(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Taken]:
    return lambda a, b: Taken(compare(a, b))


def _store(value: Any, container: Any, index: Any) -> None:
    container[index] = value


def _store_attr(value: Any, target: Any, name: str) -> None:
    setattr(target, name, value)


def _delete(container: Any, index: Any) -> None:
    del container[index]


def _store_global(value: Any, names: dict[str, Any], name: str) -> Any:
    names[name] = value
    return value


def _delete_global(names: dict[str, Any], name: str) -> None:
    if name not in names:
        raise NameError(f"name {name!r} is not defined")
    del names[name]


def _store_cell(value: Any, reader: Any) -> Any:
    (cell,) = reader.__closure__
    cell.cell_contents = value
    return value


def _delete_cell(reader: Any) -> None:
    reader()
    (cell,) = reader.__closure__
    del cell.cell_contents


def _visible(names: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if not _MADE.fullmatch(name)}


def _maybe(names: dict[str, Any], name: str) -> Any:
    return names.get(name, UNDEFINED)


def _bound(value: Any, name: str, before: Any, *around: Any) -> Any:
    assert around
    assert all(isinstance(each, Sides) for each in around)
    return value


def _contains(a: Any, b: Any) -> bool:
    return a in b


def _lacks(a: Any, b: Any) -> bool:
    return a not in b


def runtime() -> ModuleType:
    """The stand-in, as a module."""
    module = ModuleType("standin")
    relations = {name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
    links = {"is": operator.is_, "is_not": operator.is_not, "in": _contains, "not_in": _lacks}
    changes = "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ixor ior"
    vars(module).update(
        relations,
        **{f"if_{name}": _branch(compare) for name, compare in relations.items()},
        **{f"chain_{name}": _link(compare) for name, compare in (relations | links).items()},
        **{name: getattr(operator, name) for name in changes.split()},
        SKIP=SKIP, UNDEFINED=UNDEFINED, all_of=lambda *holds: all(holds), and_=And,
        any_of=lambda *holds: any(holds), is_same=operator.is_, builtins=builtins, callee=lambda function: function,
        captured=lambda name, tested, new, old: new if tested.then else old, on_side=lambda around, function: function,
        asserted=Assertion, bound=_bound, first=lambda value, *_: value,
        delete=_delete, delete_attr=delattr, delete_cell=_delete_cell,
        delete_global=_delete_global, filtered=Kept, finally_=Finally, for_=Loop, frame=Frame, if_=Taken,
        in_=_contains, live=lambda: True, load=operator.getitem, made=lambda value: value, spent=lambda value: value,
        whole=lambda value: value,
        executed=lambda name, code: code, class_body=lambda name: None,
        match_=Match, maybe=_maybe, not_=operator.not_, not_in=_lacks, or_=Or,
        paths=[], pick=Pick, raised=lambda error: error, range_=range, slice_=slice, store=_store,
        store_attr=_store_attr, store_cell=_store_cell, store_global=_store_global,
        suspending=lambda value, *around: value, suppressor=With, tested=bool, try_=Try, visible=_visible,
        while_=Loop, with_=With,
    )  # fmt: skip
    return module

"""What the compiler promises, on text that the rewriter left as it was and on text that stands for rewritten text."""

from __future__ import annotations

import asyncio
import dis
import gc
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relaxpy import programs
from relaxpy.compiler import compile_code
from relaxpy.errors import RelaxError
from relaxpy.programs import Program, function_of
from relaxpy.source import function_source


class Verbatim:
    """Stands for the rewriter's result: a text, and the line of the original that each of its lines is (or is not)."""

    runtime_name = "_rt"

    def __init__(self, text: str, lines: dict[int, int] | None = None, rest: int = 1) -> None:
        self.text = text
        self.lines = lines
        self.rest = rest

    def origin(self, line: int, column: int) -> tuple[int, int, bool]:
        if self.lines is None:
            return line, column, True
        return (self.lines[line], column, True) if line in self.lines else (self.rest, 0, False)


def again(function: Any, text: str | None = None, lines: dict[int, int] | None = None, rest: int = 1) -> Any:
    """The function compiled once more, from its own text or from another."""
    source = function_source(function)
    rewritten: Any = Verbatim(source.text if text is None else text, lines, rest)
    return function_of(Program(source, compile_code(function, source, rewritten)), function)


def make_counter() -> tuple[Callable[[int], int], Callable[[], int]]:
    count = 0

    def add(by: int = 1, /, *more: int, times: int = 2, **rest: int) -> int:
        """Adds."""
        nonlocal count
        count += (by + sum(more)) * times
        return count

    return add, lambda: count


class Base:
    def who(self) -> str:
        return "base"


class Derived(Base):
    def __init__(self) -> None:
        self.__secret = 3

    def who(self) -> str:
        return "derived of " + super().who()

    def explicit(self) -> type:
        return __class__  # type: ignore[name-defined,no-any-return]

    def secret(self) -> int:
        return self.__secret

    def nested(self) -> Callable[[], tuple[int, str]]:
        def inner() -> tuple[int, str]:
            return self.__secret, super(Derived, self).who()

        return inner

    def class_inside(self) -> type:
        class Inside:
            def method(self) -> None:
                pass

        return Inside


def test_cells_are_the_original_ones() -> None:
    add, read = make_counter()
    new = again(add)
    assert new(1) == 2
    assert add(1) == 4
    assert new(1, 1, times=1) == 6
    assert read() == 6


def countdown(n: int) -> list[int]:
    return [n, *countdown(n - 1)] if n else []


def test_recursion_by_a_global_and_by_a_cell() -> None:
    def local(n: int) -> list[int]:
        return [n, *local(n - 1)] if n else []

    assert again(countdown)(3) == again(local)(3) == [3, 2, 1]
    assert again(countdown).__code__.co_freevars == ()


def test_names_defaults_annotations_and_attributes() -> None:
    add, _ = make_counter()
    add.note = []  # type: ignore[attr-defined]
    new = again(add)
    assert inspect.signature(new) == inspect.signature(add)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__"):
        assert getattr(new, name) == getattr(add, name)
    for name in ("__globals__", "__kwdefaults__", "__annotations__"):
        assert getattr(new, name) is getattr(add, name)
    assert new.note is add.note  # type: ignore[attr-defined]
    assert new.__code__.co_name == add.__code__.co_name


def test_super_private_names_and_the_class_cell() -> None:
    derived = Derived()
    assert again(Derived.who)(derived) == "derived of base"
    assert again(Derived.explicit)(derived) is Derived
    assert again(Derived.secret)(derived) == 3
    inner = again(Derived.nested)(derived)
    assert inner() == (3, "base")
    assert again(inner)() == (3, "base")


def test_qualified_names_of_what_is_nested() -> None:
    assert again(Derived.nested)(Derived()).__qualname__ == "Derived.nested.<locals>.inner"
    inside = again(Derived.class_inside)(Derived())
    assert inside.__qualname__ == "Derived.class_inside.<locals>.Inside"
    assert inside.method.__qualname__ == "Derived.class_inside.<locals>.Inside.method"
    if sys.version_info >= (3, 11):
        assert again(Derived.nested).__code__.co_qualname == "Derived.nested"


def test_runtime_is_a_cell() -> None:
    def f(x: int) -> int:
        return x

    new = again(f, "def f(x: int) -> int:\n    return [_rt for _ in [0]][0]\n")
    import relaxpy.runtime

    assert new(1) is relaxpy.runtime  # type: ignore[comparison-overlap]
    assert new.__code__.co_freevars == ("_rt",)
    assert "_rt" not in new.__globals__


def test_generators_coroutines_and_lambdas() -> None:
    def generator(n: int) -> Iterator[int]:
        got = yield n
        yield got + 1

    async def coroutine(x: int) -> int:
        await asyncio.sleep(0)
        return x

    new = again(generator)(3)
    assert (next(new), new.send(4)) == (3, 5)
    assert asyncio.run(again(coroutine)(5)) == 5
    one = 1
    assert again(lambda x, inner=lambda: 2: x + one + inner())(5) == 8
    assert again(lambda: [x + one for x in (1, 2)])() == [2, 3]


def test_future_statements_hold() -> None:
    def f() -> Any:
        def g(x: undefined) -> None:  # type: ignore[name-defined]  # noqa: F821
            pass

        return g.__annotations__["x"]

    assert again(f)() == "undefined"
    scope: dict[str, Any] = {}
    text = "def f():\n    def g(x: int): pass\n    return g.__annotations__['x']\n"
    linecache.cache["<no future>"] = (len(text), None, text.splitlines(keepends=True), "<no future>")
    exec(compile(text, "<no future>", "exec", dont_inherit=True), scope)
    assert again(scope["f"])() is int


def fails(x: Any) -> Any:
    values = [
        x,
        x.first + x.second,
    ]
    return values


def shown(function: Callable[..., Any], *args: Any) -> list[str]:
    """The last entry of the traceback: the user's file, line and carets."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function(*args)
    return traceback.format_exception(caught.value)[-2].splitlines()


def test_traceback_is_the_same() -> None:
    assert shown(again(fails), 1) == shown(fails, 1)


def test_traceback_of_a_method_is_the_same() -> None:
    assert shown(again(Derived.secret), 1) == shown(Derived.secret, 1)


def test_traceback_of_a_lambda_is_the_same() -> None:
    é = None
    function = lambda x: [1, é, x.name]  # noqa: E731
    assert shown(again(function), 1) == shown(function, 1)


def test_rewritten_line_shows_the_users_line_without_carets() -> None:
    text = "def fails(x):\n    _t = x\n    return _t.first\n"
    lines = shown(again(fails, text, {1: 1}, rest=4), 1)
    assert lines == [
        f'  File "{__file__}", line {fails.__code__.co_firstlineno + 3}, in fails',
        "    x.first + x.second,",
    ]


def traced(function: Any, *args: Any) -> list[int]:
    """The lines that a debugger or coverage sees, counted from the function's first."""
    seen: list[int] = []

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is function.__code__ and event == "line":
            seen.append(frame.f_lineno - function.__code__.co_firstlineno)
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(old)
    return seen


def branches(x: int) -> int:
    y = 0
    if x > 0:
        y = 1
    else:
        y = 2
    return y


class Branch:
    def __init__(self, then: bool) -> None:
        self.then, self.orelse, self.soft = then, not then, False


@pytest.mark.parametrize("x", [1, -1])
def test_plumbing_is_no_line_of_the_users(x: int) -> None:
    text = (
        "def branches(x):\n"
        "    y = 0\n"
        "    _if1 = Branch(x > 0)\n"
        "    if _if1.soft: _if1.open(y=y)\n"
        "    if _if1.then:\n"
        "        y = 1\n"
        "    if _if1.soft: y, = _if1.swap(y=y)\n"
        "    if _if1.orelse:\n"
        "        y = 2\n"
        "    if _if1.soft: y, = _if1.close(y=y)\n"
        "    return y\n"
    )

    new = again(branches, text, {1: 1, 2: 2, 6: 4, 9: 6, 11: 7}, rest=3)
    assert new(x) == branches(x)
    assert traced(new, x) == traced(branches, x)


def test_decorators_line_is_where_code_starts() -> None:
    def through(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    @through
    @through
    def f() -> Any:
        return 1

    source = function_source(f)  # type: ignore[arg-type]
    blanked = "\n\n" + "".join(source.text.splitlines(keepends=True)[2:])
    new = again(f, blanked)
    assert new.__code__.co_firstlineno == f.__code__.co_firstlineno
    assert list(dis.findlinestarts(new.__code__)) == list(dis.findlinestarts(f.__code__))


def test_text_that_defines_something_else() -> None:
    with pytest.raises(RelaxError) as caught:
        again(branches, "def other(x):\n    return x\n")
    assert str(caught.value) == "the rewritten text of `branches` does not define it"


def test_rewritten_once_for_all_functions_of_one_definition() -> None:
    def outer(a: int) -> Any:
        def inner(x: int) -> int:
            return a if x > a else x

        return inner

    one, two = (programs.function_of(programs.program_of(f), f) for f in (outer(1), outer(2)))
    assert one.__code__ is two.__code__
    assert (one(5), two(5)) == (1, 2)


def test_text_stands_in_linecache() -> None:
    program = programs.program_of(branches)
    assert program.name == f"<relaxpy {__file__}:branches>"
    linecache.checkcache()
    assert "".join(linecache.getlines(program.name)) == program.text


def test_programs_go_when_their_code_goes() -> None:
    text = "def f(x):\n    return x if x else 1\n"
    linecache.cache["<short lived>"] = (len(text), None, text.splitlines(keepends=True), "<short lived>")
    scope: dict[str, Any] = {}
    exec(compile(text, "<short lived>", "exec"), scope)
    programs.program_of(scope["f"])
    key = id(scope["f"].__code__)
    assert key in programs._programs
    del scope
    gc.collect()
    assert key not in programs._programs


def test_file_that_has_changed_since_it_was_imported(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    text = "def f(x):\n    'Doc.'\n    def g(y=1):\n        return {'a': x, 'b': y}\n    return g() if x > 1 else (lambda: x)()\n"
    file.write_text(text)
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    file.write_text(text + "\n\ndef other():\n    pass\n")
    programs.program_of(scope["f"])
    exec(compile(text, str(file), "exec"), scope)
    file.write_text(text.replace("'b': y", "'b': x"))
    with pytest.raises(RelaxError) as caught:
        programs.program_of(scope["f"])
    assert str(caught.value) == (
        "the source of `f` has changed since it was imported\n"
        f'  File "{file}", line 1\n'
        "    def f(x):\n"
        "  remedy: import it anew, or start again"
    )


def test_methods_of_imported_modules_are_no_change(tmp_path: Path) -> None:
    file = tmp_path / "importing.py"
    text = "import math\n\ndef f(x):\n    return math.floor(x) if x > 1 else math.ceil(x)\n"
    file.write_text(text)
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    programs.program_of(scope["f"])
    file.write_text(text.replace("ceil", "sqrt"))
    exec(compile(text, str(file), "exec"), scope)
    with pytest.raises(RelaxError, match="has changed since"):
        programs.program_of(scope["f"])

from __future__ import annotations

import ast
import functools
import linecache
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relaxpy.definitions import FunctionSource, definition_source
from relaxpy.errors import RelaxError
from relaxpy.source import function_source


def run(text: str, filename: str = "<cell 1>", keep: bool = True) -> dict[str, Any]:
    """What a notebook does with a cell: the text is in `linecache`, and nowhere else."""
    text = textwrap.dedent(text)
    if keep:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"__name__": "cell"}
    exec(compile(text, filename, "exec"), scope)
    return scope


def through(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def others(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Outer:
    class Inner:
        def method(self, x: int) -> int:
            text = """A string
        that hangs out.
            """
            return x + len(text)

        def __private(self, __x: int) -> int:
            return __x

        @through
        @staticmethod
        def decorated(x: int) -> Callable[[], int]:
            def inside() -> int:
                return x

            return inside

    def maker(self) -> Any:
        base = self

        class Local:
            def method(self) -> object:
                return base

        return Local


def check(source: FunctionSource) -> ast.AST:
    """Every line of the text is the file's, short of what ``columns`` says."""
    lines = source.text.splitlines(keepends=True)
    assert len(lines) == len(source.columns) == len(source.lines)
    if not source.is_lambda:
        for number, (line, cut) in enumerate(zip(lines, source.columns, strict=True), start=1):
            file_line, column = source.place(number, 0)
            assert column == cut
            assert source.line(file_line)[column:] == line
    return ast.parse(source.text).body[0]


def test_function_of_a_file() -> None:
    source = function_source(run)
    assert source.filename == __file__
    assert source.text.startswith("def run(text: str")
    assert source.text.endswith("    return scope\n")
    assert (source.name, source.qualname, source.class_name) == ("run", "run", None)
    assert Path(__file__).read_text().splitlines()[source.first_line - 1] == source.text.splitlines()[0]
    check(source)


def test_method_is_dedented_and_its_strings_are_not() -> None:
    source = function_source(Outer.Inner.method)
    assert (source.qualname, source.class_name) == ("Outer.Inner.method", "Inner")
    definition = check(source)
    assert "'A string\\n        that hangs out.\\n            '" in ast.unparse(definition)
    assert source.columns == (8, 8, 0, 0, 8)
    assert source.place(5, 0) == (source.first_line + 4, 8)


def test_private_method_with_private_parameter() -> None:
    source = function_source(Outer.Inner._Inner__private)  # type: ignore[attr-defined]
    assert source.name == "__private"
    assert source.class_name == "Inner"


def test_decorators_belong_to_the_text() -> None:
    source = function_source(Outer.Inner.decorated)
    assert source.text.startswith("@through\n@staticmethod\ndef decorated")


def test_nested_function_and_its_free_variables() -> None:
    source = function_source(Outer.Inner.decorated(1))  # type: ignore[arg-type]
    assert source.free_variables == {"x"}
    assert source.qualname == "Outer.Inner.decorated.<locals>.inside"
    assert source.class_name == "Inner"
    assert source.text == "def inside() -> int:\n    return x\n"


def test_class_in_a_function() -> None:
    source = function_source(Outer().maker().method)
    assert (source.class_name, source.free_variables) == ("Local", {"base"})


def test_wrapper_and_not_what_it_wraps() -> None:
    source = function_source(others(run))  # type: ignore[arg-type]
    assert source.name == "wrapper"
    assert source.free_variables == {"function"}


def test_cell_of_a_notebook() -> None:
    scope = run("if True:\n    async def f(x):\n        return x\n")
    source = function_source(scope["f"])
    assert source.text == "async def f(x):\n    return x\n"
    assert (source.filename, source.first_line) == ("<cell 1>", 2)


def test_two_definitions_of_one_name() -> None:
    scope = run("def f():\n    return 1\ng = f\ndef f():\n    return 2\n")
    assert function_source(scope["g"]).text.endswith("return 1\n")
    assert function_source(scope["f"]).text.endswith("return 2\n")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("f = lambda x: x + 1", "(lambda x: x + 1)\n"),
        ("f = (1, lambda x: x + 1, lambda y: y)[1]", "(lambda x: x + 1)\n"),
        ("f = (lambda x: x + 1, lambda x: x + 2)[1]", "(lambda x: x + 2)\n"),
        ("f = (lambda x: x + 1, lambda x: x + 1)[1]", "(lambda x: x + 1)\n"),
        ("f = (lambda x: lambda y: x + y)(1)", "(lambda y: x + y)\n"),
        ("f = lambda x: lambda x: x", "(lambda x: lambda x: x)\n"),
        ("f = (lambda x:\n  x +\n  1)", "(lambda x:\n  x +\n  1)\n"),
        ("é = 'é'; f = lambda x: x + é", "(lambda x: x + é)\n"),
        ("f = lambda x, g=lambda: 0: g", "(lambda x, g=lambda: 0: g)\n"),
    ],
)
def test_lambda(text: str, result: str) -> None:
    if sys.version_info < (3, 11) and ("x + 2" in text or "lambda x: lambda x" in text):
        pytest.skip("no columns in code")
    source = function_source(run(text)["f"])
    assert source.text == result
    line, column = source.place(1, 1)
    assert source.line(line)[column:].startswith("lambda")
    assert isinstance(check(source), ast.Expr)


def test_lambdas_that_nothing_tells_apart() -> None:
    scope = run("f, g = lambda x: x + 1, lambda x: x + 2")
    code = scope["f"].__code__
    if sys.version_info >= (3, 11):
        code = code.replace(co_linetable=b"")
    scope["f"].__code__ = code
    with pytest.raises(RelaxError) as caught:
        function_source(scope["f"])
    assert str(caught.value) == (
        "several lambdas on line 1 of <cell 1> could be this one\n"
        "  remedy: put the lambda on a line of its own, or write a `def`"
    )


def test_cell_that_is_not_all_python() -> None:
    text = "%magic on\ndef f(x):\n    if x:\n        return (\n    1)\n    # end\n\n    return 2\n!ls\n"
    linecache.cache["<cell 2>"] = (len(text), None, text.splitlines(keepends=True), "<cell 2>")
    scope: dict[str, Any] = {}
    exec(compile("\n" + text[text.index("def") : text.index("!ls")], "<cell 2>", "exec"), scope)
    source = function_source(scope["f"])
    assert source.text == "def f(x):\n    if x:\n        return (\n    1)\n    # end\n\n    return 2\n"
    assert source.first_line == 2


def test_method_in_a_cell_that_is_not_all_python() -> None:
    text = "class A:\n    def f(self):\n        return self.__x\n%magic\n"
    linecache.cache["<cell 3>"] = (len(text), None, text.splitlines(keepends=True), "<cell 3>")
    scope: dict[str, Any] = {}
    exec(compile(text.replace("%", "#"), "<cell 3>", "exec"), scope)
    source = function_source(scope["A"].f)
    assert (source.text, source.class_name) == ("def f(self):\n    return self.__x\n", "A")
    assert source.columns == (4, 4)


def test_file_without_a_final_newline_and_with_tabs(tmp_path: Path) -> None:
    file = tmp_path / "tabs.py"
    file.write_text("class A:\n\tdef f(self):\n\t\tif self:\n\t\t\treturn 1")
    scope: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    assert function_source(scope["A"].f).text == "def f(self):\n\tif self:\n\t\treturn 1\n"


def test_file_that_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "changed.py"
    file.write_text("def f(x):\n    return x\n")
    scope: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    file.write_text("import os\n\ndef f(x):\n    return x\n")
    with pytest.raises(RelaxError) as caught:
        function_source(scope["f"])
    assert str(caught.value) == (
        f"the source of `f` is not at line 1 of {file}\n"
        "  remedy: the file seems to have changed since it was imported: start again, or import it anew"
    )


@pytest.mark.parametrize(
    ("filename", "message"),
    [
        (
            "<stdin>",
            "this interactive session keeps no source\n"
            "  remedy: put the function in a file and import it, or use IPython, or Python 3.13 or later",
        ),
        (
            "<string>",
            "it was compiled from text, as <string>\n"
            "  remedy: compile it with a file name of its own and put the text in `linecache.cache`, or in a file",
        ),
        (
            "<timed exec>",
            "what %%time runs keeps no source\n  remedy: define it in a cell of its own, and time the call",
        ),
        (
            "/nowhere/gone.py",
            "there is no file /nowhere/gone.py\n  remedy: install the package with its source files",
        ),
    ],
)
def test_no_source(filename: str, message: str) -> None:
    scope = run("def f(): pass", filename, keep=False)
    with pytest.raises(RelaxError) as caught:
        function_source(scope["f"])
    assert str(caught.value) == f"the source of `f` is not available: {message}"


def test_moved_file(tmp_path: Path) -> None:
    file = tmp_path / "moved.py"
    file.write_text("def f(x):\n    return x\n")
    scope: dict[str, Any] = {"__file__": str(file), "__name__": "moved"}
    exec(compile(file.read_text(), "/elsewhere/moved.py", "exec"), scope)
    assert function_source(scope["f"]).text == file.read_text()


_MODULE = '''
def outer(a):
    b = 1
    def inner(c):
        nonlocal b
        b += a + c
        return b
    return inner

class Stack:
    """A class."""
    def push(self, x):
        self.__items.append(x)
'''


def test_definition_by_name() -> None:
    inner = definition_source(_MODULE, "m.py", "outer.inner")
    assert inner.text.startswith("def inner(c):\n    nonlocal b\n")
    assert inner.free_variables == {"a", "b"}
    assert definition_source(_MODULE, "m.py", "outer.<locals>.inner") == inner
    push = definition_source(_MODULE, "m.py", "Stack.push")
    assert (push.class_name, push.free_variables, push.first_line) == ("Stack", set(), 12)
    assert definition_source(_MODULE, "m.py", "Stack").text.startswith("class Stack:\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are of 3.12")
def test_definition_with_type_parameters() -> None:
    text = "def outer(a):\n    def inner[T](c: T) -> T:\n        return a\n"
    assert definition_source(text, "m.py", "outer.inner").free_variables == {"a"}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("Stack.pop", "did you mean `Stack.push`?"), ("zzz", "it defines outer, outer.inner, Stack, Stack.push")],
)
def test_no_such_definition(name: str, remedy: str) -> None:
    with pytest.raises(RelaxError) as caught:
        definition_source(_MODULE, "m.py", name)
    assert str(caught.value) == f"m.py defines no `{name}`\n  remedy: {remedy}"


def test_lines_without_ends() -> None:
    text = "def f(x):\n    if x > 0:\n        return 1.0\n    return 2.0"
    linecache.cache["<lines of text>"] = (len(text), None, text.split("\n"), "<lines of text>")
    namespace: dict[str, Any] = {"__name__": "lines"}
    exec(compile(text, "<lines of text>", "exec"), namespace)
    assert function_source(namespace["f"]).text == text + "\n"

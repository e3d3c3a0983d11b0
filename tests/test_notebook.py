"""``%%relax`` in a kernel and in IPython's terminal; functions that are typed into Python's own prompt, doctests and `exec`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import relaxpy
from relaxpy import notebook
from tests.terminal import on_terminal, plain

_ROOT = Path(relaxpy.__file__).parent.parent
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_ROOT), "TERM": "dumb", "PYTHONSTARTUP": "", "IPYTHONDIR": ""}


class Kernel:
    """A kernel that runs cells one after the other."""

    def __init__(self, client: NotebookClient) -> None:
        self.client = client

    def run(self, cell: str) -> str:
        """What the cell shows: its output, its result or its error."""
        node: Any = nbformat.v4.new_code_cell(cell)
        self.client.nb.cells.append(node)
        self.client.execute_cell(node, len(self.client.nb.cells) - 1)
        return plain("".join(_shown(output) for output in node.outputs))


def _shown(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return "\n".join(output.traceback)
    return str(output.data["text/plain"])


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environment = {**_ENVIRONMENT, "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    client = NotebookClient(nbformat.v4.new_notebook(), allow_errors=True, timeout=120)
    with client.setup_kernel(env=environment):
        kernel = Kernel(client)
        # Before anything else, so that it is known what loading brings in.
        kernel.run("import sys\n%load_ext relaxpy\nloaded = {'torch', 'libcst'} & set(sys.modules)")
        yield kernel


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    """The kernel, with the magic loaded anew."""
    started.run("%reload_ext relaxpy\nimport torch")
    return started


def test_loading_the_magic_imports_neither_torch_nor_libcst(started: Kernel) -> None:
    assert started.run("loaded") == "set()"


def test_functions_and_methods_of_the_cell_are_relaxed(kernel: Kernel) -> None:
    out = kernel.run(
        "%%relax beta=5.0\n"
        "def clip(x):\n"
        "    return 1.0 if x > 1.0 else x\n"
        "class Gate:\n"
        "    def __new__(cls, *args): return object.__new__(cls)\n"
        "    def __init__(self, top): self.top = top\n"
        "    def __class_getitem__(cls, item): return cls.__name__, item\n"
        "    @property\n"
        "    def twice(self): return 2 * self.top\n"
        "    @staticmethod\n"
        "    def above(x): return 1.0 if x > 0 else 0.0\n"
        "    def __call__(self, x): return self.top if x > self.top else x\n"
        "if True:\n"
        "    def inside(x): return x if x > 0 else -x\n"
        "clip(3.0), Gate(4.0).twice, Gate[3]"
    )
    assert out == "(1.0, 8.0, ('Gate', 3))"
    assert kernel.run("[type(f).__name__ for f in (clip, Gate.above, Gate.__call__, inside)]") == str(["Relaxed"] * 4)
    assert kernel.run("clip.options.beta, Gate(1).__call__.options.beta") == "(5.0, 5.0)"
    # sigma(5 * 0.5) * 1 + (1 - sigma(5 * 0.5)) * 1.5
    expected = kernel.run("p = torch.sigmoid(torch.tensor(2.5)); round((p + (1 - p) * 1.5).item(), 5)")
    assert kernel.run("round(clip(torch.tensor(1.5)).item(), 5)") == expected
    assert kernel.run("round(Gate(1.0)(torch.tensor(1.5)).item(), 5)") == expected


def test_the_cells_own_statements_and_hard_functions_stay(kernel: Kernel) -> None:
    out = kernel.run(
        "%%relax\n"
        "import relaxpy\n"
        "@relaxpy.hard\n"
        "def decide(x): return x > 0\n"
        "seen = []\n"
        "if torch.tensor(1.0) > 0: seen.append('then')\n"
        "else: seen.append('else')\n"
        "type(decide).__name__, seen"
    )
    assert out == "('function', ['then'])"


def test_own_options_win_over_those_of_the_cell(kernel: Kernel) -> None:
    kernel.run("%%relax beta=5.0, max_iter=9\nfrom relaxpy import relax\n@relax(beta=2.0)\ndef f(x): return x")
    assert kernel.run("f.options.beta, f.options.max_iter") == "(2.0, 9)"


def test_a_function_that_is_run_again_takes_its_new_source(kernel: Kernel) -> None:
    for cell in (
        "%%relax\ndef f(x):\n    return {} if x > 0 else 0\nf(1)",
        "@relaxpy.relax\ndef f(x):\n    return {}\nf(1)",
    ):
        kernel.run("import relaxpy")
        assert kernel.run(cell.format(7)) == "7"
        assert kernel.run(cell.format(8)) == "8"
        assert kernel.run(cell.format(7)) == "7"
        assert "8" not in kernel.run("f.source")


def test_a_helper_that_is_run_again_is_what_is_called(kernel: Kernel) -> None:
    kernel.run("%%relax\ndef helper(x): return 1.0 if x > 0 else 0.0\ndef main(x): return helper(x)")
    assert kernel.run("float(main(torch.tensor(50.0)))") == "1.0"
    kernel.run("def helper(x): return 3.0 if x > 0 else 0.0")
    assert kernel.run("float(main(torch.tensor(50.0)))") == "3.0"


def test_tracebacks_show_the_lines_of_the_cell(kernel: Kernel) -> None:
    out = kernel.run("%%relax\ndef fails(x):\n    y = x + 1\n    if y > 0:\n        raise ValueError(y)\n\nfails(3)")
    assert "line 5, in fails(x)" in out, out
    assert "----> 5         raise ValueError(y)" in out
    assert "_rt" not in out
    assert out.endswith("ValueError: 4")


def test_question_marks_show_the_users_text(kernel: Kernel) -> None:
    kernel.run('%%relax\ndef shown(x, y=2):\n    "What it does."\n    # and a comment\n    return x if x > y else y')
    out = kernel.run(
        "from IPython.core import page\npage.page = lambda strings, *_, **__: print(strings['text/plain'])"
    )
    source, doc = kernel.run("shown??"), kernel.run("shown?")
    assert 'def shown(x, y=2):\n    "What it does."\n    # and a comment\n    return x if x > y else y' in source, out
    assert "shown(x, y=2)" in doc
    assert "What it does." in doc
    assert "Relax every function and method that the cell defines" in kernel.run("%%relax?")


def test_await_results_and_other_magics(kernel: Kernel) -> None:
    cell = (
        "%%relax\nimport asyncio\nasync def later(x): return x if x > 0 else 0\nawait asyncio.sleep(0)\nawait later(5)"
    )
    assert kernel.run(cell) == "5"
    assert "2.0" in kernel.run("%%time\n%%relax beta=2.0\ndef f(x): return x\nprint(f.options.beta)")
    assert kernel.run("%%relax\n%matplotlib --list\ndef f(x): return x").startswith("Available matplotlib backends")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%%relax betta=3.0", "RelaxError: there is no option `betta`\n  remedy: did you mean `beta`?"),
        ("%%relax 5.0", "SyntaxError: %%relax takes options, as in `%%relax beta=20.0 max_iter=200`, and not `5.0`"),
        ("%%relax beta=", "SyntaxError: %%relax takes options"),
        ("%%relax **{}", "SyntaxError: %%relax takes options"),
        ("%%relax beta=nowhere", "NameError: name 'nowhere' is not defined"),
        ("%%relaxx", "UsageError: Cell magic `%%relaxx` not found"),
    ],
)
def test_wrong_options(kernel: Kernel, line: str, words: str) -> None:
    assert words in kernel.run(f"{line}\ndef f(x): return x")


def test_options_may_be_any_expressions(kernel: Kernel) -> None:
    kernel.run("start = 3.0\ndef beta(x, y=1): return x * y")
    kernel.run("%%relax beta=beta(start, y=2) max_iter = 7 , epsilon=1e-4 if start == 3.0 else 1.0\ndef f(x): return x")
    assert kernel.run("f.options.beta, f.options.max_iter, f.options.epsilon") == "(6.0, 7, 0.0001)"


def test_called_by_its_name(kernel: Kernel) -> None:
    kernel.run("get_ipython().run_cell_magic('relax', 'beta=4.0', 'def named(x): return x')")
    assert kernel.run("named.options.beta") == "4.0"


def test_unloaded(kernel: Kernel) -> None:
    kernel.run("%unload_ext relaxpy")
    assert "Cell magic `%%relax` not found" in kernel.run("%%relax\ndef f(): pass")


def test_pickle_and_copies_in_a_notebook(kernel: Kernel) -> None:
    kernel.run("%%relax beta=3.0\ndef f(x): return x if x > 0 else 0.0")
    assert kernel.run("import pickle, copy\npickle.loads(pickle.dumps(f)) is f, copy.deepcopy(f)(2.0)") == "(True, 2.0)"


def test_ipython_in_a_terminal(tmp_path: Path) -> None:
    given = (
        "import sys\n%load_ext relaxpy\nprint('loaded', {'torch', 'libcst'} & set(sys.modules))\n"
        "%%relax beta=4.0\ndef f(x):\n    return x if x > 0 else -x\n\n\nprint('called', f(-3.0), f.options.beta)\n"
    )
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "-i"]
    environment = {**_ENVIRONMENT, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert "loaded set()" in done.stdout
    assert "called 3.0 4.0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%relax", ""),
        ("%%relax beta=2.0", "beta=2.0"),
        ("%%relax beta=2.0 max_iter=3\n", "beta=2.0, max_iter=3"),
        ("%%relax beta = 2.0, max_iter = 3", "beta = 2.0, max_iter = 3"),
        ("%%relax hard=('n', 'm') batch=True", "hard=('n', 'm'), batch=True"),
        ("%%relax beta=f(x, y = 1) mode='soft'", "beta=f(x, y = 1), mode='soft'"),
        ("%%relax distribution='a b=c'", "distribution='a b=c'"),
    ],
)
def test_first_line_in_python(line: str, expected: str) -> None:
    first, second = notebook._as_python([line, "def f(): pass\n"])
    assert first == f'__relaxpy_cell__ = __import__("relaxpy").relax({expected})\n'
    assert second == "def f(): pass\n"
    ast.parse(first)


@pytest.mark.parametrize("lines", [[], ["x = 1\n"], ["%%relaxed\n"], ["%%relax?\n"], ["x\n", "%%relax\n"]])
def test_other_cells_are_left_alone(lines: list[str]) -> None:
    assert notebook._as_python(lines) == lines


def test_pythons_own_prompt() -> None:
    answers = [
        (">>>", "from relaxpy import relax"),
        (">>>", "@relax"),
        ("...", "def f(x): return x if x > 0 else -x"),
        ("...", ""),
        (">>>", "print('got', f(-3.0))"),
        (">>>", "exit()"),
    ]
    out = plain(on_terminal([sys.executable, "-q"], answers, environment={**_ENVIRONMENT, "TERM": "xterm"})[0])
    if sys.version_info >= (3, 13):
        assert "got 3.0" in out
    else:
        assert "RelaxError: the source of `f` is not available: this interactive session keeps no source\n" in out
        assert "remedy: put the function in a file and import it, or use IPython, or Python 3.13 or later\n" in out


def test_doctests(tmp_path: Path) -> None:
    (tmp_path / "documented.py").write_text(
        '"""\n>>> from relaxpy import relax\n>>> @relax\n... def f(x):\n...     return x if x > 0 else -x\n'
        '>>> f(-3.0)\n3.0\n>>> print(f.source.splitlines()[0])\ndef f(x):\n"""\n'
    )
    command = [sys.executable, "-m", "doctest", "-v", "documented.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=_ENVIRONMENT, cwd=tmp_path)
    assert "4 passed" in done.stdout, done.stdout


def test_exec_says_what_to_do() -> None:
    scope: dict[str, Any] = {}
    exec("from relaxpy import relax\n@relax\ndef f(x): return x", scope)
    with pytest.raises(
        relaxpy.RelaxError, match=r"compiled from text, as <string>\n  remedy: compile it with a file name"
    ):
        scope["f"](1)

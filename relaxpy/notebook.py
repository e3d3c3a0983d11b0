"""The cell magic ``%%relax`` of IPython and Jupyter.

It is no magic that runs a cell inside another one: the cell's first line becomes a line of Python, and its functions get a
decorator. So results are shown, `await` works, errors have the cell's own lines, and `f??` shows what was written.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_MARK = "__relaxpy_cell__"
_FIRST_LINE = re.compile(r"%%relax(?:\s+(?P<options>.*?))?\s*$")
# Blanks between options that no comma parts.
_BLANKS = re.compile(r",?\s+(?=[^\W\d]\w*\s*=(?!=))")
_Function = ast.FunctionDef | ast.AsyncFunctionDef

# What Python makes a class's or a static method by its name alone, if it is a plain function.
_BY_NAME = {"__new__": "staticmethod", "__init_subclass__": "classmethod", "__class_getitem__": "classmethod"}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%load_ext relaxpy`` calls: from now on cells may begin with ``%%relax``."""
    unload_ipython_extension(shell)
    shell.input_transformers_cleanup.append(_as_python)
    shell.ast_transformers.append(_Decorating())
    shell.register_magic_function(_documented(shell), "cell", "relax")


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%unload_ext relaxpy`` calls."""
    transformers = shell.input_transformers_cleanup
    transformers[:] = [each for each in transformers if each is not _as_python]
    shell.ast_transformers[:] = [each for each in shell.ast_transformers if not isinstance(each, _Decorating)]
    shell.magics_manager.magics["cell"].pop("relax", None)


def _documented(shell: InteractiveShell) -> Any:
    def relax(line: str, cell: str) -> None:
        """Relax every function and method that the cell defines, as `@relaxpy.relax(...)` does.

            %%relax beta=20.0 max_iter=200
            def clip(x, top):
                return top if x > top else x

        The options are those of `relaxpy.relax`; their values may be any expressions. A function under `@relaxpy.hard` and
        the cell's own statements stay as they are.
        """
        # Reached by run_cell_magic alone: where a cell begins with %%relax, its first line is Python by now.
        run_cell: Any = shell.run_cell
        run_cell(f"%%relax {line}\n{cell}").raise_error()

    return relax


def _as_python(lines: list[str]) -> list[str]:
    """The cell with its first line, if that is ``%%relax ...``, in Python; line numbers stay."""
    given = _FIRST_LINE.match(lines[0]) if lines else None
    if given is None:
        return lines
    return [f'{_MARK} = __import__("relaxpy").relax({_arguments(given["options"] or "")})\n', *lines[1:]]


# Not to be called when a terminal asks whether a cell is complete: a cell magic ends at an empty line.
vars(_as_python)["has_side_effects"] = True


def _arguments(options: str) -> str:
    """``a=1 b=2`` or ``a=1, b=2`` as the arguments of a call."""
    for text in (options, _BLANKS.sub(", ", options)):
        try:
            call = ast.parse(f"_({text})", mode="eval").body
        except SyntaxError:
            continue
        if isinstance(call, ast.Call) and not call.args and all(keyword.arg for keyword in call.keywords):
            return text
    raise SyntaxError(f"%%relax takes options, as in `%%relax beta=20.0 max_iter=200`, and not `{options}`")


class _Decorating(ast.NodeTransformer):
    """Decorates what a cell defines, if its first line says so. One of IPython's `ast_transformers`."""

    def visit(self, tree: ast.AST) -> Any:
        body = getattr(tree, "body", None)
        if isinstance(body, list) and body and _is_mark(body[0]):
            for function in _functions(tree):
                _decorate(function)
        return tree


def _is_mark(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == _MARK
    )


def _functions(tree: ast.AST) -> Iterator[_Function]:
    """The functions and methods of a module, in whatever blocks they stand, but not those inside others."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Function):
            yield node
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _functions(node)


def _decorate(function: _Function) -> None:
    names = {_last_name(decorator) for decorator in function.decorator_list}
    if "hard" in names:
        return
    implied = _BY_NAME.get(function.name)
    if implied is not None and implied not in names:
        function.decorator_list.append(_name(implied, function))
    # Next to the function: properties, caches and the like come around what is relaxed.
    function.decorator_list.append(_name(_MARK, function))


def _last_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _name(name: str, function: _Function) -> ast.Name:
    # On the line of the `def`, where Python and inspect look for the function's first line.
    line, column = function.lineno, function.col_offset
    return ast.Name(name, ast.Load(), lineno=line, col_offset=column, end_lineno=line, end_col_offset=column)

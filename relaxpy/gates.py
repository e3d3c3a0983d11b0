"""Gates: what makes a function of a relaxed module an outermost relaxed call when plain code calls it.

A gate stands in the function's own frame (see `relaxpy.runtime.gate`), so callers, tracebacks and code that looks at frames see
what they would see without it. It has no lines of its own. A lambda has no room for one: called from outside, it calls itself.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from relaxpy.relocation import nodes_of

__all__ = ["add_gates", "header_end"]

_CALL = "__relaxpy_call__"
_RESULT = "__relaxpy_result__"
_ERROR = "__relaxpy_error__"
_RUNTIME = "__relaxpy_runtime__"
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def free_names(module: ast.Module, text: str) -> dict[int, list[str]]:
    """The names that functions take from the functions around them, by ``id`` of the node; ``module`` is the text's tree."""
    pending = [symtable.symtable(text, "<module>", "exec")]
    found: dict[tuple[str, int], list[str]] = {}
    while pending:
        table = pending.pop()
        if isinstance(table, symtable.Function) and (table.is_nested() or table.get_frees()):
            found[table.get_name(), table.get_lineno()] = sorted(table.get_frees())
        pending.extend(table.get_children())
    nodes = (node for node in nodes_of(module) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {id(node): found.get((node.name, node.lineno), []) for node in nodes}


def add_gates(module: ast.Module, runtime: str, free: Mapping[int, list[str]]) -> None:
    """Put a gate into every function that uses the runtime; the first statement of the module imports it.

    It gets a name that looks like the module's other private attributes, so that no list of the module's names shows it.
    """
    nodes = nodes_of(module)
    for node in nodes:
        if isinstance(node, ast.Name) and node.id == runtime:
            node.id = _RUNTIME
    runtime = _RUNTIME
    for node in nodes:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or not _decides(node, runtime):
            continue
        if isinstance(node, ast.Lambda):
            _gate_lambda(node, runtime)
        elif isinstance(node, ast.AsyncFunctionDef) or _yields(node):
            _gate_suspended(node, runtime, free[id(node)])
        else:
            _gate_function(node, runtime, free[id(node)])
    start = header_end(module.body)
    module.body[start:start] = _parsed(f"import relaxpy.runtime as {runtime}\n{runtime}.hooked({runtime!r})")


def _decides(function: _Function, runtime: str) -> bool:
    """Does the function itself decide anything, or call what may?"""
    return any(isinstance(node, ast.Name) and node.id == runtime for node in _own_nodes(function))


def _yields(function: _Function) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own_nodes(function))


def _own_nodes(function: _Function) -> Iterator[ast.AST]:
    """The nodes of a function's body that run in its own frame or in a comprehension's."""
    pending: list[ast.AST] = list(function.body) if isinstance(function.body, list) else [function.body]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _SCOPES):
            inner = node.body if isinstance(node.body, list) else [node.body]
            pending.extend(child for child in ast.iter_child_nodes(node) if child not in inner)
            if isinstance(node, ast.ClassDef):
                pending.extend(inner)
        else:
            pending.extend(ast.iter_child_nodes(node))


def _gate_function(function: ast.FunctionDef, runtime: str, free: list[str]) -> None:
    gate = _parsed(
        f"{_CALL} = {runtime}.state.call is None and {runtime}.enter(__name__)\n"
        f"try:\n"
        f"    if {_CALL} and {_CALL}.softens({_values(function.args)}): return {_CALL}.again({_probe(free)})\n"
        f"finally:\n"
        f"    if {_CALL}: {_CALL}.close()"
    )
    block = gate[-1]
    assert isinstance(block, ast.Try)
    assert isinstance(block.body[0], ast.If)
    # What goes on inside passes through here, and a frame in a traceback has a line.
    _put(block.body[0].body[0], function.lineno)
    start = _after_docstring(function.body)
    for statement in function.body[start:]:
        block.body.extend(_Returns().statements(statement))
    function.body[start:] = gate


_AWAITED = f"    return await {_CALL}"
_YIELDED = f"    return (yield from {_CALL})"
# as `yield from` would have it, if there were one for asynchronous generators
_YIELDED_LATER = f"""\
    {_RESULT} = {_CALL}.__anext__()
    while True:
        try:
            {_RESULT} = await {_RESULT}
        except StopAsyncIteration:
            return
        try:
            {_RESULT} = {_CALL}.asend((yield {_RESULT}))
        except GeneratorExit:
            await {_CALL}.aclose()
            raise
        except BaseException as {_ERROR}:
            {_RESULT} = {_CALL}.athrow({_ERROR})"""


def _gate_suspended(function: ast.FunctionDef | ast.AsyncFunctionDef, runtime: str, free: list[str]) -> None:
    """A generator or coroutine asks when it begins to run; what runs instead is driven from here."""
    if isinstance(function, ast.FunctionDef):
        instead = _YIELDED
    else:
        instead = _YIELDED_LATER if _yields(function) else _AWAITED
    gate = _parsed(
        f"{_CALL} = {runtime}.state.call is None and {runtime}.in_pieces(__name__, {_probe(free)}, {_values(function.args)})\n"
        f"if {_CALL}:\n{instead}"
    )
    for node in ast.walk(gate[1]):  # tracebacks show the line where it waits
        if isinstance(node, (ast.expr, ast.stmt)):
            node.lineno = node.end_lineno = function.lineno
    start = _after_docstring(function.body)
    function.body[start:start] = gate


def _probe(free: list[str]) -> str:
    """What holds the cells that a function has."""
    return f"lambda: [{', '.join(free)}]" if free else "None"


def _values(arguments: ast.arguments) -> str:
    """The arguments of a function: the positional ones, those by keyword only, and the others by keyword."""
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    if arguments.vararg:
        positional.append(f"*{arguments.vararg.arg}")
    only = [argument.arg for argument in arguments.kwonlyargs]
    return f"[{', '.join(positional)}], [{', '.join(only)}], {arguments.kwarg.arg if arguments.kwarg else '{}'}"


class _Returns(ast.NodeTransformer):
    """Results leave through the gate; constants are plain already."""

    def statements(self, statement: ast.stmt) -> list[ast.stmt]:
        made = self.visit(statement)
        return made if isinstance(made, list) else [made]

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is None or isinstance(node.value, ast.Constant):
            return [node]
        stored = ast.Assign([ast.copy_location(ast.Name(_RESULT, ast.Store()), node.value)], node.value)
        leave = _leaving()
        _put(leave, node.lineno)
        returned = ast.Return(ast.copy_location(ast.Name(_RESULT, ast.Load()), node.value))
        return [ast.copy_location(stored, node), leave, ast.copy_location(returned, node)]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node


def _leaving() -> ast.If:
    """`if call: result = call.result(result)`, put together rather than parsed since there are many."""
    method = ast.Attribute(ast.Name(_CALL, ast.Load()), "result", ast.Load())
    plain = ast.Call(method, [ast.Name(_RESULT, ast.Load())], [])
    return ast.If(ast.Name(_CALL, ast.Load()), [ast.Assign([ast.Name(_RESULT, ast.Store())], plain)], [])


def _gate_lambda(function: ast.Lambda, runtime: str) -> None:
    own = {argument.arg for argument in _parameters(function.args)}
    own.update(node.target.id for node in _own_nodes(function) if isinstance(node, ast.NamedExpr))
    names = {node.id for node in ast.walk(function.body) if isinstance(node, ast.Name)}
    if "super" in names:
        names.add("__class__")
    probe = _probe(sorted(names - own))
    test = _expression(f"{runtime}.state.call is not None")
    outside = f"{runtime}.from_outside(__name__, {probe}, {_values(function.args)})"
    if _yields(function):
        outside = f"(yield from {outside})"
    function.body = ast.copy_location(ast.IfExp(test, function.body, _expression(outside)), function.body)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    variable = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variable]


def _after_docstring(body: Sequence[ast.stmt]) -> int:
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return 1 if is_text else 0


def header_end(body: Sequence[ast.stmt]) -> int:
    """How many statements of a module come before all others: its docstring, and imports from ``__future__``."""
    start = _after_docstring(body)
    while start < len(body) and _is_future(body[start]):
        start += 1
    return start


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _parsed(text: str) -> list[ast.stmt]:
    """Statements that stand on no line: debuggers and coverage do not see them."""
    body = ast.parse(text).body
    for statement in body:
        _without_place(statement)
    return body


def _expression(text: str) -> ast.expr:
    expression = ast.parse(text, mode="eval").body
    _without_place(expression)
    return expression


def _without_place(root: ast.AST) -> None:
    _put(root, -1)


def _put(root: ast.AST, line: int) -> None:
    for node in ast.walk(root):
        if isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.alias)):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = -1

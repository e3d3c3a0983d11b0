"""Code that the runtime does not see, and that may change anything: it does not run on a soft path."""

from __future__ import annotations

import ast
from typing import Any

from relaxpy.errors import RelaxError
from relaxpy.runtime.state import paths, state

_ACTING = (ast.Call, ast.NamedExpr, ast.Starred, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def executed(name: str, code: Any) -> Any:
    """The code that `exec` or `eval` is given."""
    if paths and state.scopes and not (name == "eval" and _only_looks(code)):
        raise RelaxError.here(
            f"`{name}` under a soft condition: what its code changes cannot be undone for the other side",
            remedy=f"call `{name}` before the condition, or write the code into the function",
        )
    return code


def _only_looks(code: Any) -> bool:
    """Is it the text of an expression that changes nothing?"""
    if not isinstance(code, str):
        return False
    try:
        tree = ast.parse(code.strip(), mode="eval")
    except SyntaxError:
        return True  # Python says so
    return not any(isinstance(node, _ACTING) for node in ast.walk(tree))


def class_body(name: str) -> None:
    """A class is made whose body stores to what is not its own."""
    if paths and state.scopes:
        raise RelaxError.here(
            f"the body of class `{name}` stores to names or objects around it under a soft condition",
            remedy="make these stores outside of the class, or define the class before the condition",
        )

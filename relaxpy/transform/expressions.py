"""The table of rules for expressions; what is not in it stays as it is, with its parts rewritten."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from relaxpy.transform.boolean import boolean, ternary, unary
from relaxpy.transform.calls import call
from relaxpy.transform.comparisons import comparison
from relaxpy.transform.context import Handler
from relaxpy.transform.displays import arithmetic, display, tuple_
from relaxpy.transform.scopes import formatted, lambda_, strings, walrus
from relaxpy.transform.subscripts import subscript
from relaxpy.transform.suspending import suspension

__all__ = ["IN_CLASSES", "IN_FUNCTIONS", "OUTSIDE"]

IN_FUNCTIONS: Mapping[type, Handler] = {
    cst.Await: suspension,
    cst.BinaryOperation: arithmetic,
    cst.BooleanOperation: boolean,
    cst.Call: call,
    cst.Comparison: comparison,
    cst.ConcatenatedString: strings,
    cst.Dict: display,
    cst.DictComp: display,
    cst.FormattedString: formatted,
    cst.GeneratorExp: display,
    cst.IfExp: ternary,
    cst.Lambda: lambda_,
    cst.List: display,
    cst.ListComp: display,
    cst.NamedExpr: walrus,
    cst.Set: display,
    cst.SetComp: display,
    cst.Subscript: subscript,
    cst.Tuple: tuple_,
    cst.UnaryOperation: unary,
    cst.Yield: suspension,
}

# At module level and in class bodies only the functions are rewritten.
OUTSIDE: Mapping[type, Handler] = {
    kind: IN_FUNCTIONS[kind]
    for kind in (
        cst.BinaryOperation,
        cst.ConcatenatedString,
        cst.DictComp,
        cst.FormattedString,
        cst.GeneratorExp,
        cst.Lambda,
        cst.ListComp,
        cst.SetComp,
    )
}

# In a class body inside of a function, what is called may change what the function has.
IN_CLASSES: Mapping[type, Handler] = {**OUTSIDE, cst.Call: call}

"""The tables of rules: which part of the rewriter writes which kind of node."""

from __future__ import annotations

import libcst as cst

from relaxpy.transform.augmented import augmented
from relaxpy.transform.branches import if_
from relaxpy.transform.context import Tables
from relaxpy.transform.expressions import IN_CLASSES, IN_FUNCTIONS, OUTSIDE
from relaxpy.transform.functions import class_, function
from relaxpy.transform.jumps import jump, return_
from relaxpy.transform.loops import for_, while_
from relaxpy.transform.managers import with_
from relaxpy.transform.matching import match
from relaxpy.transform.protected import try_
from relaxpy.transform.simple import assert_, declaration, expression, import_, raise_, unchanged
from relaxpy.transform.stores import annotated, assign, delete

__all__ = ["TABLES"]

TABLES = Tables(
    outside=OUTSIDE,
    inside=IN_FUNCTIONS,
    classes=IN_CLASSES,
    small={
        cst.AnnAssign: annotated,
        cst.Assert: assert_,
        cst.Assign: assign,
        cst.AugAssign: augmented,
        cst.Break: jump,
        cst.Continue: jump,
        cst.Del: delete,
        cst.Expr: expression,
        cst.Global: declaration,
        cst.Import: import_,
        cst.ImportFrom: import_,
        cst.Nonlocal: declaration,
        cst.Pass: unchanged,
        cst.Raise: raise_,
        cst.Return: return_,
        cst.TypeAlias: unchanged,
    },
    compound={
        cst.ClassDef: class_,
        cst.For: for_,
        cst.FunctionDef: function,
        cst.If: if_,
        cst.Match: match,
        cst.Try: try_,
        cst.TryStar: try_,
        cst.While: while_,
        cst.With: with_,
    },
)

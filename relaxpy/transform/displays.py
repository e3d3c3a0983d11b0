"""Lists, dicts and sets that the source writes out: ``[x]`` becomes ``_rt.made([x])``, where it may be changed later.

The runtime has to know on which paths such an object exists. What is only looked at where it stands (``for x in [1, 2]``,
``sum([...])``) stays as it is, and so does a function in which nothing else is rewritten.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

import libcst as cst

from relaxpy.transform.arithmetic import binary, links_of
from relaxpy.transform.comprehensions import comprehension
from relaxpy.transform.context import Rewriter
from relaxpy.transform.making import made
from relaxpy.transform.pieces import Pieces
from relaxpy.transform.tree import children

__all__ = ["arithmetic", "display", "tuple_"]

_COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
_DISPLAYS = (cst.List, cst.Set, cst.Dict, cst.ListComp, cst.SetComp, cst.DictComp)
_OF_LISTS = (cst.Add, cst.Multiply)


def display(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """A display or a comprehension; those that are its elements are found in it by the runtime."""
    is_generator = type(node) is cst.GeneratorExp  # which is advanced even where it is only looked at
    is_made = rewriter.function is not None and (is_generator or id(node) not in rewriter.looked_at)
    _look_at(rewriter, children(node))
    stars(rewriter, node)
    write = comprehension if isinstance(node, _COMPREHENSIONS) else Rewriter.literal
    if is_made:
        made(rewriter, node, write, out)
    else:
        write(rewriter, node, out)


def stars(rewriter: Rewriter, node: Any) -> None:
    """What has a star in a display or a tuple is run over."""
    elements = getattr(node, "elements", ())
    rewriter.runs_over(*(e.value for e in elements if type(e) is cst.StarredElement))
    rewriter.takes_all_of(*(e.value for e in elements if type(e) is cst.StarredDictElement))


def tuple_(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    stars(rewriter, node)
    rewriter.literal(node, out)


def arithmetic(rewriter: Rewriter, node: Any, out: Pieces) -> None:
    """``[0.0] * n`` and ``xs + [x]`` make a list as well, and ``d | e`` a dict."""
    unions = [link for link in links_of(node) if isinstance(link.operator, cst.BitOr)]
    rewriter.takes_all_of(*(part for link in unions for part in (link.left, link.right) if _may_be_dict(part)))
    lists = [
        operand
        for link in links_of(node)
        if isinstance(link.operator, _OF_LISTS)
        for operand in (link.left, link.right)
        if isinstance(operand, (cst.List, cst.ListComp))
    ]
    is_made = lists and rewriter.function is not None and id(node) not in rewriter.looked_at
    _look_at(rewriter, lists)
    if is_made:
        made(rewriter, node, binary, out)
    else:
        binary(rewriter, node, out)


def _may_be_dict(node: Any) -> bool:
    return type(node) is not cst.BinaryOperation and not (type(node) is cst.Name and hasattr(builtins, node.value))


def _look_at(rewriter: Rewriter, nodes: Iterable[cst.CSTNode]) -> None:
    rewriter.look_at(*(node for node in nodes if isinstance(node, _DISPLAYS)))

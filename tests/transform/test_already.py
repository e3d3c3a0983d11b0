"""What rewritten text calls is what is known to be called by it, so that rewritten text is always recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaxpy.errors import RelaxError
from relaxpy.transform import already, context, rewrite

_ROOT = Path(__file__).parent.parent
# what is seldom written, and so is not in the files that are rewritten below
_SELDOM = """
def augmented(a, b):
    a %= b; a /= b; a //= b; a **= b; a @= b; a <<= b; a >>= b; a &= b; a |= b; a ^= b
    return a


def chains(a, b, c):
    return a != b != c, a > b > c, a >= b >= c, a in b in c, a not in b not in c, a is b < c, a is not b < c, a < b is c


def deletes(x):
    global level
    cell = x
    def inner():
        nonlocal cell
        if x > 0:
            del cell
    inner()
    del level


def with_class(x, table):
    class Local:
        if x > 0:
            table[0] = x
    return Local


def shadowed(x, locals):
    if x > 0:
        locals = eval("x")
    return locals
"""


def test_what_the_rewriter_writes_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    written: set[str] = set()
    name_of = context.Rewriter.rt

    def noted(rewriter: context.Rewriter, name: str) -> str:
        written.add(name.partition(".")[0])
        return name_of(rewriter, name)

    monkeypatch.setattr(context.Rewriter, "rt", noted)
    files = [*(_ROOT / "laws").rglob("*.py"), *(_ROOT / "transform").rglob("*.py"), *(_ROOT.parent / "relaxpy").rglob("*.py")]
    for source in (_SELDOM, *(file.read_text(encoding="utf-8") for file in files)):
        try:
            rewrite(source)
        except RelaxError:
            continue  # tests hold what is to be refused
    assert written - already._CALLED == set()
    assert already._CALLED - written == {"ejected"}  # written by relaxpy eject

"""What could meet no soft value comes out byte for byte; around what is rewritten, comments and layout stay."""

from __future__ import annotations

import pytest

from relaxpy.transform import rewrite

UNCHANGED = {
    "arithmetic": "def f(x, y=2):\n    z = (x  +  y) * 3  # sum\n\n    return  z\n",
    "class": "class A(B, metaclass=C):\n    '''doc'''\n    x: int = 1\n\n    def f(self):\n        return self.x.y\n",
    "imports": "import os, sys\nfrom a import (b,\n    c)\nif __name__ == '__main__':\n    main()\n",
    "lambda": "f = lambda x, *y, k=1, **z: x + 1\n",
    "constant subscripts": "def f(a):\n    return a[0], a[1:2], a[-1]\n",
    "generator": "def f(a):\n    b = yield a\n    yield from b\n",
    "async": "async def f(a):\n    await a\n    async with a as b:\n        pass\n",
    "f-string": "def f(a, n):\n    return f'{a!r:>{n}}' \"x\"\n",
    "identity": "def f(a):\n    if a is None:\n        return 1\n    return 2\n",
    "types": "def f(a):\n    if callable(a):\n        return 1\n    return 2\n",
    "constants": "def f():\n    if 1 < 2:\n        return 3\n    while True:\n        pass\n",
    "displays": "def f(a):\n    return [a, (a, *a), {a: a, **a}, {a}]\n",
    "comprehensions": "def f(a):\n    return [x + 1 for x in a], {x: 1 for x in a}, (x for x in a)\n",
    "decorators": "@d\n@e(1)\ndef f(a: int, /, b, *, c) -> str:\n    return a\n",
    "del and unpacking": "def f(a):\n    b, *c = a\n    del b\n    return c\n",
    "walrus": "def f(a):\n    return (b := a) + b\n",
    "semicolons": "def f(a): b = a; return b\n",
    "line continuation": "def f(a):\n    return a + \\\n        1\n",
    "form feed and blanks": "x = 1\n\x0c\n\n\ny = 2   \n",
    "no last line end": "x = 1",
    "comments only": "# one\n\n    # two\n",
    "nothing": "",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("title", UNCHANGED)
def test_stays_byte_for_byte(title: str, end: str) -> None:
    source = UNCHANGED[title].replace("\n", end)
    rewritten = rewrite(source)
    assert rewritten.text == source
    assert not rewritten.changed


# A text, and what stands in the lines of it that are rewritten: all others stay, in their order.
KEPT = {
    "a condition": (
        """\
# above
def f(x,  y):  # of two
    '''Doc.'''

    # before the test
    if x > y:  # tested
        return  x   # then
        # at the end of the block
    # between
    return  (y,
             x)  # odd

# below
z = { 1:2 }
""",
        ("if x > y:", "return  x ", "return  (y,", "             x)"),
    ),
    "a store": (
        """\
def f( a, i ):
    b = [ 1,
          2 ]      # a list
    a[i] = b  # stored
    c = a   ; d = b
    return (c  +  d)
""",
        ("a[i] = b", "b = [ 1,", "          2 ]"),
    ),
    "a class": (
        """\
class A:  # one
    x = 1 ; y = 2

    def f(self):
        while self.x < 3:   # two
            self.x += 1     # three

    def g(self): return  self.y   # four
""",
        ("while self.x < 3:", "self.x += 1"),
    ),
}


@pytest.mark.parametrize("title", KEPT)
def test_comments_and_layout_stay_around_what_is_rewritten(title: str) -> None:
    source, places = KEPT[title]
    rewritten = rewrite(source)
    assert rewritten.changed
    left = iter(line.lstrip() for line in rewritten.text.splitlines())  # what may be skipped is indented
    for line in source.splitlines():
        if not any(place in line for place in places):
            assert line.lstrip() in left, f"{line!r} is gone from\n{rewritten.text}"
    assert [line.partition("#")[2] for line in rewritten.text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in source.splitlines() if "#" in line
    ]

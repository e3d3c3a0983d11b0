"""Stores that are no assignment statement: by calls, by library code, in class bodies; they are blended, or refused."""

from __future__ import annotations

import hashlib
import io
import linecache
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import torch

from relaxpy import RelaxError, relax
from tests.laws.support import FINE, above, array, assert_same, flatten, mixture, number

PRELUDE = """
import bisect, collections, contextlib, copy, functools, hashlib, heapq, io, itertools, operator, random, threading, types
from collections import Counter, OrderedDict, UserList, defaultdict, deque
from dataclasses import dataclass
from typing import Any
import array as arrays
import numpy as np
import torch

G = 0.0
def set_global(v):
    globals()["G"] = v
class O:
    def __init__(self, v=0.0): self.v = v
class Slots:
    __slots__ = ("v",)
    def __init__(self, v): self.v = v
class Doubling:
    def __init__(self, v): self.v = v
    def __setattr__(self, name, value): super().__setattr__(name, value * 2.0)
class Descriptor:
    def __get__(self, instance, owner=None): return instance.kept
    def __set__(self, instance, value): instance.__dict__["kept"] = value + 1.0
class Described:
    d = Descriptor()
    def __init__(self): self.d = 1.0
@dataclass(frozen=True)
class Frozen:
    a: Any
"""


def program(text: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A function of a condition and a number, and one that decides the condition softly."""
    source = f"{PRELUDE}\ndef f(c, x):\n{textwrap.indent(text.strip(), '    ')}\n\ndef soft(x):\n    return f(x > 0, x)\n"
    name = f"<{text[:60]}>".replace("\n", "; ")
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": __name__}
    exec(compile(source, name, "exec"), scope)
    return scope["f"], scope["soft"]


# before, what happens on one side, what is returned
BLENDED: dict[str, tuple[str, str, str]] = {
    "setattr": ("o = O(1.0)", "setattr(o, 'v', x)", "o.v"),
    "setattr by partial": ("o = O(1.0)", "functools.partial(setattr, o, 'v')(x)", "o.v"),
    "setattr of a slot": ("o = Slots(1.0)", "setattr(o, 'v', x)", "o.v"),
    "descriptor of a slot": ("o = Slots(1.0)", "Slots.v.__set__(o, x)", "o.v"),
    "object.__setattr__": ("o = O(1.0)", "object.__setattr__(o, 'v', x)", "o.v"),
    "o.__setattr__": ("o = O(1.0)", "o.__setattr__('v', x)", "o.v"),
    "super().__setattr__": ("o = Doubling(1.0)", "o.v = x", "o.v"),
    "a frozen dataclass": ("o = Frozen(1.0)", "object.__setattr__(o, 'a', x)", "o.a"),
    "a class": ("o = type('K', (), {'v': 1.0})", "setattr(o, 'v', x)", "o.v"),
    "delattr": ("o = O(1.0)", "delattr(o, 'v'); o.v = x", "o.v"),
    "object.__delattr__": ("o = O(1.0)", "object.__delattr__(o, 'v'); o.v = x", "o.v"),
    "vars": ("o = O(1.0)", "vars(o)['v'] = x", "o.v"),
    "vars and attribute": ("o = O(1.0)", "o.v = x; vars(o)['v'] = o.v + 1.0", "o.v"),
    "__dict__.update": ("o = O(1.0)", "o.__dict__.update(v=x)", "o.v"),
    "defaults of a function": ("def o(a=1.0): return a", "o.__defaults__ = (x,)", "o()"),
    "a descriptor of the user's": ("o = Described()", "o.d = x", "o.d"),
    "s.__setitem__": ("s = [1.0, 2.0]", "s.__setitem__(0, x)", "s"),
    "s.__setitem__ by partial": ("s = [1.0, 2.0]", "functools.partial(s.__setitem__, 0)(x)", "s"),
    "s.__setitem__ by map": ("s = [1.0, 2.0]", "list(map(s.__setitem__, [0], [x]))", "s"),
    "operator.setitem by map": ("s = [1.0, 2.0]", "list(map(operator.setitem, [s], [0], [x]))", "s"),
    "list.__init__": ("s = [1.0, 2.0]", "s.__init__([x, 7.0])", "s"),
    "dict.__ior__": ("s = {'a': 1.0}", "s.__ior__({'a': x})", "s"),
    "in a key of sorted": ("s = [1.0, 2.0]", "sorted([1], key=lambda v: s.__setitem__(0, x))", "s"),
    "target of a comprehension": ("s = [1.0, 2.0]", "[0 for s[0] in [5.0, x]]", "s"),
    "targets of a comprehension": ("s = [1.0, 2.0]", "[0 for s[0], (s[1], k) in [(x, (4.0, 1))]]", "s"),
    "attribute as a target": ("o = O(1.0)", "{0 for o.v in [5.0, x]}", "o.v"),
    "heapq": ("s = [1.0, 2.0]", "heapq.heappush(s, 3.0); heapq.heappop(s)", "s"),
    "bisect": ("s = [1.0, 2.0]", "bisect.insort(s, 1.5); s.pop()", "s"),
    "shuffle": ("s = [1.0, 2.0]", "random.Random(3).shuffle(s)", "s"),
    "lists inside of what library code is given": ("s = [[2.0, 1.0]]", "list(map(heapq.heapify, s))", "s"),
    "objects of library classes": ("s = UserList([1.0])", "s.append(x); s.pop(0)", "list(s)"),
    "a view of dicts": ("s = collections.ChainMap({'a': 1.0})", "s['a'] = x", "s['a']"),
    "clean-up of a stack": (
        "s = [1.0]",
        "with contextlib.ExitStack() as stack: stack.callback(s.__setitem__, 0, x)",
        "s",
    ),
    "another thread": ("s = [1.0]", "t = threading.Thread(target=s.__setitem__, args=(0, x)); t.start(); t.join()", "s"),
    "count of a new key": ("s = Counter()", "s['a'] += 1", "s['a'] + 0.0"),
    "default of a new key": ("s = defaultdict(float)", "s['a'] += x", "s['a']"),
    "a global name by globals()": ("set_global(1.0)", "set_global(x)", "G"),
    "a call in a class body": ("s = [1.0]", "class A: s.append(x); s.pop(0)", "s"),
    "a mutating decorator": ("s = [1.0]\ndef d(f):\n    s[0] = x\n    return f", "d(lambda: 0)", "s"),
    "right operand": ("s = [1.0]", "c and s.__setitem__(0, x)", "s"),
    "eval that only looks": ("y = 1.0", "y = eval('x + 1.0')", "y"),
}


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(("before", "change", "result"), BLENDED.values(), ids=BLENDED.keys())
def test_blended(before: str, change: str, result: str, batch: bool) -> None:
    """The mean of what the two sides leave, in value and gradient."""
    condition = "if True" if change.startswith("c and") else "if c"
    hard, soft = program(f"{before}\n{condition}:\n    {change}\nreturn {result}")
    x = array(0.3, -0.2) if batch else number(0.3)
    relaxed = relax(soft, batch=batch, **FINE)(x)
    for lane in range(2 if batch else 1):
        value = x[lane] if batch else x
        p = above(value)
        sides = [flatten(hard(side, value)) for side in (True, False)]
        expected = {place: p * sides[0][place] + (1 - p) * sides[1][place] for place in sides[0]}
        assert_same(_lane(relaxed, lane) if batch else relaxed, expected, [x])


def _lane(value: Any, lane: int) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_lane(each, lane) for each in value])
    if isinstance(value, dict):
        return {key: _lane(each, lane) for key, each in value.items()}
    return value[lane] if isinstance(value, torch.Tensor) else value


BLENDABLE = (
    "give it values of one kind and shape on both sides (numbers, or lists of equal length), make the condition hard with "
    "relaxpy.hard(...), or follow each path by itself: estimator='exact'"
)
RAW = "use a list or a torch tensor, or make the condition hard with relaxpy.hard(...)"
CHANGED = "was changed on a soft path, so that the other side would find it changed, too"
TENSOR = (
    "a tensor was changed in place on a soft path, so that the other side would find it changed, too",
    "assign the result instead (`a = a + x`, `a = torch.add(a, x)`), or store to elements: `a[i] = x`",
)
EXECUTED = "under a soft condition: what its code changes cannot be undone for the other side"
CLASS_BODY = (
    "the body of class `A` stores to names or objects around it under a soft condition",
    "make these stores outside of the class, or define the class before the condition",
)
SIDES = "on the two sides of a soft condition, which cannot be blended"
ATTRIBUTES = ("all attributes of an object were replaced under a soft condition", "store them one by one: o.x = x")

# before, what happens on one side, the words; the place is that of the change, or of the condition
REFUSED: dict[str, tuple[str, str, tuple[str, str], str]] = {
    "exec": (
        "s = [1.0]",
        "exec('s[0] = x')",
        (f"`exec` {EXECUTED}", "call `exec` before the condition, or write the code into the function"),
        "change",
    ),
    "eval": (
        "s = [1.0]",
        "eval('s.append(x)')",
        (f"`eval` {EXECUTED}", "call `eval` before the condition, or write the code into the function"),
        "change",
    ),
    "store in a class body": ("s = [1.0]", "class A: s[0] = x", CLASS_BODY, "change"),
    "nonlocal in a class body": ("global G", "class A: global G; G = x", CLASS_BODY, "change"),
    "__dict__": ("o = O(1.0)", "o.__dict__ = {'v': x}", ATTRIBUTES, "change"),
    "tensor.fill_": ("a = torch.zeros(2)", "a.fill_(1.0)", TENSOR, "change"),
    "out=": ("a = torch.zeros(2)", "torch.add(a, 1.0, out=a)", TENSOR, "change"),
    "numpy": ("a = np.zeros(2)", "a.fill(1.0)", (f"a numpy array {CHANGED}", RAW), "change"),
    "array": ("a = arrays.array('d', [1.0])", "a[0] = 2.0", (f"an object of type array {CHANGED}", RAW), "change"),
    "memoryview": ("a = memoryview(bytearray(2))", "a[0] = 2", (f"an object of type memoryview {CHANGED}", RAW), "change"),
    "StringIO": ("a = io.StringIO()", "a.write('b')", (f"an object of type StringIO {CHANGED}", RAW), "change"),
    "BytesIO": ("a = io.BytesIO()", "a.write(b'b')", (f"an object of type BytesIO {CHANGED}", RAW), "change"),
    "hashlib": ("a = hashlib.md5()", "a.update(b'b')", (f"an object of type HASH {CHANGED}", RAW), "change"),
    "order of keys": (
        "s = {'a': 1.0, 'b': 2.0}",
        "s['a'] = s.pop('a')",
        (
            "`s`, a dict changed on a soft path, is {'b': 2.0, 'a': 1.0} and {'a': 1.0, 'b': 2.0} "
            f"{SIDES}: the keys are in different orders",
            BLENDABLE,
        ),
        "condition",
    ),
    "length of a list of an object": (
        "o = O([1.0])",
        "o.v.append(2.0)",
        (f"`o.v`, a list changed on a soft path, is [1.0, 2.0] and [1.0] {SIDES}: the lengths are 2 and 1", BLENDABLE),
        "condition",
    ),
}


@pytest.mark.parametrize(("before", "change", "words", "where"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(before: str, change: str, words: tuple[str, str], where: str) -> None:
    """By what, where, and what to write instead."""
    function, soft = program(f"{before}\nif c:\n    {change}\nreturn 0.0")
    with pytest.raises(RelaxError) as caught:
        relax(soft)(number(0.3))
    lines = str(caught.value).splitlines()
    line = function.__code__.co_firstlineno + 2 + (where == "change")
    assert lines[:4] == [
        words[0],
        f'  File "{function.__code__.co_filename}", line {line}',
        f"    {change if where == 'change' else 'if c:'}",
        f"  remedy: {words[1]}",
    ]


def test_memory_that_is_made_on_a_side_may_be_changed_there() -> None:
    def sides(x: Any) -> Any:
        y = 0.0
        if x > 0:
            made = torch.zeros(2)
            made.fill_(3.0)
            y = made[0]
        return y

    x = number(0.3)
    assert_same(relax(sides, **FINE)(x), mixture((above(x), 3.0), (1 - above(x), 0.0)), [x])

    def texts(x: Any) -> Any:
        y = 0.0
        if x > 0:
            text, digest = io.StringIO(), hashlib.md5()
            text.write("ab")
            digest.update(b"b")
            y = float(len(text.getvalue())) + 1.0 * (digest.hexdigest() == hashlib.md5(b"b").hexdigest())
        return y

    assert_same(relax(texts, **FINE)(x), mixture((above(x), 3.0), (1 - above(x), 0.0)), [x])

"""Small programs that between them use all of Python; each defines ``main()``, whose result or exception is compared."""

from __future__ import annotations

import textwrap

_SOURCE = r'''
# --- elif chain with names that only some sides bind
def classify(n):
    if n < 0: kind = "negative"
    elif n == 0: kind = "zero"
    elif n > 100:
        kind = "large"; extra = n
    else:
        kind = "small"
    try:
        return kind, extra
    except UnboundLocalError as error:
        return kind, type(error).__name__
def main(): return [classify(n) for n in (-1, 0, 5, 500)]
# --- reading what no side bound
def f(n):
    if n > 1: x = 1
    return x
def main(): return f(0)
# --- deleting in a branch
def f(n):
    x = 1
    if n > 1:
        del x
    return x
def main(): return f(0), f(2)
# --- rebinding after del in a loop
def f(n):
    out = []
    for i in range(n):
        if i > 1:
            out.append(x)
            del x
        x = i
    return out
def main(): return f(5)
# --- while with else and break
def f(n, stop):
    i = 0
    while i < n:
        if i == stop:
            found = i
            break
        i += 1
    else:
        found = "none"
    return found, i
def main(): return f(3, 1), f(3, 7), f(0, 0)
# --- for with else, continue, nested break
def f(rows):
    seen = []
    for row in rows:
        for cell in row:
            if cell < 0: continue
            if cell == 0: break
            seen.append(cell)
        else:
            seen.append("whole")
            continue
        seen.append("cut")
    else:
        seen.append("end")
    return seen
def main(): return f([[1, -2, 3], [4, 0, 5], []])
# --- early returns
def sign(x):
    if x > 0:
        return 1
    if x < 0:
        return -1
    return 0
def main(): return [sign(x) for x in (3, -2, 0, True)]
# --- return inside loops inside branches, in a try with finally
log = []
def f(rows, wanted):
    for i, row in enumerate(rows):
        try:
            for j, cell in enumerate(row):
                if cell == wanted:
                    if i == j:
                        return "diagonal", i
                    return i, j
        finally:
            log.append(i)
    return None
def main(): return f([[1, 2], [3, 4]], 3), f([[1, 2], [3, 4]], 4), f([[1]], 9), log
# --- return in finally swallows
def f(x):
    try:
        if x > 0: raise ValueError(x)
        return "try"
    except ValueError:
        return "except"
    finally:
        if x > 1:
            return "finally"
def main(): return f(0), f(1), f(2)
# --- break and continue in finally
def f(n):
    out = []
    for i in range(n):
        try:
            if i == 1: continue
            if i == 4: break
            out.append(i)
        finally:
            out.append(-i)
            if i == 3: continue
    return out
def main(): return f(9)
# --- try, else, nested handlers
def f(x):
    steps = []
    try:
        try:
            steps.append(1 / x)
        except ZeroDivisionError as error:
            steps.append(str(error))
            raise KeyError("k") from error
        else:
            steps.append("else")
    except KeyError as error:
        steps.append(repr(error.__cause__))
    finally:
        steps.append("finally")
    try:
        error
    except NameError as e:
        steps.append(type(e).__name__)
    return steps
def main(): return f(0), f(2)
# --- try with a return in its body and an else
def f(x):
    try:
        if x > 1: return "body"
    except ValueError:
        pass
    else:
        return "else"
    return "after"
def main(): return f(0), f(2)
# --- the name of an exception is unbound again in a loop
def f(n):
    out = []
    e = "e"
    for i in range(n):
        if i > 0:
            try:
                raise ValueError(i)
            except ValueError as e:
                out.append(str(e))
        out.append("e" in locals())
    return out
def main(): return f(3)
# --- with: targets, several items, swallowing
class C:
    def __init__(self, log, swallow=False): self.log, self.swallow = log, swallow
    def __enter__(self): self.log.append("in"); return self
    def __exit__(self, *e): self.log.append(("out", e[0])); return self.swallow
class O: pass
def f(x):
    log = []; o = O(); d = {}
    with C(log) as o.a, C(log, True) as d["k"]:
        if x > 0: raise ValueError
        y = 1
        if x < 0: return "early", log
    return o.a.log is log, d["k"].log is log, log, "y" in locals()
def main(): return f(0), f(1), f(-1)
# --- with in a loop, break and continue out of it
import contextlib
def f(n):
    out = []
    for i in range(n):
        with contextlib.suppress(ValueError):
            if i == 1: continue
            if i == 2: raise ValueError
            if i == 4: break
            out.append(i)
        out.append("after")
    return out
def main(): return f(9)
# --- chained comparisons evaluate once, short-circuit, and keep their value
calls = []
def v(x): calls.append(x); return x
class Odd:
    def __init__(self, value): self.value = value
    def __lt__(self, other): return self.value
    def __bool__(self): raise TypeError("no truth")
def main():
    a = v(1) < v(2) < v(0) < v(9), v(1) < v(0) < v(5), v(1) == 1 is not None in [v(3)], 1 in [1] == True
    b = (Odd(5) < 1, Odd([]) < 3, [] == [] < [1])
    return a, b, calls
# --- and, or, not return operands
def main():
    def f(a, b, c): return (a and b, a or b, a and b or c, not a, a or b and not c, (a or b) and c, not (a and b))
    return [f(a, b, c) for a in (0, "x") for b in ([], 7) for c in ("", None, 2.5)]
# --- order of evaluation in everything
log = []
def t(x, r=None): log.append(x); return r if r is not None else x
def main():
    d = {}
    d[t("i")] = t("v")
    t("o", d)[t("j")] = t("w")
    d[t("a")], d[t("b")] = t("x"), t("y")
    d[t("i")] += t("z")
    x = d[t("p")] = d[t("q")] = t("r")
    t("c") if t("cond", 0) else t("e")
    t(0, 0) and t("never") or t("last")
    return log, d, x
# --- the index of a later target sees an earlier one
def main():
    a = [0, 0, 0, 0]; i = 0
    i, a[i] = 2, "two"
    a[i], i = "again", 1
    (a[0], (i, a[i])), *a[1:2] = ("z", (3, "y")), 5
    return a, i
# --- starred and nested targets
def main():
    a = {}; 
    [x, *a["s"]] = 1, 2, 3
    (a["p"], q), *rest = (4, 5), 6, 7
    a["one"], = [8]
    *a["all"], = "xy"
    return a, x, q, rest
# --- unpacking errors keep their messages and their moment
def f(v):
    a = [0]
    try:
        a[0], b = v
    except (ValueError, TypeError) as e:
        return str(e), a
    return a, b
def main(): return f((1, 2)), f((1,)), f((1, 2, 3)), f(5)
# --- nested unpacking stores before it fails
def main():
    a = [0]
    try:
        a[0], (b, c) = 1, 5
    except TypeError as e:
        return a, str(e)
# --- augmented assignment keeps identity
def f(xs): 
    ys = xs
    xs += [1]
    return ys is xs, ys
def main():
    o = type("O", (), {})(); o.x = x = [0]; o.x += [2]; d = {"k": x}; d["k"] += (3,)
    n = 5; n -= 2; n *= n; n //= 2; n **= 2; n %= 7; n <<= 3; n |= 1; n ^= 3; n &= 0xFF; n >>= 1; n /= 4
    return f([]), o.x is x, d["k"] is x, x, n
# --- augmented assignment evaluates its parts once
log = []
def g(x): log.append(x); return x
def main():
    a = [[1, 2, 3]]
    g(a)[g(0)][g(1):g(2)] += [g(9)]
    g(a)[g(0)][g(-1)] *= g(4)
    return a, log
# --- augmented assignment of a tuple's list
def main():
    t = ([1],)
    try:
        t[0] += [2]
    except TypeError as e:
        return t, str(e)
# --- global and nonlocal
counter = 0
def bump(by):
    global counter
    if by > 0:
        counter += by
    else:
        counter = -1
    return counter
def make():
    total = 0
    def add(x):
        nonlocal total
        if x > 0: total += x
        else: total = 0
        return total
    def drop():
        nonlocal total
        del total
    def get(): return total
    return add, drop, get
def main():
    add, drop, get = make()
    result = [bump(2), bump(3), bump(0), counter, add(1), add(5), add(-1), add(2), get()]
    drop()
    try: get()
    except NameError as e: result.append(type(e).__name__)
    return result
# --- all binders of a global name
def f():
    global g1, g2, g3, g4, g5, g6, g7, g8
    for g1 in range(3): pass
    import os as g2, string
    from math import pi as g3, e
    def g4(): return "g4"
    class g5: pass
    if (g6 := 4) > 3: pass
    g7, *g8 = 1, 2, 3
    import contextlib
    with contextlib.nullcontext(5) as g1: pass
    return g4.__qualname__, g5.__qualname__
def main():
    r = f()
    return r, g1, g2.__name__, g3, g4(), g5.__name__, g6, g7, g8
# --- all binders of a nonlocal name
def outer():
    a = b = c = d = e = None
    def f():
        nonlocal a, b, c, d, e
        for a in "xyz": pass
        import math as b
        from math import pi as c
        def d(): return "d"
        [e := n for n in range(4)]
        return d.__qualname__
    q = f()
    return a, b.__name__, c, d(), e, q
def main(): return outer()
# --- global declared and deleted
def f():
    global gone
    gone = 1
    del gone
    try: gone
    except NameError as e: return str(e)
def g():
    global never
    try: del never
    except NameError as e: return str(e)
def main(): return f(), g()
# --- closures see later values
def main():
    fs = []
    for i in range(3):
        if i > 0:
            x = i
            fs.append(lambda: (i, x))
    x = "late"
    return [f() for f in fs]
# --- comprehension scopes
def main():
    x = "outer"
    a = [x for x in range(3) if x > 0 and x < 9]
    b = {x: y for x in a for y in a if x != y or x == 1}
    c = {x if x > 1 else -x for x in a}
    d = sum(x for x in a if not x == 1)
    e = [[y if y < x else x for y in range(3) if y] for x in range(3)]
    f = [(lambda z: z > x and z < 5)(x + 1) for x in a]
    g = [1 < x < 3 for x in range(4)]
    return x, a, b, c, d, e, f, g
# --- walrus everywhere
def main():
    out = []
    data = [1, 2, 3, 4]
    while (chunk := data[:2]) and len(chunk) > 1:
        data = data[2:]
        out.append(chunk)
    if (n := len(out)) > 1 and (m := n + 1) > 2 or n < 0: out.append((n, m))
    squares = [y := x * x for x in range(3) if (z := x) > 0]
    print_me = f"{(w := 5)} {w}"
    return out, squares, y, z, print_me, (lambda: (k := 3) + k)()
# --- generators, send, return values
def gen(n):
    total = 0
    while total < n:
        got = yield total
        if got is None: got = 1
        elif got < 0: return "stopped"
        total += got
    return total
def wrap(n):
    result = yield from gen(n)
    yield ("result", result)
def main():
    g = gen(10); out = [next(g), g.send(4), g.send(None)]
    try: g.send(-1)
    except StopIteration as e: out.append(e.value)
    return out, list(wrap(2))
# --- yield inside conditions
def g():
    if (yield 1) == 2 and (yield 2): yield 3
    x = (yield 4) if (yield 5) else 6
    return x
def main():
    a = g(); out = [next(a)]
    for v in (2, True, "a", 0):
        try: out.append(a.send(v))
        except StopIteration as e: out.append(("end", e.value))
    return out
# --- a generator closed in the middle
log = []
def g():
    try:
        for i in range(5):
            if i > 0: log.append(i)
            yield i
    finally:
        log.append("closed")
def main():
    a = g(); next(a); next(a); a.close()
    return log
# --- coroutines and async generators
import asyncio
async def ticks(n):
    for i in range(n):
        if i == 1: continue
        if i == 4: return
        yield i
async def go(n):
    total = 0
    async for t in ticks(n):
        if t > 2: break
        total += t
    else:
        total += 100
    async with Ctx() as c:
        if c > 0: return total + c, [t async for t in ticks(3) if t >= 0], await later(0) or 5
    return "never"
async def later(x): return x if x > 0 else None
class Ctx:
    async def __aenter__(self): return 1
    async def __aexit__(self, *e): pass
def main(): return asyncio.run(go(3)), asyncio.run(go(9))
# --- await in conditions
import asyncio
async def one(x): return x
async def f(a):
    if await one(a) > 1 and not await one(0): r = [await one(i) for i in range(3) if await one(i)]
    else: r = await one("no") if await one(a) else "zero"
    return r
def main(): return [asyncio.run(f(a)) for a in (0, 1, 2)]
# --- classes: private names, super, class cells, properties
class Base:
    def __init__(self, x): self.__x = x; self.y = 0
    def get(self): return self.__x
    @property
    def double(self): return self.__x * 2 if self.__x > 0 else 0
    @double.setter
    def double(self, v): self.__x = v / 2
class Child(Base):
    limit = 3 if Base else 4
    __hidden = [n for n in range(5) if n > 2]
    def __init__(self, x):
        super().__init__(x)
        if x > self.limit: self.__y = x
        self.__class__.count = getattr(__class__, "count", 0) + 1
    def get(self):
        value = super().get()
        return value if value < 5 else super(Child, self).get() + self.__y + len(self.__hidden)
    def set(self):
        __v = 1
        if self.limit > 2: __v = 2
        self.double = 10; self.double += 2
        return self.double, __v, "_Child__v" in locals()
def main(): return [(Child(x).get(), Child(x).set()) for x in (1, 7)], Child.count
# --- class inside a function, with conditions in its body
def make(flag):
    base = dict if flag else list
    class K(base):
        if flag: kind = "dict"
        else: kind = "list"
        for n in range(3):
            if n > 1: break
        def m(self): return self.kind, flag and 1
    return K
def main(): return make(0)().m(), make(1)().m(), make(1).n, make(0).__mro__[1].__name__
# --- functions defined under conditions
def f(x):
    if x > 0:
        def g(): return "positive", x
    else:
        def g(y=x if x else "zero"): return y
    return g()
def main(): return f(1), f(0), f(-3)
# --- imports under conditions
def f(x):
    if x > 0:
        import os.path
        import json as j
    else:
        from math import pi as j
    return j if x <= 0 else (j.__name__, os.path.__name__)
def main(): return f(1)[0], f(0)
# --- decorators and defaults inside functions
def main():
    calls = []
    def deco(arg):
        def d(f):
            calls.append((arg, f.__name__)); return f
        return d
    n = 5
    @deco(n > 3)
    @deco(n if n < 3 else "big")
    def f(a, b=n and 2, *args, c=n < 9, **kw): return a, b, args, c, kw
    return f(1), f(1, 2, 3, c=4, d=5), calls
# --- positional-only, keyword-only, annotations
def f(a: "not" "evaluated", b: 1 < 2 = 2, /, c: int = 3, *, d: str = "d", **k: dict) -> 1 if 2 else 3:
    x: int = a if a > b else b
    y: undefined_name
    return x, c, d, k
def main(): return f(1), f(5, 4, c=1, d=2, e=3), f.__annotations__
# --- annotated targets
class O: pass
def main():
    o = O(); d = {}
    o.x: undefined = 1 if d else 2
    d["k"]: undefined = o.x > 1
    z: int = 3
    return o.x, d, z
# --- match
class P:
    __match_args__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
def f(v):
    match v:
        case 0 | 1: return "small"
        case [a, *rest] if len(rest) > 1 and a > 0: r = ("list", a, rest)
        case {"k": k, **others}: r = ("dict", k, others)
        case P(x, y=0): r = ("axis", x)
        case P(x, y) if x == y: return "diagonal"
        case str() as s: r = s.upper() if s < "m" else s
        case None: r = None
        case _:
            if v == 7: return "seven"
            r = "other"
    return r
def main(): return [f(v) for v in (0, [1, 2, 3], [0, 1, 2], {"k": 1, "z": 2}, P(3, 0), P(2, 2), P(1, 2), "abc", "xyz", None, 7, 8.5)]
# --- match as the last thing in a loop
def f(xs):
    out = []
    for x in xs:
        match x:
            case 0: continue
            case 9: break
            case n if n > 3: out.append(("big", n)); continue
        out.append(x)
    return out
def main(): return f([0, 1, 5, 2, 9, 3])
# --- f-strings
def main():
    x = 3; w = 6; d = {"a": 1.5}
    return f"{x > 2} {x!r:>{w}} {d['a']:.2f} {x if x < 2 else 'no'} {x = } {d['a'] + 1 = :{w}}" f"{x and 0}" "tail" rf"\{x}"
# --- assert and raise
def f(x):
    assert x > 0 and x < 10, f"bad {x}"
    if x == 5: raise ValueError("five") from None
    return x
def main():
    out = []
    for x in (1, 5, 50):
        try: out.append(f(x))
        except Exception as e: out.append((type(e).__name__, str(e)))
    return out
# --- exceptions in conditions and in the middle of expressions
def main():
    out = []
    for text in ("a[5] > 1", "1 < 'x'", "a['k'] and 1", "undefined < 3", "not undefined", "1 if undefined else 2", "f(1)(2)", "None.x > 2"):
        try: out.append(eval(text, {"a": [1], "f": lambda x: x}))
        except Exception as e: out.append(str(e))
    def g(a, i): return a[i] if a[i] > 0 else a[i + 9]
    for args in (([1], 0), ([-1], 0), ([1], 4), (None, 0)):
        try: out.append(g(*args))
        except Exception as e: out.append((type(e).__name__, str(e)))
    return out
# --- subscripts of all kinds
class G:
    def __getitem__(self, i): return i
    def __setitem__(self, i, v): self.last = (i, v)
    def __delitem__(self, i): self.gone = i
def main():
    g = G(); i = 2; j = slice(1, 3)
    out = [g[i], g[i, 1], g[i,], g[i:], g[:i], g[::i], g[i:3:-1], g[...], g[i:, ..., None], g[()], g[j], g["a"], g[lambda: 0].__name__, g[k := 5], k]
    g[i:5] = 1; out.append(g.last)
    g[i, :] = 2, 3; out.append(g.last)
    g[i] = yes = 4; out.append(g.last)
    del g[i:], g[i, 1]; out.append(g.gone)
    g[i, 0] += (1,); out.append(g.last)
    return out, yes
# --- del of many things
class O: pass
def main():
    a = [1, 2, 3, 4, 5]; o = O(); o.x = 1; d = {1: 2}; x = y = 0
    del a[0], o.x, (d[1], [x, a[1:3]])
    return a, vars(o), d, y, "x" in locals()
# --- statements on one line
def f(x):
    if x > 1: a = 1; b = [0]; b[0] = x; return a, b
    while x < 1: x += 1; continue
    for i in [1, 2]: x += i; break
    with open(__import__("os").devnull) as fh: y = x; x = y if y > 1 else 9
    try: z = 1 / (x - 2)
    except ZeroDivisionError: z = None; x = -1
    finally: w = x
    return x, z, w
def main(): return f(2), f(0), f(1)
# --- a subscript whose bracket closes on a line of its own, and goes on after it
class Box:
    def __init__(self, value): self.value = value
def main():
    boxes = {"a": Box(1), ("b",): Box(2)}; key = "a"; numbers = [1, 2, 3]; first = 1
    one = boxes[
        key  # the first
    ].value
    two = boxes[
        ("b",)
    ].value + numbers[
        first
        # where it begins
        :
    ][
        first
    ]
    return one, two, boxes[
        key

    ].value if numbers[ # a comment
        first ] > 1 else 0
# --- comments, continuation lines and strings that look like code
def f(a, b):
    # if a < b: nothing
    x = a \
        < b  # after a continuation
    y = (a  # first
         and  # second
         b
         # third
         or "none")
    z = """
    if x > 1:
        return
""" if x else """
  a < b"""
    return x, y, z, [a,
        a < b, # c
    ]
def main(): return f(1, 2), f(0, 0)
# --- semicolons after jumps
def f(x):
    while True:
        x += 1; 
        if x > 3: break; x = 100
        if x < 2: continue; y = 5
        x += 1
    return x; x = 1
def main(): return f(0), f(2)
# --- names that look like the rewriter's own
_rt = "mine"; _if1 = "one"
def f(_loop1, _frame=2):
    _t1 = _if1
    for _and1 in range(3):
        if _and1 > 1 and _loop1: return _rt, _t1, _frame
    return _and1
def main(): return f(0), f(1)
# --- locals, vars, dir, eval, exec
def f(x):
    y = x if x > 1 else 0
    if y and x: z = 1
    a = sorted(locals()), sorted(vars()), dir()
    eval("a"); exec("q = 1")
    return a, locals()["y"], "z" in locals()
def main(): return f(1), f(2)
# --- builtins that the module rebinds
def len(x): return 99
def isinstance(a, b): return a > 1
def range(n): return [n, n]
def f(a):
    out = []
    for i in range(3):
        if len(a) > 5: out.append(i)
        if isinstance(i, int): out.append(a[i - 3])
    return out
def main(): return f([1, 2, 3])
# --- a parameter that is called like a builtin
def f(range, len, locals=None, globals=3):
    global told
    told = len
    for i in range:
        if i < len: x = i
    return x, told
def main(): return f([1, 5, 2], 4)
# --- unbound in a nested function
def outer(flag):
    def inner():
        try: return value
        except NameError as e: return str(e)
    if flag > 0: value = 1
    return inner()
def main(): return outer(0), outer(1)
# --- recursion and mutual recursion
def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return n != 0 and even(n - 1)
def main(): return even(10), odd(7), even(3)
# --- lambdas with defaults, conditions and star arguments
def main():
    n = 3
    f = lambda x, y=n > 2, *a, k=n and 4, **kw: (x if x > n else y, a, k, kw)
    g = lambda: (yield 1 < n < 5)
    return f(1), f(9, 8, 7, k=6, z=5), list(g())
# --- objects whose comparisons return anything
class V:
    def __init__(s, n): s.n = n
    def __gt__(s, o): return V(s.n - 1)
    def __eq__(s, o): return [] if s.n else [1]
    def __bool__(s): return s.n > 0
    def __contains__(s, x): return s.n
    __hash__ = None
def main():
    a, b = V(1), V(2)
    x = "yes" if b > 1 else "no"
    return x, "yes" if a > 1 else "no", a == 1, a != 1, 3 in a, 3 not in a, not a, (b > 1 > 0).n if hasattr(b > 1 > 0, "n") else 0
# --- bool is asked once each
count = []
class B:
    def __init__(s, v): s.v = v
    def __bool__(s): count.append(s.v); return bool(s.v)
def main():
    a, b = B(1), B(0)
    if a and b or a: pass
    while b: pass
    x = 1 if a else 2
    if not b and a: x = 3
    y = a and b; z = b or a; w = not a
    return x, y is b, z is a, w, count
# --- iterators are advanced as in the original
class It:
    def __init__(s): s.n = 0; s.log = []
    def __iter__(s): s.log.append("iter"); return s
    def __next__(s):
        s.n += 1; s.log.append(s.n)
        if s.n > 3: raise StopIteration
        return s.n
def main():
    a = It()
    for x in a:
        if x == 2: break
    else: x = "none"
    rest = [y for y in a if y > 0]
    return x, rest, a.log
# --- a loop's target is an attribute, a subscript, a tuple
class O: pass
def main():
    o = O(); d = {}; out = []
    for o.i in range(3):
        if o.i > 0: out.append(o.i)
    for d["k"], (x, *d["r"]) in [(1, (2, 3)), (4, (5, 6, 7))]:
        if x > 2: break
    return o.i, d, x, out
# --- for target used after the loop, also when empty
def f(xs):
    i = "before"
    for i, x in enumerate(xs):
        if x > 2: break
    return i
def main(): return f([]), f([1]), f([1, 5, 7])
# --- deep nesting of loops with jumps
def f(n):
    out = []
    for a in range(n):
        for b in range(n):
            for c in range(n):
                if a + b + c > 4: break
                if c == 1: continue
                if a == 2 and b == 2: return out
                out.append((a, b, c))
            else:
                out.append("c")
                if b > a: break
        else:
            out.append("b")
        if a > b: continue
        out.append(a)
    else:
        out.append("a")
    return out
def main(): return f(2), f(3)
# --- many guards one after the other
def f(x):
    if x == 0: return "zero"
    if x == 1: return "one"
    y = x
    if x == 2: return "two"
    # between
    y += 1

    if y == 4: return "three"
    y += 1
    while y > 9:
        if y == 12: return "twelve"
        y -= 1
    return y
def main(): return [f(x) for x in (0, 1, 2, 3, 4, 10, 20)]
# --- one-line functions and classes
def f(x): return x if x > 0 else -x
class K: y = 1; z = lambda self: self.y > 0 and "z"
def g(x): "doc"; return x < 1 < 2
def h():
    """doc"""
def main(): return f(-2), K().z(), g(0), g.__doc__, h(), h.__doc__
# --- docstring stays first in functions that return early
def f(x):
    """The doc."""
    if x > 0: return 1
    return 2
def main(): return f.__doc__, f(0), f(1)
# --- names in several scripts
def f(größe, 名):
    ä = "ü" if größe > 1 else "ö"
    if 名 in ä: ç = größe[0] if 0 else 名
    return ä, 名 < "z", f"{größe > 1}ß"
def main(): return f(2, "ü")
# --- star expressions in calls, returns and subscripts
def f(*a, **k): return a, k
def main():
    x = [1, 2]; d = {"k": x[0] > 0}
    def g(): return *x, 3
    def h(): yield *x, 4
    return f(*x, *[y for y in x if y > 1], **d, j=x[-1]), g(), list(h()), [*x, x[0] if x else 0], {**d, "z": 1 < 2}
# --- while True with everything hard
def f(n):
    while True:
        if n is None: return "none"
        if isinstance(n, str): break
        n = None
    return n
def main(): return f(None), f("s"), f(1)
# --- context of exceptions
def f():
    try:
        try: 1 / 0
        except ZeroDivisionError: raise KeyError("x")
    except KeyError as e:
        return type(e.__context__).__name__, e.__context__ is not None and e.__cause__ is None
def main(): return f()
# --- global and nonlocal declared in a handler
seen = ""
def main():
    count = 0
    def f(name):
        try: return {"a": 1}[name] > 0
        except KeyError:
            global seen
            nonlocal count
            seen += name
            count += 1
            class Inner:
                global seen
                text = seen if len(seen) > 1 else "none"
            def inner():
                global seen
                seen = seen + "." if seen else "!"
            inner()
            return Inner.text
        finally:
            if name > "b": count += 10
    return f("a"), f("b"), f("c"), seen, count
# --- exception groups
def f(n):
    out = []
    try:
        raise ExceptionGroup("g", [ValueError(n), TypeError(n)])
    except* ValueError as e:
        out.append(("v", len(e.exceptions)))
        if n > 0: out.append("positive")
    except* TypeError:
        out.append("t")
    return out
def main(): return f(0), f(1)
# --- type parameters
type Pair[T] = tuple[T, T]
def first[T: (int, str)](xs: list[T], default: T = 1 < 2) -> T:
    return xs[0] if len(xs) > 0 and xs[0] else default
class Box[T](dict):
    def get2(self, k: T): return self[k] if k in self else None
def main(): return first([]), first([3]), Box(a=1).get2("a"), Box().get2("b"), Pair.__name__
# --- nested f-strings
def main():
    d = {"a": 3}; x = 2
    return f"{f"{d["a"] > x}"} {d["a"]:{x + 3}}"
'''


def _programs() -> dict[str, str]:
    found: dict[str, str] = {}
    for part in textwrap.dedent(_SOURCE).split("# --- ")[1:]:
        title, _, text = part.partition("\n")
        found[title] = text
    return found


PROGRAMS = _programs()
# What the running version of Python does not know yet.
NEWER: dict[str, tuple[int, int]] = {
    "exception groups": (3, 11),
    "type parameters": (3, 12),
    "nested f-strings": (3, 12),
}

# A soft exit out of a `finally` whose `try` is being left already is beyond the rewriter: the one that came first wins.
PLAIN_ONLY = frozenset({"return in finally swallows"})

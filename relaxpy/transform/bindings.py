"""Who binds and who reads which names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from relaxpy.transform.tree import COMPREHENSIONS, SCOPES, children, walk


def target_names(target: cst.CSTNode) -> Iterator[str]:
    """The names that an assignment target binds."""
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from target_names(element.value)
    elif isinstance(target, cst.StarredElement):
        yield from target_names(target.value)


def _import_names(node: cst.Import | cst.ImportFrom) -> Iterator[str]:
    if isinstance(node.names, cst.ImportStar):
        return
    for alias in node.names:
        if alias.asname is not None:
            yield from target_names(alias.asname.name)
        else:
            name: cst.BaseExpression = alias.name
            while isinstance(name, cst.Attribute):
                name = name.value
            yield from target_names(name)


def _own_binds(node: cst.CSTNode) -> Iterator[str]:
    """Names that this very node binds (not what is below it)."""
    if isinstance(node, cst.Assign):
        for target in node.targets:
            yield from target_names(target.target)
    elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)) or isinstance(node, cst.Del):
        yield from target_names(node.target)
    elif isinstance(node, cst.AsName):
        yield from target_names(node.name)
    elif isinstance(node, (cst.Import, cst.ImportFrom)):
        yield from _import_names(node)
    elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        yield node.name.value
    elif isinstance(node, (cst.MatchAs, cst.MatchStar)):
        if node.name is not None:
            yield node.name.value
    elif isinstance(node, cst.MatchMapping):
        if node.rest is not None:
            yield node.rest.value
    elif type(node).__name__ == "TypeAlias":
        yield node.name.value  # type: ignore[attr-defined]


def binds(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """Names that statements or expressions bind in the scope that they stand in."""
    found: set[str] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if not isinstance(node, cst.Name):
            found.update(_own_binds(node))
        if isinstance(node, COMPREHENSIONS):
            found.update(
                n for inner in walk(node, False) if isinstance(inner, cst.NamedExpr) for n in _own_binds(inner)
            )
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            pending.extend(evaluated_outside(node))
        else:
            pending.extend(children(node))
    return found


def evaluated_outside(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of a nested function, class or lambda that run in the enclosing scope: decorators, defaults, bases."""
    if isinstance(node, (cst.FunctionDef, cst.Lambda)):
        parameters = node.params
        every = [*parameters.params, *parameters.kwonly_params, *parameters.posonly_params]
        for parameter in every:
            if parameter.default is not None:
                yield parameter.default
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        for decorator in node.decorators:
            yield decorator.decorator
    if isinstance(node, cst.ClassDef):
        for argument in (*node.bases, *node.keywords):
            yield argument.value


def parameters_of(parameters: cst.Parameters) -> Iterator[cst.Param]:
    yield from parameters.posonly_params
    yield from parameters.params
    if isinstance(parameters.star_arg, cst.Param):
        yield parameters.star_arg
    yield from parameters.kwonly_params
    if parameters.star_kwarg is not None:
        yield parameters.star_kwarg


def reads(node: cst.CSTNode) -> set[str]:
    """Names that an expression or statement may read, nested scopes included (too many never hurts)."""
    found: set[str] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, cst.Name):
            found.add(current.value)
        elif isinstance(current, cst.Attribute) or isinstance(current, cst.Arg):
            pending.append(current.value)
        elif isinstance(current, cst.Assign):
            pending.append(current.value)
            pending.extend(part for target in current.targets for part in stored_parts(target.target))
        elif isinstance(current, cst.AnnAssign):
            pending.extend(part for part in (current.value, current.annotation) if part is not None)
            pending.extend(stored_parts(current.target))
        elif isinstance(current, cst.For):
            pending.extend(part for part in (current.iter, current.body, current.orelse) if part is not None)
            pending.extend(stored_parts(current.target))
        elif isinstance(current, cst.NamedExpr):
            pending.append(current.value)
        elif isinstance(current, (cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal)):
            continue
        else:
            pending.extend(children(current))
    return found


def stored_parts(target: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What is evaluated in an assignment target: the container and index of `a[i]`, the object of `o.x`."""
    if isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from stored_parts(element.value)
    elif isinstance(target, cst.StarredElement):
        yield from stored_parts(target.value)
    elif not isinstance(target, cst.Name):
        yield target


def captured(body: cst.CSTNode) -> set[str]:
    """Names that nested functions, lambdas, classes and generator expressions read: they may be read at any time."""
    found: set[str] = set()
    for node in walk(body, into_scopes=False):
        if node is not body and isinstance(node, (*SCOPES, cst.GeneratorExp)):
            found |= reads(node)
    return found


def declared(body: cst.CSTNode) -> tuple[set[str], set[str]]:
    """Names declared global, and nonlocal, in a function."""
    names: tuple[set[str], set[str]] = (set(), set())
    for node in walk(body, into_scopes=False):
        if isinstance(node, (cst.Global, cst.Nonlocal)):
            names[isinstance(node, cst.Nonlocal)].update(item.name.value for item in node.names)
    return names

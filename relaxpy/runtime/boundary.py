"""The boundary of a relaxed call: arguments become soft, results and side effects become plain.

Inside, nothing of this happens again: a relaxed function that is called from a relaxed one takes its values as they are.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from relaxpy.errors import RelaxError
from relaxpy.runtime import classes, notes, scopes, suspending
from relaxpy.runtime.calls import Call, Plan
from relaxpy.runtime.installed import settings_in
from relaxpy.runtime.lazy import LazyModule
from relaxpy.runtime.marks import Hard, as_constant, is_torch_here
from relaxpy.runtime.options import resolve
from relaxpy.runtime.raising import departure, lost_paths
from relaxpy.runtime.state import calls, enter, leave, state

unwrapping: Any = LazyModule("relaxpy.runtime.unwrapping")
wrapping: Any = LazyModule("relaxpy.runtime.wrapping")
checkpoints: Any = LazyModule("relaxpy.runtime.checkpoints")
batching: Any = LazyModule("relaxpy.runtime.batching")
doubts: Any = LazyModule("relaxpy.runtime.doubts")
estimators: Any = LazyModule("relaxpy.runtime.estimators")
engine: Any = LazyModule("relaxpy.engine")


def root_of(function: Any) -> str:
    """The top-level package, module or script that a function belongs to."""
    return str(getattr(function, "__module__", None) or "__main__").partition(".")[0]


def call(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a relaxed function from anywhere."""
    __tracebackhide__ = True  # IPython and pytest show the user's frames only
    if state.call is not None:
        return _nested(plan, state.call, args, kwargs)
    chosen = engine_of(plan)
    if chosen != "eager" and plan.made is not None and is_torch_here() and engine.tries(plan, chosen, args, kwargs):
        return call_by_engine(plan, args, kwargs, call_eagerly)
    return call_eagerly(plan, args, kwargs)


def call_by_engine(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
    """An outermost call, by a recorded program or by ``run``."""
    options = resolve({**settings_in(plan.function.__globals__), **state.settings, **plan.settings})
    if options.checkpoint is not None:
        return run(plan, args, kwargs)
    if plan.hard:
        args, kwargs = _mark_hard(plan, args, kwargs)
        plan = replace(plan, hard=frozenset())
    return engine.call(plan, options, args, kwargs, run)


def engine_of(plan: Plan) -> str:
    """The engine of a call, without working out its other options, which are resolved where it begins."""
    for settings in (plan.settings, state.settings, settings_in(plan.function.__globals__)):
        if "engine" in settings:
            return str(settings["engine"])
    return state.options.engine


def call_eagerly(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An outermost call, operation by operation."""
    __tracebackhide__ = True
    current = begin(root_of(plan.function), settings_in(plan.function.__globals__), plan.settings)
    try:
        parts = state.options.checkpoint
        if parts is None or not is_torch_here() or not checkpoints.applies():
            return _outermost(plan, current, args, kwargs)
        with checkpoints.checkpointing(current, plan, parts, call_eagerly, args, kwargs):
            return _outermost(plan, current, args, kwargs)
    finally:
        end(current)


def begin(root: str, installed: Mapping[str, Any], own: Mapping[str, Any]) -> Call:
    """An outermost call begins: ``installed`` options count less than those of a region around it, ``own`` ones more."""
    current = Call(root)
    if own or installed or state.settings:
        settings = {**installed, **state.settings, **own}
        state.options = resolve(settings)
        state.settings = settings
    state.call = current
    return current


def end(current: Call) -> None:
    try:
        _clean(current)
    finally:
        state.call = None
        state.lanes = None
        state.settings, state.options = current.outer


def _nested(plan: Plan, current: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    current.roots.add(root_of(plan.function))
    if plan.batch and state.lanes is None and current.soft:
        raise RelaxError(
            f"`{plan.name}` with batch={plan.batch!r} was called from inside a relaxed call that has no batch",
            remedy="loop over the samples, or give batch to the outermost call",
        )
    if plan.hard:
        args, kwargs = _mark_hard(plan, args, kwargs)
    args, kwargs = _without_marks(args), {name: _without_mark(value) for name, value in kwargs.items()}
    if not plan.settings:
        return plan.function(*args, **kwargs)
    settings, options = state.settings, state.options
    state.settings = {**settings, **plan.settings}
    state.options = resolve(state.settings)
    try:
        follows = state.options.follows_single_paths
        if current.soft and follows and (state.run is None or state.options.estimator != options.estimator):
            return estimators.expectation(plan.function, args, kwargs)
        return plan.function(*args, **kwargs)
    finally:
        state.settings, state.options = settings, options


def _without_mark(value: Any) -> Any:
    return as_constant(value.value) if isinstance(value, Hard) else value


def _without_marks(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(map(_without_mark, args))


def _outermost(plan: Plan, current: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    if "torch" not in sys.modules:
        return plan.function(*_without_marks(args), **{name: _without_mark(value) for name, value in kwargs.items()})
    try:
        args, kwargs, found = _wrapped(plan, current, args, kwargs)
    except RelaxError as error:
        notes.locate(error)
        raise
    return run(current, plan.function, args, kwargs, found)


def _wrapped(
    plan: Plan, current: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
    """The arguments as the function takes them, and whether any is soft."""
    if plan.hard:
        args, kwargs = _mark_hard(plan, args, kwargs)
    if plan.batch:
        wrapped: tuple[tuple[Any, ...], dict[str, Any], bool] = batching.wrap(plan, current, args, kwargs)
        return wrapped
    wrapper = wrapping.Wrapper(current)
    args = tuple([wrapper.wrap(value) for value in args])
    kwargs = {name: wrapper.wrap(value) for name, value in kwargs.items()}
    return args, kwargs, wrapper.found_soft


def run(current: Call, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], found: bool) -> Any:
    """The body of an outermost call; ``found``: are there soft values among the arguments?"""
    __tracebackhide__ = True
    if found:
        current.become_soft()
        classes.meet_all((*args, *kwargs.values()))
        classes.meet_names(function)
    try:
        if found and state.options.follows_single_paths:
            result = estimators.expectation(function, args, kwargs)
        else:
            result = function(*args, **kwargs)
    except BaseException as error:
        failed(current, error)
        raise
    if current.presences:
        doubts.check_given((result, *args, *kwargs.values(), *current.outside, function))
    return plain_result(current, result)


def _mark_hard(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Wrap the arguments that ``relax(hard=...)`` names in a mark."""
    try:
        bound = plan.signature.bind(*args, **kwargs)
    except TypeError:
        return args, kwargs  # the function itself says what is wrong
    for name in plan.hard & bound.arguments.keys():
        kind = plan.signature.parameters[name].kind
        value = bound.arguments[name]
        if kind is inspect.Parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(map(Hard, value))
        elif kind is inspect.Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: Hard(item) for key, item in value.items()}
        elif not isinstance(value, Hard):
            bound.arguments[name] = Hard(value)
    return bound.args, bound.kwargs


def resume(current: Call) -> None:
    """A suspended call goes on: what was made plain for others is soft again, unless they stored something else."""
    for holder, cell, soft, plain in current.parked:
        if holder.get(cell) is plain:
            holder.put(cell, soft)
            current.touched[holder.key] = holder
    current.parked = []
    if current.soft:
        enter(calls)
    for kind in current.classes_met:
        classes.meet(kind)


def failed(current: Call, error: BaseException) -> None:
    """An error leaves an outermost call: it says on which soft path it arose, and what it carries becomes plain."""
    leaving = departure()
    if leaving is not None and any(scope.holds_paths() for scope in state.scopes):
        raise lost_paths(leaving) from error
    notes.explain(error)
    if current.soft:
        scopes.unwind(-1)
        unwrapping.Unwrapper(current, tolerant=True).unwrap(error)


def plain_result(current: Call, result: Any) -> Any:
    if type(result) in suspending.KINDS and (current.soft or suspending.is_relaxed(result)):
        return suspending.suspended(current, result)
    if not current.soft and state.lanes is None:
        return result
    unwrapper = unwrapping.Unwrapper(current)
    unwrapper.give_back()
    plain = unwrapper.unwrap(result)
    unwrapper.clean(current.touched.values())
    current.touched.clear()
    return plain


def _clean(current: Call) -> None:
    """End the call in whatever state it is: close scopes, clean objects."""
    if state.scopes:
        scopes.unwind(-1)
    try:
        if current.touched:
            # an error is under way already
            unwrapper = unwrapping.Unwrapper(current, tolerant=True)
            unwrapper.give_back()
            unwrapper.clean(current.touched.values())
            current.parked = unwrapper.changes
    finally:
        state.births.clear()
        if current.classes:
            classes.leave(current.classes)
            current.classes_met, current.classes = tuple(current.classes), {}
        if current.soft:
            leave(calls)

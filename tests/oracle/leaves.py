"""The numbers in a result, each under the name of its place, so that results of different making can be compared."""

from __future__ import annotations

from typing import Any

from torch import Tensor

Leaf = Tensor | float | int | str | None


def flatten(value: Any, place: str = "result", *, lanes: bool = False) -> dict[str, Leaf]:
    """``(1.0, [x])`` gives ``{"result[0]": 1.0, "result[1][0]": x}``.

    Follows lists, tuples, dicts and attributes of objects; a tensor counts as the list of its rows, with ``lanes``
    leaving its first axis alone. Values of the oracle give their expectation.
    """
    found: dict[str, Leaf] = {}
    _visit(value, place, lanes, found, ())
    return found


def _visit(value: Any, place: str, lanes: bool, found: dict[str, Leaf], above: tuple[int, ...]) -> None:
    if id(value) in above:
        return
    above = (*above, id(value))
    if isinstance(value, Tensor):
        if value.dim() <= int(lanes):
            found[place] = value
        else:
            for i, row in enumerate(value.unbind(int(lanes))):
                _visit(row, f"{place}[{i}]", lanes, found, above)
    elif hasattr(value, "expected"):
        found[place] = value.expected()
    elif value is None or isinstance(value, (str, bool, int, float)):
        found[place] = value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            _visit(item, f"{place}[{i}]", lanes, found, above)
    elif isinstance(value, dict):
        for key, item in value.items():
            _visit(item, f"{place}[{key!r}]", lanes, found, above)
    elif hasattr(value, "__dict__"):
        for name, item in vars(value).items():
            _visit(item, f"{place}.{name}", lanes, found, above)
    else:
        raise TypeError(f"{place} is a {type(value).__name__}, which has no leaves")

"""Rewritten programs do what the originals do, both straight and by way of the soft machinery."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from relaxpy.transform import rewrite
from tests.transform import certain, standin
from tests.transform.programs import NEWER, PLAIN_ONLY, PROGRAMS


def outcome(text: str, runtime: ModuleType | None, name: str = "_rt") -> Any:
    """What ``main()`` returns, or how it fails."""
    scope: dict[str, Any] = {"__name__": "program"}
    if runtime is not None:
        scope[name] = runtime
    exec(compile(text, "<program>", "exec", dont_inherit=True), scope)
    try:
        return repr(scope["main"]())
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("runtime", [standin.runtime, certain.runtime], ids=["plain", "certain"])
@pytest.mark.parametrize("title", PROGRAMS)
def test_same_as_the_original(title: str, runtime: Any) -> None:
    if sys.version_info < NEWER.get(title, (3, 10)):
        pytest.skip("not Python yet")
    if runtime is certain.runtime and title in PLAIN_ONLY:
        pytest.skip("only for plain values")
    text = PROGRAMS[title]
    rewritten = rewrite(text)
    assert outcome(rewritten.text, runtime(), rewritten.runtime_name) == outcome(text, None)
    assert rewritten.changed


@pytest.mark.parametrize("title", PROGRAMS)
def test_line_ends_and_tabs(title: str) -> None:
    if sys.version_info < NEWER.get(title, (3, 10)):
        pytest.skip("not Python yet")
    text = PROGRAMS[title]
    expected = rewrite(text).text
    assert rewrite(text.replace("\n", "\r\n")).text == expected.replace("\n", "\r\n")
    tabbed = "\n".join(
        "\t" * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ") for line in text.split("\n")
    )
    if '"""\n' not in text and "\\\n" not in text:
        compile(rewrite(tabbed).text, "<tabs>", "exec", dont_inherit=True)

"""What `relaxpy check` found, and the forms in which it says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from relaxpy.cli.terminal import styled
from relaxpy.errors import RelaxSyntaxError

__all__ = ["FORMATS", "Checked", "Finding"]


@dataclass(frozen=True)
class Finding:
    """Something that cannot be relaxed; ``line`` counts from 1, ``column`` from 0, ``text`` is the line as it stands."""

    file: str
    line: int | None
    column: int | None
    message: str
    remedy: str
    text: str | None

    @classmethod
    def of(cls, error: RelaxSyntaxError, file: str) -> Finding:
        return cls(file, error.lineno, error.column, error.message, error.remedy, error.text)


@dataclass(frozen=True)
class Checked:
    """A file: how many functions it has, how many of them can be relaxed, and what cannot."""

    file: str
    functions: int
    accepted: int
    findings: tuple[Finding, ...]


def as_text(results: Iterable[Checked]) -> int:
    """One line for each finding, the source with a caret below it, and the sum at the end."""
    checked = []
    for result in results:
        checked.append(result)
        for finding in result.findings:
            place = ":".join(str(part) for part in (finding.file, *_place(finding)))
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            print(f"{styled(place, 'bold')}: {styled(finding.message, 'red')}{remedy}")
            for line in _context(finding):
                print(line)
    print(_summary(checked))
    return _status(checked)


def as_json(results: Iterable[Checked]) -> int:
    """One object: the counts and all findings."""
    checked = list(results)
    report = {
        "files": len(checked),
        "files_accepted": sum(not result.findings for result in checked),
        "functions": sum(result.functions for result in checked),
        "functions_accepted": sum(result.accepted for result in checked),
        "findings": [asdict(finding) for result in checked for finding in result.findings],
    }
    print(json.dumps(report, indent=2))
    return _status(checked)


def as_github(results: Iterable[Checked]) -> int:
    """GitHub's workflow commands, which it shows beside the lines; the sum goes to the log."""
    checked = []
    for result in results:
        checked.append(result)
        for finding in result.findings:
            names = ("line", "col")
            fields = {"file": finding.file, **dict(zip(names, _place(finding))), "title": "relaxpy"}
            shown = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in fields.items())
            message = finding.message + (f"\nremedy: {finding.remedy}" if finding.remedy else "")
            print(f"::error {shown}::{_escaped(message)}")
    print(_summary(checked), file=sys.stderr)
    return _status(checked)


FORMATS: dict[str, Callable[[Iterable[Checked]], int]] = {"text": as_text, "json": as_json, "github": as_github}


def _place(finding: Finding) -> tuple[int, ...]:
    """Line and column as editors count them, from 1."""
    if finding.line is None:
        return ()
    return (finding.line,) if finding.column is None else (finding.line, finding.column + 1)


def _context(finding: Finding) -> list[str]:
    text = (finding.text or "").rstrip()
    shown = text.lstrip()
    if not shown:
        return []
    if finding.column is None:
        return [f"    {shown}"]
    # Tabs stay tabs, so that the caret stands below its character.
    before = text[len(text) - len(shown) : finding.column]
    return [f"    {shown}", "    " + "".join("\t" if c == "\t" else " " for c in before) + "^"]


def _escaped(text: str, also: str = "") -> str:
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _summary(checked: list[Checked]) -> str:
    functions = sum(result.functions for result in checked)
    accepted = sum(result.accepted for result in checked)
    files = sum(not result.findings for result in checked)
    return f"{_share(files, len(checked), 'file')} and {_share(accepted, functions, 'function')} can be relaxed"


def _share(part: int, whole: int, what: str) -> str:
    percent = f" ({_percent(part, whole)})" if whole else ""
    return f"{part} of {whole} {what}{'' if whole == 1 else 's'}{percent}"


def _percent(part: int, whole: int) -> str:
    # Rounded down, so that 100% means all.
    return f"{part * 1000 // whole / 10:g}%"


def _status(checked: Iterable[Checked]) -> int:
    return int(any(result.findings for result in checked))

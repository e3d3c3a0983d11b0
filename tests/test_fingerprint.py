"""The digest of the rewriter is that of its source, however it was come by."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from relaxpy import fingerprint

Ask = Callable[[], bytes]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rewriter of two files, which were written a while ago."""
    (tmp_path / "transform").mkdir()
    (tmp_path / "hooked.py").write_text("a = 1\n")
    (tmp_path / "transform" / "loops.py").write_text("b = 1\n")
    monkeypatch.setattr(fingerprint, "_HOME", str(tmp_path))
    monkeypatch.setattr(fingerprint, "__file__", str(tmp_path / "fingerprint.py"))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    return tmp_path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    monkeypatch.setattr("time.time_ns", lambda: now + 10_000_000_000)


def ask() -> bytes:
    return fingerprint.rewriter_digest.__wrapped__()


def kept(home: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(home / "x.py"))).parent / "rewriter.digest"


@pytest.mark.usefixtures("later")
def test_it_is_kept_and_sources_are_read_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = ask()
    assert kept(home).exists()
    read: list[str] = []
    old = fingerprint.atomic.read
    monkeypatch.setattr(fingerprint.atomic, "read", lambda path: read.append(path) or old(path))
    assert ask() == digest
    assert read == [str(kept(home))]


@pytest.mark.usefixtures("later")
def test_any_edit_changes_it_and_the_way_back_too(home: Path) -> None:
    file = home / "transform" / "loops.py"
    digest, before = ask(), file.stat()
    file.write_text("b = 2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ask() != digest
    file.write_text("b = 1\n")
    assert ask() == digest
    (home / "more.py").touch()
    assert ask() != digest


def test_files_that_were_changed_just_now_are_read_again(home: Path) -> None:
    ask()
    assert not kept(home).exists()


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("data", [b"", b"x" * 24, b"x" * 7, "cut", "turned"])
def test_damaged_files_are_not_believed(home: Path, data: bytes | str) -> None:
    digest = ask()
    whole = kept(home).read_bytes()
    changed = {"cut": whole[:-1], "turned": whole[:10] + bytes([whole[10] ^ 1]) + whole[11:]}
    kept(home).write_bytes(data if isinstance(data, bytes) else changed[data])
    assert ask() == digest
    assert kept(home).read_bytes() == whole


@pytest.mark.usefixtures("later")
def test_where_nothing_can_be_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(home).parent.write_text("in the way")
    digest = ask()
    monkeypatch.setattr("sys.implementation.cache_tag", None)
    assert ask() == digest


def test_without_source_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_HOME", str(tmp_path / "nowhere"))
    assert ask() == bytes(8)

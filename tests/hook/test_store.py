"""What is kept on disk is never stale, half written or foreign, and never in the way."""

from __future__ import annotations

import os
import py_compile
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import relaxpy
from relaxpy import cache
from tests.hook.process import ASK, PROBE, ask, command, environment, python

_RELAXED = "relaxed 1.0"
# Says, too, whether the rewriter was needed.
_SAY = (
    "import sys, relaxpy; relaxpy.install('probe')\n" + ASK.format(module="probe") + "\nprint('libcst' in sys.modules)"
)
MADE, KEPT = [_RELAXED, "True"], [_RELAXED, "False"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(PROBE)
    return tmp_path


def say(folder: Path, flags: tuple[str, ...] = (), **extra: str) -> list[str]:
    return python(_SAY, folder, flags, **extra).splitlines()


def kept_file(folder: Path) -> Path:
    (file,) = folder.rglob("*-relaxpy*.pyc")
    return file


def test_made_once_and_kept_beside_the_plain_bytecode(folder: Path) -> None:
    assert say(folder) == MADE
    assert say(folder) == KEPT
    assert kept_file(folder).parent == folder / "__pycache__"
    assert kept_file(folder).stat().st_mode & 0o777 == (folder / "probe.py").stat().st_mode & 0o777
    assert python(ASK.format(module="probe"), folder).strip() == "plain 1.0"


def damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "foreign", b"something else altogether" * 50
    yield "another magic number", b"X" + data[1:]
    for length in (4, 20, 40, 60, len(data) // 2, len(data) - 1):
        yield f"cut at {length}", data[:length]
    yield "longer", data + b"x"
    for place in (10, 20, 30, 34, 42, 50, 56, 64, len(data) // 3, 2 * len(data) // 3):
        yield f"damaged at {place}", data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    yield "zeros", bytes(len(data))


def test_damaged_files_are_made_anew(folder: Path) -> None:
    assert say(folder) == MADE
    file = kept_file(folder)
    whole = file.read_bytes()
    program = """
    import importlib, os, sys, relaxpy
    relaxpy.install("probe")
    import probe
    for line in sys.stdin:
        name, _, data = line.strip().partition("=")
        damaged = bytes.fromhex(data)
        with open(sys.argv[1], "wb") as file:
            file.write(damaged)
        importlib.reload(probe)
        right = probe.decide(3.0) == 1.0 and probe.decide(-3.0) == 0.0 and "__relaxpy_runtime__" in probe.decide.__code__.co_names
        print(name, right, open(sys.argv[1], "rb").read() != damaged)
    """
    lines = [f"{name}={data.hex()}" for name, data in damages(whole)]
    text = "\n".join(line.removeprefix("    ") for line in program.splitlines())
    done = subprocess.run(
        command("-c", text, str(file)),
        cwd=folder,
        env=environment(),
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # Damage to what is read only when someone asks for the text is found then.
    wrong = [line for line in done.stdout.splitlines() if not line.endswith("True True")]
    assert all(line.endswith("True False") for line in wrong)
    assert len(wrong) < 5
    assert len(done.stdout.splitlines()) == len(lines)
    assert say(folder) == KEPT


def test_damaged_text_is_made_anew_when_asked_for(folder: Path) -> None:
    assert say(folder) == MADE
    file = kept_file(folder)
    whole = file.read_bytes()
    file.write_bytes(whole[:-3] + b"xyz")
    text = "import linecache, sys, relaxpy; relaxpy.install('probe'); import probe; "
    text += "print(''.join(linecache.getlines(f'{probe.__file__} (relaxed)')))"
    assert "_rt.if_gt(x, 0)" in python(text, folder)


def test_an_edit_within_the_same_second_and_the_same_time(folder: Path) -> None:
    file = folder / "probe.py"
    assert say(folder) == MADE
    before = file.stat()
    file.write_text(PROBE.replace("return 1.0", "return 7.0"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_size == before.st_size
    assert say(folder) == ["relaxed 7.0", "True"]
    file.write_text(PROBE)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert say(folder) == MADE


def test_another_file_of_the_same_name_and_a_moved_directory(folder: Path) -> None:
    assert say(folder) == MADE
    moved = folder / "moved"
    moved.mkdir()
    (folder / "probe.py").rename(moved / "probe.py")
    (folder / "__pycache__").rename(moved / "__pycache__")
    text = "import relaxpy; relaxpy.install('probe'); import probe; print(probe.decide.__code__.co_filename)"
    assert python(text, moved).strip() == str(moved / "probe.py")


def test_another_version_or_rewriter(folder: Path) -> None:
    assert say(folder) == MADE
    changed = f"import relaxpy.cache; relaxpy.cache.__version__ = '99'\n{_SAY}"
    assert python(changed, folder).splitlines() == MADE
    assert python(changed, folder).splitlines() == KEPT
    assert say(folder) == MADE


@pytest.mark.parametrize("flags", [("-O",), ("-OO",)])
def test_optimised_code_is_kept_apart(folder: Path, flags: tuple[str, ...]) -> None:
    (folder / "probe.py").write_text(
        'def decide(x):\n    """Doc."""\n    assert x < 2\n    return 1.0 if x > 0 else 0.0\n'
    )
    text = f"import probe\n{_SAY}\nprint(probed.decide.__doc__)"
    text = "import relaxpy; relaxpy.install('probe')\n" + text
    for _ in range(2):
        assert python(text, folder, flags).splitlines()[0] == _RELAXED
        with pytest.raises(AssertionError, match="AssertionError"):
            python(text, folder)
    assert python(text, folder, flags).splitlines()[1:] == ["False", "Doc." if flags == ("-O",) else "None"]
    assert len(list(folder.rglob("*-relaxpy*.pyc"))) == 2


def test_compiled_by_python_before_and_after(folder: Path) -> None:
    py_compile.compile(str(folder / "probe.py"))
    assert say(folder) == MADE
    python("import compileall; compileall.compile_dir('.', quiet=1, force=True)", folder)
    assert say(folder) == KEPT
    assert python(ASK.format(module="probe"), folder).strip() == "plain 1.0"
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(folder / "probe.py"), invalidation_mode=unchecked)
    (folder / "probe.py").write_text(PROBE.replace("return 1.0", "return 7.0"))
    assert say(folder) == ["relaxed 7.0", "True"]


def test_where_bytecode_goes(folder: Path, tmp_path: Path) -> None:
    assert say(folder, PYTHONDONTWRITEBYTECODE="1") == MADE
    assert say(folder, ("-B",)) == MADE
    assert ask(folder, before="import sys; sys.dont_write_bytecode = True") == _RELAXED
    assert not list(folder.rglob("*-relaxpy*"))
    elsewhere = tmp_path / "elsewhere"
    assert say(folder, PYTHONPYCACHEPREFIX=str(elsewhere)) == MADE
    assert say(folder, PYTHONPYCACHEPREFIX=str(elsewhere)) == KEPT
    assert not (folder / "__pycache__").exists()
    assert kept_file(elsewhere)


def test_directories_that_cannot_be_written(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file, where a directory should be")
    assert say(folder) == MADE
    (folder / "__pycache__").unlink()
    (folder / "__pycache__").mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    (folder / "__pycache__").chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert say(folder)[0] == _RELAXED
    finally:
        folder.chmod(0o755)
        (folder / "__pycache__").chmod(0o755)


@pytest.mark.parametrize("broken", ["os.replace", "os.makedirs", "os.open"])
def test_errors_of_the_file_system(folder: Path, broken: str) -> None:
    """Root may write everywhere, so what a read-only or full disk would say is said by hand."""
    text = f"""
import errno, os
def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")
{broken} = full
"""
    assert python(text + _SAY, folder).splitlines() == MADE
    assert not list(folder.rglob("*-relaxpy*"))


def test_a_full_disk_leaves_no_half_written_file(folder: Path) -> None:
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("needs /dev/full")
    text = """
import os
opened = os.open
def on_full(path, flags, mode):
    os.symlink("/dev/full", path)
    return opened(path, os.O_WRONLY)
os.open = on_full
"""
    assert python(text + _SAY, folder).splitlines() == MADE
    assert not list(folder.rglob("*-relaxpy*"))


def test_many_processes_at_once_and_one_that_is_killed(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from package import one, two\n" + PROBE)
    for name in ("one", "two"):
        (package / f"{name}.py").write_text(PROBE)
    names = ("package", "package.one", "package.two")
    text = "import relaxpy; relaxpy.install('package')\n" + "\n".join(ASK.format(module=name) for name in names)
    # Killed between the first, second and third write and the move into place.
    killing = """
import os, signal, relaxpy.cache
relaxpy.cache.load_code = lambda *_: None  # whatever the others have kept, it writes
left, replace = {number}, os.replace
def killed(*args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*args)
os.replace = killed
"""
    killed = [killing.format(number=number) + text for number in (1, 2, 3)]
    for _ in range(3):
        for file in tmp_path.rglob("*.pyc"):
            file.unlink()
        programs = [*killed, *[text] * 5]
        processes = [
            subprocess.Popen(
                command("-c", each),
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in programs
        ]
        outputs = [process.communicate(timeout=120) for process in processes]
        assert [process.returncode for process in processes[:3]] == [-signal.SIGKILL] * 3
        for process, (out, err) in zip(processes[3:], outputs[3:]):
            assert process.returncode == 0, err
            assert out.splitlines() == [_RELAXED] * 3
        assert len(list(tmp_path.rglob("*-relaxpy.pyc"))) == 3
        again = python(text + "\nimport sys; print('libcst' in sys.modules)", tmp_path).splitlines()
        assert again == [*[_RELAXED] * 3, "False"]


_DECORATED = """
from relaxpy import relax

@relax
def decide(x):
    if x > 0:
        return 1.0
    return 0.0

@relax(beta=3.0)
def outer(x):
    return decide(x) + 1.0

class Level:
    @property
    @relax
    def at(self):
        return 1.0 if self.x > 0 else 0.0

    @at.setter
    @relax
    def at(self, value):
        self.x = value if value > 0 else 0.0
"""
_CALL = """
import sys, decorated
level = decorated.Level()
level.at = 5.0
print(decorated.decide(3.0), decorated.outer(-3.0), level.at, "libcst" in sys.modules)
"""


def test_decorated_functions_are_kept_too(tmp_path: Path) -> None:
    (tmp_path / "decorated.py").write_text(_DECORATED)
    assert python(_CALL, tmp_path).strip() == "1.0 1.0 1.0 True"
    assert python(_CALL, tmp_path).strip() == "1.0 1.0 1.0 False"
    (tmp_path / "decorated.py").write_text(_DECORATED.replace("return 1.0\n    return", "return 7.0\n    return"))
    assert python(_CALL, tmp_path).strip() == "7.0 1.0 1.0 True"
    (tmp_path / "decorated.py").write_text("\n\n" + _DECORATED)
    assert python(_CALL, tmp_path).strip() == "1.0 1.0 1.0 True"
    text = _CALL + "print(decorated.decide.source, decorated.decide.sites[0])"
    shown = python(text, tmp_path)
    assert "_rt.if_gt(x, 0)" in shown
    assert "line=8" in shown
    assert "False" in shown


def test_keys_differ_in_all_that_matters() -> None:
    keys = [cache.key_of(b"x"), cache.key_of(b"y"), cache.key_of(b"x", 1), cache.key_of(b"x", 2), cache.key_of(b"")]
    assert len(set(keys)) == len(keys)
    assert cache.key_of(b"x", 1) == keys[2]


def test_no_place_for_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.implementation.cache_tag", None)
    assert cache.path_of("probe.py") is None
    assert cache.load_code(None, b"") is None
    assert relaxpy.__version__

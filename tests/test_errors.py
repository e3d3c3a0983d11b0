from __future__ import annotations

import copy
import linecache
import pickle
import traceback

import pytest

from relaxpy import errors
from relaxpy.errors import BlendError, RelaxError, RelaxIndexError, RelaxSyntaxError, RelaxWarning, SoftValueError


@pytest.fixture
def file() -> str:
    """A file that only `linecache` knows."""
    name = "<a file of three lines>"
    linecache.cache[name] = (3, None, ["def f():\n", "\tif x > y:\n", "        return 1\n"], name)
    return name


def test_message_alone() -> None:
    assert str(RelaxError("no way")) == "no way"


def test_message_and_remedy() -> None:
    assert str(RelaxError("no way", remedy="another way")) == "no way\n  remedy: another way"


def test_place_and_line(file: str) -> None:
    error = RelaxError("no way", file=file, line=3, remedy="another way")
    assert str(error) == f'no way\n  File "{file}", line 3\n    return 1\n  remedy: another way'


def test_caret(file: str) -> None:
    error = RelaxError("no way", file=file, line=3, column=15)
    assert str(error).splitlines()[-2:] == ["    return 1", "           ^"]


def test_caret_after_a_tab(file: str) -> None:
    assert str(RelaxError("no way", file=file, line=2, column=4)).splitlines()[-2:] == ["    if x > y:", "       ^"]


def test_unknown_file_shows_no_line() -> None:
    assert str(RelaxError("no way", file="gone.py", line=7, column=2)) == 'no way\n  File "gone.py", line 7'


def test_syntax_error_is_shown_as_pythons_own() -> None:
    error = RelaxSyntaxError("`x` is in the way", remedy="remove it", file="a.py", line=7, column=4, text="    x = 1\n")
    assert (error.filename, error.lineno, error.offset, error.text) == ("a.py", 7, 5, "    x = 1\n")
    shown = "".join(traceback.format_exception_only(error))
    assert shown == (
        '  File "a.py", line 7\n'
        "    x = 1\n"
        "    ^\n"
        "relaxpy.errors.RelaxSyntaxError: `x` is in the way\n"
        "  remedy: remove it\n"
    )
    assert str(error) == '`x` is in the way\n  File "a.py", line 7\n    x = 1\n    ^\n  remedy: remove it'


def test_syntax_error_finds_its_line(file: str) -> None:
    assert RelaxSyntaxError("no", file=file, line=3).text == "        return 1\n"


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (BlendError, Exception),
        (SoftValueError, TypeError),
        (RelaxIndexError, IndexError),
        (RelaxSyntaxError, SyntaxError),
    ],
)
def test_one_root_and_the_python_error_that_fits(kind: type[RelaxError], also: type[Exception]) -> None:
    assert issubclass(kind, RelaxError)
    assert issubclass(kind, also)
    assert not issubclass(RelaxWarning, RelaxError)


@pytest.mark.parametrize("remake", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
@pytest.mark.parametrize(
    "error",
    [
        RelaxError("m", remedy="r", file="f", line=1, column=2),
        RelaxIndexError("m", remedy="r"),
        RelaxSyntaxError("m", remedy="r", file="f", line=1, column=2, text="some text"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_copying_with_everything(error: RelaxError, remake: object) -> None:
    again = remake(error)  # type: ignore[operator]
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert traceback.format_exception_only(again) == traceback.format_exception_only(error)


def test_did_you_mean() -> None:
    assert errors.did_you_mean("epsilom", ["beta", "epsilon"]) == "did you mean `epsilon`?"
    assert errors.did_you_mean("qqq", ["beta", "epsilon"]) == ""


def test_user_place_is_the_callers_line() -> None:
    place = errors.user_place()
    assert place is not None
    assert place[0] == __file__
    assert linecache.getline(*place).strip() == "place = errors.user_place()"


def test_user_place_skips_the_package_and_torch() -> None:
    scope = {"user_place": errors.user_place, "__name__": "relaxpy.runtime.control"}
    exec("def inner(): return user_place()", scope)
    outer = {"inner": scope["inner"], "__name__": "torch.functional"}
    exec("def outer(): return inner()", outer)
    place = outer["outer"]()  # type: ignore[operator]
    assert place[0] == __file__


def test_user_place_counts_algorithms_as_users_code() -> None:
    scope = {"user_place": errors.user_place, "__name__": "relaxpy.algorithms.sorting"}
    exec(compile("\n\ndef inner(): return user_place()", "algorithm.py", "exec"), scope)
    assert scope["inner"]() == ("algorithm.py", 3)  # type: ignore[operator]

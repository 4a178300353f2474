"""A script that is wrong at the start is an error that says what, where, and what to write instead."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.scripts import load
from hoopaddon.scripts.locate import locate, shipped_scripts
from tests.engine.scripts.conftest import Start

type Refusal = Callable[..., Awaitable[str]]

ANY = "def command(command): pass"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def command(:", "p.py:1: SyntaxError: invalid syntax\n  def command(:"),
        ("\n\nraise ValueError('no such table')", "p.py:3: ValueError: no such table"),
        ("def running(who): pass", "p.py:1: running cannot be called as the gateway calls it"),
        ("def rows(): pass", "the hook is rows(rows: Rows)"),
        ("def request(a, b): pass", "the hook is request(one argument)"),
        ("class P:\n  def command(self): pass\naddons = [P()]", "p.py:2: command cannot be called"),
        ("def command(command): yield", "command has a yield in it, so calling it would run nothing of it"),
        ("async def request(flow): yield", "request has a yield in it, so calling it would run nothing of it"),
    ],
)
async def test_what_is_wrong_is_said(refusal: Refusal, text: str, says: str) -> None:
    assert says in await refusal({"p.py": text})


async def test_a_script_that_hangs_is_given_up(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LOAD_LIMIT_S", 0.3)
    assert await refusal({"p.py": "x = 1\nwhile True: pass"}) == "p.py:2: took longer than 0.3 s to load"


async def test_the_good_scripts_beside_a_bad_one_leave_nothing_behind(refusal: Refusal, start: Start) -> None:
    announces = "def load(loader): loader.add_option('good_one', int, 3, '')"
    assert "b.py:1: ZeroDivisionError" in await refusal({"a.py": announces, "b.py": "1 / 0"})


async def test_a_script_without_hooks_is_pointed_out(start: Start) -> None:
    async with start({"p.py": "limit = 3"}) as scripts:
        assert "p.py has no hooks: it sees no traffic." in scripts.log


async def test_names_that_look_like_hooks_are_pointed_out(start: Start) -> None:
    text = """
    from os import remove as comand
    from helper import request_ as reques

    class Base:
        def sesion_start(self, session): pass

    class Policy(Base):
        def comand(self, command): pass
        def row(self): pass
        def _rowz(self): pass
        def helper(self): pass
        def requestheader(self, flow): pass
        def response(self, flow): pass

    def outputs(text): pass

    addons = [Policy()]
    """
    async with start({"p.py": text}, beside={"helper.py": "def request_(): pass"}) as scripts:
        warnings = {line for line in scripts.log.splitlines() if "is not a hook" in line}
        assert warnings == {
            f"p.py: {name} is not a hook and will never be called; did you mean {hook}?"
            for name, hook in [
                ("sesion_start", "session_start"),
                ("comand", "command"),
                ("row", "rows"),
                ("requestheader", "requestheaders"),
                ("outputs", "output"),
            ]
        }


# -- where it is


def test_a_script_in_the_working_directory_comes_before_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = shipped_scripts()["record.py"]
    monkeypatch.chdir(tmp_path)
    assert locate("record.py") == shipped
    assert locate("record") == shipped
    (tmp_path / "record.py").write_text(ANY)
    assert locate("record.py") == tmp_path / "record.py"
    assert locate("./record.py") == tmp_path / "record.py"


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text(ANY)
    assert locate("~/mine.py") == tmp_path / "mine.py"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("recrd.py", "did you mean record.py?"),
        ("min.py", "did you mean mine.py?"),
        ("nothing_like_it.py", "looked in "),
        ("../record.py", "no such script: ../record.py"),
        ("__init__.py", "no such script: __init__.py"),
        ("folder", "folder is a folder; name a script in it"),
    ],
)
def test_a_missing_script_names_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(ANY)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError) as missing:
        locate(name)
    assert says in str(missing.value)
    assert "folder" in name or "and among the shipped policies (" in str(missing.value)

"""`hoopaddon try`: the gateway's verdicts, without a gateway."""

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.cli.main import main as program
from hoopaddon.cli.try_ import commands_of, main
from hoopaddon.cli.try_rows import read_rows
from hoopaddon.errors import ConfigError

RULE = """
from hoopaddon import Refused, ctx


class Rule:
    def load(self, loader):
        loader.add_option("word", str, "drop", "The verb that is refused.")

    def command(self, command):
        if ctx.options.word in command.verbs:
            raise Refused(f"no {ctx.options.word} for {command.session.user.subject}")
        if "grant" in command.verbs:
            1 / 0

    def rows(self, rows):
        for row in rows:
            row["email"] = "***"


addons = [Rule()]
"""
ASK = """
async def command(command):
    if "delete" in command.verbs and command.session.target.labels.get("env") == "prod":
        await command.approve("deletes", by=["dba"], count=2, within_s=600)
"""
TAG = """
def command(command):
    if not command.text.startswith("/* tag */"):
        command.rewrite("/* tag */ " + command.text)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a few scripts in it."""
    monkeypatch.chdir(tmp_path)
    for name, source in (("rule", RULE), ("ask", ASK), ("tag", TAG)):
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "people.csv").write_text('id:int4,email\n1,ada@example.com\n2,"b,ob@example.com"\n3,\\N\n')
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON object of one command."""
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


# -- verdicts and exit codes


def test_allowed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "rule.py", "-c", "SELECT * FROM public.users, now()")
    assert (code, said["verdict"], said["passes"]) == (0, "allowed", True)
    assert said["facts"] == {
        "verbs": ["select"],
        "tables": ["public.users"],
        "functions": ["now"],
    }
    assert [(t["policy"], t["outcome"]) for t in said["trace"]] == [("rule.py", "passed")]


def test_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "rule.py", "-c", "DROP TABLE users", "--user", "agent-7")
    assert (code, said["verdict"], said["reason"]) == (1, "refused", "no drop for agent-7")
    assert said["policy"] == "rule.py"


def test_not_sql(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "rule.py", "-c", "SELEC 1")
    assert (code, said["code"]) == (1, "42601")
    assert "syntax error" in said["facts"]["unreadable"]


def test_held(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "ask.py", "-c", "DELETE FROM t", "--label", "env=prod")
    assert (code, said["verdict"], said["passes"]) == (3, "held", False)
    assert said["held"] == [{"by": ["dba"], "count": 2, "within_s": 600, "reason": "deletes", "policy": "ask.py"}]
    assert told(capsys, "-s", "ask.py", "-c", "DELETE FROM t", "--label", "env=dev")[0] == 0


def test_held_and_then_refused_by_the_next_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("-s", "ask.py", "-s", "rule.py", "--set", "word=delete", "--label", "env=prod")
    code, said = told(capsys, *arguments, "-c", "DELETE FROM t")
    assert (code, said["verdict"]) == (1, "refused")
    assert len(said["held"]) == 1


def test_rewritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "tag.py", "-c", "SELECT 1")
    assert (code, said["rewritten"]) == (0, "/* tag */ SELECT 1")
    assert said["command"] == "SELECT 1"


def test_a_policy_that_breaks_is_shown_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "rule.py", "-c", "GRANT ALL ON t TO bob")
    assert (code, said["verdict"]) == (1, "failed")
    (error,) = said["errors"]
    assert error["message"] == "ZeroDivisionError: division by zero"
    assert error["place"].endswith("rule.py:13")


def test_shadow(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "--shadow", "rule.py", "-c", "DROP TABLE t")
    assert (code, said["verdict"]) == (0, "allowed")
    assert said["trace"][0]["outcome"] == "would have refused"


def test_parameters_reach_the_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "binds.py").write_text(
        "from hoopaddon import Refused\ndef command(c):\n    raise Refused(repr(c.parameters))\n"
    )
    _, said = told(capsys, "-s", "binds.py", "-c", "SELECT $1, $2", "-p", "a", "-p", "7")
    assert said["reason"] == "['a', '7']"


def test_a_session_that_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "door.py").write_text(
        "from hoopaddon import Refused\n"
        "def session_start(session):\n"
        "    if 'dev' not in session.user.groups:\n        raise Refused('developers only')\n"
    )
    code, said = told(capsys, "-s", "door.py", "-c", "SELECT 1")
    assert (code, said["reason"]) == (1, "developers only")
    assert told(capsys, "-s", "door.py", "-c", "SELECT 1", "--groups", "ops, dev")[0] == 0


def test_every_event_is_told_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events.py").write_text(
        "".join(
            f"def {hook}(subject):\n    print('{hook}')\n"
            for hook in ("session_start", "command", "rows", "command_end", "session_end")
        )
    )
    assert main(["-s", "events.py", "-c", "SELECT 1", "--rows", "people.csv"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if re.fullmatch("[a-z]+_?[a-z]+", line)]
    assert told == ["session_start", "command", "rows", "command_end", "session_end"]


def test_a_session_that_is_refused_is_ended_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "counts.py").write_text("def session_start(session): pass\ndef session_end(session): print('ended')\n")
    (folder / "door.py").write_text("from hoopaddon import Refused\ndef session_start(s): raise Refused('closed')\n")
    assert main(["-s", "counts.py", "-s", "door.py", "-c", "SELECT 1"]) == 1
    assert capsys.readouterr().out.splitlines() == ["ended", "✗ no session: closed"]


# -- rows


def test_rows_are_shown_as_the_client_would_see_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(capsys, "-s", "rule.py", "-c", "SELECT * FROM users", "--rows", "people.csv")
    assert code == 0
    assert said["rows"]["columns"] == ["id", "email"]
    assert said["rows"]["cells"] == [["1", "***"], ["2", "***"], ["3", "***"]]
    assert said["rows"]["changed"] == [[0, 1], [1, 1], [2, 1]]


def test_no_rows_of_a_refused_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "rows" not in told(capsys, "-s", "rule.py", "-c", "DROP TABLE t", "--rows", "people.csv")[1]


def test_rows_that_a_policy_refuses_or_breaks_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "no.py").write_text("from hoopaddon import Refused\ndef rows(rows):\n    raise Refused('too many')\n")
    code, said = told(capsys, "-s", "no.py", "-c", "SELECT 1", "--rows", "people.csv")
    assert (code, said["rows_refused"]) == (1, "too many")
    (folder / "no.py").write_text("def rows(rows):\n    rows[0]['mail']\n")
    code, said = told(capsys, "-s", "no.py", "-c", "SELECT 1", "--rows", "people.csv")
    assert (code, said["errors"][0]["message"]) == (1, "KeyError: 'mail'")


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "no column names"),
        (b"a,b\n1,2\n3\n", 3, "1 cells, and there are 2 columns"),
        (b'a\n"x\n', 2, "not CSV"),
        (b"a\n\xff\n", None, "not UTF-8"),
    ],
)
def test_rows_that_cannot_be_read(tmp_path: Path, content: bytes, line: int | None, says: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        read_rows(str(tmp_path / "rows.csv"))
    assert caught.value.line == line


def test_rows_keep_quoted_line_breaks_types_and_nulls(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b'\xef\xbb\xbfid:int4,note\r\n1,"two\r\nlines"\r\n2,\r\n\\N,\\N\r\n\r\n')
    sample = read_rows(str(tmp_path / "rows.csv"))
    assert [(c.name, c.type) for c in sample.columns] == [("id", "int4"), ("note", "text")]
    assert sample.cells == [["1", "two\r\nlines"], ["2", ""], [None, None]]


def test_rows_need_no_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, said = told(capsys, "-s", "rule.py", "--rows", "people.csv")
    assert (code, said["rows"]["cells"][0]) == (0, ["1", "***"])


# -- for people


def test_what_people_see(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", "tag.py", "-s", "ask.py", "-c", "DELETE FROM t", "--label", "env=prod"]) == 3
    said = capsys.readouterr().out
    for part in (
        "⏸ would hold",
        "2 people of dba, at most 10 min: deletes  (ask.py)",
        "runs as     /* tag */ DELETE",
    ):
        assert part in said
    assert main(["-s", "rule.py", "-c", "GRANT ALL ON t TO bob"]) == 1
    said = capsys.readouterr().out
    assert "✗ failed  policy rule.py failed" in said
    assert "rule.py:13: ZeroDivisionError: division by zero" in said


def test_a_terminal_obeys_nothing_of_what_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "esc.py").write_text(
        "from hoopaddon import Refused\n"
        "def command(c):\n    c.rewrite(c.text + ' -- \\x1b]0;x\\x07')\n"
        "def rows(rows):\n    rows[0]['email'] = '\\x1b[2J'\n    rows[1]['email'] = '\\u202e'\n"
    )
    (folder / "stop.py").write_text(
        "from hoopaddon import Refused\ndef command(c):\n    raise Refused('\\x1b[31m')\n"
    )
    main(["-s", "esc.py", "-c", "SELECT 1 /* \x1b[1m */", "--rows", "people.csv"])
    main(["-s", "stop.py", "-c", "SELECT 1"])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said


# -- input


def test_a_command_is_a_line_and_a_backslash_continues_it() -> None:
    lines = ["SELECT 1;\n", "\n", "  \n", "SELECT \\\n", "2\r\n", "SELECT 3\\"]
    assert list(commands_of(iter(lines))) == ["SELECT 1;", "SELECT \n2", "SELECT 3\n"]


def test_lines_are_judged_one_by_one_and_the_worst_verdict_is_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(text: str) -> tuple[int, list[str]]:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["-s", "ask.py", "-s", "rule.py", "--label", "env=prod", "--json"])
        return code, [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()]

    assert run("SELECT 1\nSELECT 2\n") == (0, ["allowed", "allowed"])
    assert run("SELECT 1\nDELETE FROM t\n") == (3, ["allowed", "held"])
    assert run("DROP TABLE t\nDELETE FROM t\n") == (1, ["refused", "held"])
    assert run("") == (0, [])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-c", "SELECT 1"], "name a script"),
        (["-s", "nowhere.py", "-c", "SELECT 1"], "no such script"),
        (["-s", "rule.py", "--set", "wrd=x", "-c", "SELECT 1"], "did you mean"),
        (["-s", "rule.py", "--protocol", "gopher", "-c", "SELECT 1"], "postgres"),
        (["-s", "rule.py", "--label", "prod", "-c", "SELECT 1"], "env=prod"),
        (["-s", "rule.py", "--rows", "nowhere.csv", "-c", "SELECT 1"], "cannot read the rows"),
        (["-s", "broken.py", "-c", "SELECT 1"], "broken.py:2"),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    (folder / "broken.py").write_text("x = 1\ndef command(:\n")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_the_program_knows_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(["try", "-s", "rule.py", "-c", "DROP TABLE t"]) == 1
    assert "no drop for alice" in capsys.readouterr().out


def test_nothing_is_kept_in_the_users_own_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "keeps.py").write_text(
        "from pathlib import Path\nfrom hoopaddon import ctx\n"
        "def running():\n    Path(ctx.options.confdir, 'kept').write_text('x')\n    print(ctx.options.confdir)\n"
    )
    assert main(["-s", "keeps.py", "-c", "SELECT 1"]) == 0
    assert not (folder / "home").exists()
    assert not Path(capsys.readouterr().out.splitlines()[0]).exists()


# -- the prompt


class Typist:
    """Somebody at a terminal."""

    def __init__(self, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.seen = ""
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        call = "import sys; from hoopaddon.cli.main import main; sys.exit(main(['try', *sys.argv[1:]]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", call, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def leaves(self, within_s: float = 30.0) -> int:
        """End the input; the program's exit code."""
        until = time.monotonic() + within_s
        while (code := self.process.poll()) is None:
            assert time.monotonic() < until, self.seen
            # A key that comes while the screen is drawn anew can get lost, as for everybody at a terminal.
            self.types("\x04")
            # The program cannot end before what it has printed is read.
            while select.select([self.ours], [], [], 0.5)[0]:
                try:
                    os.read(self.ours, 65536)
                except OSError:
                    break
        return code

    def sees(self, text: str, within_s: float = 40.0) -> None:
        """Wait until the text is on the screen, in what came since the last time."""
        until = time.monotonic() + within_s
        while text not in self.seen:
            assert select.select([self.ours], [], [], max(until - time.monotonic(), 0))[0], self.seen
            raw = os.read(self.ours, 65536).decode(errors="replace")
            if "\x1b[6n" in raw:
                self.types("\x1b[1;1R")
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", raw)
        self.seen = self.seen.partition(text)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def typist(folder: Path) -> Iterator[Typist]:
    somebody = Typist("-s", "rule.py", "--rows", "people.csv")
    yield somebody
    somebody.close()


def test_a_saved_script_judges_the_last_line_again_and_a_broken_one_is_not_taken(
    typist: Typist, folder: Path
) -> None:
    typist.sees("1 policy: rule.py")
    typist.sees("3 rows, 3 cells changed")
    typist.types("DROP TABLE t\r")
    typist.sees("refused  no drop for alice")

    (folder / "rule.py").write_text(RULE.replace('"drop"', '"select"'))
    typist.sees("✓ allowed")

    (folder / "rule.py").write_text("x = 1\ndef command(:\n")
    typist.sees("rule.py:2")
    typist.types("SELECT \\\r1\r")
    typist.sees("refused  no select for alice")

    (folder / "rule.py").write_text(RULE)
    typist.sees("✓ allowed")
    assert typist.leaves() == 0

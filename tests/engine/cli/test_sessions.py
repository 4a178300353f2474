"""`hoopaddon sessions`: what was recorded is found, shown, checked, and harms no terminal."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.cli.sessions import main
from hoopaddon.cli.terminal import harmless, length, since
from hoopaddon.errors import ConfigError
from hoopaddon.session import Session
from hoopaddon.store import Journal, SigningKey
from hoopaddon.store.layout import Layout
from tests.engine.store.journals import a_session

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\u2066\x00\r\x08\u200b"


class Program:
    """Runs `hoopaddon sessions` against a store of its own."""

    def __init__(self, confdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.confdir = confdir
        self.layout = Layout(confdir / "store")
        self.key = SigningKey.load_or_create(confdir)
        self.capsys = capsys

    def journal(self, session: Session | None = None) -> Journal:
        return Journal.open(self.layout.sessions, session or a_session(), self.key)

    def record(self, *texts: str, session: Session | None = None) -> str:
        """A closed session with these commands, one row each; its id."""
        journal = self.journal(session)
        for number, text in enumerate(texts, 1):
            journal.append("command", {"command": number, "kind": "command", "text": text}, durable=True)
            journal.append("rows", {"command": number, "columns": ["n"], "cells": [["seven"]]}, durable=False)
            end = {
                "command": number,
                "verdict": "allowed",
                "rows": 1,
                "bytes": 9,
                "seconds": 0.0012,
                "tag": "SELECT 1",
            }
            journal.append("command_end", end, durable=False)
        journal.close({"commands": len(texts)})
        return journal.session_id

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--confdir", str(self.confdir)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        code, out, _ = self.run(*arguments, "--json")
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def program(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.delenv("COLUMNS", raising=False)
    return Program(tmp_path, capsys)


def test_lists_sessions(program: Program) -> None:
    id = program.record("SELECT 1", "SELECT 2")
    code, out, _ = program.run("list")
    assert code == 0
    for part in (id[:13], "agent-7", "prod", "192.0.2.7:5555"):
        assert part in out
    (found,) = program.json("list")
    assert (found["id"], found["commands"], found["refused"], found["groups"]) == (id, 2, 0, ["dev"])


def test_a_list_is_readable_in_80_columns(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    id = program.record(
        "SELECT 1", session=a_session("somebody.with.a.long.name@example.com", "a-target-with-a-long-name")
    )
    out = program.run("list")[1]
    assert id[:13] in out
    assert max(map(len, out.splitlines())) <= 80


def test_filters_what_it_lists(program: Program) -> None:
    ada = program.record("SELECT 1", session=a_session("ada", "prod"))
    bob = program.record("SELECT 1", session=a_session("bob", "test", started_at=time.time() - 7200))

    def listed(*arguments: str) -> list[str]:
        return [found["id"] for found in program.json("list", *arguments)]

    assert listed() == [ada, bob]
    assert listed("--user", "bob") == [bob]
    assert listed("--target", "prod") == [ada]
    assert listed("--since", "1h") == [ada]
    assert listed("--since", "3h") == [ada, bob]
    assert listed("--verdict", "refused") == []
    assert listed("--limit", "1") == [ada]
    assert program.run("list", "--user", "eve")[1] == "no sessions\n"


def test_shows_a_session_by_the_beginning_of_its_id(program: Program) -> None:
    program.record("SELECT other", session=a_session(id="bb00"))
    id = program.record(
        "SELECT first", "SELECT second", session=a_session(parameters={"database": "shop"}, id="aa00")
    )
    code, out, _ = program.run("show", id[:2])
    assert code == 0
    for part in (
        id,
        "agent-7 (dev)",
        "db.internal:5432",
        "env=prod",
        "database=shop",
        "SELECT first",
        "seven",
        "1.2 ms",
    ):
        assert part in out
    assert "other" not in out
    assert "and signed" in out
    assert [event["type"] for event in program.json("show", id)][:2] == ["session", "command"]


def test_shows_what_was_refused_approved_rewritten_and_lost(program: Program) -> None:
    journal = program.journal()
    refused = {"command": 1, "text": "DROP TABLE t", "verdict": "refused", "addon": "guard", "reason": "no ticket"}
    journal.append("command_end", refused, durable=False)
    approval = {"policy": "require_approval", "approvers": ["ada"], "reason": "ticket 9"}
    asked = {
        "command": 2,
        "text": "DELETE new",
        "asked": "DELETE old",
        "parameters": ["7", None],
        "approvals": [approval],
    }
    journal.append("command", asked, durable=True)
    journal.append("output", {"command": 2, "kind": "notice", "text": "careful"}, durable=False)
    journal.append("command_end", {"command": 2, "verdict": "approved", "error": "deadlock detected"}, durable=False)
    journal.append("lost", {"events": 3}, durable=False)
    journal.append("command", {"command": 3, "text": "SELECT pg_sleep(9)"}, durable=True)
    code, out, _ = program.run("show", journal.session_id)
    assert code == 0
    for part in (
        "guard: no ticket",
        "rewritten; asked was: DELETE old",
        "$1=7, $2=NULL",
        "approved by ada for require_approval: ticket 9",
        "notice: careful",
        "deadlock detected",
        "3 events could not be recorded",
        "#3",
        "not ended",
    ):
        assert part in out


def test_shows_as_many_rows_as_are_wanted(program: Program) -> None:
    journal = program.journal()
    journal.append("command", {"command": 1, "text": "SELECT"}, durable=True)
    cells = [[f"row{number}"] for number in range(50)]
    journal.append("rows", {"command": 1, "columns": ["n"], "cells": cells}, durable=False)
    end = {"command": 1, "verdict": "allowed", "rows": 5000, "recorded_rows": 50}
    journal.append("command_end", end, durable=False)
    journal.close()
    _, out, _ = program.run("show", journal.session_id, "--rows", "3")
    assert ("row2" in out, "row3" in out) == (True, False)
    assert "3 of 5000 rows; 50 are recorded" in out
    assert "row" not in program.run("show", journal.session_id, "--rows", "0")[1].replace("rows", "")


def test_shows_every_result_of_a_command_under_its_own_columns(program: Program) -> None:
    journal = program.journal()
    journal.append("command", {"command": 1, "text": "SELECT 1; SELECT 2"}, durable=True)
    journal.append("rows", {"command": 1, "columns": ["first"], "cells": [["one"]]}, durable=False)
    end = {"command": 1, "verdict": "allowed", "rows": 2, "columns": ["second", "third"], "cells": [["two", None]]}
    journal.append("command_end", end, durable=False)
    journal.close()
    lines = [line.split() for line in program.run("show", journal.session_id)[1].splitlines()]
    shown = [line for line in lines if line and line[0] in ("first", "one", "second", "two")]
    assert shown == [["first"], ["one"], ["second", "third"], ["two", "NULL"]]
    assert [hit["number"] for hit in program.json("search", "two")] == [1]


def test_searches_commands_and_rows(program: Program) -> None:
    id = program.record("SELECT alpha", "SELECT beta")
    (hit,) = program.json("search", "beta")
    assert (hit["session"], hit["number"], hit["text"]) == (id, 2, "SELECT beta")
    assert [hit["number"] for hit in program.json("search", "seven")] == [2, 1]
    assert program.json("search", "alpha", "--user", "eve") == []
    assert "SELECT beta" in program.run("search", "BETA")[1]
    assert program.run("search", "gamma") == (0, "nothing found\n", "")


def test_verifies_one_or_all(program: Program) -> None:
    id = program.record("SELECT 1")
    program.record("SELECT 2")
    assert program.run("verify", id) == (0, f"{id} ok: 5 events, signed\n", "")
    assert program.run("verify", "--all") == (0, "2 sessions checked\n", "")


def test_says_what_does_not_verify(program: Program) -> None:
    edited, truncated, missing = (program.record("SELECT 1", "SELECT 2") for _ in range(3))
    program.run("list")
    paths = {path.stem: path for path in program.layout.sessions.rglob("*.jsonl")}
    paths[edited].write_bytes(paths[edited].read_bytes().replace(b"SELECT 2", b"SELECT 3"))
    paths[truncated].write_bytes(b"".join(paths[truncated].read_bytes().splitlines(keepends=True)[:-1]))
    paths[missing].unlink()
    code, out, _ = program.run("verify", "--all")
    assert code == 1
    assert f"{edited} edited, line 5: was changed after it was written" in out
    assert f"{truncated} truncated, line 8" in out
    assert f"{missing} missing: there is no such file" in out
    assert out.endswith("3 sessions checked, 3 not as they were written\n")
    assert program.run("verify", edited)[0] == 1
    assert main(["verify", "--all", "--json", "--confdir", str(program.confdir)]) == 1
    found = [json.loads(line) for line in program.capsys.readouterr().out.splitlines()]
    assert {line["session"]: line["status"] for line in found} == {
        edited: "edited",
        truncated: "truncated",
        missing: "missing",
    }


def test_a_session_that_goes_on_is_no_problem(program: Program) -> None:
    journal = program.journal()
    code, out, _ = program.run("verify", journal.session_id)
    assert (code, out) == (0, f"{journal.session_id} open: its session goes on\n")


def test_believes_only_the_keys_it_is_told_to(program: Program, tmp_path: Path) -> None:
    id = program.record("SELECT 1")
    (tmp_path / "other.pub").write_bytes(SigningKey.generate().public_pem)
    code, out, _ = program.run("verify", id, "--public-key", str(tmp_path / "other.pub"))
    assert (code, "bad signature" in out) == (1, True)
    (tmp_path / "signing.pub").unlink()
    assert program.run("verify", id)[0] == 0
    code, _, err = program.run("verify", id, "--public-key", str(tmp_path / "nothing"))
    assert (code, "cannot read the public keys" in err) == (2, True)


def test_verify_wants_to_know_what(program: Program) -> None:
    id = program.record("SELECT 1")
    for arguments in (["verify"], ["verify", id, "--all"]):
        code, _, err = program.run(*arguments)
        assert (code, "name one session, or --all" in err) == (2, True)


def test_rebuilds_the_index(program: Program) -> None:
    program.record("SELECT 1")
    program.run("list")
    program.layout.index.write_bytes(b"garbage" * 1000)
    assert program.run("list")[0] == 2
    assert program.run("rebuild") == (0, "1 session in the index\n", "")
    assert len(program.json("list")) == 1


def test_does_not_forget_a_missing_session_by_accident(program: Program) -> None:
    id = program.record("SELECT 1")
    program.record("SELECT 2")
    program.run("list")
    next(program.layout.sessions.rglob(f"{id}.jsonl")).unlink()
    code, _, err = program.run("rebuild")
    assert (code, "1 session has no file any more" in err, id in err) == (1, True, True)
    assert program.run("verify", id)[0] == 1
    assert program.run("rebuild", "--forget")[:2] == (0, "1 session in the index\n")


def test_an_unknown_or_ambiguous_id_is_one_clear_line(program: Program) -> None:
    program.record("SELECT 1", session=a_session(id="aa11"))
    program.record("SELECT 1", session=a_session(id="aa22"))
    for id, message in (("ff", "no session's id begins with ff"), ("aa", "several sessions' ids begin with aa")):
        code, out, err = program.run("show", id)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert message in err


def test_no_store_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--store", str(tmp_path / "none")]) == 2
    err = capsys.readouterr().err
    assert err == f"hoopaddon sessions: there is no store at {tmp_path / 'none'}: nothing has been recorded there\n"


def test_nothing_recorded_reaches_the_terminal_as_a_command(program: Program) -> None:
    session = a_session(f"eve{ESCAPES}", f"prod{ESCAPES}", parameters={f"a{ESCAPES}": ESCAPES})
    journal = program.journal(session)
    everywhere = {"reason": ESCAPES, "addon": ESCAPES, "error": ESCAPES, "tag": ESCAPES, "verdict": "refused"}
    asked = {"command": 1, "text": f"SELECT words {ESCAPES}", "asked": ESCAPES, "parameters": [ESCAPES]}
    asked["approvals"] = [{"policy": ESCAPES, "approvers": [ESCAPES], "reason": ESCAPES}]
    journal.append("command", asked, durable=True)
    journal.append("rows", {"command": 1, "columns": [ESCAPES], "cells": [[f"words {ESCAPES}"]]}, durable=False)
    journal.append("output", {"command": 1, "kind": ESCAPES, "text": ESCAPES}, durable=False)
    journal.append("output", {"kind": ESCAPES, "text": ESCAPES}, durable=False)
    journal.append("command_end", {"command": 1, **everywhere}, durable=False)
    journal.close()
    for arguments in (["list"], ["show", session.id], ["search", "words"], ["verify", session.id]):
        for extra in ([], ["--json"]):
            code, out, err = program.run(*arguments, *extra)
            assert code == 0
            assert err == ""
            assert [char for char in out if char != "\n" and harmless(char) != char] == []
    assert "\\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202egnp" in program.run("show", session.id)[1]
    assert "\x1b" not in program.run("show", "\x1b[2J")[2]


def test_a_damaged_file_is_still_shown(program: Program) -> None:
    id = program.record("SELECT 1", "SELECT 2")
    (path,) = program.layout.sessions.rglob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    hostile = (
        b'{"n":[],"type":"rows","command":"x","cells":[[1,{"a":2}]],"columns":7}\n[]\n\xff\n{"type":"session"}\n'
    )
    path.write_bytes(b"".join([*lines[:2], hostile, *lines[2:], b'{"type":"command_end","command":9}\n']))
    code, out, _ = program.run("show", id)
    assert (code, "SELECT 2" in out, "no event" in out) == (0, True, True)
    assert "damaged: line 3" in program.run("list")[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (0.00085, "850 µs"),
        (0.0012, "1.2 ms"),
        (0.5, "500 ms"),
        (3.44, "3.4 s"),
        (90, "90 s"),
        (600, "10 min"),
    ],
)
def test_a_length_of_time_reads_well(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_since_takes_what_people_write() -> None:
    assert since("2h") == pytest.approx(time.time() - 7200, abs=5)
    assert since("2026-11-22T14:30:00+00:00") == 1795357800
    for wrong in ("yesterday", "", "5", "-1h", "99999-01-01"):
        with pytest.raises(ConfigError, match="is no time"):
            since(wrong)

"""`hoopaddon approvals`: what waits is shown so that one can decide, and the answer is somebody's."""

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.cli.approvals import main
from hoopaddon.cli.terminal import harmless
from hoopaddon.identity.stored import StoredToken
from hoopaddon.identity.tokens import sign
from hoopaddon.store import SigningKey
from hoopaddon.store.approvals import Approvals, Status
from tests.engine.store.requests import ADA, a_request

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\x00\r\x08\u200b"


class Program:
    """Runs `hoopaddon approvals` against a store of its own."""

    def __init__(self, confdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.confdir = confdir
        self.key = SigningKey.load_or_create(confdir)
        self.approvals = Approvals(confdir / "store" / "approvals.db")
        self.capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--confdir", str(self.confdir)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        code, out, _ = self.run(*arguments, "--json")
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]

    def token(self, user: str, *groups: str, key: SigningKey | None = None) -> str:
        """A file with a token of this user."""
        path = self.confdir / f"{user}.token"
        path.write_text(sign(key or self.key, subject=user, groups=groups, ttl_s=60) + "\n")
        return str(path)

    def status(self, id: str) -> Status:
        request = self.approvals.get(id)
        assert request is not None
        return request.status


@pytest.fixture
def program(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("HOOPADDON_TOKEN", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    made = Program(tmp_path, capsys)
    yield made
    made.approvals.close()


def test_lists_what_waits(program: Program) -> None:
    id, gone = program.approvals.add(a_request()), program.approvals.add(a_request())
    program.approvals.end(gone, Status.WITHDRAWN)
    code, out, _ = program.run("list")
    assert (code, id in out, gone in out) == (0, True, False)
    for part in ("agent-7", "prod", "delete orders", "DELETE FROM orders WHERE id = $1", "s left"):
        assert part in out
    assert gone in program.run("list", "--all")[1]
    assert [found["id"] for found in program.json("list")] == [id]


def test_says_that_nothing_waits(program: Program) -> None:
    assert program.run("list") == (0, "nothing waits for an approval\n", "")


def test_shows_who_what_where_and_to_what_effect(program: Program) -> None:
    id = program.approvals.add(a_request(approvers=["dba"], needed=2))
    program.approvals.answer(id, ADA, approve=True, reason="ticket 9")
    code, out, _ = program.run("show", id[:3])
    assert code == 0
    for part in (
        "agent-7 (dev), from 192.0.2.7:5555",
        "prod (postgres, db.internal:5432) env=prod",
        "delete orders",
        "DELETE FROM orders WHERE id = $1",
        "$1=7, $2=NULL",
        "delete on orders needs an approval (require_approval)",
        "2 people of dba; the requester cannot",
        "yes from ada (token): ticket 9",
    ):
        assert part in out
    assert program.json("show", id)[0]["answers"][0]["approver"] == "ada"


def test_a_token_says_who_approves(program: Program) -> None:
    id = program.approvals.add(a_request(approvers=["dba"]))
    token = program.token("ada", "dba")
    code, out, _ = program.run("approve", id, "--token-file", token, "--reason", "ticket 9")
    assert (code, out) == (0, f"approved {id} as ada (token)\n")
    request = program.approvals.get(id)
    assert request is not None
    assert request.status is Status.APPROVED
    assert (request.answers[0].via, request.answers[0].reason) == ("token", "ticket 9")


def test_the_token_may_be_in_the_environment(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    id = program.approvals.add(a_request())
    monkeypatch.setenv("HOOPADDON_TOKEN", Path(program.token("ada")).read_text())
    assert program.run("deny", id) == (0, f"denied {id} as ada (token)\n", "")
    assert program.status(id) is Status.DENIED


def test_a_login_says_who_approves_where_no_token_is_given(program: Program) -> None:
    StoredToken(Path(program.token("ada", "dba")).read_text().strip(), "https://gateway.example.com").save(
        program.confdir
    )
    first, second = (program.approvals.add(a_request(user="bob", approvers=["dba"])) for _ in range(2))
    assert program.run("approve", first) == (0, f"approved {first} as ada (token)\n", "")
    assert program.run("approve", second, "--token-file", program.token("eve"))[0] == 1
    assert program.status(second) is Status.PENDING


def test_a_login_that_is_not_good_is_nobody(program: Program) -> None:
    id = program.approvals.add(a_request())
    over = sign(program.key, subject="ada", ttl_s=1)
    time.sleep(1.1)
    forged = sign(SigningKey.generate(), subject="ada", ttl_s=60)
    for token, says in ((over, "the login has expired"), (forged, "the token proves nothing")):
        StoredToken(token, "https://gateway.example.com").save(program.confdir)
        code, out, err = program.run("approve", id)
        assert (code != 0, out) == (True, "")
        assert says in err
        assert token not in err
    assert program.status(id) is Status.PENDING


def test_without_a_token_it_is_the_user_of_the_system(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the environment says proves nothing.
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert getpass.getuser() == "somebody-else"
    id = program.approvals.add(a_request())
    code, out, _ = program.run("approve", id)
    assert code == 0
    assert "(operating system)" in out
    assert "somebody-else" not in out


def test_the_requester_cannot_approve(program: Program) -> None:
    id = program.approvals.add(a_request(user="ada"))
    code, out, err = program.run("approve", id, "--token-file", program.token("Ada"))
    assert (code, out) == (1, "")
    assert err == "hoopaddon approvals: Ada asked for it, and nobody answers their own requests\n"
    assert program.status(id) is Status.PENDING


def test_the_groups_are_those_of_the_token(program: Program) -> None:
    id = program.approvals.add(a_request(approvers=["dba"]))
    code, _, err = program.run("approve", id, "--token-file", program.token("eve", "dev"))
    assert (code, "only members of dba" in err) == (1, True)
    assert program.status(id) is Status.PENDING


def test_a_token_that_is_not_good_is_nobody(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = program.approvals.add(a_request())
    forged = program.token("ada", key=SigningKey.generate())
    (tmp_path / "garbage").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").touch()
    for file, expected in (
        (forged, 1),
        (str(tmp_path / "garbage"), 2),
        (str(tmp_path / "empty"), 1),
        ("/nowhere", 2),
    ):
        code, out, err = program.run("approve", id, "--token-file", file)
        assert (code, out, err.count("\n")) == (expected, "", 1)
    monkeypatch.setenv("HOOPADDON_TOKEN", "")
    assert program.run("approve", id)[0] == 1
    assert program.status(id) is Status.PENDING


def test_says_how_many_more_are_needed(program: Program) -> None:
    id = program.approvals.add(a_request(needed=3))
    for user, rest in (("ada", "; 2 more approvals are needed"), ("bob", "; 1 more approval is needed"), ("eve", "")):
        out = program.run("approve", id, "--token-file", program.token(user))[1]
        assert out == f"approved {id} as {user} (token){rest}\n"


def test_an_id_that_is_unknown_ambiguous_or_too_late_is_one_clear_line(program: Program) -> None:
    late = program.approvals.add(a_request(expires=time.time() - 1))
    cases = [("zzzzzz", "there is no request zzzzzz"), (late, "it is expired already")]
    program.approvals.add(a_request())
    program.approvals.add(a_request())
    cases.append(("", "several ids begin with"))
    for id, message in cases:
        code, out, err = program.run("approve", id, "--token-file", program.token("ada"))
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert message in err


def test_no_store_is_one_clear_line_and_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--store", str(tmp_path / "none")]) == 2
    assert "there is no store there" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_nothing_asked_reaches_the_terminal_as_a_command(program: Program) -> None:
    texts = dict.fromkeys(
        ("user", "address", "target", "server", "protocol", "text", "reason", "policy"), f"x{ESCAPES}"
    )
    lists = {name: [f"x{ESCAPES}"] for name in ("groups", "verbs", "objects", "approvers", "parameters")}
    id = program.approvals.add(a_request(**texts, **lists, labels={ESCAPES: ESCAPES}))
    for arguments in (["list"], ["show", id], ["list", "--json"], ["show", id, "--json"]):
        code, out, _ = program.run(*arguments)
        assert code == 0
        assert [char for char in out if char != "\n" and harmless(char) != char] == []
    _, _, err = program.run("approve", id)
    assert "\x1b" not in err


class Watcher:
    """`hoopaddon approvals watch` in a process of its own."""

    def __init__(self, confdir: Path, *arguments: str) -> None:
        program = "import sys; from hoopaddon.cli.approvals import main; sys.exit(main(sys.argv[1:]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "watch", "--confdir", str(confdir), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def stop(self) -> int:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        return self.process.returncode


def test_watch_shows_each_request_as_it_comes_and_what_becomes_of_it(program: Program) -> None:
    before = program.approvals.add(a_request(text="DELETE before"))
    watcher = Watcher(program.confdir, "--json")
    assert json.loads(watcher.line())["id"] == before
    id = program.approvals.add(a_request(text="DELETE now"))
    found = json.loads(watcher.line())
    assert (found["id"], found["status"], found["text"]) == (id, "pending", "DELETE now")
    program.approvals.answer(id, ADA, approve=True)
    found = json.loads(watcher.line())
    assert (found["id"], found["status"]) == (id, "approved")
    program.approvals.end(before, Status.WITHDRAWN)
    found = json.loads(watcher.line())
    assert (found["id"], found["status"]) == (before, "withdrawn")
    assert watcher.stop() == 0


def test_watch_draws_a_card_for_people(program: Program) -> None:
    id = program.approvals.add(a_request())
    watcher = Watcher(program.confdir)
    card = [watcher.line()]
    while "╰" not in card[-1] and "+" not in card[-1]:
        card.append(watcher.line())
    assert id in card[0]
    assert any("DELETE FROM orders" in line for line in card)
    program.approvals.answer(id, ADA, approve=False)
    assert watcher.line() == f"{id} denied by ada\n"
    assert watcher.stop() == 0

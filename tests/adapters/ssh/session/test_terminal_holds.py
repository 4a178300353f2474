"""A line at a terminal waits for people, its user is told so, and the recording shows what the user saw."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.addons.test_record_ssh import hoopaddon, journal, sent
from tests.conftest import StartSshGateway
from tests.engine.terminal.test_through_gateway import Terminal
from tests.servers.ssh import SshGateway, SshServer

SCRIPTS = ["require_approval.py", "record.py"]
OPTIONS = {"approval_verbs": "touch", "approval_within": "20s"}
HELD = "hoopaddon: held: waiting for approval (touch on "


def waiting(gateway: SshGateway) -> list[dict[str, Any]]:
    """What people are asked at this moment."""
    return [json.loads(line) for line in hoopaddon(gateway, "approvals", "list", "--json").splitlines()]


def answer(gateway: SshGateway, word: str, reason: str) -> None:
    (request,) = waiting(gateway)
    hoopaddon(gateway, "approvals", word, request["id"], "--reason", reason)


def in_order(text: str, *parts: str) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at) + len(part)
        if at < len(part):
            return False
    return True


@pytest.fixture(params=["", "strict"], ids=["usual", "strict"])
def gateway(request: pytest.FixtureRequest, sshd: SshServer, ssh_gateway: StartSshGateway) -> SshGateway:
    settings = sshd.settings | ({"lines": request.param} if request.param else {})
    return ssh_gateway(sshd, scripts=SCRIPTS, options=OPTIONS, settings=settings)


def test_a_line_waits_and_runs_or_does_not(gateway: SshGateway, tmp_path: Path) -> None:
    box = Terminal(gateway)
    box.type("PS1='sh''ell> '\r", "shell> ")
    box.type(f"touch {tmp_path}/yes\r", HELD)
    assert not (tmp_path / "yes").exists()
    answer(gateway, "approve", "ticket 7")
    box.type("", "shell> ")
    assert (tmp_path / "yes").exists()
    box.type(f"touch {tmp_path}/no\r", HELD)
    answer(gateway, "deny", "not on a Friday")
    box.type("", "not on a Friday")
    # The shell stays open, and the line is gone from it.
    box.type("echo still he''re\r", "still here")
    assert box.close() == 0
    assert not (tmp_path / "no").exists()
    path, events = journal(gateway)
    # What was typed before there was a prompt, the client's own terminal has shown.
    assert box.seen[box.seen.index(b"\x1b[?2004hshell> ") :] in sent(events, "terminal")
    replayed = hoopaddon(gateway, "sessions", "replay", path.stem)
    assert in_order(replayed, "shell> ", HELD, "shell> ", HELD, "not on a Friday", "still here")
    shown = hoopaddon(gateway, "sessions", "show", path.stem)
    assert "ticket 7" in shown
    assert "approved" in shown
    assert "denied" in shown


def test_a_line_that_is_given_up_is_asked_about_no_more(gateway: SshGateway, tmp_path: Path) -> None:
    box = Terminal(gateway)
    box.type("PS1='sh''ell> '\r", "shell> ")
    box.type(f"touch {tmp_path}/x\r", HELD)
    assert len(waiting(gateway)) == 1
    box.type("\x03", "shell> ")
    eventually_none(gateway)
    box.type("echo still he''re\r", "still here")
    assert box.close() == 0
    assert not (tmp_path / "x").exists()


def test_who_hangs_up_waits_no_more(gateway: SshGateway, tmp_path: Path) -> None:
    box = Terminal(gateway)
    box.type("PS1='sh''ell> '\r", "shell> ")
    box.type(f"touch {tmp_path}/x\r", HELD)
    box.kill()
    eventually_none(gateway)
    _, events = journal(gateway)
    assert not (tmp_path / "x").exists()
    (end,) = [
        event for event in events if event["type"] == "command_end" and f"{tmp_path}/x" in event.get("text", "")
    ]
    assert end["verdict"] != "approved"


def eventually_none(gateway: SshGateway) -> None:
    deadline = time.monotonic() + 10
    while waiting(gateway):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_said_before_anything_runs_is_recorded_too(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    gateway = ssh_gateway(sshd, scripts=SCRIPTS, options=OPTIONS | {"approval_within": "1s"})
    done = gateway.ssh(f"touch {tmp_path}/x", options=["-tt"])
    assert done.returncode == 126
    path, events = journal(gateway)
    said = sent(events, "terminal").decode()
    assert said.splitlines() == done.stderr.decode().splitlines()
    assert said.startswith(HELD)
    replayed = hoopaddon(gateway, "sessions", "replay", path.stem)
    assert in_order(replayed, HELD, "nobody approved it within 1 s (refused by require_approval.py)")


def test_lines_that_are_not_known_wait_where_a_program_is_named(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    gateway = ssh_gateway(sshd, scripts=SCRIPTS, options=OPTIONS)
    box = Terminal(gateway)
    box.type("PS1='sh''ell> '\r", "shell> ")
    # What history expands to is not known; what is typed for another program may be any program's.
    for line in ("!echo", 'print("touch"'):
        box.type(
            f"{line}\r", "hoopaddon: held: waiting for approval (a program with a computed name needs an approval)"
        )
        box.type("\x03", "shell> ")
    # A line that is known, and is not one that was named, does not wait.
    box.type("echo still he''re\r", "still here")
    assert box.close() == 0

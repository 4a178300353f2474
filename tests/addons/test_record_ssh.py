"""What the record policy keeps of real SSH sessions, and how those who are held are told."""

import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from hoopaddon.store import PublicKeys
from hoopaddon.store.streams import bytes_of
from hoopaddon.store.verify import Status, verify
from tests.conftest import StartSshGateway
from tests.servers.forked import run
from tests.servers.ssh import SshGateway, SshServer

WITHIN_S = 20


def hoopaddon(gateway: SshGateway, *arguments: str, code: int = 0) -> str:
    """Run the program on this gateway's store; what it prints."""
    command = [*arguments, "--confdir", str(gateway.confdir)]
    done = run(command, cwd=gateway.folder, env={**os.environ, "COLUMNS": "250"}, within_s=WITHIN_S)
    assert done.returncode == code, done.stderr
    return done.stdout


type Events = list[dict[str, Any]]


def journals(gateway: SshGateway, count: int) -> list[tuple[Path, Events]]:
    """So many sessions' files once they are closed, with their events."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = []
        for path in (gateway.confdir / "store" / "sessions").rglob("*.jsonl"):
            events = [orjson.loads(line) for line in path.read_bytes().splitlines()]
            if events and events[-1]["type"] == "end":
                found.append((path, events))
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not {count} sessions were closed")


def journal(gateway: SshGateway) -> tuple[Path, Events]:
    """The only session's file once it is closed, with its events."""
    return journals(gateway, 1)[0]


def sent(events: list[dict[str, Any]], kind: str) -> bytes:
    return b"".join(bytes_of(event) for event in events if event["type"] == "output" and event["kind"] == kind)


def test_a_command_is_recorded_as_the_client_saw_it(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"])
    done = gateway.ssh(r"printf 'one\n\377\376two\n'; echo bad >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"one\n\xff\xfetwo\n", b"bad\n", 3)
    path, events = journal(gateway)
    assert sent(events, "stdout") == done.stdout
    assert sent(events, "stderr") == done.stderr
    (end,) = [event for event in events if event["type"] == "command_end"]
    assert (end["verdict"], end["tag"]) == ("allowed", "exit 3")
    assert verify(path, PublicKeys.load(gateway.confdir / "signing.pub")).status is Status.OK
    assert "one" in hoopaddon(gateway, "sessions", "search", "one")
    assert "exit 3" in hoopaddon(gateway, "sessions", "show", path.stem)


def test_a_terminal_is_recorded_replayed_and_exported(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"])
    typed = b"PS1='% '; echo al''pha; sleep 0.5; stty size\nexit\n"
    seen = gateway.ssh(options=["-tt"], stdin=typed).stdout
    assert b"alpha" in seen
    path, events = journal(gateway)
    assert sent(events, "terminal") == seen
    times = {event["text"]: event["at"] for event in events if event.get("kind") == "terminal" and "text" in event}
    assert max(times.values()) - min(times.values()) > 0.4
    assert "alpha" in hoopaddon(gateway, "sessions", "replay", path.stem)
    assert "alpha" in hoopaddon(gateway, "sessions", "search", "alpha")
    header, *frames = map(json.loads, hoopaddon(gateway, "sessions", "export", path.stem).splitlines())
    assert header["version"] == 2
    assert "alpha" in "".join(text for _, kind, text in frames if kind == "o")


def test_what_is_typed_unseen_is_not_recorded(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"])
    with subprocess.Popen(
        gateway.arguments(options=["-tt"]),
        env=gateway.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as client:
        assert client.stdin
        assert client.stdout

        screen = client.stdout.fileno()

        def until(text: bytes) -> None:
            seen = b""
            while text not in seen:
                piece = os.read(screen, 4096)
                assert piece, seen
                seen += piece

        def type_in(line: bytes) -> None:
            assert client.stdin
            client.stdin.write(line)
            client.stdin.flush()

        type_in(b"PS1='ready''> '\n")
        until(b"ready> ")
        type_in(b"read -rs -p 'Pass''word: ' secret; echo thank''s\n")
        until(b"Password: ")
        type_in(b"correct-horse\n")
        until(b"thanks")
        type_in(b"exit\n")
        client.stdin.close()
        client.wait(WITHIN_S)
    path, events = journal(gateway)
    assert b"Password: " in sent(events, "terminal")
    assert "correct-horse" not in path.read_text()


def test_a_file_is_recorded_by_path_size_and_hash(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"])
    content = os.urandom(100_000)
    source, copy = gateway.folder / "source", gateway.folder / "copy"
    source.write_bytes(content)
    scp = ["scp", "-F", str(gateway.client_config), str(source), f"gateway:{copy}"]
    subprocess.run(scp, env=gateway.environment(), check=True, timeout=WITHIN_S, capture_output=True)
    assert copy.read_bytes() == content
    path, events = journal(gateway)
    asked = {event["command"]: event for event in events if event["type"] == "command"}
    (tag,) = [
        event["tag"]
        for event in events
        if event["type"] == "command_end" and asked[event["command"]].get("path") == str(copy) and event["bytes"]
    ]
    assert tag == f"{len(content)} bytes written, sha256 {hashlib.sha256(content).hexdigest()}"
    assert hashlib.sha256(content).hexdigest() in hoopaddon(gateway, "sessions", "show", path.stem)


@pytest.mark.parametrize("protocol", [(), ("-O",)])
def test_the_beginning_of_a_file_is_recorded_where_that_is_wanted(
    protocol: tuple[str, ...], sshd: SshServer, ssh_gateway: StartSshGateway
) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"], options={"record_file_bytes": 20})
    source, copy = gateway.folder / "source", gateway.folder / "copy"
    source.write_bytes(b"PASSWORD=swordfish\n\xff and more")
    for names in ([str(source), f"gateway:{copy}"], [f"gateway:{copy}", str(gateway.folder / "back")]):
        scp = ["scp", *protocol, "-F", str(gateway.client_config), *names]
        subprocess.run(scp, env=gateway.environment(), check=True, timeout=WITHIN_S, capture_output=True)
    assert (gateway.folder / "back").read_bytes() == source.read_bytes()
    found = [event for _, events in journals(gateway, 2) for event in events if event["type"] == "output"]
    kept = {event["kind"]: bytes_of(event) for event in found if event["kind"].startswith("file_")}
    assert kept == dict.fromkeys(("file_written", "file_read"), b"PASSWORD=swordfish\n\xff")
    hoopaddon(gateway, "sessions", "rebuild")
    assert "swordfish" in hoopaddon(gateway, "sessions", "search", "swordfish")


def test_a_secret_in_a_command_line_is_not_recorded(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, scripts=["record.py"])
    assert gateway.ssh("true --password=correct-horse").returncode == 0
    path, events = journal(gateway)
    assert "correct-horse" not in path.read_text()
    assert [event["text"] for event in events if event["type"] == "command"] == ["true --password=[redacted]"]


def test_who_is_held_is_told_and_the_approver_sees_what_and_where(
    sshd: SshServer, ssh_gateway: StartSshGateway
) -> None:
    options = {"approval_verbs": "touch", "approval_within": "15s"}
    gateway = ssh_gateway(sshd, scripts=["require_approval.py", "record.py"], options=options)
    made = gateway.folder / "made"
    with subprocess.Popen(
        gateway.arguments(f"touch {made} && echo done"),
        env=gateway.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as client:
        assert client.stderr
        told = client.stderr.readline().decode()
        assert told.startswith("hoopaddon: held: waiting for approval (touch on "), told
        assert str(made) in told
        assert not made.exists()
        (request,) = [json.loads(line) for line in hoopaddon(gateway, "approvals", "list", "--json").splitlines()]
        card = hoopaddon(gateway, "approvals", "show", request["id"])
        for part in ("ann", f"touch {made}", "1 person"):
            assert part in re.sub(r"\s+", " ", card.replace("│", " ")), card
        assert "touch" in request["verbs"]
        hoopaddon(gateway, "approvals", "approve", request["id"], "--reason", "ticket 7")
        out, _ = client.communicate(timeout=WITHIN_S)
    assert (out, client.returncode) == (b"done\n", 0)
    assert made.exists()
    assert "ticket 7" in hoopaddon(gateway, "sessions", "show", journal(gateway)[0].stem)


def test_nobody_in_time_is_a_no(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    options = {"approval_verbs": "touch", "approval_within": "1s"}
    gateway = ssh_gateway(sshd, scripts=["require_approval.py", "record.py"], options=options)
    made = gateway.folder / "made"
    done = gateway.ssh(f"touch {made}")
    assert done.returncode == 126
    held, refused = done.stderr.decode().splitlines()
    assert held.startswith("hoopaddon: held: ")
    assert refused == "hoopaddon: nobody approved it within 1 s (refused by require_approval.py)"
    assert not made.exists()

"""Real clients and OpenSSH's own server with nothing but the guard in between."""

import asyncio
import hashlib
import os
import socket
from pathlib import Path

import paramiko
import pytest

from tests.adapters.ssh.sftp.between import Between, Rules, between, judge, listening
from tests.servers.missing import program

BIG = os.urandom(3_000_000)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A local one and a remote one."""
    program("sftp-server", Path("/usr/lib/openssh"))
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "big").write_bytes(BIG)
    (here / "secret").write_bytes(b"hush")
    return here, there


async def run(folder: Path, *command: str, typed: str = "") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    said, _ = await asyncio.wait_for(process.communicate(typed.encode()), 30)
    return process.returncode or 0, said.decode()


class Channel:
    """A socket as paramiko wants it."""

    def __init__(self, sock: socket.socket) -> None:
        self.send, self.recv, self.close = sock.send, sock.recv, sock.close

    def get_name(self) -> str:
        return "socket"


def no_secrets() -> Rules:
    return Rules(refuses=lambda command: "hush" if any("secret" in path for path in command.objects) else "")


async def test_sftp(folders: tuple[Path, Path], tmp_path: Path) -> None:
    here, there = folders
    rules = no_secrets()
    typed = (
        "put big\n-put secret\nmkdir d\nrename big d/big\nln -s d/big link\nget link back\nchmod 600 d/big\n"
        "copy d/big d/copy\nls -l d\nrm d/big\nrm d/copy\nrm link\nrmdir d\ndf\npwd\n"
    )
    async with listening(judge(rules), there, tmp_path / "socket") as (server, conversations):
        status, said = await run(here, "sftp", "-D", *server, "-b", "-", typed=typed)
    assert status == 0, said
    assert (here / "back").read_bytes() == BIG
    assert list(there.iterdir()) == []
    assert conversations[0].told[-1] == "hush (refused by rules)"
    assert [error for between in conversations for error in between.errors] == []
    done = [(" ".join(sorted(command.verbs)), Path(command.path).name, command.tag) for command in rules.ended]
    digest = hashlib.sha256(BIG).hexdigest()
    assert ("create truncate write", "big", f"3000000 bytes written, sha256 {digest}") in done
    assert ("read", "link", f"3000000 bytes read, sha256 {digest}") in done
    assert ("list", "d", "4 names listed") in done
    assert {verb for verb, _, _ in done} >= {"mkdir", "rename", "symlink", "chmod", "stat", "remove", "rmdir"}
    assert len(rules.ended) == len(rules.seen)


async def test_scp_over_sftp(folders: tuple[Path, Path], tmp_path: Path) -> None:
    here, there = folders
    rules = no_secrets()
    async with listening(judge(rules), there, tmp_path / "socket") as (server, _):
        assert (await run(here, "scp", "-p", "-D", *server, "big", "x:copy"))[0] == 0
        assert (await run(here, "scp", "-D", *server, "x:copy", "back"))[0] == 0
        status, said = await run(here, "scp", "-D", *server, "secret", "x:secret")
    assert status == 1
    assert "Permission denied" in said
    assert (here / "back").read_bytes() == BIG
    assert not (there / "secret").exists()
    digest = f"3000000 bytes {{}}, sha256 {hashlib.sha256(BIG).hexdigest()}"
    assert [command.tag for command in rules.ended if command.bytes] == [
        digest.format("written"),
        digest.format("read"),
    ]


async def test_a_link_hides_nothing(folders: tuple[Path, Path], tmp_path: Path) -> None:
    here, there = folders
    (there / "secrets").mkdir()
    (there / "secrets" / "key").write_bytes(b"hush")
    (there / "public").symlink_to("secrets")
    (there / "deep").symlink_to("secrets/../secrets")
    async with listening(judge(no_secrets()), there, tmp_path / "socket") as (server, _):
        for path in ("public/key", "./public//key", "deep/key", "public/../secrets/key", f"{there}/x/../public/key"):
            status, said = await run(here, "sftp", "-D", *server, "-b", "-", typed=f"get {path} stolen\n")
            assert status == 1, said
    assert not (here / "stolen").exists()


async def test_refusals_among_requests_that_are_sent_ahead(folders: tuple[Path, Path]) -> None:
    _, there = folders
    (there / "big").write_bytes(BIG)
    (there / "secret").write_bytes(b"hush")
    rules = no_secrets()

    def talk(sock: socket.socket) -> list[str]:
        client = paramiko.SFTPClient(Channel(sock))
        refused = []
        with client.open("big") as file:
            file.prefetch(len(BIG))
            first = file.read(100_000)
            for attempt in (client.open, client.remove, client.stat, client.listdir):
                try:
                    attempt("secret")
                except PermissionError as e:
                    refused.append(str(e))
            assert first + file.read() == BIG
        with client.open("new", "wb") as file:
            file.set_pipelined(True)
            for at in range(0, len(BIG), 30_000):
                file.write(BIG[at : at + 30_000])
        with client.open("new", "ab") as file:
            file.write(b"more")
        assert client.listdir("/proc/self/fd/..")
        client.close()
        return refused

    async with between(judge(rules), there) as (sock, conversation):
        refused = await asyncio.to_thread(talk, sock)
        await ended(conversation, rules)
    assert refused == ["[Errno 13] hoopaddon: hush (refused by rules)"] * 4
    assert (there / "new").read_bytes() == BIG + b"more"
    assert (there / "secret").exists()
    digest = hashlib.sha256(BIG).hexdigest()
    tags = [command.tag for command in rules.ended if command.bytes]
    assert tags[0] == f"3000000 bytes read, sha256 {digest}"
    assert tags[1] == f"3000000 bytes written, sha256 {digest}"
    assert tags[2] == f"4 bytes appended, sha256 {hashlib.sha256(b'more').hexdigest()}"


async def ended(conversation: Between, rules: Rules) -> None:
    """Until every operation has ended."""
    for _ in range(500):
        if len(rules.ended) == len(rules.seen):
            return
        await asyncio.sleep(0.01)
    assert conversation.errors == []
    assert len(rules.ended) == len(rules.seen)

"""Real clients through the gateway to a real sshd: the same bytes and statuses, the reasons, and what is recorded."""

import asyncio
import hashlib
import json
import os
import subprocess
from pathlib import Path

import asyncssh
import pytest

from tests.adapters.ssh.session.clients import connected, eventually
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

BIG = os.urandom(8_000_000)
DIGEST = hashlib.sha256(BIG).hexdigest()
POLICY = Path(__file__).with_name("policy.py")


@pytest.fixture
def guarded(sshd: SshServer, ssh_gateway: StartSshGateway) -> SshGateway:
    """A gateway whose policy refuses what is secret."""
    return ssh_gateway(sshd, scripts=[POLICY])


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder at the target, which is this machine."""
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "big").write_bytes(BIG)
    (folder / "secret").write_bytes(b"hush")
    return folder


def run(gateway: SshGateway, *command: str | Path, typed: str = "") -> tuple[int, str]:
    program, *arguments = map(str, command)
    done = subprocess.run(
        [program, "-F", str(gateway.client_config), *arguments],
        env=gateway.environment(),
        input=typed.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def tags(gateway: SshGateway) -> list[str]:
    notes = [json.loads(line) for line in (Path(gateway.confdir) / "notes.jsonl").read_text().splitlines()]
    return [note["tag"] for note in notes if "sha256" in note["tag"]]


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp(guarded: SshGateway, there: Path, tmp_path: Path, protocol: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    assert run(guarded, "scp", protocol, f"gateway:{there}/big", here) == (0, "")
    assert (here / "big").read_bytes() == BIG
    assert run(guarded, "scp", protocol, "-rp", here, f"gateway:{there}/copy") == (0, "")
    assert (there / "copy" / "big").read_bytes() == BIG
    said = [f"8000000 bytes {done}, sha256 {DIGEST}" for done in ("read", "written")]
    assert tags(guarded) == said


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp_is_refused(guarded: SshGateway, there: Path, tmp_path: Path, protocol: str) -> None:
    status, said = run(guarded, "scp", protocol, f"gateway:{there}/secret", tmp_path / "stolen")
    assert status == 1
    assert "that is a secret (refused by" in said
    assert not (tmp_path / "stolen").exists()
    status, said = run(guarded, "scp", protocol, there / "big", f"gateway:{there}/secret")
    assert status == 1
    assert "that is a secret (refused by" in said
    assert (there / "secret").read_bytes() == b"hush"


@pytest.mark.parametrize("server", [[], ["-s", "/usr/lib/openssh/sftp-server"]])
def test_sftp(guarded: SshGateway, there: Path, tmp_path: Path, server: list[str]) -> None:
    typed = f"cd {there}\nget big {tmp_path}/back\n-get secret {tmp_path}/stolen\nput {tmp_path}/back again\nls\n"
    status, said = run(guarded, "sftp", "-oBatchMode=no", "-b", "-", *server, "gateway", typed=typed)
    assert status == 0
    assert "hoopaddon: that is a secret (refused by" in said
    assert "again" in said
    assert (there / "again").read_bytes() == BIG
    assert not (tmp_path / "stolen").exists()
    assert tags(guarded) == [f"8000000 bytes {done}, sha256 {DIGEST}" for done in ("read", "written")]


async def test_asyncssh(guarded: SshGateway, there: Path) -> None:
    async with connected(guarded) as client, client.start_sftp_client() as sftp:
        async with sftp.open(f"{there}/big", "rb") as file:
            got: object = await file.read()
            assert got == BIG
        refused = await asyncio.gather(
            *(sftp.remove(f"{there}/secret") for _ in range(20)), sftp.stat(f"{there}/big"), return_exceptions=True
        )
        assert [type(answer) for answer in refused[:20]] == [asyncssh.SFTPPermissionDenied] * 20
        assert isinstance(refused[20], asyncssh.SFTPAttrs)
        assert "that is a secret" in str(refused[0])
        assert "secret" in await sftp.listdir(str(there))
    assert (there / "secret").exists()


async def test_the_client_dies_while_a_file_is_open(guarded: SshGateway, there: Path) -> None:
    async with connected(guarded) as client:
        sftp = await client.start_sftp_client()
        file = await sftp.open(f"{there}/new", "wb")
        await file.write(b"half of it")
        client.abort()
    notes = Path(guarded.confdir) / "notes.jsonl"
    await eventually(lambda: notes.exists() and "/new" in notes.read_text())
    (note,) = [json.loads(line) for line in notes.read_text().splitlines() if "/new" in line]
    assert note["tag"] == f"10 bytes written, sha256 {hashlib.sha256(b'half of it').hexdigest()}"
    assert note["error"] == "the connection ended"


def test_files_that_nobody_may_see_into_are_refused(guarded: SshGateway, there: Path) -> None:
    done = guarded.ssh(f"scp -f {there}/s*/../secret")
    assert done.returncode == 126
    assert b"path is not known before it runs" in done.stderr

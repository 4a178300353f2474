"""New keys in mid-session, whoever of the four ends asks for them."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.adapters.ssh.login import algorithms
from tests.adapters.ssh.login.front import front
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshServer

CONTENT = base64.encodebytes(os.urandom(1 << 20))
LIMIT_BYTES = 100_000
MANY = 5
"""Changes of keys that a transfer of `CONTENT` brings at the least."""
RECEIVED = "SSH2_MSG_NEWKEYS received"


@pytest.fixture
def telling() -> Iterator[SshServer]:
    """A server that logs each change of keys, and asks for none."""
    with SshServer(settings=["LogLevel DEBUG1"]) as server:
        yield server


def test_the_client_asks(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd)
    done = gateway.ssh("cat", stdin=CONTENT, options=["-v", f"-oRekeyLimit={LIMIT_BYTES}"])
    assert (done.returncode, done.stdout == CONTENT) == (0, True)
    assert done.stderr.decode().count(RECEIVED) >= MANY


def test_the_target_asks(ssh_gateway: StartSshGateway) -> None:
    with SshServer(settings=["LogLevel DEBUG1", f"RekeyLimit {LIMIT_BYTES}"]) as server:
        gateway = ssh_gateway(server)
        done = gateway.ssh("cat", stdin=CONTENT, options=["-v"])
        assert (done.returncode, done.stdout == CONTENT) == (0, True)
        assert server.log().count(RECEIVED) >= MANY
        # The client's keys are another matter.
        assert done.stderr.decode().count(RECEIVED) == 1


async def test_the_gateway_asks_on_both_sides(
    telling: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(algorithms, "REKEY_BYTES", LIMIT_BYTES)
    (tmp_path / "content").write_bytes(CONTENT)
    async with front(telling, tmp_path, settings=telling.settings) as gateway:
        # It counts what it sends: to the client here, and to the target below.
        done = await gateway.ssh(f"cat {tmp_path}/content", options=["-v"])
        assert (done.code, done.out == CONTENT.decode()) == (0, True)
        assert done.err.count(RECEIVED) >= MANY
        before = telling.log().count(RECEIVED)
        async with gateway.connect(password=gateway.token()) as conn:
            back = await conn.run("cat", input=CONTENT, encoding=None)
        assert (back.exit_status, back.stdout == CONTENT) == (0, True)
        assert telling.log().count(RECEIVED) >= before + MANY

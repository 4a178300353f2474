"""What the gateway's own channels say to a real target beside what asyncssh's do."""

import asyncio

import asyncssh
import pytest

from hoopaddon.adapters.ssh.login.target import TargetConnection
from hoopaddon.adapters.ssh.session.wires import TargetWire, Wish
from tests.adapters.ssh.session.clients import connected
from tests.servers.ssh import SshGateway, SshServer


class Echo(asyncssh.SSHClientSession[bytes]):
    """What `cat` has sent back."""

    def __init__(self) -> None:
        self.seen = b""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.seen += data


async def opened(server: SshServer) -> tuple[asyncssh.SSHClientConnection, TargetWire, Echo]:
    conn = await asyncssh.connect(
        server.host,
        server.port,
        username=server.user,
        client_keys=[server.user_key],
        known_hosts=None,
        config=None,
        agent_path=None,
    )
    echo = Echo()
    return conn, await TargetWire.open(conn, echo, Wish("exec", "cat")), echo


@pytest.mark.parametrize(("cipher", "packets"), [("", 1), ("aes128-cbc", 2)])
async def test_only_cbc_is_padded(sshd: SshServer, cipher: str, packets: int) -> None:
    conn, wire, _ = await opened(sshd)
    async with conn:
        if cipher:
            conn._enc_algs = [cipher.encode()]
        conn = TargetConnection.of(conn)
        sent = conn._send_seq
        wire.write(b"x")
        assert conn._send_seq - sent == packets


async def test_a_target_that_was_reached_has_sent_what_it_had(sshd: SshServer) -> None:
    conn, wire, echo = await opened(sshd)
    async with conn:
        wire.write(b"x")
        while not echo.seen:
            await asyncio.sleep(0)
        await asyncio.wait_for(wire.reach(), 10)
        reaching = asyncio.ensure_future(wire.reach())
        conn.abort()
        await asyncio.wait_for(reaching, 10)


async def test_clients_that_like_chacha_best_take_aes(open_gateway: SshGateway) -> None:
    async with connected(open_gateway) as client:
        assert client.get_extra_info("send_cipher") == "aes256-gcm@openssh.com"
        assert client.get_extra_info("recv_cipher") == "aes256-gcm@openssh.com"

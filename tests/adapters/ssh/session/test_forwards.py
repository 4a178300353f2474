"""Ways through the connection: refused unless allowed, judged, counted, and true to the bytes."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
import pytest

from demo.server import HOST, free_port
from tests.adapters.ssh.session.clients import connected, eventually, notes, one_note
from tests.servers.ssh import SshGateway, new_key

ECHOED = b"x" * 3_000_000


async def echo_server() -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        await asyncio.sleep(0)
        writer.close()

    return await asyncio.start_server(serve, HOST, 0)


def port_of(server: asyncio.Server) -> int:
    port = server.sockets[0].getsockname()[1]
    assert isinstance(port, int)
    return port


async def round_trip(reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> bytes:
    async def send() -> None:
        writer.write(ECHOED)
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    received = await reader.read()
    await sending
    writer.close()
    return received


async def test_nothing_is_forwarded_unless_allowed(judging: SshGateway) -> None:
    async with connected(judging) as client:
        with pytest.raises(asyncssh.ChannelOpenError, match="hoopaddon: local forwarding is not allowed here"):
            await client.open_connection(HOST, 1)
        with pytest.raises(asyncssh.ChannelListenError):
            await client.create_server(lambda *_: None, HOST, 0)
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.open_unix_connection("/tmp/anything")
        with pytest.raises(asyncssh.ChannelListenError):
            await client.start_unix_server(lambda *_: None, "/tmp/anything")
        assert (await client.run("echo fine")).stdout == "fine\n"
    assert notes(judging, "local") == []


async def test_a_local_forward(open_gateway: SshGateway) -> None:
    async with await echo_server() as server, connected(open_gateway) as client:
        port = port_of(server)
        assert await round_trip(*await client.open_connection(HOST, port)) == ECHOED
        note = await one_note(open_gateway, f"local {HOST}:{port}")
    assert (note["hook"], note["verbs"], note["objects"]) == ("ssh_forward", ["local"], [f"{HOST}:{port}"])
    assert (note["bytes"], note["error"], note["outcome"]) == (2 * len(ECHOED), "", "allowed")


async def test_a_local_forward_to_nowhere(open_gateway: SshGateway) -> None:
    port = free_port()
    async with connected(open_gateway) as client:
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.open_connection(HOST, port)
        assert (await client.run("echo fine")).stdout == "fine\n"
    assert (await one_note(open_gateway, f"local {HOST}:{port}"))["error"] == "the target refuses it"


async def test_a_policy_refuses_a_forward_and_the_client_learns_why(open_gateway: SshGateway) -> None:
    async with connected(open_gateway) as client:
        with pytest.raises(asyncssh.ChannelOpenError, match=r"no such thing here .*\(refused by policy.py\)"):
            await client.open_connection("refuseme.example", 80)
    assert (await one_note(open_gateway, "refuseme.example"))["outcome"] == "refused"


async def test_a_client_that_leaves_ends_its_forwards(open_gateway: SshGateway) -> None:
    async with await echo_server() as server:
        port = port_of(server)
        async with connected(open_gateway) as client:
            reader, writer = await client.open_connection(HOST, port)
            writer.write(b"12345")
            assert await reader.readexactly(5) == b"12345"
            client.abort()
        assert (await one_note(open_gateway, f"local {HOST}:{port}"))["bytes"] == 10


async def test_a_remote_forward_until_it_is_cancelled(open_gateway: SshGateway) -> None:
    async with await echo_server() as server, connected(open_gateway) as client:
        listener = await client.forward_remote_port(HOST, 0, HOST, port_of(server))
        port = listener.get_port()
        for _ in range(2):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"there and back")
            writer.write_eof()
            assert await reader.read() == b"there and back"
            writer.close()
            await writer.wait_closed()
        assert notes(open_gateway, "remote") == []
        listener.close()
        await listener.wait_closed()
        note = await one_note(open_gateway, f"remote {HOST}:0")
        assert (note["bytes"], note["verbs"]) == (2 * 2 * len("there and back"), ["remote"])
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(HOST, port)


async def test_ssh_says_why_it_does_not_forward(judging: SshGateway) -> None:
    done = judging.ssh(options=["-oLogLevel=INFO", "-W", f"{HOST}:1"])
    assert b"hoopaddon: local forwarding is not allowed here" in done.stderr
    done = judging.ssh("ssh-add -l", options=["-A"])
    assert done.returncode


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder for a socket, whose path may not be long."""
    with TemporaryDirectory(prefix="h-") as name:
        yield Path(name)


async def test_an_agent_is_reached_from_the_target(
    open_gateway: SshGateway, judging: SshGateway, tmp_path: Path, short: Path
) -> None:
    socket = short / "agent"
    key = new_key(tmp_path / "agent_key")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        adding = {"SSH_AUTH_SOCK": str(socket)}
        await eventually(lambda: subprocess.run(["ssh-add", "-q", key], env=adding, check=False).returncode == 0)
        forwarding = ["-A", f"-oIdentityAgent={socket}"]
        done = open_gateway.ssh("ssh-add -l", options=forwarding)
        assert b"agent_key" in done.stdout
        refused = judging.ssh("ssh-add -l", options=forwarding)
        assert b"agent_key" not in refused.stdout + refused.stderr
    finally:
        agent.terminate()
        agent.wait(10)
    note = await one_note(open_gateway, "agent")
    assert (note["text"], note["verbs"], note["objects"]) == ("agent", ["agent"], [])
    assert note["bytes"] > 0

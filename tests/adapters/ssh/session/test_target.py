"""A target that does what no sshd does at a test's wish: refuses, dies, breaks, and tells what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.adapters.ssh.session.clients import connected, notes, one_note
from tests.adapters.ssh.session.conftest import POLICY
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, new_key, public


class Target(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


async def play(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """What a command at the target does, by its first word."""
    word = (process.command or "shell").split()[0]
    process.stdout.write(b"ready\n")
    match word:
        case "die":
            process.channel.get_connection().abort()
        case "vanish":
            process.channel.close()
        case "size":
            columns, rows, *_ = process.term_size
            process.stdout.write(f"{process.term_type} {columns}x{rows}\n".encode())
    try:
        while data := await process.stdin.read(1000):
            process.stdout.write(data)
    except asyncssh.SignalReceived as e:
        process.stdout.write(f"signal {e.signal}\n".encode())
    except asyncssh.BreakReceived as e:
        process.stdout.write(f"break {e.msec}\n".encode())
    except asyncssh.TerminalSizeChanged as e:
        process.stdout.write(f"size {e.width}x{e.height}\n".encode())
    process.exit_with_signal("XCPU", True, "out of time") if word == "core" else process.exit(9)


@pytest.fixture
async def gateway(ssh_gateway: StartSshGateway, tmp_path: Path) -> AsyncIterator[SshGateway]:
    """A gateway in front of `Target`."""
    key = new_key(tmp_path / "key")
    listener = await asyncssh.create_server(
        Target, "127.0.0.1", 0, server_host_keys=[str(key)], process_factory=play, encoding=None, line_editor=False
    )
    port = listener.get_port()
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{port} {public(key).read_text()}")

    class Upstream:
        host = "127.0.0.1"

    upstream: Any = Upstream()
    upstream.port = port
    settings = {"user": "root", "key": key, "known_hosts": known}
    options = {"shutdown_timeout": 1}
    yield await asyncio.to_thread(ssh_gateway, upstream, settings=settings, scripts=[POLICY], options=options)
    listener.close()


async def test_signals_breaks_and_sizes_arrive(gateway: SshGateway) -> None:
    async with connected(gateway) as client:
        process = await client.create_process("wait")
        await process.stdout.readline()
        process.send_signal("USR1")
        done = await process.wait()
        assert (done.stdout, done.exit_status) == ("signal USR1\n", 9)
        process = await client.create_process("wait", term_type="vt100", term_size=(81, 25))
        await process.stdout.readline()
        process.send_break(500)
        assert "break 500" in str((await process.wait()).stdout)
        process = await client.create_process("size", term_type="vt100", term_size=(81, 25))
        await process.stdout.readline()
        assert "vt100 81x25" in await process.stdout.readline()
        process.change_terminal_size(100, 40)
        assert "size 100x40" in str((await process.wait()).stdout)
    for size in ("81x25", "100x40"):
        assert size in [note["text"] for note in notes(gateway, size, "resize")]


async def test_a_dumped_core_is_told(gateway: SshGateway) -> None:
    async with connected(gateway) as client:
        done = await client.run("core", stdin=asyncssh.DEVNULL, timeout=10)
    assert done.exit_signal is not None
    assert done.exit_signal[:3] == ("XCPU", True, "out of time")
    assert (await one_note(gateway, "core"))["tag"] == "signal XCPU (core dumped)"


async def test_a_target_that_dies_is_told(gateway: SshGateway) -> None:
    async with connected(gateway) as client:
        done = await client.run("die", timeout=10)
        assert done.stderr == "hoopaddon: the target has closed the connection\n"
        assert done.exit_status is None
    assert (await one_note(gateway, "die"))["error"] == "the target closed the connection"


async def test_a_channel_that_ends_without_a_status_does_so_for_the_client(gateway: SshGateway) -> None:
    async with connected(gateway) as client:
        done = await client.run("vanish", timeout=10)
        assert (done.exit_status, done.stderr) == (None, "")
    assert (await one_note(gateway, "vanish"))["tag"] == ""

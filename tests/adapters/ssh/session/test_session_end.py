"""A policy ends a session of SSH's: whoever reads is told why, and no program of it goes on at the target."""

import asyncio
import subprocess
import time
from pathlib import Path

import asyncssh
import pytest

from tests.adapters.ssh.session.clients import connected
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

POLICY = """
import asyncio

from hoopaddon import Command, Session


def session_start(session: Session) -> None:
    if session.user.subject == "nobody":
        session.end("your grant has ended")


async def command(command: Command) -> None:
    if "end now" in command.text:
        command.session.end("your grant has ended")
    if "end soon" in command.text:
        asyncio.get_running_loop().call_later(0.5, command.session.end, "your grant has ended")
    if "hold" in command.text:
        await command.approve("somebody has to", within_s=60)
"""
REASON = "hoopaddon: your grant has ended"
WITHIN_S = 30


@pytest.fixture
def ending(sshd: SshServer, ssh_gateway: StartSshGateway) -> SshGateway:
    return ssh_gateway(sshd, scripts=[POLICY], options={"shutdown_timeout": 2})


def told(done: "subprocess.CompletedProcess[bytes]") -> None:
    assert REASON in done.stderr.decode()
    assert done.returncode in (126, 255)
    assert done.stdout == b""


def test_at_once(ending: SshGateway, tmp_path: Path) -> None:
    told(ending.ssh(f"touch {tmp_path}/made # end now"))
    assert list(tmp_path.glob("made")) == []


def test_what_runs_is_not_waited_for(ending: SshGateway) -> None:
    began = time.monotonic()
    told(ending.ssh("sleep 20 # end soon"))
    assert time.monotonic() - began < 15


def test_what_runs_at_a_terminal_is_hung_up_on(ending: SshGateway, tmp_path: Path) -> None:
    # Without one it is sent the signal, which sshd does not pass on where root has logged in.
    began = time.monotonic()
    done = ending.ssh(f"sleep 4 && touch {tmp_path}/made # end soon", options=["-tt"])
    assert REASON in (done.stdout + done.stderr).decode()
    time.sleep(max(0, began + 6 - time.monotonic()))
    assert list(tmp_path.glob("made")) == []


def test_what_is_held(ending: SshGateway, tmp_path: Path) -> None:
    told(ending.ssh(f"touch {tmp_path}/made # hold, end soon"))
    assert list(tmp_path.glob("made")) == []


def test_before_it_has_begun(ending: SshGateway) -> None:
    told(ending.ssh("true", secret=ending.token("nobody")))


async def test_all_channels_and_the_connection_end(ending: SshGateway) -> None:
    async with asyncio.timeout(WITHIN_S), connected(ending) as client:
        shell = await client.create_process(term_type="xterm")
        other = await client.create_process("cat")
        await client.run("true # end soon")
        assert REASON in await shell.stdout.read() + await shell.stderr.read()
        assert REASON in await other.stderr.read()
        await client.wait_closed()
        with pytest.raises((asyncssh.Error, OSError)):
            await client.run("true")

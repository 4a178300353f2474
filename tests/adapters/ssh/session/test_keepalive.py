"""Peers that have fallen silent are found out."""

import asyncio
import os
import time
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.adapters.ssh.mode import SshMode
from tests.adapters.ssh.login.front import front
from tests.adapters.ssh.login.test_refusals import instance, until
from tests.adapters.ssh.session.clients import eventually
from tests.servers.ssh import SshServer

QUICK = {"keepalive": 1, "keepalive_count": 2}


async def test_a_silent_client_is_gone(sshd: SshServer, tmp_path: Path) -> None:
    began = tmp_path / "began"
    async with front(sshd, tmp_path, settings=sshd.settings | QUICK) as gateway:
        running = asyncio.create_task(gateway.ssh(f"echo $PPID >{began}; sleep 60"))
        await eventually(began.exists)
        (client,) = _children("ssh")
        os.kill(client, SIGSTOP)
        try:
            await until(lambda: instance(gateway).sessions == 0)
        finally:
            os.kill(client, SIGCONT)
        assert (await running).code == 255


async def test_a_client_that_only_waits_stays(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings | QUICK | {"keepalive_count": 1}) as gateway:
        done = await gateway.ssh("sleep 3; echo still here")
    assert (done.code, done.out) == (0, "still here\n")


async def test_a_silent_target_is_gone(sshd: SshServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with front(sshd, tmp_path, settings=sshd.settings | QUICK) as gateway:
        done = await gateway.ssh(f"echo $PPID >{pid}; kill -STOP $PPID; sleep 60")
        os.kill(int(pid.read_text()), SIGCONT)
        assert done.code == 255
        assert done.err == "hoopaddon: the target has closed the connection\n"


async def test_without_keepalive_silence_is_silence(sshd: SshServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    settings = sshd.settings | {"keepalive": 0, "keepalive_count": 1}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        began = time.monotonic()
        line = f"echo $PPID >{pid}; (sleep 3; kill -CONT $PPID) & kill -STOP $PPID; wait; echo back"
        done = await gateway.ssh(line)
        assert (done.code, done.out) == (0, "back\n")
        assert time.monotonic() - began >= 3


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("keepalive=soon", "keepalive is a number from 0 to 86400: seconds of silence"),
        ("keepalive=-1", "keepalive is a number from 0"),
        ("keepalive_count=0", "keepalive_count is a number from 1 to 86400: unanswered questions"),
        ("keepalive=99999999999", "keepalive is a number"),
    ],
)
def test_settings_that_are_wrong(setting: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ProxyMode.parse(f"ssh:10.0.0.5:22?{setting}@2222")


def test_the_settings_as_they_are_read() -> None:
    mode = ProxyMode.parse("ssh:10.0.0.5:22@2222")
    assert isinstance(mode, SshMode)
    assert mode.targets[0].keepalive == {"keepalive_interval": 30, "keepalive_count_max": 3}


def _children(name: str) -> list[int]:
    """Processes of this name that this one has started."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                _, _, rest = (folder / "stat").read_text().partition("(")
            except OSError:
                continue
            program, _, fields = rest.rpartition(") ")
            if program == name and int(fields.split()[1]) == os.getpid():
                found.append(int(folder.name))
    return found
